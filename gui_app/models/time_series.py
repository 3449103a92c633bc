"""The throughput of the last minute of a job, and what happened in it; pure, no Qt.

Time is the job's own (`elapsed_s`), so that the curve stands while the job is paused.
"""

from collections import deque
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from workers import JobId, JobSnapshot
from workers.snapshot import Marker, MarkerKind

SHOWN_S: Final = 60.0
# 60 s in steps of this, the live end and the point beyond the left edge make less than 300 points.
_STEP_S: Final = 0.205
# Crashes that follow one another sooner are one event to a person, a storm; a very long one is
# shown again, lest its only marker leave the plot while it goes on.
_CALM_S: Final = 2.0
_STORM_MOST_S: Final = 15.0
_MARKERS_MOST: Final = 64


class _Sample(Struct, frozen=True):
    at_s: float
    tasks_per_s: float


class _Event(Struct, frozen=True):
    """A marker, or several crashes as one."""

    marker: Marker
    last_s: float
    count: int = 1

    def is_one_with(self, marker: Marker) -> bool:
        is_crash = self.marker.kind is MarkerKind.CRASHED is marker.kind
        is_soon = marker.at_s - self.last_s < _CALM_S
        return is_crash and is_soon and marker.at_s - self.marker.at_s < _STORM_MOST_S

    def shown(self, now_s: float) -> tuple[float, Marker]:
        marker = self.marker
        if self.count > 1:
            marker = Marker(marker.kind, marker.at_s, f"{self.count:,} crashes")
        return min(marker.at_s - now_s, 0.0), marker


class TimeSeries:
    """Bounded samples and markers of one job."""

    def __init__(self) -> None:
        self._job: JobId | None = None
        self._now_s = 0.0
        self._samples: deque[_Sample] = deque()
        self._events: deque[_Event] = deque(maxlen=_MARKERS_MOST)

    def add(self, snapshot: JobSnapshot) -> None:
        """Take what a snapshot tells; another job starts anew."""
        if snapshot.job != self._job:
            self._job = snapshot.job
            self._samples.clear()
            self._events.clear()
        elif snapshot.elapsed_s < self._now_s:
            self._go_back_to(snapshot.elapsed_s)
        self._now_s = snapshot.elapsed_s
        if snapshot.job is not None:
            self._add_sample(_Sample(snapshot.elapsed_s, snapshot.tasks_per_s))
        for marker in snapshot.markers:
            self._add_marker(marker)
        self._forget()

    def points(self) -> tuple[list[float], list[float]]:
        """Return seconds relative to now (-60 to 0) and tasks per second."""
        at = [max(sample.at_s - self._now_s, -SHOWN_S) for sample in self._samples]
        rates = [sample.tasks_per_s for sample in self._samples]
        if len(rates) > 1:
            rates[0] = self._rate_at_left_edge()
        return at, rates

    def markers(self) -> tuple[tuple[float, Marker], ...]:
        """Return seconds relative to now with what happened then, oldest first."""
        return tuple(event.shown(self._now_s) for event in self._events)

    def _add_sample(self, sample: _Sample) -> None:
        samples = self._samples
        if samples and sample.at_s <= samples[-1].at_s:
            return  # the clock stands: the job is paused or has ended
        # The last sample is the live end; it becomes a lasting one when it is a step away.
        if len(samples) > 1 and samples[-1].at_s - samples[-2].at_s < _STEP_S:
            samples[-1] = sample
        else:
            samples.append(sample)

    def _add_marker(self, marker: Marker) -> None:
        for index in range(len(self._events) - 1, -1, -1):
            event = self._events[index]
            if event.is_one_with(marker):
                self._events[index] = replace(event, last_s=marker.at_s, count=event.count + 1)
                return
        self._events.append(_Event(marker, marker.at_s))

    def _go_back_to(self, now_s: float) -> None:
        """Forget what a job taken up again has not lived through yet."""
        while self._samples and self._samples[-1].at_s > now_s:
            self._samples.pop()
        while self._events and self._events[-1].marker.at_s > now_s:
            self._events.pop()

    def _forget(self) -> None:
        oldest_s = self._now_s - SHOWN_S
        # One sample beyond the edge stays, so that the curve reaches it.
        while len(self._samples) > 1 and self._samples[1].at_s <= oldest_s:
            self._samples.popleft()
        while self._events and self._events[0].marker.at_s < oldest_s:
            self._events.popleft()

    def _rate_at_left_edge(self) -> float:
        first, second = self._samples[0], self._samples[1]
        beyond_s = self._now_s - SHOWN_S - first.at_s
        if beyond_s <= 0:
            return first.tasks_per_s
        share = beyond_s / (second.at_s - first.at_s)
        return first.tasks_per_s + (second.tasks_per_s - first.tasks_per_s) * share
