"""A picture of many pages, page by page: each is read, goes through the steps and is saved alone.

Runs in a worker; one page at a time is in memory, but all frames of an animation.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from workers.operations.image_apply import apply_steps
from workers.operations.image_decode import (
    ANIMATED,
    Content,
    Decoded,
    content_of,
    decode,
    read_header,
)
from workers.operations.image_encode import encode, in_memory
from workers.operations.image_frames import frames_of
from workers.operations.image_plan import ImagePlan
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, picture_format
from workers.operations.tiff_pages import LARGEST, TiffPages
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

# To reach a page all before it are passed over; a thousand scans are a thick book.
_MOST_PAGES: Final = 2_000
_NO_ROOM: Final = f"A TIFF holds at most {size_words(LARGEST)}; the pages take more."


def page_count(source: InputFile, plan: ImagePlan, wanted: ImageFormat) -> int:
    """Return how many pages the output will have that are worked on one by one; else 1."""
    if wanted is not ImageFormat.TIFF or plan.reading.page:
        return 1
    header = read_header(source)
    return 1 if header is None else header.frames


def save_pages(source: InputFile, plan: ImagePlan, target: Path, count: int) -> Failure | str:
    """Write all pages. Returns a warning sentence or ""; raises OSError as the disk does."""
    if count > _MOST_PAGES:
        return Failure(
            FailureKind.OPERATION_FAILED,
            f"The picture has {count:,} pages; at most {_MOST_PAGES:,} are kept together.",
        )
    part = target.with_suffix(".page.tif")
    warnings: dict[str, None] = {}
    try:
        with target.open("x+b") as stream:
            pages = TiffPages(stream)
            for number, decoded in enumerate(_pages(source, plan, count), 1):
                failure = _added(decoded, plan, part, pages)
                if failure is not None:
                    where = f"Page {number:,} of {count:,}. {failure.detail}"
                    return msgspec.structs.replace(failure, detail=where.strip())
                if isinstance(decoded, Decoded):
                    warnings.setdefault(decoded.warning)
    finally:
        part.unlink(missing_ok=True)
    return " ".join(filter(None, warnings))


def _added(
    decoded: Decoded | Failure, plan: ImagePlan, part: Path, pages: TiffPages
) -> Failure | None:
    """Add one page, which first gets a file of its own."""
    if isinstance(decoded, Failure):
        return decoded
    failure = encode(decoded, plan, part, ImageFormat.TIFF)
    if failure is not None:
        return failure
    if not pages.add(part.read_bytes()):
        return Failure(FailureKind.OPERATION_FAILED, _NO_ROOM)
    part.unlink()
    return None


def _pages(source: InputFile, plan: ImagePlan, count: int) -> Iterator[Decoded | Failure]:
    """Yield each page after the steps; the first failure is the last that is yielded."""
    content = content_of(source)
    if isinstance(content, Failure):
        yield content
        return
    if picture_format(source.head, source.suffix) in ANIMATED:
        yield from _frames(source, plan, content)
        return
    for number in range(1, count + 1):
        reading = msgspec.structs.replace(plan.reading, page=number)
        yield decode(source, plan.steps, ImageFormat.TIFF, reading, content)


def _frames(source: InputFile, plan: ImagePlan, content: Content) -> Iterator[Decoded | Failure]:
    """Yield the frames of an animation: each builds on those before, so it is decoded at once."""
    decoded = decode(source, (), ImageFormat.WEBP, plan.reading, content)
    held = decoded if isinstance(decoded, Failure) else in_memory(decoded)
    if isinstance(held, Failure):
        yield held
        return
    for frame in frames_of(held.image):
        applied = apply_steps(frame, plan.steps)
        if isinstance(applied, Failure):
            yield applied
            return
        yield msgspec.structs.replace(held, image=applied, is_animation=False)
