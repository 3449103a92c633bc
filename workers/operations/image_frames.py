"""Animations whose frames go through steps one by one: what would cut or turn all of them as one.

Runs in a worker; all frames are held, which stand below each other in one picture.
"""

from collections.abc import Iterator
from typing import Final

import pyvips

from workers.operations.image_apply import apply_steps
from workers.operations.image_geometry import PictureStep
from workers.outcome import Failure

_PAGE_HEIGHT: Final = "page-height"
_PAGES: Final = "n-pages"


def frame_by_frame(
    image: pyvips.Image, steps: tuple[PictureStep, ...]
) -> tuple[pyvips.Image, bool] | Failure:
    """Return the picture of all frames after the steps and True; else the first alone and False.

    The first is alone where frames came out in different sizes, as plain borders do when they are
    cut away. Raises pyvips.Error where a step must see pixels that cannot be computed.
    """
    done: list[pyvips.Image] = []
    for frame in frames_of(image.copy_memory()):
        applied = apply_steps(frame, steps)
        if isinstance(applied, Failure):
            return applied
        done.append(applied)
    first = done[0]
    if any((each.width, each.height) != (first.width, first.height) for each in done):
        return first, False
    joined = pyvips.Image.arrayjoin(done, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, _PAGE_HEIGHT, first.height)
    joined.set_type(pyvips.GValue.gint_type, _PAGES, len(done))
    return joined, True


def frames_of(held: pyvips.Image) -> Iterator[pyvips.Image]:
    """Yield each frame as a picture of its own."""
    height = int(held.get_page_height())
    for top in range(0, held.height, height):
        frame = held.crop(0, top, held.width, height).copy()
        for field in (_PAGE_HEIGHT, _PAGES):
            frame.remove(field)
        yield frame
