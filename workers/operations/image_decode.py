"""Pictures from hostile bytes to pixels: allow-list, size limits, and damage in plain words.

Runs in a worker. libvips decodes, strictly; Pillow only what libvips has no reader for.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import pyvips

from workers.operations.image_plan import Geometry, Resize, Size
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, image_format
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

# Above this size the file is streamed through a descriptor instead of being read at once.
BUFFER_LIMIT: Final = 64 * 2**20
# One picture may need this much; a worker that holds more starves the others.
MEMORY_BUDGET: Final = 4 * 10**9
# Streamed pictures may be larger than the budget, unless they unpack like a bomb.
_BOMB_RATIO: Final = 400

# The fail_on argument of thumbnail_buffer and thumbnail_source is ignored (libvips #5195): half
# a JPEG became half a picture. The loader's own option is not.
_STRICT: Final = "fail_on=error"

_BYTES: Final = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4, "float": 4}
_LOADERS: Final = {
    ImageFormat.JPEG: "jpegload",
    ImageFormat.PNG: "pngload",
    ImageFormat.WEBP: "webpload",
    ImageFormat.TIFF: "tiffload",
    ImageFormat.AVIF: "heifload",
    ImageFormat.HEIC: "heifload",
    ImageFormat.GIF: "gifload",
}
_STREAMED: Final = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF)
# Orientations that libvips can undo while it streams; the others need the whole picture.
_STREAMED_ORIENTATIONS: Final = (1, 2)

_ENDS_EARLY: Final = (
    "premature end",
    "unexpected end",
    "file size too small",
    "got 0 bytes",
    "missing sos",
    "not enough data",
    "unable to parse image",
    "bytes, expected",
    "read error",
)

Content = bytes | InputFile


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright picture in its final size (still to be computed by libvips) and its origin."""

    image: pyvips.Image
    format: ImageFormat
    content: Content
    warning: str = ""


def decode(source: InputFile, resizes: Sequence[Resize]) -> Decoded | Failure:
    """Open a picture, upright, and apply the resizes; pixels are computed when it is saved."""
    _set_up()
    known = image_format(source.head)
    if known is None:
        return Failure(
            FailureKind.BAD_INPUT, "Not a picture: the content is none of the known formats."
        )
    content = source if source.size > BUFFER_LIMIT else source.read_or_failure()
    if isinstance(content, Failure):
        return content
    try:
        if known is ImageFormat.BMP:
            return _decode_by_pillow(content, source, known, resizes)
        return _decode_by_vips(content, source, known, resizes)
    except pyvips.Error as error:
        return damage(known, error.detail or error.message)


def damage(known: ImageFormat, text: str) -> Failure:
    """Return the failure that says in a sentence what libvips says in its own words."""
    lower = text.lower()
    if "out of memory" in lower:
        return Failure(
            FailureKind.OUT_OF_MEMORY, "The picture needs more memory than there is.", text
        )
    if "unsupported" in lower or "not built" in lower or "no decoding plugin" in lower:
        reason = "it uses a feature Everycore cannot decode"
    elif any(words in lower for words in _ENDS_EARLY) or not lower.strip():
        reason = "file ends early"
    else:
        reason = "its content is damaged"
    return Failure(
        FailureKind.BAD_INPUT, f"Not a readable {known.value} ({reason}).", detail=text.strip()
    )


def can_decode(decoded: Decoded) -> str:
    """Decode the whole input again and throw it away; return libvips' complaint or ""."""
    try:
        _opened(decoded.content, "sequential").avg()
    except pyvips.Error as error:
        return str(error.detail or error.message)
    return ""


@cache
def _set_up() -> None:
    pyvips.block_untrusted_set(True)
    # Each worker has a core of its own; and no picture is ever asked for twice.
    if "VIPS_CONCURRENCY" not in os.environ:
        pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)


def _decode_by_vips(
    content: Content, source: InputFile, known: ImageFormat, resizes: Sequence[Resize]
) -> Decoded | Failure:
    header = _opened(content, "sequential")
    if not str(header.get("vips-loader")).startswith(_LOADERS[known]):
        return damage(known, f"opened by {header.get('vips-loader')}")
    orientation = header.get("orientation") if header.get_typeof("orientation") else 1
    size = Size(header.width, header.height)
    if orientation >= 5:
        size = Size(header.height, header.width)
    steps = _geometries(size, resizes)
    is_streamed = known in _STREAMED and not header.get_typeof("interlaced")
    refusal = _over_budget(header, steps, source.size if is_streamed else 0)
    if refusal is not None:
        return refusal
    if steps and header.format == "uchar":
        image = _scaled_on_load(content, steps.pop(0))
    else:
        is_simple = orientation in _STREAMED_ORIENTATIONS
        image = _opened(content, "sequential" if is_simple else "random").autorot()
    for geometry in steps:
        image = _scaled(image, geometry)
    return Decoded(image, known, content, _frames_warning(header))


