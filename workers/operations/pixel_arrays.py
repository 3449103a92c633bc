"""Pixels of other decoders as pictures of libvips, and back. Runs in a worker."""

import os
from typing import TYPE_CHECKING, Any, Final

import pyvips

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_THREADS: Final = "VIPS_CONCURRENCY"
_FORMATS: Final = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}


def image_of(pixels: "npt.NDArray[Any]") -> pyvips.Image:
    """Return the picture of an array of rows; bytes and 16-bit numbers are taken as sRGB."""
    import numpy as np

    rows = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis])
    height, width, bands = rows.shape
    image = pyvips.Image.new_from_memory(rows.data, width, height, bands, _FORMATS[rows.dtype.name])
    is_grey, is_deep = bands < 3, rows.dtype.itemsize > 1
    words = ("grey16" if is_grey else "rgb16") if is_deep else ("b-w" if is_grey else "srgb")
    return image.copy(interpretation=words)


def array_of(image: pyvips.Image) -> "npt.NDArray[np.uint8]":
    """Return the rows of a picture of one byte a sample: height, width, and bands if several."""
    import numpy as np

    pixels = np.frombuffer(image.write_to_memory(), np.uint8)
    shape = (image.height, image.width, image.bands)
    return pixels.reshape(shape[:2] if image.bands == 1 else shape)


def thread_count() -> int:
    """Return how many threads a decoder may use here: as many as libvips (workers/limits.py)."""
    told = os.environ.get(_THREADS, "")
    return max(int(told), 1) if told.isdecimal() else 1
