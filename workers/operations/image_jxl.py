"""JPEG XL by imagecodecs, which gives and takes bare pixels; the metadata is ours. In a worker."""

import os
from typing import Final

import pyvips

from workers.operations import jxl_boxes
from workers.operations.exif_block import blank_location, with_texts
from workers.operations.image_carrier import described, exif_of
from workers.operations.image_claim import Claim
from workers.operations.image_damage import damage, missing
from workers.operations.image_geometry import Size
from workers.operations.image_metadata import names_place
from workers.operations.image_plan import Encoding, ImagePlan
from workers.operations.input_file import InputFile, unreadable
from workers.operations.jxl_header import JxlHeader, read_header
from workers.operations.kinds import ImageFormat
from workers.operations.pixel_arrays import array_of, image_of, thread_count
from workers.outcome import Failure, FailureKind

MISSING: Final = missing(ImageFormat.JXL, "imagecodecs", "jxl")
# The fields that tell of the picture lie well within it, behind names of further channels.
_HEAD_BYTES: Final = 4096
# Of a soft picture of 12 megapixels, in seconds and MB: 3 takes 0.9 and makes 2.05, 5 takes 3.5 and
# makes 1.25, 7 (the library's own choice) takes 5.2 and makes 1.27. Without loss, 5 takes 48 s.
_EFFORT: Final = 5
_EFFORT_LOSSLESS: Final = 3
_WHITE: Final = 65_535
_LOSSLESS_FROM: Final = 100
_LOW_QUALITY: Final = 30
_OTHER_COLOURS: Final = "Its colours are not those of sRGB and may be off."
_PACKED: Final = "Its compressed camera details were lost."
_FIRST_ALONE: Final = Failure(
    FailureKind.OPERATION_FAILED, "Of an animated JPEG XL only the first frame can be taken."
)
_FIRST_FRAME: Final = "Only the first frame of the animation was kept."


def claim(source: InputFile) -> Claim | Failure:
    """Return what the header claims."""
    header = _header(source)
    if isinstance(header, Failure):
        return header
    bands = (1 if header.is_grey else 3) + header.has_alpha
    frames = 0 if header.is_animation else 1  # to count them is to decode them
    return Claim(Size(header.width, header.height), bands, 2 if header.bits > 8 else 1, frames)


def picture(source: InputFile, page: int) -> tuple[pyvips.Image, str] | Failure:
    """Return the picture, upright, and a warning or "": colours but those of sRGB may be off."""
    header = _header(source)
    if isinstance(header, Failure):
        return header
    if page > 1:
        return _FIRST_ALONE
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    pixels = _decoded(content, header)
    if isinstance(pixels, Failure):
        return pixels
    exif, xmp = jxl_boxes.metadata(content)
    words = [_OTHER_COLOURS] if not header.curve else []
    words += [_FIRST_FRAME] if header.is_animation and not page else []
    words += [_PACKED] if jxl_boxes.is_packed(content) else []
    return described(pixels, exif, xmp=xmp), " ".join(words)


def lacking() -> Failure | None:
    """Return why there is no JPEG XL here, if so."""
    try:
        import imagecodecs  # noqa: F401 - whether it can be loaded is all that is asked
    except ImportError:
        return MISSING
    return None


def encoded(image: pyvips.Image, encoding: Encoding, keep: str) -> bytes:
    """Return the file of a picture in sRGB or grey with 8 bits; `keep` is all, exif or none.

    Raises pyvips.Error where the picture cannot be computed.
    """
    import imagecodecs

    is_lossless = encoding.is_lossless or encoding.quality >= _LOSSLESS_FROM
    codestream = imagecodecs.jpegxl_encode(
        array_of(image),
        effort=_EFFORT_LOSSLESS if is_lossless else _EFFORT,
        distance=None if is_lossless else distance_of(encoding.quality),
        lossless=is_lossless,
        numthreads=thread_count(),
    )
    if keep == "none":
        return bytes(codestream)
    has_xmp = keep == "all" and image.get_typeof("xmp-data")
    xmp = bytes(image.get("xmp-data")) if has_xmp else b""
    return jxl_boxes.put_together(bytes(codestream), exif_of(image), xmp)


def distance_of(quality: int) -> float:
    """Return the visible difference (1 is just none) that libjxl takes a JPEG quality to be.

    The formula of its JxlEncoderDistanceFromQuality, which imagecodecs does not offer.
    """
    if quality >= _LOW_QUALITY:
        return 0.1 + (100 - quality) * 0.09
    return 53.0 / 3000.0 * quality * quality - 23.0 / 20.0 * quality + 25.0


def rewritten(source: InputFile, plan: ImagePlan) -> bytes | Failure:
    """Return the same picture with other metadata, no pixel touched, once it is seen to be whole.

    EXIF or XMP that lies in the file compressed may tell a place, and goes.
    """
    header = _header(source)
    if isinstance(header, Failure):
        return header
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    pixels = _decoded(content, header)
    if isinstance(pixels, Failure):
        return pixels
    if plan.metadata == "keep" and not plan.texts:
        return content
    exif, xmp = jxl_boxes.metadata(content) if plan.metadata != "strip" else (b"", b"")
    if plan.metadata == "strip_location":
        exif = (blank_location(exif) if exif else b"") or b""
        xmp = b"" if names_place(xmp) else xmp
    if plan.texts:
        exif = with_texts(exif, plan.texts)
    return jxl_boxes.put_together(jxl_boxes.without_metadata(content), exif, xmp)


def _header(source: InputFile) -> JxlHeader | Failure:
    def read(place: int, count: int) -> bytes:
        descriptor = source.fileno()
        os.lseek(descriptor, place, os.SEEK_SET)
        return os.read(descriptor, count)

    try:
        head = jxl_boxes.codestream_head(read, source.size, _HEAD_BYTES)
    except OSError as error:
        return unreadable(error)
    header = read_header(head)
    return damage(ImageFormat.JXL, "truncated") if header is None else header


def _decoded(content: bytes, header: JxlHeader) -> pyvips.Image | Failure:
    if (absent := lacking()) is not None:
        return absent
    import imagecodecs

    try:
        index = 0 if header.is_animation else None
        pixels = imagecodecs.jpegxl_decode(content, index=index, numthreads=thread_count())
    except (RuntimeError, ValueError) as error:
        return damage(ImageFormat.JXL, str(error))
    if pixels.dtype.kind == "f":
        pixels = (pixels.clip(0, 1) * _WHITE).astype("uint16")
    image = image_of(pixels)
    if (image.width, image.height) != (header.width, header.height):
        return damage(ImageFormat.JXL, "its size is not what its header says")
    return _from_linear(image) if header.curve == "linear" else image


def _from_linear(image: pyvips.Image) -> pyvips.Image:
    """Return numbers that grow as the light does in sRGB, with 16 bits."""
    colours = 1 if image.bands < 3 else 3
    white = 255 if image.format == "uchar" else _WHITE
    light = image.extract_band(0, n=colours) * (1 / white)
    if colours == 1:
        light = light.bandjoin([light, light])
    seen = light.copy(interpretation="scrgb").colourspace("rgb16")
    if colours == 1:
        seen = seen.extract_band(0).copy(interpretation="grey16")
    rest = image.bands - colours
    if not rest:
        return seen
    return seen.bandjoin(image.extract_band(colours, n=rest).cast("ushort", shift=True))
