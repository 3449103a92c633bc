"""Pixels to a file: colours, transparency, metadata and the format's own options.

Runs in a worker.
"""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import msgspec
import pyvips

from workers.operations import image_jxl
from workers.operations.exif_block import blank_location, of_new_pixels, with_texts
from workers.operations.image_colours import OUR_COLOURS, PROFILE, has_profile, to_srgb
from workers.operations.image_damage import damage
from workers.operations.image_decode import Decoded, complaint_about
from workers.operations.image_fitting import LOWEST, fitted
from workers.operations.image_metadata import names_place
from workers.operations.image_plan import Encoding, ImagePlan
from workers.operations.kinds import ImageFormat
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

_LARGEST: Final = {
    ImageFormat.JPEG: 65_500,
    ImageFormat.WEBP: 16_383,
    ImageFormat.AVIF: 16_384,
    ImageFormat.GIF: 65_535,
}
_KEEPS_16_BITS: Final = (ImageFormat.PNG, ImageFormat.TIFF)
# GIF has none, and imagecodecs writes none.
_WITHOUT_PROFILE: Final = (ImageFormat.GIF, ImageFormat.JXL)
_WHITE: Final = 255
# Of 6. The usual 4 takes twice as long (photos of 1,024 pixels 92 ms against 41, screens 165
# against 78) for files 6 % smaller that look the same (SSIM 0.895 and 0.892 at quality 80).
_WEBP_EFFORT: Final = 2
_MOST_EFFORT: Final = 6
_EXIF: Final = b"Exif\x00\x00"
_XMP_ORIENTATION: Final = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")


def encode(decoded: Decoded, plan: ImagePlan, target: Path, wanted: ImageFormat) -> Failure | None:
    """Write the picture to `target`; raises OSError when the disk does not take it."""
    if wanted is ImageFormat.JXL and (lacking := image_jxl.lacking()) is not None:
        return lacking
    too_large = _too_large(decoded.image, wanted)
    if too_large is not None:
        return too_large
    try:
        image = _coloured(decoded.image, wanted, is_stripped=plan.metadata == "strip")
        image = _described(image, plan)
        if plan.encoding.most_bytes:
            return _save_fitted(image.copy_memory(), plan, target, wanted)
        _save(image, plan, target, wanted)
    except pyvips.Error as error:
        text = str(error.detail or error.message)
        complaint = complaint_about(
            decoded.content, is_animation=decoded.is_animation, reading=decoded.reading
        )
        if complaint or "out of memory" in text:
            return damage(decoded.format, complaint or text)
        return Failure(
            FailureKind.OPERATION_FAILED,
            f"The picture cannot be saved as {wanted.value}.",
            detail=text.strip(),
        )
    return None


def in_memory(decoded: Decoded) -> Decoded | Failure:
    """Compute the picture once, for several outputs."""
    try:
        return msgspec.structs.replace(decoded, image=decoded.image.copy_memory())
    except pyvips.Error as error:
        return damage(decoded.format, str(error.detail or error.message))


def _too_large(image: pyvips.Image, wanted: ImageFormat) -> Failure | None:
    largest = _LARGEST.get(wanted)
    width, height = image.width, image.get_page_height()
    if largest is None or max(width, height) <= largest:
        return None
    return Failure(
        FailureKind.OPERATION_FAILED,
        f"{wanted.value} holds at most {largest:,} pixels a side; "
        f"this picture has {width:,} x {height:,}.",
    )


def _coloured(image: pyvips.Image, wanted: ImageFormat, *, is_stripped: bool) -> pyvips.Image:
    """Return the picture in colours that the format and every viewer understand."""
    # Without its profile a wide-gamut picture would change its colours.
    is_bare = is_stripped or wanted in _WITHOUT_PROFILE
    if image.interpretation not in OUR_COLOURS or (has_profile(image) and is_bare):
        image = to_srgb(image)
    if image.interpretation in ("rgb16", "grey16") and wanted not in _KEEPS_16_BITS:
        image = image.colourspace("b-w" if image.interpretation == "grey16" else "srgb")
    if wanted is ImageFormat.JPEG and image.hasalpha():
        image = image.flatten(background=_WHITE)
    return image


def _described(image: pyvips.Image, plan: ImagePlan) -> pyvips.Image:
    """Return the picture with metadata that is true of it, and no more than was asked for."""
    image = image.copy()
    fields = image.get_fields()
    if PROFILE in fields and _profile_space(image) not in _spaces_of(image):
        image.remove(PROFILE)
    if "jpeg-thumbnail-data" in fields:
        image.remove("jpeg-thumbnail-data")  # it shows the picture as it was
    if "xmp-data" in fields:
        _set_blob(image, "xmp-data", _XMP_ORIENTATION.sub(rb"\g<1>1", image.get("xmp-data")))
    if plan.metadata == "strip_location":
        _remove_location(image)
    if plan.texts:
        _write_texts(image, plan)
    return image


def _write_texts(image: pyvips.Image, plan: ImagePlan) -> None:
    """Put texts into the EXIF block itself: by its fields libvips writes "(C)" for a "©"."""
    block = b""
    if plan.metadata != "strip" and "exif-data" in image.get_fields():
        block = of_new_pixels(bytes(image.get("exif-data")).removeprefix(_EXIF))
        if plan.metadata == "strip_location":  # what was removed as a field stands here still
            block = blank_location(block) or b""
    for field in image.get_fields():
        if field.startswith("exif-ifd"):  # they are made anew of the block
            image.remove(field)
    _set_blob(image, "exif-data", _EXIF + with_texts(block, plan.texts))


