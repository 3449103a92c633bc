"""What happened, in the past tense: the scheduler's input."""

from msgspec import Struct

from workers.job import TaskId, WorkerId
from workers.outcome import Failure, Outcome


class TasksOffered(Struct, frozen=True):
    """Tasks that wait in the journal were read for the scheduler's backlog."""

    tasks: tuple[TaskId, ...]


class LastTaskOffered(Struct, frozen=True):
    """The task that needs what all others make: it runs once they have ended."""

    task: TaskId


class TasksExpected(Struct, frozen=True):
    """More files are being searched for: the job does not end before TasksExhausted."""


class TasksExhausted(Struct, frozen=True):
    """No task will be offered any more: discovery ended and the journal has no waiting row."""


class WorkerReady(Struct, frozen=True):
    """A worker process has started and waits for its first task."""

    worker: WorkerId


class WorkerNotStarted(Struct, frozen=True):
    """The system refused one more process (too many open files, processes, no memory)."""

    reason: str


class AttemptEnded(Struct, frozen=True):
    """A worker reported how an attempt ended; `lane` is the worker's place in the window.

    `resident_bytes` is what its process holds now; `is_spent` says that the attempt left
    something behind (a thread, say) that only a new process is free of.
    """

    worker: WorkerId
    task: TaskId
    outcome: Outcome
    seconds: float
    lane: int = 0
    resident_bytes: int = 0
    is_spent: bool = False


class WorkerLost(Struct, frozen=True):
    """A worker process ended; `running` is the task its mark named, if any.

    `cause` says why we killed it (a deadline) or is None when it died by itself. `exit_code`
    is negative for a signal. `position` is the point of a sweep block that was running;
    `is_excused` says that the engine leaves that point out, so the block goes on uncharged.
    `detail` holds what the process printed last, a crash traceback among it. `silent_s` is set
    when it was ended because it did not get ready within so many seconds; `lacked_room` says that
    the system had too little for it to get ready.
    """

    worker: WorkerId
    exit_code: int
    running: TaskId | None
    was_ready: bool
    cause: Failure | None = None
    seconds: float = 0.0
    position: int = 0
    is_excused: bool = False
    detail: str = ""
    lane: int = 0
    silent_s: float = 0.0
    lacked_room: bool = False


class TaskReturned(Struct, frozen=True):
    """A worker gave back a task that it had not begun."""

    worker: WorkerId
    task: TaskId


class MemoryWanted(Struct, frozen=True):
    """A task will take so much memory at its peak; its worker waits until it is granted."""

    worker: WorkerId
    task: TaskId
    need_bytes: int


class MemoryChanged(Struct, frozen=True):
    """Memory on this computer has become scarce, or is no longer."""

    is_scarce: bool


class SetupRefused(Struct, frozen=True):
    """A worker could not prepare for the job (own code that fails to import, say)."""

    worker: WorkerId
    reason: str


class OutputBlocked(Struct, frozen=True):
    """No output can be written for now (disk full, drive gone); the task itself is not at fault."""

    worker: WorkerId
    task: TaskId
    reason: str


class WorkersResized(Struct, frozen=True):
    """A person (or the engine) set how many workers should run."""

    target: int


class WorkersOutdated(Struct, frozen=True):
    """What living workers were told of the job holds no longer, and they cannot be told anew."""


class JobPaused(Struct, frozen=True):
    """A person (empty reason) or the engine (a sentence) paused the job."""

    reason: str = ""


class JobContinued(Struct, frozen=True):
    """A person let the paused job go on."""


class JobCancelled(Struct, frozen=True):
    """A person ended the job."""


Event = (
    TasksOffered
    | LastTaskOffered
    | TasksExpected
    | TasksExhausted
    | WorkerReady
    | WorkerNotStarted
    | AttemptEnded
    | WorkerLost
    | TaskReturned
    | MemoryWanted
    | MemoryChanged
    | SetupRefused
    | OutputBlocked
    | WorkersResized
    | WorkersOutdated
    | JobPaused
    | JobContinued
    | JobCancelled
)
