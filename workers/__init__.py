"""The engine of Everycore: the public frozen values, and nothing heavy.

Every worker process imports this module, so it may import only the light standard library.
"""

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
