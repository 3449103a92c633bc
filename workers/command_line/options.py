"""What a person asked for on the command line, as frozen values."""

from pathlib import Path

from msgspec import Struct

from workers.job import InputFilter, OnExisting, Sweep


class Following(Struct, frozen=True):
    """How a job is followed while it runs; `workers` None means every usable core."""

    workers: int | None = None
    report: Path | None = None
    is_json: bool = False
    is_quiet: bool = False


class Limits(Struct, frozen=True):
    """What an attempt may take and reach, and how often a lost worker's task is tried again.

    `sandboxed` None means a sandbox unless the job has own code.
    """

    timeout_s: float | None = None
    retries: int = 1
    sandboxed: bool | None = None


class RunOptions(Struct, frozen=True):
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


class MapOptions(Struct, frozen=True):
    """`everycore map`; `output` None means FUNCTION.csv in the current folder."""

    sweep: Sweep
    output: Path | None = None
    on_existing: OnExisting = OnExisting.SKIP
    limits: Limits = Limits()
    is_fresh: bool = False
    following: Following = Following()


class VerifyOptions(Struct, frozen=True):
    """`everycore verify`."""

    folder: Path
    is_json: bool = False


class JobsOptions(Struct, frozen=True):
    """`everycore jobs`."""

    is_json: bool = False


class ResumeOptions(Struct, frozen=True):
    """`everycore resume`; an empty job means the newest unfinished one."""

    job: str = ""
    following: Following = Following()


class RetryOptions(Struct, frozen=True):
    """`everycore retry`; `with_changed` also runs what is new or has changed."""

    job: str
    with_changed: bool = False
    following: Following = Following()


class DiscardOptions(Struct, frozen=True):
    """`everycore discard`."""

    job: str
    is_folder_gone: bool = False


class UndoOptions(Struct, frozen=True):
    """`everycore undo`."""

    job: str


class OperationsOptions(Struct, frozen=True):
    """`everycore operations`; an empty name lists all, a .py file tells what it declares."""

    name: str = ""


class PresetsOptions(Struct, frozen=True):
    """`everycore presets`; an empty name lists all."""

    name: str = ""


class DoctorOptions(Struct, frozen=True):
    """`everycore doctor`."""


class WindowOptions(Struct, frozen=True):
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
