"""What the engine has to tell of the open job: its clock, its rates, what is new since last time.

Belongs to the engine's thread. How many tasks stand where is the journal's to tell.
"""

from collections import defaultdict
from typing import Final

from msgspec.structs import replace

from workers.actions import EndTask
from workers.found_files import FoundFile
from workers.job import TaskId, TaskState
from workers.journal import WaitingTask
from workers.outcome import Failure, FailureKind, Skip, Success
from workers.snapshot import AttemptEnd, LaneSegment, Marker, MarkerKind, TaskRow
from workers.throughput import Throughput
from workers.wording import printable

# Beyond this many changed tasks a table reads its visible rows again anyway.
CHANGED_MOST: Final = 500
# A stalled window must not let the engine grow: the newest events are kept.
EVENTS_MOST: Final = 2000


class JobView:
    """The clock of a job, and its news for the next snapshot."""

    def __init__(self, elapsed_s: float) -> None:
        """Go on from the seconds that the job had been running before."""
        self.throughput = Throughput()
        self.throughput.pause(0.0)  # its clock stands until the job runs
        self.worked_s = 0.0
        self.notice = ""
        self._ran_before_s = elapsed_s
        self._ran_here_s = 0.0
        self._running_since: float | None = None
        self._markers: list[Marker] = []
        self._segments: defaultdict[int, list[LaneSegment]] = defaultdict(list)
        self._changed: list[TaskId] | None = []

    # ---- time

    def start_clock(self, now: float) -> None:
        """Count the time from now on as running time."""
        if self._running_since is None:
            self._running_since = now
            self.throughput.resume(now)

    def stop_clock(self, now: float) -> None:
        """Stop counting: paused or ended."""
        if self._running_since is not None:
            self._ran_here_s += now - self._running_since
            self._running_since = None
            self.throughput.pause(now)

    def elapsed(self, now: float) -> float:
        """Return the seconds the job has been running, pauses and closed times left out."""
        return self._ran_before_s + self._elapsed_here(now)

    def speed_up(self, now: float) -> float | None:
        """Return busy worker seconds over elapsed seconds since the engine took the job up."""
        elapsed = self._elapsed_here(now)
        return self.worked_s / elapsed if elapsed > 0.5 and self.worked_s else None

    def _elapsed_here(self, now: float) -> float:
        since = self._running_since
        return self._ran_here_s + (now - since if since is not None else 0.0)

    # ---- what happened

    def changed(self, task: TaskId) -> None:
        """Note that a row of the table looks different now."""
        if self._changed is not None:
            self._changed.append(task)
            if len(self._changed) > CHANGED_MOST:
                self._changed = None

    def all_changed(self) -> None:
        """Note that any row may look different now."""
        self._changed = None

    def task_ended(self, *, points: int, size: int, seconds: float, now: float) -> None:
        """Count a task that has ended into the rates; `points` is 1 for a file."""
        self.worked_s += seconds
        self.throughput.add(points, size, now)

    def lane_ended(self, lane: int, seconds: float, end: AttemptEnd, now: float) -> None:
        """Draw one more stretch on a lane."""
        segments = self._segments[lane]
        segments.append(LaneSegment(max(0.0, self.elapsed(now) - seconds), seconds, end))
        del segments[:-EVENTS_MOST]

    def mark(self, kind: MarkerKind, text: str, now: float) -> None:
        """Put a marker into the throughput plot."""
        self._markers.append(Marker(kind, self.elapsed(now), text))
        del self._markers[:-EVENTS_MOST]

    # ---- the news, handed out once

    def take_markers(self) -> tuple[Marker, ...]:
        """Return the markers since the last call."""
        taken, self._markers = tuple(self._markers), []
        return taken

    def take_segments(self, lane: int) -> tuple[LaneSegment, ...]:
        """Return what is new on a lane since the last call; it waits while nobody is on it."""
        return tuple(self._segments.pop(lane, ()))

    def take_changed(self) -> tuple[TaskId, ...] | None:
        """Return the changed tasks since the last call, None when too many to name."""
        taken = self._changed
        self._changed = []
        return None if taken is None else tuple(dict.fromkeys(taken))


def ended_row(name: str, given: WaitingTask, action: EndTask) -> TaskRow:
    """Return the row of a task that has just ended."""
    row = TaskRow(
        given.task,
        name,
        given.path,
        given.kind,
        given.size,
        TaskState.CANCELLED,
        attempts=action.attempts,
        seconds=action.seconds,
        points=given.points,
    )
    match action.outcome:
        case Success(outputs, bytes_out, warning, _, failed):
            return replace(
                row,
                state=TaskState.FAILED if failed else TaskState.SUCCEEDED,
                outputs=outputs,
                bytes_out=bytes_out,
                message=warning,
                has_warning=bool(warning) and not failed,
                failed_points=failed,
                failure=FailureKind.OPERATION_FAILED if failed else None,
            )
        case Failure(kind, message, detail):
            return replace(
                row, state=TaskState.FAILED, failure=kind, message=message, detail=detail
            )
        case Skip(message, outputs):
            return replace(row, state=TaskState.SKIPPED, message=message, outputs=outputs)
        case None:
            return row


def skipped_row(task: TaskId, file: FoundFile) -> TaskRow:
    """Return the row of a file that discovery passed over."""
    return TaskRow(
        task,
        printable(file.relative),
        file.path,
        file.kind,
        file.size,
        TaskState.SKIPPED,
        message=file.problem,
    )
