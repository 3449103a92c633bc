"""What a person (window, terminal) asks of the engine. Frozen values, imperative names."""

from pathlib import Path

from msgspec import Struct

from workers.job import InputFilter, JobId, JobSpec, TaskId


class AddInputs(Struct, frozen=True):
    """Add files and folders to the open job; opens a new draft where none is open."""

    paths: tuple[Path, ...]
    filter: InputFilter = InputFilter()


class ClearInputs(Struct, frozen=True):
    """Close the open job: a draft is forgotten, an ended job stays in the history."""


class StartJob(Struct, frozen=True):
    """Run the open draft (or a sweep, which needs no inputs) as the spec says."""

    spec: JobSpec


class PauseJob(Struct, frozen=True):
    """Hand out no more tasks; running ones end."""


class ContinueJob(Struct, frozen=True):
    """Go on with a paused or stopped job."""


class CancelJob(Struct, frozen=True):
    """End the job now: running attempts are killed, all open tasks become cancelled."""


class StopWatching(Struct, frozen=True):
    """Take no more files into a job that watches; it ends once its open tasks are done."""


class ResizeWorkers(Struct, frozen=True):
    """Set how many workers run tasks; takes effect while the job runs."""

    count: int


class SetResponsive(Struct, frozen=True):
    """Run workers at low priority (True, the default) or at normal priority."""

    is_responsive: bool


class RetryTasks(Struct, frozen=True):
    """Run failed and cancelled tasks again; no ids means all of them."""

    tasks: tuple[TaskId, ...] = ()


class RunAgain(Struct, frozen=True):
    """Look at an ended job's inputs again: run what is new or has changed, and what failed."""


class OpenJob(Struct, frozen=True):
    """Open a journalled job; an unfinished one opens STOPPED, `ContinueJob` resumes it."""

    job: JobId


class DiscardJob(Struct, frozen=True):
    """Delete the journal of a job that is not running; its outputs stay."""

    job: JobId


class UndoJob(Struct, frozen=True):
    """Open a job that has ended, move its outputs to the trash, put back what they replaced."""

    job: JobId


class Attach(Struct, frozen=True):
    """Show everything anew: a window looks on that has seen nothing yet."""


class Detach(Struct, frozen=True):
    """Let the window go and carry on without one; then end when nothing is left to do."""


class Quit(Struct, frozen=True):
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
