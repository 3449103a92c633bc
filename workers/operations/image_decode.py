"""Pictures from hostile bytes to pixels: allow-list, size limits, and damage in plain words.

Runs in a worker. libvips decodes, strictly; Pillow only what libvips has no reader for.
"""

import io
import os
from dataclasses import dataclass
from functools import cache
from typing import Final

import pyvips

from workers.operations.image_apply import apply_steps, sample_bytes
from workers.operations.image_budget import (
    BOMB_RATIO,
    MEMORY_BUDGET,
    over_budget,
    sizes_within,
)
from workers.operations.image_geometry import PictureStep, Reach, Resize, Size, active
from workers.operations.image_shape import cut_out
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, image_format
from workers.outcome import Failure, FailureKind

# Above this size the file is streamed through a descriptor instead of being read at once.
BUFFER_LIMIT: Final = 64 * 2**20

# The fail_on argument of thumbnail_source is ignored (libvips #5195): half a JPEG became half a
# picture. The loader's own option is not.
_STRICT: Final = "fail_on=error"

_LOADERS: Final = {
    ImageFormat.JPEG: "jpegload",
    ImageFormat.PNG: "pngload",
    ImageFormat.WEBP: "webpload",
    ImageFormat.TIFF: "tiffload",
    ImageFormat.AVIF: "heifload",
    ImageFormat.HEIC: "heifload",
    ImageFormat.GIF: "gifload",
}
ANIMATED: Final = (ImageFormat.GIF, ImageFormat.WEBP)
_STREAMED: Final = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF)
# Orientations that libvips can undo while it streams; the others need the whole picture.
STREAMED_ORIENTATIONS: Final = (1, 2)

_LEFT_TO_CARE: Final = 1.75

_ENDS_EARLY: Final = (
    "premature end of jpeg",
    "unexpected end of",
    "file size too small",
    "missing sos",
    "unable to parse image",
    "bytes, expected",
    "libpng read error",
    "truncated",
)
_UNSUPPORTED: Final = (
    "unsupported codec",
    "unsupported feature",
    "not built",
    "no decoding plugin",
)

