"""The list of jobs: what it says, what can be done with each, Discard asks first."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.dialogs.jobs import JobsDialog
from gui_app.views.plain_label import PlainLabel
from workers import Counts, JobId, JobState
from workers.snapshot import JobEntry

FINISHED = JobEntry(
    JobId("done"),
    "Holiday",
    JobState.FINISHED,
    1_790_000_000.0,
    Counts(0, 0, 1281, 2, 1),
    "Shrink for sharing",
    Path("/out"),
    26.0,
)
STOPPED = replace(
    FINISHED, job=JobId("left"), name="Scans", state=JobState.STOPPED, counts=Counts(472, 0, 812)
)
RUNNING = replace(FINISHED, job=JobId("now"), name="Notes", state=JobState.RUNNING)
ENTRIES = (RUNNING, STOPPED, FINISHED)


@pytest.fixture
def dialog(qtbot: QtBot) -> JobsDialog:
    made = JobsDialog(ENTRIES)
    qtbot.addWidget(made)
    made.open()
    return made


def _button(dialog: JobsDialog, *texts: str) -> QPushButton:
    return next(each for each in dialog.findChildren(QPushButton) if each.text() in texts)


def test_each_job_says_name_state_counts_and_pipeline(dialog: JobsDialog) -> None:
    assert dialog.sentences[2].startswith(
        "Holiday · Finished · 1,281 of 1,284 done · 2 problems · 1 skipped · Shrink for sharing"
    )
    assert dialog.sentences[1].startswith("Scans · Stopped · 812 of 1,284 done")


def test_list_without_jobs_says_so(qtbot: QtBot) -> None:
    dialog = JobsDialog(())
    qtbot.addWidget(dialog)
    dialog.open()
    assert not any(shown.isVisible() for shown in dialog.findChildren(QListWidget))
    assert not _button(dialog, "Show results").isEnabled()


@pytest.mark.parametrize(
    ("entry", "can_continue", "can_discard"),
    [(RUNNING, False, False), (STOPPED, True, True), (FINISHED, False, True)],
    ids=lambda value: value.name if isinstance(value, JobEntry) else "",
)
def test_only_what_applies_can_be_pressed(
    dialog: JobsDialog, entry: JobEntry, can_continue: bool, can_discard: bool
) -> None:
    dialog.choose(entry.job)
    assert _button(dialog, "Continue").isEnabled() == can_continue
    assert _button(dialog, "Discard").isEnabled() == can_discard


def test_results_are_wanted_by_button_or_enter(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(FINISHED.job)
    with qtbot.waitSignal(dialog.results_wanted) as wanted:
        _button(dialog, "Show results").click()
    assert wanted.args == [FINISHED.job]
    assert not dialog.isVisible()
    dialog.open()
    with qtbot.waitSignal(dialog.results_wanted):
        qtbot.keyClick(dialog.findChild(QListWidget), Qt.Key.Key_Return)


def test_unfinished_job_is_continued(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(STOPPED.job)
    with qtbot.waitSignal(dialog.continue_wanted) as wanted:
        _button(dialog, "Continue").click()
    assert wanted.args == [STOPPED.job]


def test_discard_asks_before_it_is_told(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(STOPPED.job)
    with qtbot.assertNotEmitted(dialog.discard_wanted):
        _button(dialog, "Discard").click()
    with qtbot.waitSignal(dialog.discard_wanted) as wanted:
        _button(dialog, "Discard for good").click()
    assert wanted.args == [STOPPED.job]
    assert _button(dialog, "Discard").isEnabled()


def test_question_is_withdrawn_when_another_job_is_chosen(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(STOPPED.job)
    _button(dialog, "Discard").click()
    dialog.choose(FINISHED.job)
    dialog.choose(STOPPED.job)
    with qtbot.assertNotEmitted(dialog.discard_wanted):
        _button(dialog, "Discard").click()


def test_discarded_job_leaves_the_list_and_the_choice_stays(dialog: JobsDialog) -> None:
    dialog.choose(FINISHED.job)
    dialog.apply((RUNNING, FINISHED))
    assert len(dialog.sentences) == 2
    assert not _button(dialog, "Continue").isEnabled()
    assert _button(dialog, "Discard").isEnabled()


def test_news_of_other_jobs_keeps_the_question(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(STOPPED.job)
    _button(dialog, "Discard").click()
    dialog.apply((replace(RUNNING, state=JobState.FINISHED), STOPPED, FINISHED))
    with qtbot.waitSignal(dialog.discard_wanted):
        _button(dialog, "Discard for good").click()


def test_undo_asks_first_and_tells_the_job(qtbot: QtBot, dialog: JobsDialog) -> None:
    dialog.choose(FINISHED.job)
    told: list[JobId] = []
    dialog.undo_wanted.connect(told.append)
    _button(dialog, "Undo").click()
    assert told == []
    asked = [label.whole_text for label in dialog.findChildren(PlainLabel)]
    assert any(text.startswith("The 1,281 files that 'Holiday' wrote will go") for text in asked)
    _button(dialog, "Discard").click()  # another thought: it asks anew, and undoes nothing
    assert not [each for each in dialog.findChildren(QPushButton) if each.text() == "Undo this job"]
    _button(dialog, "Undo").click()
    _button(dialog, "Undo this job").click()
    assert told == [FINISHED.job]
    assert not dialog.isVisible()


def test_job_that_runs_or_made_nothing_cannot_be_undone(qtbot: QtBot) -> None:
    nothing = replace(FINISHED, job=JobId("none"), counts=Counts(0, 0, 0, 3))
    sweep = replace(FINISHED, job=JobId("sweep"), output=Path("/out/square.csv"))
    dialog = JobsDialog((RUNNING, nothing, sweep))
    qtbot.addWidget(dialog)
    for entry in (RUNNING, nothing, sweep):
        dialog.choose(entry.job)
        assert not _button(dialog, "Undo").isEnabled()