def _geometries(size: Size, resizes: Sequence[Resize]) -> list[Geometry]:
    steps: list[Geometry] = []
    for resize in resizes:
        geometry = resize.geometry(size)
        if geometry.cropped != size:
            steps.append(geometry)
        size = geometry.cropped
    return steps


def _over_budget(
    header: pyvips.Image, steps: Sequence[Geometry], streamed_size: int
) -> Failure | None:
    per_pixel = header.bands * _BYTES.get(str(header.format), 8)
    sizes = [Size(header.width, header.height), *(step.scaled for step in steps)]
    needs = [size.width * size.height * per_pixel for size in sizes]
    if streamed_size and needs[0] <= _BOMB_RATIO * streamed_size:
        needs[0] = 0
    need = max(needs)
    if need <= MEMORY_BUDGET:
        return None
    size = sizes[needs.index(need)]
    return Failure(
        FailureKind.OUT_OF_MEMORY,
        f"{size.width:,} x {size.height:,} pixels need {size_words(need)}; "
        f"one picture may take {size_words(MEMORY_BUDGET)}.",
    )


def _opened(content: Content, access: str) -> pyvips.Image:
    if isinstance(content, bytes):
        return pyvips.Image.new_from_buffer(content, "", access=access, fail_on="error")
    descriptor = pyvips.Source.new_from_descriptor(content.fileno())
    return pyvips.Image.new_from_source(descriptor, "", access=access, fail_on="error")


def _scaled_on_load(content: Content, geometry: Geometry) -> pyvips.Image:
    """Let the decoder itself throw away what is not needed (JPEG, WebP, TIFF pyramids)."""
    width, height = geometry.scaled.width, geometry.scaled.height
    if isinstance(content, bytes):
        image = pyvips.Image.thumbnail_buffer(
            content, width, height=height, size="force", option_string=_STRICT
        )
    else:
        descriptor = pyvips.Source.new_from_descriptor(content.fileno())
        image = pyvips.Image.thumbnail_source(
            descriptor, width, height=height, size="force", option_string=_STRICT
        )
    return _cropped(image, geometry.cropped)


def _scaled(image: pyvips.Image, geometry: Geometry) -> pyvips.Image:
    """Scale decoded pixels; unlike a thumbnail this keeps 16 bits a channel."""
    has_alpha, kind = image.hasalpha(), image.format
    if has_alpha:
        image = image.premultiply()
    image = image.resize(
        geometry.scaled.width / image.width, vscale=geometry.scaled.height / image.height
    )
    if has_alpha:
        image = image.unpremultiply().cast(kind)
    return _cropped(image, geometry.cropped)


def _cropped(image: pyvips.Image, size: Size) -> pyvips.Image:
    if (image.width, image.height) == (size.width, size.height):
        return image
    left, top = (image.width - size.width) // 2, (image.height - size.height) // 2
    return image.extract_area(left, top, size.width, size.height)


def _frames_warning(header: pyvips.Image) -> str:
    frames = header.get("n-pages") if header.get_typeof("n-pages") else 1
    return f"Only the first of {frames:,} frames was kept." if frames > 1 else ""


def _decode_by_pillow(
    content: Content, source: InputFile, known: ImageFormat, resizes: Sequence[Resize]
) -> Decoded | Failure:
    from PIL import Image, UnidentifiedImageError

    stream = io.BytesIO(content) if isinstance(content, bytes) else source.safe_path()
    Image.MAX_IMAGE_PIXELS = None  # our own budget says no with numbers
    try:
        with Image.open(stream, formats=[known.value]) as picture:
            size = Size(*picture.size)
            refusal = _over_budget(pyvips.Image.black(*picture.size, bands=4), (), 0)
            if refusal is not None:
                return refusal
            pixels = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        is_short = isinstance(error, OSError) and "truncated" in str(error)
        return damage(known, str(error) if not is_short else f"premature end: {error}")
    bands = len(pixels.getbands())
    image = pyvips.Image.new_from_memory(pixels.tobytes(), *pixels.size, bands, "uchar")
    image = image.copy(interpretation="srgb")
    for geometry in _geometries(size, resizes):
        image = _scaled(image, geometry)
    return Decoded(image, known, content)
