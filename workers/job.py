"""The values that describe a job: its tasks, its inputs, what is done with them.

Frozen, light to import and the same in the window, the engine and the workers.
"""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import NewType

from msgspec import Struct, field

JobId = NewType("JobId", str)
TaskId = NewType("TaskId", int)
WorkerId = NewType("WorkerId", int)

ParameterValue = bool | int | float | str


class TaskState(enum.Enum):
    """Where a task stands; the last four are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Say whether nothing more happens to a task in this state."""
        return self not in (TaskState.WAITING, TaskState.RUNNING)


class JobState(enum.Enum):
    """Where a job stands.

    EMPTY has no inputs, DRAFT has inputs and waits for Start, STOPPED was left unfinished
    (closed, killed, interrupted) and can be continued.
    """

    EMPTY = "empty"
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Say whether the job has run to its end."""
        return self in (JobState.FINISHED, JobState.CANCELLED)


class Kind(enum.Enum):
    """What an input is, and what an operation reads."""

    # The usual hash of a member runs Python, a million times over for a million files.
    __hash__ = object.__hash__

    IMAGE = "image"
    TABLE = "table"
    ARRAY = "array"
    ANY = "any"


class OnExisting(enum.Enum):
    """What happens when an output's name is taken by a file that was there before the job."""

    SKIP = "skip"
    RENAME = "rename"
    REPLACE = "replace"


class Step(Struct, frozen=True):
    """One operation with its parameter values; `file` is set for own code only."""

    operation: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    file: Path | None = None


class Pipeline(Struct, frozen=True):
    """Ordered steps; `id` is the preset's file name without suffix, or empty."""

    name: str
    steps: tuple[Step, ...]
    description: str = ""
    id: str = ""


class Axis(Struct, frozen=True):
    """One range of a sweep: start, start + step, ... below stop (all ints, or all floats).

    Else the listed `values`; or so many `samples`, uniform from start to below stop, the same for
    the same seed.
    """

    name: str
    start: float | int = 0
    stop: float | int = 0
    step: float | int = 1
    values: tuple[float | int, ...] = ()
    samples: int = 0
    seed: int = 0


class Sweep(Struct, frozen=True):
    """A function of a .py file over the grid product of its axes, the last axis fastest."""

    file: Path
    function: str
    axes: tuple[Axis, ...]


class JobSpec(Struct, frozen=True):
    """What a job does, fixed at its start.

    Exactly one of `pipeline` and `sweep` is set. `output` is a folder for a pipeline, a file
    for a sweep. `retries` counts further attempts after a worker was lost. `trusted` holds the
    SHA-256 hex digests of the .py files that the person allowed to run. `sandboxed` None means
    a sandbox for workers unless they run own code. `redo` makes outputs anew also where nothing
    has changed since an earlier job made them; `manifest` leaves a list of them in the folder.
    `names` is a template for outputs' names, see name_template.py; `keeps_dates` gives an output
    the times of its input. `is_in_place` puts each output in the place of its input, which goes to
    the trash; `output` is then the folder they lie in. `only_smaller` keeps the original where the
    output would not be smaller. `by_content` tells inputs that have not changed by their SHA-256.
    `is_watching` lets the job stay open for files that come or change.
    """

    output: Path
    pipeline: Pipeline | None = None
    sweep: Sweep | None = None
    on_existing: OnExisting = OnExisting.SKIP
    timeout_s: float | None = None
    retries: int = 1
    trusted: tuple[str, ...] = ()
    sandboxed: bool | None = None
    redo: bool = False
    manifest: bool = False
    names: str = ""
    keeps_dates: bool = False
    is_in_place: bool = False
    only_smaller: bool = False
    by_content: bool = False
    is_watching: bool = False


class InputFilter(Struct, frozen=True):
    """Which files of a folder become tasks; globs match the path below the dropped folder."""

    is_recursive: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
