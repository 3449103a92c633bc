"""How an attempt ended: Success, Failure or Skip, as values.

A failure's kind has a stable code; its message is one sentence a person can act on.
"""

import enum
from pathlib import Path

from msgspec import Struct


class FailureKind(enum.Enum):
    """Why a task failed; the values are stable codes for reports and `--json`."""

    BAD_INPUT = "bad_input"
    OPERATION_FAILED = "operation_failed"
    WORKER_LOST = "worker_lost"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_FAILED = "output_failed"


class Salvaged(str):
    """The warning of an output that was made of what a damaged input still holds."""

    __slots__ = ()


class OutputCheck(Struct, frozen=True):
    """What an output was when it got its name: bytes, time of change, SHA-256 in hex.

    `input_sha256` is that of its input where the job tells inputs by their content, else empty.
    """

    size: int
    mtime_ns: int
    sha256: str
    input_sha256: str = ""


class Success(Struct, frozen=True):
    """The task's outputs stand under their final names, `checks` in the same order.

    `warning` is a sentence or empty. `values` holds a sweep block's results in the encoding of
    operations/sweep.py; `failed_points` how many of its points have no result.
    """

    outputs: tuple[Path, ...] = ()
    bytes_out: int = 0
    warning: str = ""
    values: bytes = b""
    failed_points: int = 0
    checks: tuple[OutputCheck, ...] = ()


class Failure(Struct, frozen=True):
    """The task has no output; `message` is one sentence, `detail` may hold a traceback.

    `is_limit` says that it is more than one task may ever take, however much memory is free.
    """

    kind: FailureKind
    message: str
    detail: str = ""
    is_limit: bool = False


class Skip(Struct, frozen=True):
    """The task was passed over on purpose; `message` says why in one sentence.

    Where an earlier job had made its outputs already, they are named with their checks.
    """

    message: str
    outputs: tuple[Path, ...] = ()
    checks: tuple[OutputCheck, ...] = ()


Outcome = Success | Failure | Skip


def lacks_memory(outcome: Outcome | None) -> bool:
    """Say whether an attempt failed since there was too little memory, which alone may suffice."""
    if not isinstance(outcome, Failure) or outcome.is_limit:
        return False
    return outcome.kind is FailureKind.OUT_OF_MEMORY
