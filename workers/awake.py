"""A clock for time limits: it stands still while the computer sleeps or the process is stopped.

Time limits are about work. When the lid was closed, or the whole tree was stopped by a signal,
nothing ran, and no task is to blame for the gap. Monotonic, so that a changed date means nothing.
"""

import time
from collections.abc import Callable
from typing import Final

# The loop that ticks is busy for milliseconds between two waits; a longer gap was no work.
GAP_S: Final = 2.0


class AwakeClock:
    """Seconds of work since it was made; belongs to the thread that ticks it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start at the time of `monotonic`."""
        self._monotonic = monotonic
        self._ticked_at = monotonic()
        self._lost_s = 0.0

    @property
    def lost_s(self) -> float:
        """Return how many seconds were slept through so far."""
        return self._lost_s

    def now(self) -> float:
        """Return the time without the gaps."""
        return self._monotonic() - self._lost_s

    def tick(self, waited_s: float = 0.0) -> float:
        """Note that the loop runs, after a wait of at most `waited_s`; return the time."""
        now = self._monotonic()
        gap = now - self._ticked_at - waited_s
        if gap > GAP_S:
            self._lost_s += gap
        self._ticked_at = now
        return now - self._lost_s
