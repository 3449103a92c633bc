"""HEIC by pi-heif, which has no encoder: its wheel is free of the GPL. Runs in a worker."""

from typing import TYPE_CHECKING, Final

import pyvips

from workers.operations.image_carrier import described
from workers.operations.image_claim import Claim
from workers.operations.image_damage import damage, missing
from workers.operations.image_geometry import Size
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat
from workers.operations.pixel_arrays import image_of, thread_count
from workers.outcome import Failure

if TYPE_CHECKING:
    import pi_heif

_MISSING: Final = missing(ImageFormat.HEIC, "pi-heif", "heif")
# What pi-heif raises on damaged files; a limit of libheif's own is a RuntimeError.
_DAMAGED: Final = (ValueError, RuntimeError, SyntaxError, EOFError, LookupError, OSError)

_METADATA: Final = ("exif", "icc_profile", "xmp")


def claim(source: InputFile) -> Claim | Failure:
    """Return what the header claims."""
    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    try:
        colours, _, bits = opened.mode.partition(";")
        return Claim(Size(*opened.size), len(colours), 2 if bits else 1, len(opened))
    except _DAMAGED as error:  # a file without any picture is found out here
        return damage(ImageFormat.HEIC, str(error))


def picture(source: InputFile, page: int) -> tuple[pyvips.Image, str] | Failure:
    """Return a picture of the file, upright, 16 bits where it has more than 8, and a warning."""
    import numpy as np

    opened = _opened(source)
    if isinstance(opened, Failure):
        return opened
    try:
        chosen = opened[page - 1] if page else opened
        pixels = np.array(chosen)  # a copy: a view of its memory does not keep it alive
    except _DAMAGED as error:
        return damage(ImageFormat.HEIC, str(error))
    exif, profile, xmp = (chosen.info.get(name) or b"" for name in _METADATA)
    count = len(opened)
    warning = f"Only the main one of {count:,} pictures was kept." if count > 1 and not page else ""
    return described(image_of(pixels), exif, profile, xmp), warning


def _opened(source: InputFile) -> "pi_heif.HeifFile | Failure":
    try:
        import pi_heif
    except ImportError:
        return _MISSING
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    pi_heif.options.DECODE_THREADS = thread_count()
    try:
        return pi_heif.open_heif(content, convert_hdr_to_8bit=False)
    except _DAMAGED as error:
        return damage(ImageFormat.HEIC, str(error))
