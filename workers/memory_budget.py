"""How much memory a job's workers may take together and each; what is scarce. Pure.

Measured once at a job's start: what is free then is what the job may plan with, less a share for
everybody else. A worker that holds far more after a task than its task could need has leaked.
"""

from typing import Final

from msgspec import Struct

# What a job plans with, of the memory that is free at its start.
PLANNED_SHARE: Final = 0.8
# A single worker may take most of what there is, but never so much that the computer swaps.
CAP_SHARE: Final = 0.85
RECYCLE_LEAST: Final = 256 << 20
RECYCLE_MOST: Final = 1 << 30
# Below the first share of all memory the system is about to kill somebody; it is well again
# above the second.
SCARCE_SHARE: Final = 0.04
PLENTY_SHARE: Final = 0.08
SCARCE_MOST: Final = 1 << 30


class MemoryBudget(Struct, frozen=True):
    """Bytes: promised to all tasks at once, the most for one worker, worth a new process.

    So much as the most for one worker is also the most that all may hold together.
    """

    together: int
    each: int
    recycle_above: int


def memory_budget(available: int, total: int, workers: int) -> MemoryBudget:
    """Return the budget of a job on so many workers, with so many bytes free of all."""
    together = int(available * PLANNED_SHARE)
    share = together // (2 * max(1, workers))
    return MemoryBudget(
        together,
        min(int(available * CAP_SHARE), int(total * CAP_SHARE)),
        min(RECYCLE_MOST, max(RECYCLE_LEAST, share)),
    )


class Scarcity:
    """Whether memory is scarce now; once scarce, it stays so until there is plenty."""

    def __init__(self, total: int) -> None:
        """Judge by the memory of the whole computer."""
        self._low = min(SCARCE_MOST, int(total * SCARCE_SHARE))
        self._high = min(2 * SCARCE_MOST, int(total * PLENTY_SHARE))
        self.is_scarce = False

    def has_changed(self, available: int) -> bool:
        """Take in what is free now; say whether that changes the answer."""
        before = self.is_scarce
        self.is_scarce = available < (self._high if before else self._low)
        return self.is_scarce != before
