"""The card of an ended job tells the truth, and whole numbers only."""

from functools import partial

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice
from gui_app.views.result_summary import ResultSummary
from workers import Counts, JobId, JobSnapshot, JobState, Pipeline, Step

FINISHED = JobSnapshot(
    1,
    JobId("one"),
    state=JobState.FINISHED,
    counts=Counts(0, 0, 3851, 0, 0),
    bytes_ended=26_900_000,
    bytes_out=6_800_000,
    speed_up=1.8,
)
CANCELLED = replace(FINISHED, state=JobState.CANCELLED, counts=Counts(0, 0, 3851, 0, 0, 16150))


@pytest.fixture
def summary(qtbot: QtBot, qapp: QApplication) -> ResultSummary:
    Theme(qapp, ThemeChoice.LIGHT)
    made = ResultSummary()
    qtbot.addWidget(made)
    made.resize(900, 80)
    made.show()
    qtbot.waitExposed(made)
    return made


def _words(summary: ResultSummary) -> list[str]:
    return [label.text() for label in summary.findChildren(QLabel) if label.isVisible()]


def test_finished_job_tells_what_was_saved(summary: ResultSummary) -> None:
    summary.apply(FINISHED)
    assert {"3,851", "26.9 MB → 6.8 MB", "75 % saved", "1.8×"} <= set(_words(summary))


def test_one_file_of_all_is_no_saving(summary: ResultSummary) -> None:
    merged = Pipeline("Merged", (Step("tables.merge"),))
    summary.apply(replace(FINISHED, pipeline=merged))
    assert "into one file" in _words(summary)
    assert not any("saved" in word for word in _words(summary))


def test_cancelled_job_claims_no_saving_on_what_it_never_read(summary: ResultSummary) -> None:
    summary.apply(CANCELLED)
    words = _words(summary)
    assert {"16,150", "not done", "6.8 MB", "written"} <= set(words)
    assert not any("saved" in word or "→" in word for word in words)


@pytest.mark.parametrize("width", [420, 480, 560, 900])
@pytest.mark.parametrize("snapshot", [FINISHED, CANCELLED], ids=["finished", "cancelled"])
def test_no_number_is_cut_off(
    qtbot: QtBot, summary: ResultSummary, snapshot: JobSnapshot, width: int
) -> None:
    summary.apply(snapshot)
    summary.resize(width, 80)
    qtbot.waitUntil(partial(_is_whole, summary))


def _is_whole(summary: ResultSummary) -> bool:
    labels = [label for label in summary.findChildren(QLabel) if label.isVisible()]
    return len(labels) > 2 and all(
        label.width() >= label.sizeHint().width()
        and label.mapTo(summary, label.rect().bottomRight()).x() < summary.width()
        for label in labels
    )
