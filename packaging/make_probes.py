"""Makes resources/probes: a small picture in each format, by which the doctor tries to read it.

Run it from the top folder: `python packaging/make_probes.py`. The HEIC file is drawn by
make_heic.py, which needs a library that is no dependency.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

_FOLDER: Final = Path(__file__).resolve().parent.parent / "resources" / "probes"
_BY_PILLOW: Final = ("jpg", "png", "webp", "tif", "avif", "gif", "bmp")
_SIZE: Final = (64, 48)
_LIGHT: Final = 40_000
_DARK: Final = 0.05

# So many bytes of a tag stand in its entry, more stand elsewhere.
_WITHIN: Final = 4
_BYTE, _TEXT, _SHORT, _LONG, _RATIO, _SIGNED_RATIO = 1, 2, 3, 4, 5, 10
# From XYZ to the camera's colours, which here are those of sRGB (IEC 61966-2-1).
_MATRIX: Final = (
    *(3.2405, -1.5371, -0.4985),
    *(-0.9693, 1.8760, 0.0416),
    *(0.0556, -0.2040, 1.0572),
)


def main() -> None:
    """Write the probes."""
    picture = quarters()
    for suffix in _BY_PILLOW:
        picture.save(_FOLDER / f"picture.{suffix}")
    pixels = np.asarray(picture)
    (_FOLDER / "picture.jxl").write_bytes(imagecodecs.jpegxl_encode(pixels, numthreads=1))
    (_FOLDER / "picture.dng").write_bytes(raw_file(mosaic(pixels)))


def quarters() -> Image.Image:
    """Draw red, green, blue and yellow quarters."""
    width, height = _SIZE
    picture = Image.new("RGB", _SIZE, "red")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((width // 2, 0, width, height // 2 - 1), fill=(0, 255, 0))
    pen.rectangle((0, height // 2, width // 2 - 1, height), fill="blue")
    pen.rectangle((width // 2, height // 2, width, height), fill="yellow")
    return picture


def mosaic(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Return what a sensor sees behind red, green, green and blue filters."""
    light = (pixels / 255).clip(_DARK, 1) * _LIGHT
    seen = light[:, :, 1].copy()
    seen[0::2, 0::2] = light[0::2, 0::2, 0]
    seen[1::2, 1::2] = light[1::2, 1::2, 2]
    return seen.astype("<u2")


def raw_file(seen: npt.NDArray[np.uint16]) -> bytes:
    """Return a DNG of a mosaic of 16 bits; the tags are those of Adobe's DNG specification."""
    height, width = seen.shape
    pixels = seen.tobytes()
    tags: list[tuple[int, int, bytes | Sequence[float]]] = [
        (254, _LONG, [0]),
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [16]),
        (259, _SHORT, [1]),
        (262, _SHORT, [32803]),  # a mosaic
        (271, _TEXT, b"Everycore\0"),
        (272, _TEXT, b"Probe\0"),
        (273, _LONG, [0]),  # where the pixels are: known last
        (274, _SHORT, [1]),
        (277, _SHORT, [1]),
        (278, _LONG, [height]),
        (279, _LONG, [len(pixels)]),
        (284, _SHORT, [1]),
        (33421, _SHORT, [2, 2]),
        (33422, _BYTE, bytes((0, 1, 1, 2))),
        (50706, _BYTE, bytes((1, 4, 0, 0))),
        (50708, _TEXT, b"Everycore Probe\0"),
        (50717, _LONG, [65_535]),
        (50721, _SIGNED_RATIO, _MATRIX),
        (50728, _RATIO, (1.0, 1.0, 1.0)),
        (50778, _SHORT, [21]),  # daylight
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    length = sum(
        len(body) for body in (_body(kind, values) for _, kind, values in tags) if len(body) > 4
    )
    entries, beyond = b"", b""
    for number, kind, values in tags:
        body = _body(kind, [start + length] if number == 273 else values)
        count = len(values) if kind != _TEXT else len(body)
        place = body.ljust(4, b"\0")
        if len(body) > _WITHIN:
            place = struct.pack("<I", start + len(beyond))
            beyond += body
        entries += struct.pack("<HHI", number, kind, count) + place
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + beyond + pixels


def _body(kind: int, values: bytes | Sequence[float]) -> bytes:
    if isinstance(values, bytes):
        return values
    if kind in (_RATIO, _SIGNED_RATIO):
        return b"".join(struct.pack("<ii", round(value * 10_000), 10_000) for value in values)
    whole = [int(value) for value in values]
    return struct.pack(f"<{len(whole)}{'H' if kind == _SHORT else 'I'}", *whole)


if __name__ == "__main__":
    main()
