"""Pictures that libvips has no reader for: each by a library of its own. Runs in a worker.

A module reads one format: `claim` looks at the header alone, `picture` decodes a page of that
number, or the main one for 0. A library that is not installed is a Failure that names the extra
to install.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import pyvips

from workers.operations import image_bitmap, image_heic, image_jxl, image_raw
from workers.operations.image_budget import over_budget, sizes_within
from workers.operations.image_claim import Claim
from workers.operations.image_geometry import PictureStep
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat
from workers.outcome import Failure


class Reader(NamedTuple):
    """How a format is read, and the bytes a pixel that its library holds at most, and we then."""

    claim: Callable[[InputFile], Claim | Failure]
    picture: Callable[[InputFile, int], tuple[pyvips.Image, str] | Failure]
    pixel_bytes: float


# Measured as in image_memory.py.
READERS: Final[Mapping[ImageFormat, Reader]] = {
    # Pillow's pixels (4 bytes), a converted copy and the bytes that libvips reads.
    ImageFormat.BMP: Reader(image_bitmap.claim, image_bitmap.picture, 15.5),
    # Planes, what the codec refers back to, and a copy in RGB.
    ImageFormat.HEIC: Reader(image_heic.claim, image_heic.picture, 15.0),
    ImageFormat.JXL: Reader(image_jxl.claim, image_jxl.picture, 12.0),
    # The mosaic, four colours of 16 bits, and three for us.
    ImageFormat.RAW: Reader(image_raw.claim, image_raw.picture, 19.0),
}


def refusal(reader: Reader, claim: Claim, steps: tuple[PictureStep, ...]) -> Failure | None:
    """Refuse a picture that would take too much memory, by what its header claims."""
    own = over_budget([claim.size], int(reader.pixel_bytes))
    pixel = claim.bands * claim.sample_bytes
    return own or over_budget(sizes_within(claim.size, steps), pixel)
