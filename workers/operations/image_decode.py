"""Pictures from hostile bytes to pixels: allow-list, size limits, and damage in plain words.

Runs in a worker. libvips decodes, strictly; other libraries what it has no reader for.
"""

import os
from functools import cache
from typing import Final

import msgspec
import pyvips
from msgspec import Struct

from workers.operations.image_apply import apply_steps, sample_bytes
from workers.operations.image_budget import (
    BOMB_RATIO,
    MEMORY_BUDGET,
    over_budget,
    sizes_within,
)
from workers.operations.image_damage import damage
from workers.operations.image_foreign import READERS, Reader, refusal
from workers.operations.image_frames import frame_by_frame
from workers.operations.image_geometry import PictureStep, Reach, Resize, Size, active
from workers.operations.image_reading import AS_USUAL, Reading
from workers.operations.image_shape import cut_out
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, picture_format
from workers.outcome import Failure, FailureKind

# Above this size the file is streamed through a descriptor instead of being read at once.
BUFFER_LIMIT: Final = 64 * 2**20

_LOADERS: Final = {
    ImageFormat.JPEG: "jpegload",
    ImageFormat.PNG: "pngload",
    ImageFormat.WEBP: "webpload",
    ImageFormat.TIFF: "tiffload",
    ImageFormat.AVIF: "heifload",
    ImageFormat.GIF: "gifload",
}
ANIMATED: Final = (ImageFormat.GIF, ImageFormat.WEBP)
_STREAMED: Final = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF)
# Orientations that libvips can undo while it streams; the others need the whole picture.
STREAMED_ORIENTATIONS: Final = (1, 2)

_LEFT_TO_CARE: Final = 1.75

Content = bytes | InputFile
Steps = tuple[PictureStep, ...]


class Decoded(Struct, frozen=True):
    """An upright picture after its steps (still to be computed by libvips) and its origin.

    `content` is what libvips reads, b"" where another library has decoded all of it already.
    """

    image: pyvips.Image
    format: ImageFormat
    content: Content
    is_animation: bool = False
    warning: str = ""
    reading: Reading = AS_USUAL


def decode(
    source: InputFile,
    steps: Steps,
    wanted: ImageFormat,
    reading: Reading = AS_USUAL,
    content: Content | None = None,
) -> Decoded | Failure:
    """Open a picture, upright, and apply the steps; pixels are computed when it is saved.

    All frames of an animation are kept where the wanted format has them, else the first, or the
    page that the reading names. `content` is what `content_of` returned, if it is known.
    """
    _set_up()
    known = picture_format(source.head, source.suffix)
    if known is None:
        return Failure(
            FailureKind.BAD_INPUT, "Not a picture: the content is none of the known formats."
        )
    if known in READERS:
        return _decode_by_other(READERS[known], source, known, steps, reading)
    if content is None:
        read = content_of(source)
        if isinstance(read, Failure):
            return read
        content = read
    if reading.is_lenient:
        content = padded(content, known)
    try:
        first = _opened(content, "sequential", reading=msgspec.structs.replace(reading, page=0))
        header = Header(first, known, content, source.size, reading)
        if reading.page > header.frames:
            return _no_such_page(reading.page, header.frames)
        if reading.page:
            image = _opened(content, "sequential", reading=reading)
            header = msgspec.structs.replace(header, image=image)
        return _decode_by_vips(header, steps, wanted)
    except pyvips.Error as error:
        text = str(error.detail or error.message)
        return damage(known, complaint_about(content, reading=reading) or text)


def content_of(source: InputFile) -> Content | Failure:
    """Return all bytes of a file that is not large, else the file."""
    return source if source.size > BUFFER_LIMIT else source.read_or_failure()


def padded(content: Content, known: ImageFormat) -> Content:
    """Return a WebP at the length it says it has, so that what there is of it is decoded."""
    if known is not ImageFormat.WEBP or not isinstance(content, bytes):
        return content
    lacking = 8 + int.from_bytes(content[4:8], "little") - len(content)
    return content + bytes(min(max(lacking, 0), BUFFER_LIMIT))


def _no_such_page(page: int, frames: int) -> Failure:
    there_are = "one" if frames == 1 else f"{frames:,}"
    return Failure(
        FailureKind.OPERATION_FAILED, f"There is no page {page:,}: the picture has {there_are}."
    )


def _decode_by_other(
    reader: Reader, source: InputFile, known: ImageFormat, steps: Steps, reading: Reading
) -> Decoded | Failure:
    claim = reader.claim(source)
    if isinstance(claim, Failure):
        return claim
    if claim.frames and reading.page > claim.frames:
        return _no_such_page(reading.page, claim.frames)
    refused = refusal(reader, claim, steps)
    if refused is not None:
        return refused
    found = reader.picture(source, reading.page)
    if isinstance(found, Failure):
        return found
    image, warning = found
    try:
        applied = apply_steps(image, steps)
    except pyvips.Error as error:
        return damage(known, str(error.detail or error.message))
    if isinstance(applied, Failure):
        return applied
    return Decoded(applied, known, b"", warning=warning)


