"""The few shared words by which a worker says what it runs, and is told what not to run.

The worker writes the first three, the supervising end the last two: each word has one writer
and is written whole, so no lock is needed. After a death they name the one point to blame.
"""

from __future__ import annotations

import time

from workers.channel import NO_LEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from workers.shared_words import SharedWords

RUNNING: Final = 0  # the number of the lease that runs
POSITION: Final = 1  # how many of its points have ended
BEGUN_NS: Final = 2  # when the running point began (monotonic, the same clock in all processes)
SKIP_TO: Final = 3  # leases up to this number that have not begun are not to be begun
CUT: Final = 4  # lease << 32 | position: the lease ends before this position
WORDS: Final = 5
_POSITION_BITS: Final = 32
# The position while the lease itself is being read: any of its points may be to blame.
UNPACKING: Final = (1 << _POSITION_BITS) - 1


class Mark:
    """The worker's side of the words."""

    def __init__(self, words: SharedWords) -> None:
        """Take the shared words, WORDS of them."""
        self._words = words.view()

    def begin(self, lease: int, position: int = 0) -> bool:
        """Say that a lease begins at `position`; answer whether it may.

        Said before it is asked: who takes a lease back forbids it first and looks afterwards.
        """
        words = self._words
        words[POSITION] = position
        words[BEGUN_NS] = time.monotonic_ns()
        words[RUNNING] = lease
        return words[SKIP_TO] < lease

    def reach(self, position: int) -> bool:
        """Say that the point at `position` begins; answer whether it still belongs to the lease."""
        words = self._words
        words[BEGUN_NS] = time.monotonic_ns()
        words[POSITION] = position
        lease, end = divmod(words[CUT], 1 << _POSITION_BITS)
        return position < end or lease != words[RUNNING]

    def move(self, position: int) -> None:
        """Say that the point at `position` of a lease that is never cut begins."""
        words = self._words
        words[BEGUN_NS] = time.monotonic_ns()
        words[POSITION] = position

    def end(self) -> None:
        """Say that nothing runs."""
        self._words[RUNNING] = NO_LEASE


def cut_word(lease: int, position: int) -> int:
    """Return the word that ends a lease before `position`."""
    return lease << _POSITION_BITS | position
