"""What a person asked for on the command line, as frozen values."""

from dataclasses import dataclass
from pathlib import Path

from workers.job import InputFilter, OnExisting, Sweep


@dataclass(frozen=True, slots=True)
class Following:
    """How a job is followed while it runs; `workers` None means every usable core."""

    workers: int | None = None
    report: Path | None = None
    is_json: bool = False
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What an attempt may take and reach, and how often a lost worker's task is tried again.

    `sandboxed` None means a sandbox unless the job has own code.
    """

    timeout_s: float | None = None
    retries: int = 1
    sandboxed: bool | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`everycore run`; `output` None means a new folder beside the inputs, or in place."""

    pipeline: str
    inputs: tuple[Path, ...]
    output: Path | None = None
    on_existing: OnExisting = OnExisting.SKIP
    filter: InputFilter = InputFilter()
    limits: Limits = Limits()
    is_fresh: bool = False
    is_redone: bool = False
    has_manifest: bool = False
    names: str = ""
    keeps_dates: bool = False
    is_in_place: bool = False
    only_smaller: bool = False
    by_content: bool = False
    is_watching: bool = False
    is_trusting: bool = False
    following: Following = Following()


@dataclass(frozen=True, slots=True)
class MapOptions:
    """`everycore map`; `output` None means FUNCTION.csv in the current folder."""

    sweep: Sweep
    output: Path | None = None
    on_existing: OnExisting = OnExisting.SKIP
    limits: Limits = Limits()
    is_fresh: bool = False
    following: Following = Following()


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """`everycore verify`."""

    folder: Path
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class JobsOptions:
    """`everycore jobs`."""

    is_json: bool = False


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """`everycore resume`; an empty job means the newest unfinished one."""

    job: str = ""
    following: Following = Following()


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """`everycore retry`; `with_changed` also runs what is new or has changed."""

    job: str
    with_changed: bool = False
    following: Following = Following()


@dataclass(frozen=True, slots=True)
class DiscardOptions:
    """`everycore discard`."""

    job: str
    is_folder_gone: bool = False


@dataclass(frozen=True, slots=True)
class UndoOptions:
    """`everycore undo`."""

    job: str


@dataclass(frozen=True, slots=True)
class OperationsOptions:
    """`everycore operations`; an empty name lists all, a .py file tells what it declares."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class PresetsOptions:
    """`everycore presets`; an empty name lists all."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """`everycore doctor`."""


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """A bare `everycore`."""


Options = (
    RunOptions
    | MapOptions
    | JobsOptions
    | ResumeOptions
    | RetryOptions
    | DiscardOptions
    | UndoOptions
    | VerifyOptions
    | OperationsOptions
    | PresetsOptions
    | DoctorOptions
    | WindowOptions
)
