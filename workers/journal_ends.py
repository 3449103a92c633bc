"""How an outcome stands in a task's row."""

from typing import Final, NamedTuple

from workers.journal_schema import CANCELLED, FAILED, SKIPPED, SUCCEEDED, encoded, encoded_paths
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.wording import count_words

_MESSAGE_LIMIT: Final = 2_000
_DETAIL_LIMIT: Final = 16_000


class End(NamedTuple):
    """The columns an outcome fills."""

    state: int
    message: str = ""
    detail: str = ""
    failure: str | None = None
    outputs: bytes | None = None
    checks: bytes | None = None
    bytes_out: int = 0
    has_warning: bool = False
    failed_points: int = 0
    values: bytes = b""


def end_of(outcome: Outcome | None, points: int) -> End:
    """Return how a task of so many points ends; None means cancelled.

    A sweep block with points that have no result ends FAILED and keeps the others' values.
    """
    match outcome:
        case Success():
            return _end_of_success(outcome, points)
        case None:
            return End(CANCELLED)
        case Skip(message, outputs, checks):
            return End(
                SKIPPED,
                storable(message, _MESSAGE_LIMIT),
                outputs=encoded_paths(outputs) or None,
                checks=encoded(checks) if checks else None,
            )
        case Failure(kind, message, detail):
            return End(
                FAILED,
                storable(message, _MESSAGE_LIMIT),
                storable(detail, _DETAIL_LIMIT),
                kind.value,
            )


def _end_of_success(outcome: Success, points: int) -> End:
    message = storable(outcome.warning, _MESSAGE_LIMIT)
    outputs = encoded_paths(outcome.outputs) or None
    if outcome.failed_points:
        failed = f"{outcome.failed_points:,} of {count_words(points, 'point')} have no result."
        return End(
            FAILED,
            message or failed,
            failure=FailureKind.OPERATION_FAILED.value,
            outputs=outputs,
            bytes_out=outcome.bytes_out,
            failed_points=min(outcome.failed_points, points),
            values=outcome.values,
        )
    checks = encoded(outcome.checks) if outcome.checks else None
    return End(
        SUCCEEDED,
        message,
        "",
        None,
        outputs,
        checks,
        outcome.bytes_out,
        bool(message),
        0,
        outcome.values,
    )


def storable(text: str, limit: int = _MESSAGE_LIMIT) -> str:
    """Return text that SQLite takes: undecodable bytes escaped, the middle cut when too long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n[...]\n{text[-limit // 2 :]}"
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