def _profile_space(image: pyvips.Image) -> bytes:
    return bytes(image.get(PROFILE)[16:20])


def _spaces_of(image: pyvips.Image) -> tuple[bytes, ...]:
    return (b"GRAY",) if image.interpretation in ("b-w", "grey16") else (b"RGB ",)


def _remove_location(image: pyvips.Image) -> None:
    for field in image.get_fields():
        # Maker notes are opaque and hold coordinates in some cameras.
        is_exif = field.startswith("exif-ifd3-") or field == "exif-ifd2-MakerNote"
        is_text = field in ("xmp-data", "iptc-data", "photoshop-data")
        if is_exif or (is_text and names_place(image.get(field))):
            image.remove(field)


def _set_blob(image: pyvips.Image, field: str, content: bytes) -> None:
    image.set_type(pyvips.GValue.blob_type, field, content)


def _save(image: pyvips.Image, plan: ImagePlan, target: Path, wanted: ImageFormat) -> None:
    if wanted is ImageFormat.JXL:
        with target.open("xb") as stream:
            stream.write(image_jxl.encoded(image, plan.encoding, _kept(plan)))
        return
    options = _options(image, wanted, plan.encoding) | {"keep": _kept(plan)}
    with target.open("x+b") as stream:
        _write(image, _SAVERS[wanted], options, stream)


def _save_fitted(
    image: pyvips.Image, plan: ImagePlan, target: Path, wanted: ImageFormat
) -> Failure | None:
    """Write a picture that is computed in no more bytes than the plan allows."""
    encoding = plan.encoding

    def encoded(quality: int) -> bytes:
        tried = msgspec.structs.replace(encoding, quality=quality)
        if wanted is ImageFormat.JXL:
            return image_jxl.encoded(image, tried, _kept(plan))
        held = io.BytesIO()
        options = _options(image, wanted, tried) | {"keep": _kept(plan)}
        _write(image, _SAVERS[wanted], options, held)
        return held.getvalue()

    if encoding.is_lossless and wanted is not ImageFormat.JPEG:
        content: bytes | int = encoded(encoding.quality)
        if isinstance(content, bytes) and len(content) > encoding.most_bytes:
            content = len(content)
        words, way_out = "Without loss", "allow loss, or add a step that makes pictures smaller"
    else:
        content = fitted(encoded, encoding.quality, encoding.most_bytes)
        lowest = min(LOWEST, encoding.quality)
        words, way_out = f"Even at quality {lowest}", "add a step that makes pictures smaller"
    if isinstance(content, bytes):
        with target.open("xb") as stream:
            stream.write(content)
        return None
    limit = size_words(encoding.most_bytes)
    message = f"{words} it takes {size_words(content)}, more than {limit}: {way_out}."
    return Failure(FailureKind.OPERATION_FAILED, message)


def _kept(plan: ImagePlan) -> str:
    """Return what libvips is to keep of the metadata: all, exif or none."""
    if plan.metadata != "strip":
        return "all"
    return "exif" if plan.texts else "none"


def _write(image: pyvips.Image, saver: str, options: dict[str, object], stream: IO[bytes]) -> None:
    """Stream the encoded bytes, so that a disk error is the OSError it was."""
    sink = _Sink(stream)
    target = pyvips.TargetCustom()
    target.on_write(sink.write)
    target.on_read(sink.read)
    target.on_seek(sink.seek)
    try:
        image.write_to_target(target, saver, **options)
        stream.flush()
    except pyvips.Error:
        if sink.error is not None:
            raise sink.error from None
        raise


class _Sink:
    """A stream for libvips' callbacks, through which no exception passes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, chunk: bytes) -> int:
        return self._attempted(lambda: self._stream.write(chunk))

    def seek(self, offset: int, whence: int) -> int:
        return self._attempted(lambda: self._stream.seek(offset, whence))

    def read(self, count: int) -> bytes:
        try:
            return self._stream.read(count)
        except OSError as error:
            self.error = self.error or error
            return b""

    def _attempted(self, act: Callable[[], int]) -> int:
        try:
            return act()
        except OSError as error:
            self.error = self.error or error
            return -1


_SAVERS: Final = {
    ImageFormat.JPEG: ".jpg",
    ImageFormat.PNG: ".png",
    ImageFormat.WEBP: ".webp",
    ImageFormat.TIFF: ".tif",
    ImageFormat.AVIF: ".avif",
    ImageFormat.GIF: ".gif",
}


def _options(image: pyvips.Image, wanted: ImageFormat, encoding: Encoding) -> dict[str, object]:
    if wanted is ImageFormat.JPEG:
        return {
            "Q": encoding.quality,
            "interlace": encoding.is_progressive,
            "optimize_coding": encoding.has_own_codes(image.width * image.height),
        }
    if wanted is ImageFormat.PNG:
        compression = 9 if encoding.is_smallest else 6
        return {"compression": compression, "interlace": encoding.is_progressive}
    if wanted is ImageFormat.TIFF:
        return {"compression": "deflate", "predictor": "horizontal"}
    if wanted is ImageFormat.GIF:
        return {}
    options: dict[str, object] = {"Q": encoding.quality, "lossless": encoding.is_lossless}
    if encoding.is_smallest:
        options["effort"] = _MOST_EFFORT
    elif wanted is ImageFormat.WEBP and not encoding.is_lossless:
        options["effort"] = _WEBP_EFFORT
    return options | ({"bitdepth": 8} if wanted is ImageFormat.AVIF else {})
