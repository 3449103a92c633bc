"""The engine of Everycore: the public frozen values, and nothing heavy.

Every worker process imports this package, and most need none of the values: each is loaded from
its module when somebody asks for it. Loaded at once, they cost a worker 27 ms of its start.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from workers.job import (
        Axis as Axis,
        InputFilter as InputFilter,
        JobId as JobId,
        JobSpec as JobSpec,
        JobState as JobState,
        Kind as Kind,
        OnExisting as OnExisting,
        ParameterValue as ParameterValue,
        Pipeline as Pipeline,
        Step as Step,
        Sweep as Sweep,
        TaskId as TaskId,
        TaskState as TaskState,
        WorkerId as WorkerId,
    )
    from workers.outcome import (
        Failure as Failure,
        FailureKind as FailureKind,
        Outcome as Outcome,
        Skip as Skip,
        Success as Success,
    )
    from workers.snapshot import (
        Counts as Counts,
        JobSnapshot as JobSnapshot,
        RowPage as RowPage,
        RowQuery as RowQuery,
        TaskRow as TaskRow,
    )

__version__ = "0.1.0"

_HOMES = {
    "workers.job": (
        "Axis",
        "InputFilter",
        "JobId",
        "JobSpec",
        "JobState",
        "Kind",
        "OnExisting",
        "ParameterValue",
        "Pipeline",
        "Step",
        "Sweep",
        "TaskId",
        "TaskState",
        "WorkerId",
    ),
    "workers.outcome": (
        "Failure",
        "FailureKind",
        "Outcome",
        "Skip",
        "Success",
    ),
    "workers.snapshot": (
        "Counts",
        "JobSnapshot",
        "RowPage",
        "RowQuery",
        "TaskRow",
    ),
}


def __getattr__(name: str) -> object:
    """Load a public value from its module."""
    import importlib

    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
