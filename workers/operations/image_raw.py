"""Camera raw files developed by rawpy (LibRaw). Runs in a worker.

They are developed with the camera's white balance, brightened as dcraw does, in sRGB, 16 bits.
"""

import warnings
from typing import TYPE_CHECKING, Final

import pyvips

from workers.operations.image_carrier import described
from workers.operations.image_claim import Claim
from workers.operations.image_damage import damage, missing
from workers.operations.image_geometry import Size
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat
from workers.operations.pixel_arrays import image_of
from workers.outcome import Failure

if TYPE_CHECKING:
    import rawpy

_MISSING: Final = missing(ImageFormat.RAW, "rawpy", "raw")
# The curve of sRGB: its exponent, and its slope near black (IEC 61966-2-1).
_CURVE: Final = (2.4, 12.92)
_TURNED: Final = (5, 6)
# The tags of EXIF that tell of the shot: who, what, when; the others tell of the file's strips.
_KEPT_TAGS: Final = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
# Of the maker's own notes the offsets lead into the raw file.
_MAKER_NOTE: Final = 0x927C


def claim(source: InputFile) -> Claim | Failure:
    """Return what the header claims."""
    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    with opened:
        width, height = opened.sizes.width, opened.sizes.height
        is_turned = opened.sizes.flip in _TURNED
    return Claim(Size(height, width) if is_turned else Size(width, height), 3, 2)


def picture(source: InputFile, _page: int) -> tuple[pyvips.Image, str] | Failure:
    """Return the developed picture, upright, with camera details where they can be read."""
    import rawpy

    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    with opened:
        try:
            pixels = opened.postprocess(use_camera_wb=True, output_bps=16, gamma=_CURVE)
        except (rawpy.LibRawError, ValueError) as error:
            return damage(ImageFormat.RAW, _words(error))
    return described(image_of(pixels), _details(source)), ""


def _opened(source: InputFile) -> "rawpy.RawPy | Failure":
    try:
        import rawpy
    except ImportError:
        return _MISSING
    try:
        return rawpy.imread(str(source.safe_path()))
    except (rawpy.LibRawError, OSError) as error:
        return damage(ImageFormat.RAW, _words(error))


def _words(error: Exception) -> str:
    """Return what LibRaw says, which comes as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def _details(source: InputFile) -> bytes:
    """Return EXIF of the shot, or b""; most raw files are built like a TIFF."""
    from PIL import Image

    found, kept = Image.Exif(), Image.Exif()
    try:
        with warnings.catch_warnings(), open(source.fileno(), "rb", closefd=False) as stream:
            warnings.simplefilter("ignore")  # what is odd is left out
            found.load_from_fp(stream)
            kept.update({tag: found[tag] for tag in _KEPT_TAGS if tag in found})
            for number in (_EXIF_IFD, _GPS_IFD):
                details = {**found.get_ifd(number)}
                details.pop(_MAKER_NOTE, None)
                kept.get_ifd(number).update(details)
        return kept.tobytes()
    except (OSError, ValueError, SyntaxError, LookupError, TypeError):
        return b""  # built otherwise, or damaged where no pixel is
