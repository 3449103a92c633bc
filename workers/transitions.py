"""The states of a task and what leads from one to another, as a table; pure."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from workers.job import TaskState
from workers.outcome import Failure, Outcome, Skip, Success


class Cause(enum.Enum):
    """Why a task changes its state."""

    DISPATCHED = "dispatched"
    HANDED_BACK = "handed back"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


_S: Final = TaskState
TRANSITIONS: Final[Mapping[tuple[TaskState, Cause], TaskState]] = MappingProxyType(
    {
        (_S.WAITING, Cause.DISPATCHED): _S.RUNNING,
        (_S.WAITING, Cause.CANCELLED): _S.CANCELLED,
        (_S.RUNNING, Cause.HANDED_BACK): _S.WAITING,
        (_S.RUNNING, Cause.SUCCEEDED): _S.SUCCEEDED,
        (_S.RUNNING, Cause.FAILED): _S.FAILED,
        (_S.RUNNING, Cause.SKIPPED): _S.SKIPPED,
        (_S.RUNNING, Cause.CANCELLED): _S.CANCELLED,
    }
)


def cause_of(outcome: Outcome | None) -> Cause:
    """Return what an outcome does to a running task; None stands for a cancelled one."""
    match outcome:
        case Success():
            return Cause.SUCCEEDED
        case Failure():
            return Cause.FAILED
        case Skip():
            return Cause.SKIPPED
        case None:
            return Cause.CANCELLED
