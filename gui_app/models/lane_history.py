"""What each worker did in the last minute of the job; pure, no Qt.

A worker that was lost is replaced by another process; the new one takes over the empty lane, so
that the lane goes on and shows the crash.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from workers import JobId, JobSnapshot
from workers.snapshot import AttemptEnd, Lane, LaneSegment

SHOWN_S: Final = 60.0
# Narrower than a pixel of the timeline: such attempts are drawn as one stretch.
_TINY_S: Final = 0.15
# A longer pause between two attempts must stay a gap, or a worker that waits looks busy.
_GAP_S: Final = 0.05
# What tiny stretches of one end and the gaps between them can come to.
_STRETCHES_MOST: Final = 1200


class Stretch(Struct, frozen=True):
    """One attempt, or several tiny ones as one; `shade` tells neighbours apart, 0 is the plain one.

    Times in seconds since the job's start.
    """

    started_s: float
    ended_s: float
    end: AttemptEnd
    shade: int = 0


@dataclass(slots=True)
class WorkerLane:
    """The lane of one worker as it is now, and its last minute, oldest first."""

    lane: Lane
    stretches: deque[Stretch] = field(default_factory=lambda: deque(maxlen=_STRETCHES_MOST))
    drawn: int = 0


class LaneHistory:
    """The lanes of one job, in the order in which they are shown."""

    def __init__(self) -> None:
        self._job: JobId | None = None
        self._lanes: list[WorkerLane] = []
        self.now_s = 0.0

    @property
    def lanes(self) -> tuple[WorkerLane, ...]:
        """Return the lanes now."""
        return tuple(self._lanes)

    def add(self, snapshot: JobSnapshot) -> None:
        """Take what a snapshot tells; another job, or a clock that went back, starts anew."""
        if snapshot.job != self._job or snapshot.elapsed_s < self.now_s:
            self._job = snapshot.job
            self._lanes.clear()
        self.now_s = snapshot.elapsed_s
        self._seat(snapshot.lanes)
        for shown in self._lanes:
            for segment in shown.lane.segments:
                _append(shown, segment)
            while shown.stretches and shown.stretches[0].ended_s < self.now_s - SHOWN_S:
                shown.stretches.popleft()

    def _seat(self, lanes: tuple[Lane, ...]) -> None:
        """Keep each worker on its lane; new ones take the lanes of those that are gone."""
        now = {lane.worker: lane for lane in lanes}
        known = {shown.lane.worker for shown in self._lanes}
        new = [lane for lane in lanes if lane.worker not in known]
        seated: list[WorkerLane] = []
        for shown in self._lanes:
            lane = now.get(shown.lane.worker) or (new.pop(0) if new else None)
            if lane is not None:
                shown.lane = lane
                seated.append(shown)
        self._lanes = seated + [WorkerLane(lane) for lane in new]


def _append(shown: WorkerLane, segment: LaneSegment) -> None:
    stretches = shown.stretches
    ended_s = segment.started_s + segment.seconds
    if stretches and _is_one(stretches[-1], segment):
        last = stretches[-1]
        stretches[-1] = Stretch(last.started_s, max(last.ended_s, ended_s), last.end)
        return
    shown.drawn += 1
    shade = shown.drawn % 3 if segment.seconds >= _TINY_S else 0
    stretches.append(Stretch(segment.started_s, ended_s, segment.end, shade))


def _is_one(last: Stretch, segment: LaneSegment) -> bool:
    is_tiny = segment.started_s + segment.seconds - last.started_s < _TINY_S
    return last.end is segment.end and is_tiny and abs(segment.started_s - last.ended_s) < _GAP_S
