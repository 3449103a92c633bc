"""BMP by Pillow: libvips has no reader for it. Runs in a worker."""

from typing import TYPE_CHECKING, Final

import pyvips

from workers.operations.image_claim import Claim
from workers.operations.image_damage import damage
from workers.operations.image_geometry import Size
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat
from workers.outcome import Failure

if TYPE_CHECKING:
    from PIL import Image

_DAMAGED: Final = (OSError, ValueError, SyntaxError)


def claim(source: InputFile) -> Claim | Failure:
    """Return what the header claims."""
    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    with opened:
        return Claim(Size(*opened.size), len(_mode(opened)), 1)


def picture(source: InputFile, _page: int) -> tuple[pyvips.Image, str] | Failure:
    """Return the picture; there is nothing to warn of."""
    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    try:
        with opened:
            pixels = opened.convert(_mode(opened))
    except _DAMAGED as error:
        return damage(ImageFormat.BMP, str(error))
    bands = len(pixels.getbands())
    image = pyvips.Image.new_from_memory(pixels.tobytes(), *pixels.size, bands, "uchar")
    return image.copy(interpretation="srgb"), ""


def _mode(opened: "Image.Image") -> str:
    return "RGBA" if "A" in opened.getbands() else "RGB"


def _opened(source: InputFile) -> "Image.Image | Failure":
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # our own budget says no with numbers
    try:
        return Image.open(source.safe_path(), formats=[ImageFormat.BMP.value])
    except _DAMAGED as error:
        return damage(ImageFormat.BMP, str(error))
