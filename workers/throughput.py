"""How fast a job goes and how long it will take, from a bounded number of samples.

Pure: the time is passed in, so that a clock that jumps or a long sleep is the caller's to judge.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

_BUCKETS_A_WINDOW: Final = 20
# A short window follows a moved worker slider, a long one evens out files of uneven size.
_LONG_WINDOWS: Final = 6
# A rate over less than this is noise.
_SHORTEST_S: Final = 0.25
_ENOUGH_TASKS: Final = 5
_ENOUGH_S: Final = 1.0
_FEW_TASKS: Final = 2
_LONG_WAIT_S: Final = 10.0


@dataclass(slots=True)
class _Bucket:
    """What ended in one short stretch of working time."""

    start: float
    tasks: int
    size: int


class Throughput:
    """Rates and remaining time; its clock starts with the first call and stands in pauses."""

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._width_s = window_s / _BUCKETS_A_WINDOW
        self._buckets: deque[_Bucket] = deque(maxlen=_BUCKETS_A_WINDOW * _LONG_WINDOWS + 1)
        self._worked_s = 0.0
        self._since: float | None = None
        self._is_paused = False
        self._tasks = 0
        self._size = 0

    def add(self, tasks: int, size: int, now: float) -> None:
        """Count tasks (of a sweep: points) and their bytes as ended now."""
        worked = self._worked(now)
        self._tasks += tasks
        self._size += size
        start = worked - worked % self._width_s
        if self._buckets and self._buckets[-1].start >= start:
            self._buckets[-1].tasks += tasks
            self._buckets[-1].size += size
        else:
            self._buckets.append(_Bucket(start, tasks, size))

    def pause(self, now: float) -> None:
        """Stop the clock."""
        self._worked(now)
        self._is_paused = True

    def resume(self, now: float) -> None:
        """Let the clock go on; also starts it."""
        self._worked(now)
        self._is_paused = False

    def rates(self, now: float) -> tuple[float, float]:
        """Return tasks and bytes per second over the last seconds of work."""
        worked = self._worked(now)
        tasks, size, seconds = self._last(self._window_s, worked)
        return tasks / seconds, size / seconds

    def remaining(self, tasks_left: int, bytes_left: int, now: float) -> tuple[float, float] | None:
        """Return the least and the most seconds of work left, None without evidence.

        Tasks and bytes tell different times where sizes differ; so do the last seconds and the
        last minute where the speed changes. The range spans them.
        """
        worked = self._worked(now)
        if tasks_left <= 0:
            return 0.0, 0.0
        if not self._has_evidence(worked):
            return None
        estimates = []
        for tasks, size, seconds in self._spans(worked):
            estimates.append(tasks_left * seconds / tasks)
            if size and bytes_left:
                estimates.append(bytes_left * seconds / size)
        return min(estimates), max(estimates)

    def _has_evidence(self, worked: float) -> bool:
        is_quick = self._tasks >= _ENOUGH_TASKS and worked >= _ENOUGH_S
        return is_quick or (self._tasks >= _FEW_TASKS and worked >= _LONG_WAIT_S)

    def _spans(self, worked: float) -> list[tuple[int, int, float]]:
        """Return the stretches with enough tasks in them; all the time where none has."""
        windows = (self._window_s, self._window_s * _LONG_WINDOWS)
        spans = [self._last(window, worked) for window in windows]
        return [span for span in spans if span[0] >= _ENOUGH_TASKS] or [
            (self._tasks, self._size, max(worked, _SHORTEST_S))
        ]

    def _last(self, window_s: float, worked: float) -> tuple[int, int, float]:
        """Return tasks, bytes and the seconds they took, over at most the last window."""
        start = worked - window_s
        inside = [bucket for bucket in self._buckets if bucket.start >= start]
        # Buckets are cut at fixed times: the stretch begins where its first bucket may.
        begin = max(0.0, start - start % -self._width_s)
        seconds = max(worked - begin, _SHORTEST_S)
        tasks = sum(bucket.tasks for bucket in inside)
        return tasks, sum(bucket.size for bucket in inside), seconds

    def _worked(self, now: float) -> float:
        """Return the seconds of work until now; a clock that went back adds none."""
        if self._since is not None and not self._is_paused:
            self._worked_s += max(0.0, now - self._since)
        self._since = now
        return self._worked_s
