"""The question before a job under way loses its window."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.dialogs.leaving import LeavingDialog
from workers import Counts, JobId, JobSnapshot, JobState

RUNNING = JobSnapshot(
    1, JobId("j"), "Holiday <b>", JobState.RUNNING, counts=Counts(400, 4, 800, 5, 3)
)


@pytest.fixture
def dialog(qtbot: QtBot) -> LeavingDialog:
    return opened(qtbot, RUNNING)


def opened(qtbot: QtBot, snapshot: JobSnapshot) -> LeavingDialog:
    dialog = LeavingDialog(snapshot)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def words(dialog: LeavingDialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel)]


def button(dialog: LeavingDialog, text: str) -> QPushButton:
    return next(each for each in dialog.findChildren(QPushButton) if each.text() == text)


def test_question_says_which_job_and_how_far_it_is(dialog: LeavingDialog) -> None:
    title, sentence = words(dialog)
    assert title == "'Holiday <b>' is still running"
    assert sentence.startswith("808 of 1,212 are done.")


def test_paused_job_is_told_to_continue(qtbot: QtBot) -> None:
    title, sentence = words(opened(qtbot, replace(RUNNING, state=JobState.PAUSED)))
    assert title.endswith("is paused")
    assert "continue now, without the window" in sentence


def test_return_keeps_the_job_running(qtbot: QtBot, dialog: LeavingDialog) -> None:
    with qtbot.waitSignal(dialog.keep_running_chosen):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert not dialog.isVisible()


def test_stop_is_told(qtbot: QtBot, dialog: LeavingDialog) -> None:
    with qtbot.waitSignal(dialog.stop_chosen), qtbot.assertNotEmitted(dialog.keep_running_chosen):
        qtbot.mouseClick(button(dialog, "Stop and continue later"), Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


@pytest.mark.parametrize("is_by_key", [True, False])
def test_cancel_and_escape_choose_nothing(
    qtbot: QtBot, dialog: LeavingDialog, is_by_key: bool
) -> None:
    with (
        qtbot.waitSignal(dialog.rejected),
        qtbot.assertNotEmitted(dialog.stop_chosen),
        qtbot.assertNotEmitted(dialog.keep_running_chosen),
    ):
        if is_by_key:
            qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        else:
            button(dialog, "Cancel").click()
