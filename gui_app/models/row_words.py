"""What the cells of the task table say; pure, no Qt."""

import enum
from pathlib import Path
from typing import Final

from workers import TaskRow, TaskState
from workers.wording import count_words, size_words, time_words


class Column(enum.IntEnum):
    """The columns of the task table, from the left."""

    STATE = 0
    NAME = 1
    BEFORE = 2
    AFTER = 3
    TIME = 4
    CHANGE = 5


HEADINGS: Final = {
    Column.STATE: "",
    Column.NAME: "Name",
    Column.BEFORE: "Before",
    Column.AFTER: "After",
    Column.TIME: "Time",
    Column.CHANGE: "Change",
}
_STATE_WORDS: Final = {
    TaskState.WAITING: "Waiting",
    TaskState.RUNNING: "Running",
    TaskState.SUCCEEDED: "Done",
    TaskState.FAILED: "Failed",
    TaskState.SKIPPED: "Skipped",
    TaskState.CANCELLED: "Cancelled",
}
_WITHOUT_RESULT: Final = (TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED)


def state_word(row: TaskRow) -> str:
    """Return the state as a word, for those who do not see its icon."""
    if row.state is TaskState.SUCCEEDED and row.has_warning:
        return "Done with a warning"
    return _STATE_WORDS[row.state]


def reason(row: TaskRow) -> str:
    """Return the sentence that takes the place of the numbers, empty where there are numbers."""
    if row.state not in _WITHOUT_RESULT:
        return ""
    return row.message or f"{_STATE_WORDS[row.state]}."


def warning(row: TaskRow) -> str:
    """Return what is worth knowing about a task that is done, or an empty text."""
    return row.message if row.state is TaskState.SUCCEEDED and row.has_warning else ""


def change_percent(row: TaskRow) -> int | None:
    """Return by how much the outputs are larger than the input, None where that says nothing."""
    if row.state is not TaskState.SUCCEEDED or row.size <= 0 or row.bytes_out <= 0:
        return None
    # Something is left: no output is smaller by all of its input.
    return max(round(100 * (row.bytes_out - row.size) / row.size), -99)


def cell_words(row: TaskRow, column: Column) -> str:
    """Return the text of a cell; the numbers of a row with a reason are empty."""
    match column:
        case Column.STATE:
            return ""
        case Column.NAME:
            return row.name
        case Column.BEFORE:
            return reason(row) or _before_words(row)
    if row.state is not TaskState.SUCCEEDED:
        return ""
    if column is Column.AFTER:
        return size_words(row.bytes_out) if row.bytes_out else ""
    if column is Column.TIME:
        return time_words(row.seconds)
    return change_words(change_percent(row))


def change_words(percent: int | None) -> str:
    """Return '−90 %', '+12 %', '0 %', or nothing."""
    if percent is None:
        return ""
    sign = "−" if percent < 0 else "+" if percent > 0 else ""
    return f"{sign}{abs(percent):,} %"


def place_of(row: TaskRow) -> Path | None:
    """Return a row's file; of what all files became together the output."""
    return row.path or next(iter(row.outputs), None)


def _before_words(row: TaskRow) -> str:
    if row.path is None and row.points == 1 and row.outputs:
        return ""  # what all files became: each has its own size
    if row.path is None:
        return count_words(row.points, "point")
    return size_words(row.size)
