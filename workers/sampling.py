"""From a few files that were tried to the whole job: how long it takes, how much it writes. Pure.

The smallest, three of the middle and the largest are tried on one core. What a file costs is taken
to be a fixed part and a part that grows with its size, neither of them negative: the line of least
squares through what was measured.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from workers.snapshot import RowQuery, RowSort

LEAST_FILES: Final = 5


class Tried(Struct, frozen=True):
    """One file: its size, the seconds its steps took on one core, the bytes they wrote.

    None were written where all files become one output, which is another thing to make.
    """

    size: int
    seconds: float
    written: int | None


class Estimate(Struct, frozen=True):
    """What a job is likely to take on one core, and to write; from so many files.

    What the one output of all files will take is not known, nor how long it takes to make.
    """

    seconds: float
    written: int | None
    tried: int

    def seconds_on(self, workers: int) -> float:
        """Return how long so many workers are likely to need."""
        return self.seconds / max(1, workers)


def sample_queries(total: int) -> tuple[RowQuery, ...]:
    """Return the questions for the smallest, three of the middle and the largest of all files."""
    if total <= LEAST_FILES:
        return (RowQuery(0, total, sort=RowSort.SIZE),)
    places = ((0, 1), (total // 2 - 1, 3), (total - 1, 1))
    return tuple(RowQuery(first, count, sort=RowSort.SIZE) for first, count in places)


def estimate(tried: Sequence[Tried], files: int, size: int) -> Estimate | None:
    """Return what a job of so many files and bytes takes; None where no file could be tried."""
    if not tried:
        return None
    sizes = [each.size for each in tried]
    fixed, growing = _line(sizes, [each.seconds for each in tried])
    written = [float(each.written) for each in tried if each.written is not None]
    if len(written) < len(tried):
        return Estimate(fixed * files + growing * size, None, len(tried))
    fixed_bytes, growing_bytes = _line(sizes, written)
    return Estimate(
        fixed * files + growing * size,
        round(fixed_bytes * files + growing_bytes * size),
        len(tried),
    )


def _line(sizes: Sequence[int], costs: Sequence[float]) -> tuple[float, float]:
    """Return the fixed part of a cost, and what each byte adds."""
    mean_size, mean_cost = sum(sizes) / len(sizes), sum(costs) / len(costs)
    spread = sum((size - mean_size) ** 2 for size in sizes)
    if not spread:
        return mean_cost, 0.0
    pairs = zip(sizes, costs, strict=True)
    slope = sum((size - mean_size) * (cost - mean_cost) for size, cost in pairs) / spread
    if slope <= 0:
        return mean_cost, 0.0
    fixed = mean_cost - slope * mean_size
    # No file costs less than nothing: then the line goes through the origin.
    return (fixed, slope) if fixed >= 0 else (0.0, mean_cost / mean_size)
