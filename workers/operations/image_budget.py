"""How much memory one picture may take, and the sentence for one that needs more. Pure."""

from collections.abc import Sequence
from typing import Final

from workers.operations.image_geometry import PictureStep, Reach, Size, active
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

# One picture may need this much; a worker that holds more starves the others.
MEMORY_BUDGET: Final = 4 * 10**9
# Streamed pictures may be larger than the budget, unless they unpack like a bomb.
BOMB_RATIO: Final = 400


def over_budget(sizes: Sequence[Size], pixel_bytes: int) -> Failure | None:
    """Return the refusal of the largest size, where it needs too much; else None."""
    largest = max(sizes, key=_area, default=Size(0, 0))
    need = largest.area * pixel_bytes
    if need <= MEMORY_BUDGET:
        return None
    return Failure(
        FailureKind.OUT_OF_MEMORY,
        f"{largest.width:,} x {largest.height:,} pixels need {size_words(need)}; "
        f"one picture may take {size_words(MEMORY_BUDGET)}.",
        is_limit=True,
    )


def sizes_within(size: Size, steps: tuple[PictureStep, ...]) -> list[Size]:
    """Return the sizes that the steps make or hold of a picture of that size."""
    met = active(size, steps)
    held = [step.held(before) for step, before in met if step.reach is Reach.WHOLE]
    return held + [step.largest(before) for step, before in met]


def _area(size: Size) -> int:
    return size.area
