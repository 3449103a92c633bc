"""What the cells of the task table say."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gui_app.models.row_words import Column, cell_words, reason, warning
from workers import Kind, TaskId, TaskRow, TaskState

ROW = TaskRow(
    TaskId(1), "IMG_0001.jpg", Path("/in/IMG_0001.jpg"), Kind.IMAGE, 5_000_000, TaskState.WAITING
)
DONE = replace(ROW, state=TaskState.SUCCEEDED, seconds=0.09, bytes_out=500_000)


def test_done_row_says_sizes_time_and_change() -> None:
    assert [cell_words(DONE, column) for column in Column] == [
        "",
        "IMG_0001.jpg",
        "5.0 MB",
        "500 kB",
        "0.09 s",
        "−90 %",
    ]


@pytest.mark.parametrize(
    ("bytes_out", "words"),
    [(6_000_000, "+20 %"), (5_000_000, "0 %"), (0, ""), (100_000_000, "+1,900 %"), (9, "−99 %")],
)
def test_change_has_a_sign_where_there_is_one(bytes_out: int, words: str) -> None:
    assert cell_words(replace(DONE, bytes_out=bytes_out), Column.CHANGE) == words


def test_row_that_has_not_ended_says_its_size_alone() -> None:
    for state in (TaskState.WAITING, TaskState.RUNNING):
        row = replace(ROW, state=state, seconds=3.0)
        shown = [cell_words(row, column) for column in Column if column > Column.NAME]
        assert shown == ["5.0 MB", "", "", ""]


def test_reason_takes_the_place_of_the_numbers() -> None:
    row = replace(ROW, state=TaskState.FAILED, message="The file is empty.", seconds=3.0)
    shown = [cell_words(row, column) for column in Column if column > Column.NAME]
    assert shown == ["The file is empty.", "", "", ""]


def test_cancelled_row_has_a_reason_without_a_message() -> None:
    assert reason(replace(ROW, state=TaskState.CANCELLED)) == "Cancelled."


def test_warning_is_no_reason() -> None:
    row = replace(DONE, message="The profile was left out.", has_warning=True)
    assert (reason(row), warning(row)) == ("", "The profile was left out.")
    assert cell_words(row, Column.AFTER) == "500 kB"


def test_sweep_block_says_how_many_points_it_has() -> None:
    row = replace(ROW, path=None, points=244, size=0)
    assert cell_words(row, Column.BEFORE) == "244 points"
