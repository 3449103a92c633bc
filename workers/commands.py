"""What a person (window, terminal) asks of the engine. Frozen values, imperative names."""

from dataclasses import dataclass
from pathlib import Path

from workers.job import InputFilter, JobId, JobSpec, TaskId


@dataclass(frozen=True, slots=True)
class AddInputs:
    """Add files and folders to the open job; opens a new draft where none is open."""

    paths: tuple[Path, ...]
    filter: InputFilter = InputFilter()


@dataclass(frozen=True, slots=True)
class ClearInputs:
    """Close the open job: a draft is forgotten, an ended job stays in the history."""


@dataclass(frozen=True, slots=True)
class StartJob:
    """Run the open draft (or a sweep, which needs no inputs) as the spec says."""

    spec: JobSpec


@dataclass(frozen=True, slots=True)
class PauseJob:
    """Hand out no more tasks; running ones end."""


@dataclass(frozen=True, slots=True)
class ContinueJob:
    """Go on with a paused or stopped job."""


@dataclass(frozen=True, slots=True)
class CancelJob:
    """End the job now: running attempts are killed, all open tasks become cancelled."""


@dataclass(frozen=True, slots=True)
class StopWatching:
    """Take no more files into a job that watches; it ends once its open tasks are done."""


@dataclass(frozen=True, slots=True)
class ResizeWorkers:
    """Set how many workers run tasks; takes effect while the job runs."""

    count: int


@dataclass(frozen=True, slots=True)
class SetResponsive:
    """Run workers at low priority (True, the default) or at normal priority."""

    is_responsive: bool


@dataclass(frozen=True, slots=True)
class RetryTasks:
    """Run failed and cancelled tasks again; no ids means all of them."""

    tasks: tuple[TaskId, ...] = ()


@dataclass(frozen=True, slots=True)
class RunAgain:
    """Look at an ended job's inputs again: run what is new or has changed, and what failed."""


@dataclass(frozen=True, slots=True)
class OpenJob:
    """Open a journalled job; an unfinished one opens STOPPED, `ContinueJob` resumes it."""

    job: JobId


@dataclass(frozen=True, slots=True)
class DiscardJob:
    """Delete the journal of a job that is not running; its outputs stay."""

    job: JobId


@dataclass(frozen=True, slots=True)
class UndoJob:
    """Open a job that has ended, move its outputs to the trash, put back what they replaced."""

    job: JobId


@dataclass(frozen=True, slots=True)
class Attach:
    """Show everything anew: a window looks on that has seen nothing yet."""


@dataclass(frozen=True, slots=True)
class Detach:
    """Let the window go and carry on without one; then end when nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the workers and the engine; an unfinished job can be continued later."""


Command = (
    AddInputs
    | ClearInputs
    | StartJob
    | PauseJob
    | ContinueJob
    | CancelJob
    | StopWatching
    | ResizeWorkers
    | SetResponsive
    | RetryTasks
    | RunAgain
    | OpenJob
    | DiscardJob
    | UndoJob
    | Attach
    | Detach
    | Quit
)
