"""What the engine shows of a job: the snapshot and the rows of the task table."""

import enum
from pathlib import Path

from msgspec import Struct

from workers.job import JobId, JobState, Kind, Pipeline, Sweep, TaskId, TaskState, WorkerId
from workers.outcome import FailureKind


class Counts(Struct, frozen=True):
    """How many tasks (for a sweep: points) stand in each state; they add up to `total`."""

    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """Return the number of all tasks known so far."""
        return self.waiting + self.running + self.ended

    @property
    def ended(self) -> int:
        """Return the number of tasks in a final state."""
        return self.succeeded + self.failed + self.skipped + self.cancelled


class WorkerState(enum.Enum):
    """What a worker process does now."""

    STARTING = "starting"
    IDLE = "idle"
    RUNNING = "running"
    LEAVING = "leaving"


class AttemptEnd(enum.Enum):
    """How a stretch of a worker's lane ended."""

    DONE = "done"
    FAILED = "failed"
    CRASHED = "crashed"


class LaneSegment(Struct, frozen=True):
    """One ended attempt on a worker's lane; times in seconds since the job's start."""

    started_s: float
    seconds: float
    end: AttemptEnd


class Lane(Struct, frozen=True):
    """A worker and what it is on; `segments` are those ended since the last snapshot.

    `worker` numbers the lanes from 1; the replacement of a lost worker takes over its number.
    `limit_s` is how long its task may take, None without a limit.
    """

    worker: WorkerId
    pid: int
    state: WorkerState
    name: str = ""
    running_s: float = 0.0
    segments: tuple[LaneSegment, ...] = ()
    limit_s: float | None = None


class MarkerKind(enum.Enum):
    """What a vertical line in the throughput plot tells."""

    RESIZED = "resized"
    PAUSED = "paused"
    CONTINUED = "continued"
    CRASHED = "crashed"
    RETRIED = "retried"


class Marker(Struct, frozen=True):
    """Something that happened at `at_s` seconds since the job's start; `text` is short."""

    kind: MarkerKind
    at_s: float
    text: str


class JobSnapshot(Struct, frozen=True):
    """Immutable view of the open job.

    Cumulative but for `markers`, `changed_tasks` and the lanes' segments, which hold what is
    new since the last snapshot. `changed_tasks` is None when too many changed to name.
    `notice` is the latest sentence worth an amber line, `pause_reason` a sentence when the
    engine paused by itself, `refusal` why the last command was not carried out.
    `is_discovering` says that what was dropped is being looked for, `is_watching` that the job
    stays open for what comes, `is_in_place` that outputs take the places of their inputs.
    `remaining_s` is (low, high). Loads are percent per core. Rates cover the last seconds.
    `speed_up` is busy worker seconds over elapsed seconds. `output`, `pipeline` and `sweep` are
    those the job was started with, None before.
    """

    sequence: int
    job: JobId | None = None
    name: str = ""
    state: JobState = JobState.EMPTY
    is_discovering: bool = False
    is_watching: bool = False
    counts: Counts = Counts()
    warnings: int = 0
    bytes_total: int = 0
    bytes_ended: int = 0
    bytes_out: int = 0
    elapsed_s: float = 0.0
    remaining_s: tuple[float, float] | None = None
    tasks_per_s: float = 0.0
    bytes_per_s: float = 0.0
    speed_up: float | None = None
    workers_target: int = 0
    workers_maximum: int = 1
    is_responsive: bool = True
    lanes: tuple[Lane, ...] = ()
    core_loads: tuple[float, ...] = ()
    memory_free: int = 0
    markers: tuple[Marker, ...] = ()
    notice: str = ""
    pause_reason: str = ""
    refusal: str = ""
    changed_tasks: tuple[TaskId, ...] | None = ()
    output: Path | None = None
    pipeline: Pipeline | None = None
    is_in_place: bool = False
    sweep: Sweep | None = None

    @property
    def unit(self) -> str:
        """Return the word for what is counted: a file, or a point of a sweep."""
        return "file" if self.sweep is None else "point"

    @property
    def is_resting(self) -> bool:
        """Say whether the job only waits for files to come."""
        if not self.is_watching or self.is_discovering or self.state is not JobState.RUNNING:
            return False
        return self.counts.ended == self.counts.total


class TaskRow(Struct, frozen=True):
    """One task as tables and reports show it.

    `name` is printable (escaped); `path` is the true one, None for a sweep block. `size` and
    `bytes_out` in bytes, `seconds` of its last attempt, which ran on `worker`.
    """

    task: TaskId
    name: str
    path: Path | None
    kind: Kind
    size: int
    state: TaskState
    attempts: int = 0
    seconds: float = 0.0
    bytes_out: int = 0
    outputs: tuple[Path, ...] = ()
    message: str = ""
    detail: str = ""
    failure: FailureKind | None = None
    has_warning: bool = False
    points: int = 1
    failed_points: int = 0
    worker: int | None = None


class RowSort(enum.Enum):
    """The order of rows; PROBLEMS_FIRST puts failed, then skipped rows on top."""

    ADDED = "added"
    NAME = "name"
    SIZE = "size"
    BYTES_OUT = "bytes_out"
    SECONDS = "seconds"
    STATE = "state"
    PROBLEMS_FIRST = "problems_first"


class RowQuery(Struct, frozen=True):
    """Which rows a table wants: [first, first + count) of those that match, in order.

    `states` empty means all; `text` is searched in the name, case-insensitive.
    """

    first: int
    count: int
    states: tuple[TaskState, ...] = ()
    text: str = ""
    sort: RowSort = RowSort.ADDED
    is_descending: bool = False


class RowPage(Struct, frozen=True):
    """The answer to a query; `matches` counts all rows that match it."""

    job: JobId
    query: RowQuery
    matches: int
    rows: tuple[TaskRow, ...]


class JobEntry(Struct, frozen=True):
    """One line of the job history. `created_at` in seconds since the epoch."""

    job: JobId
    name: str
    state: JobState
    created_at: float
    counts: Counts
    pipeline_name: str
    output: Path | None
    elapsed_s: float = 0.0