Content = bytes | InputFile
Steps = tuple[PictureStep, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright picture after its steps (still to be computed by libvips) and its origin."""

    image: pyvips.Image
    format: ImageFormat
    content: Content
    is_animation: bool = False
    warning: str = ""


def decode(source: InputFile, steps: Steps, wanted: ImageFormat) -> Decoded | Failure:
    """Open a picture, upright, and apply the steps; pixels are computed when it is saved.

    All frames of an animation are kept where the wanted format has them, else the first.
    """
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
            return _decode_by_pillow(content, source, known, steps)
        header = Header(_opened(content, "sequential"), known, content, source.size)
        return _decode_by_vips(header, steps, wanted)
    except pyvips.Error as error:
        text = str(error.detail or error.message)
        complaint = "" if known is ImageFormat.BMP else complaint_about(content)
        return damage(known, complaint or text)


def damage(known: ImageFormat, text: str) -> Failure:
    """Return the failure that says in a sentence what libvips says in its own words."""
    lower = text.lower()
    if "out of memory" in lower:
        return Failure(
            FailureKind.OUT_OF_MEMORY, "The picture needs more memory than there is.", text
        )
    if any(words in lower for words in _UNSUPPORTED):
        reason = "it uses a feature Everycore cannot decode"
    elif any(words in lower for words in _ENDS_EARLY) or not lower.strip():
        reason = "file ends early"
    else:
        reason = "its content is damaged"
    return Failure(
        FailureKind.BAD_INPUT, f"Not a readable {known.value} ({reason}).", detail=text.strip()
    )


def complaint_about(content: Content, *, is_animation: bool = False) -> str:
    """Decode a whole input and throw it away; return libvips' complaint or ""."""
    try:
        _opened(content, "sequential", is_animation=is_animation).avg()
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


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before its pixels are read."""

    image: pyvips.Image
    format: ImageFormat
    content: Content
    file_size: int

    @property
    def orientation(self) -> int:
        """Return the orientation, 1 to 8, that the decoder leaves to us."""
        return int(self.image.get("orientation")) if self._has("orientation") else 1

    @property
    def size(self) -> Size:
        """Return the size of the upright picture."""
        width, height = self.image.width, self.image.height
        return Size(height, width) if self.orientation >= 5 else Size(width, height)

    @property
    def frames(self) -> int:
        """Return the number of frames or pages."""
        return int(self.image.get("n-pages")) if self._has("n-pages") else 1

    @property
    def is_streamed(self) -> bool:
        """Say whether the decoder gets by without the whole picture in memory."""
        return self.format in _STREAMED and not self._has("interlaced")

    @property
    def bands(self) -> int:
        """Return the number of values a pixel has."""
        return int(self.image.bands)

    @property
    def sample_bytes(self) -> int:
        """Return the bytes of one band of one pixel."""
        return sample_bytes(self.image)

    @property
    def is_bomb(self) -> bool:
        """Say whether so small a file unpacks to so much that it is refused, streamed or not."""
        samples = int(self.image.width) * int(self.image.height) * self.bands
        return samples * self.sample_bytes > max(MEMORY_BUDGET, BOMB_RATIO * self.file_size)

    def text(self, field: str) -> str:
        """Return what the decoder noted under that name, or ""."""
        return str(self.image.get(field)) if self._has(field) else ""

    def _has(self, field: str) -> bool:
        return bool(self.image.get_typeof(field))


def read_header(source: InputFile) -> Header | None:
    """Read the header alone; None when libvips has no reader for the picture or refuses it."""
    _set_up()
    known = image_format(source.head)
    if known is None or known is ImageFormat.BMP:
        return None
    try:
        return Header(_opened(source, "sequential"), known, source, source.size)
    except pyvips.Error:
        return None


def _decode_by_vips(header: Header, steps: Steps, wanted: ImageFormat) -> Decoded | Failure:
    loader = str(header.image.get("vips-loader"))
    if not loader.startswith(_LOADERS[header.format]):
        return damage(header.format, f"opened by {loader}")
    is_animation = header.frames > 1 and _keeps_frames(header, steps, wanted)
    frames = header.frames if is_animation else 1
    refusal = _over_budget(
        header.image, steps, frames=frames, streamed=header.file_size if header.is_streamed else 0
    )
    if refusal is not None:
        return refusal
    image = _begun(header, steps, is_animation=is_animation)
    applied = apply_steps(image, _rest(header, steps))
    if isinstance(applied, Failure):
        return applied
    is_cut = header.frames > 1 and not is_animation
    warning = f"Only the first of {header.frames:,} frames was kept." if is_cut else ""
    return Decoded(applied, header.format, header.content, is_animation, warning)


def _begun(header: Header, steps: Steps, *, is_animation: bool) -> pyvips.Image:
    """Return the upright picture, already resized where the decoder can do it."""
    first = shrunk_on_load(header, steps)
    if first is not None:
        return _scaled_on_load(header, first, is_animation=is_animation)
    access = "sequential" if header.orientation in STREAMED_ORIENTATIONS else "random"
    return _opened(header.content, access, is_animation=is_animation).autorot()


def shrunk_on_load(header: Header, steps: Steps) -> Resize | None:
    """Return the resize that the decoder does: the first step that changes anything."""
    met = active(header.size, steps)
    first = met[0][0] if met else None
    return first if isinstance(first, Resize) and header.image.format == "uchar" else None


def _rest(header: Header, steps: Steps) -> Steps:
    """Return the steps that the decoder leaves to be done."""
    first = shrunk_on_load(header, steps)
    return steps if first is None else steps[steps.index(first) + 1 :]


def _keeps_frames(header: Header, steps: Steps, wanted: ImageFormat) -> bool:
    """Say whether all frames, which stand below each other, can go through the steps as one."""
    met = active(header.size, steps)
    is_whole = all(
        step.reach is Reach.PIXEL or (number == 0 and _only_scales(step, size))
        for number, (step, size) in enumerate(met)
    )
    has_frames = header.format in ANIMATED and wanted in ANIMATED
    return is_whole and has_frames and header.orientation == 1


def _only_scales(step: PictureStep, size: Size) -> bool:
    return isinstance(step, Resize) and step.after(size) == step.largest(size)


def _over_budget(
    header: pyvips.Image, steps: Steps, *, frames: int = 1, streamed: int = 0
) -> Failure | None:
    """Refuse what needs too much memory; `streamed` is the file's size when it is streamed."""
    per_pixel = frames * int(header.bands) * sample_bytes(header)
    size = Size(header.width, header.height)
    is_passing = streamed and size.area * per_pixel <= BOMB_RATIO * streamed
    return over_budget([*sizes_within(size, steps), *([] if is_passing else [size])], per_pixel)


def _opened(content: Content, access: str, *, is_animation: bool = False) -> pyvips.Image:
    options: dict[str, object] = {"access": access, "fail_on": "error"}
    if is_animation:
        options["n"] = -1
    return pyvips.Image.new_from_source(_stream(content), "", **options)


def _stream(content: Content) -> pyvips.Source:
    """Return what libvips reads from; pyvips copies a plain buffer each time it is handed one."""
    if isinstance(content, bytes):
        return pyvips.Source.new_from_memory(content)
    return pyvips.Source.new_from_descriptor(content.fileno())


def _scaled_on_load(header: Header, step: Resize, *, is_animation: bool) -> pyvips.Image:
    """Let the decoder itself throw away what is not needed (JPEG, WebP, TIFF pyramids)."""
    geometry = step.geometry(header.size)
    scaled = geometry.scaled
    shrink = _jpeg_shrink(header, scaled)
    if shrink > 1:
        image = pyvips.Image.new_from_source(
            _stream(header.content), "", access="sequential", fail_on="error", shrink=shrink
        ).thumbnail_image(scaled.width, height=scaled.height, size="force")
    else:
        image = pyvips.Image.thumbnail_source(
            _stream(header.content),
            scaled.width,
            height=scaled.height,
            size="force",
            option_string=_STRICT + (",n=-1" if is_animation else ""),
        )
    return image if is_animation else cut_out(image, geometry, step.gravity)


def _jpeg_shrink(header: Header, scaled: Size) -> int:
    """Return by what a JPEG's decoder shrinks, cheaply, before the rest is done with care.

    libvips itself leaves at least a factor of 2 to be done with care; with 1.75, 12 megapixels to
    1,024 pixels take 81 ms instead of 115, and are as like the careful result (SSIM 0.993) as
    libvips' own from slightly larger pictures (benchmarks/images.py).
    """
    if header.format is not ImageFormat.JPEG:
        return 1
    before = header.size
    factor = min(before.width / scaled.width, before.height / scaled.height)
    return max(by for by in (1, 2, 4, 8) if by == 1 or factor >= by * _LEFT_TO_CARE)


def _decode_by_pillow(
    content: Content, source: InputFile, known: ImageFormat, steps: Steps
) -> Decoded | Failure:
    from PIL import Image, UnidentifiedImageError

    stream = io.BytesIO(content) if isinstance(content, bytes) else source.safe_path()
    Image.MAX_IMAGE_PIXELS = None  # our own budget says no with numbers
    try:
        with Image.open(stream, formats=[known.value]) as picture:
            refusal = over_budget([Size(*picture.size)], 4)
            if refusal is not None:
                return refusal
            pixels = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        return damage(known, str(error))
    bands = len(pixels.getbands())
    image = pyvips.Image.new_from_memory(pixels.tobytes(), *pixels.size, bands, "uchar")
    image = image.copy(interpretation="srgb")
    applied = apply_steps(image, steps)
    return applied if isinstance(applied, Failure) else Decoded(applied, known, content)