def complaint_about(
    content: Content, *, is_animation: bool = False, reading: Reading = AS_USUAL
) -> str:
    """Decode a whole input and throw it away; return libvips' complaint or ""."""
    if content == b"":
        return ""
    try:
        _opened(content, "sequential", is_animation=is_animation, reading=reading).avg()
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


class Header(Struct, frozen=True):
    """What is known of a picture before its pixels are read."""

    image: pyvips.Image
    format: ImageFormat
    content: Content
    file_size: int
    reading: Reading = AS_USUAL

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


def read_header(source: InputFile, page: int = 0) -> Header | None:
    """Read the header alone, of a page if one is named; None when libvips refuses it."""
    _set_up()
    known = picture_format(source.head, source.suffix)
    if known is None or known in READERS:
        return None
    reading = Reading(page)
    try:
        image = _opened(source, "sequential", reading=reading)
    except pyvips.Error:
        return None
    return Header(image, known, source, source.size, reading)


def upright_size(source: InputFile) -> Size | None:
    """Return the size of the upright picture from its header, None where that is damaged."""
    known = picture_format(source.head, source.suffix)
    if known is not None and known in READERS:
        claim = READERS[known].claim(source)
        return None if isinstance(claim, Failure) else claim.size
    header = read_header(source)
    return None if header is None else header.size


def _decode_by_vips(header: Header, steps: Steps, wanted: ImageFormat) -> Decoded | Failure:
    loader = str(header.image.get("vips-loader"))
    if not loader.startswith(_LOADERS[header.format]):
        return damage(header.format, f"opened by {loader}")
    is_animation = header.frames > 1 and has_frames(header, wanted)
    refusal = _over_budget(
        header.image,
        steps,
        frames=header.frames if is_animation else 1,
        streamed=header.file_size if header.is_streamed else 0,
    )
    if refusal is not None:
        return refusal
    if is_animation and not goes_as_one(header, steps):
        done = frame_by_frame(
            _opened(header.content, "sequential", is_animation=True, reading=header.reading), steps
        )
        if isinstance(done, Failure):
            return done
        applied, is_animation = done
    else:
        image = _begun(header, steps, is_animation=is_animation)
        applied = apply_steps(image, _rest(header, steps))
    if isinstance(applied, Failure):
        return applied
    is_cut = header.frames > 1 and not is_animation and not header.reading.page
    word = "pages" if header.format is ImageFormat.TIFF else "frames"
    warning = f"Only the first of {header.frames:,} {word} was kept." if is_cut else ""
    return Decoded(applied, header.format, header.content, is_animation, warning, header.reading)


def _begun(header: Header, steps: Steps, *, is_animation: bool) -> pyvips.Image:
    """Return the upright picture, already resized where the decoder can do it."""
    first = shrunk_on_load(header, steps)
    if first is not None:
        return _scaled_on_load(header, first, is_animation=is_animation)
    access = "sequential" if header.orientation in STREAMED_ORIENTATIONS else "random"
    opened = _opened(header.content, access, is_animation=is_animation, reading=header.reading)
    return opened.autorot()


def shrunk_on_load(header: Header, steps: Steps) -> Resize | None:
    """Return the resize that the decoder does: the first step that changes anything."""
    met = active(header.size, steps)
    first = met[0][0] if met else None
    return first if isinstance(first, Resize) and header.image.format == "uchar" else None


def _rest(header: Header, steps: Steps) -> Steps:
    """Return the steps that the decoder leaves to be done."""
    first = shrunk_on_load(header, steps)
    return steps if first is None else steps[steps.index(first) + 1 :]


def has_frames(header: Header, wanted: ImageFormat) -> bool:
    """Say whether all frames of an animation are asked for, and can be saved."""
    is_kept = header.format in ANIMATED and wanted in ANIMATED and not header.reading.page
    return is_kept and header.orientation == 1


def goes_as_one(header: Header, steps: Steps) -> bool:
    """Say whether all frames, which stand below each other, can go through the steps as one."""
    return all(
        step.reach is Reach.PIXEL or (number == 0 and _only_scales(step, size))
        for number, (step, size) in enumerate(active(header.size, steps))
    )


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


def _opened(
    content: Content,
    access: str,
    *,
    is_animation: bool = False,
    reading: Reading = AS_USUAL,
) -> pyvips.Image:
    options: dict[str, object] = {"access": access, "fail_on": _fail_on(reading)}
    if is_animation:
        options["n"] = -1
    elif reading.page > 1:
        options["page"] = reading.page - 1
    return pyvips.Image.new_from_source(_stream(content), "", **options)


def _fail_on(reading: Reading) -> str:
    return "none" if reading.is_lenient else "error"


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
            _stream(header.content),
            "",
            access="sequential",
            fail_on=_fail_on(header.reading),
            shrink=shrink,
        ).thumbnail_image(scaled.width, height=scaled.height, size="force")
    else:
        # The fail_on argument of thumbnail_source is ignored (libvips #5195): half a JPEG became
        # half a picture. The loader's own option is not.
        page = header.reading.page
        loading = f"fail_on={_fail_on(header.reading)}"
        loading += ",n=-1" if is_animation else f",page={page - 1}" if page > 1 else ""
        image = pyvips.Image.thumbnail_source(
            _stream(header.content),
            scaled.width,
            height=scaled.height,
            size="force",
            option_string=loading,
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
