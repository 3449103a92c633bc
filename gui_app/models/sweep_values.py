"""The values of the open sweep as they come, in the order of its points."""

import math
from array import array
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from workers import JobId, JobSnapshot, Sweep
from workers.operations.sweep import axis_length, point_count

ASK_EVERY_MS: Final = 200
# 32 MB; of more points a screen shows nothing that these do not.
MOST_POINTS: Final = 4_000_000

Blocks = Sequence[tuple[int, "array[float]"]]


class SweepValues(QObject):
    """Numbers, NaN where there is none yet; asks for more while the job runs."""

    values_wanted = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job: JobId | None = None
        self._sweep: Sweep | None = None
        self._numbers = array("d")
        self._ended = -1
        self._timer = QTimer(self, singleShot=True, interval=ASK_EVERY_MS)
        self._timer.timeout.connect(self.values_wanted)

    @property
    def sweep(self) -> Sweep | None:
        """Return the sweep, None when the job is none."""
        return self._sweep

    @property
    def numbers(self) -> "array[float]":
        """Return all numbers; empty for a sweep of too many points."""
        return self._numbers

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the axes, the last one fastest."""
        return () if self._sweep is None else tuple(map(axis_length, self._sweep.axes))

    def apply(self, snapshot: JobSnapshot) -> None:
        """Take another job; ask again when points have ended."""
        if snapshot.job != self._job:
            self._begin(snapshot)
        if self._sweep is not None and snapshot.counts.ended != self._ended:
            self._ended = snapshot.counts.ended
            if not self._timer.isActive():
                self._timer.start()

    def take(self, job: JobId, blocks: Blocks) -> None:
        """Put values into their places."""
        if job != self._job or not self._numbers:
            return
        for first, numbers in blocks:
            self._numbers[first : first + len(numbers)] = numbers
        self.changed.emit()

    def _begin(self, snapshot: JobSnapshot) -> None:
        if snapshot.sweep is None and self._sweep is None:
            self._job = snapshot.job
            return
        self._job, self._sweep, self._ended = snapshot.job, snapshot.sweep, -1
        count = 0 if self._sweep is None else point_count(self._sweep)
        self._numbers = array("d", [math.nan]) * (count if count <= MOST_POINTS else 0)
        self.changed.emit()
