"""How long an attempt may take: what the person said, or far more than similar ones took; pure.

Nobody knows beforehand how long a task takes, but a task that takes twenty times as long as all
but one in a hundred of its like is stuck. Alike are inputs of one kind and of about one size (a
factor of two); sweep points are alike among themselves.
"""

from collections import defaultdict, deque
from typing import Final

from msgspec.structs import replace

from workers.job import Kind
from workers.outcome import Failure, FailureKind

TIMES_SIMILAR: Final = 20.0
LEAST_S: Final = 20.0
# Fewer say nothing about the hundredth that takes longest.
SAMPLES_LEAST: Final = 20
SAMPLES_KEPT: Final = 500
# The order of so many samples is looked at anew after so many more.
_EVERY: Final = 20

_Like = tuple[Kind, int]


class Deadlines:
    """The time limits of one job's tasks."""

    def __init__(self, fixed_s: float | None) -> None:
        """Give every task the same limit, infinity for none; None lets similar tasks decide."""
        self._fixed_s = fixed_s
        self._seconds: defaultdict[_Like, deque[float]] = defaultdict(
            lambda: deque(maxlen=SAMPLES_KEPT)
        )
        self._noted: defaultdict[_Like, int] = defaultdict(int)
        self._limits: dict[_Like, float] = {}

    def note(self, kind: Kind, size: int, seconds: float) -> None:
        """Learn how long a task took."""
        if self._fixed_s is not None:
            return
        like = _like(kind, size)
        samples = self._seconds[like]
        samples.append(seconds)
        self._noted[like] += 1
        if len(samples) >= SAMPLES_LEAST and (
            like not in self._limits or self._noted[like] % _EVERY == 0
        ):
            self._limits[like] = max(LEAST_S, TIMES_SIMILAR * _percentile_99(samples))

    def compared(self, cause: Failure | None) -> Failure | None:
        """Return why a worker was ended, saying that similar tasks set the limit where they did."""
        if cause is None or cause.kind is not FailureKind.TIMED_OUT or self._fixed_s is not None:
            return cause
        took, _, rest = cause.message.partition(". ")
        words = f"{took.rstrip('.')}, {TIMES_SIMILAR:.0f} times what similar ones took."
        return replace(cause, message=f"{words} {rest}".strip())

    def limit(self, kind: Kind, size: int) -> float | None:
        """Return how many seconds a task may take; None while nobody knows."""
        if self._fixed_s is not None:
            return self._fixed_s if self._fixed_s != float("inf") else None
        return self._limits.get(_like(kind, size))


def _like(kind: Kind, size: int) -> _Like:
    return kind, size.bit_length()


def _percentile_99(samples: deque[float]) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
