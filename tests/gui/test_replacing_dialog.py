"""The question before originals are replaced: how many, whose, and how to get them back."""

import sys

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gui_app.dialogs.replacing import ReplacingDialog, consequence_words, title_words
from gui_app.views.plain_label import PlainLabel
from workers import Counts, JobId, JobSnapshot, JobState

DRAFT = JobSnapshot(1, JobId("j"), "Holiday", JobState.DRAFT, counts=Counts(waiting=312))
SEARCHING = replace(DRAFT, is_discovering=True)
EMPTY = replace(DRAFT, counts=Counts())
ENDED = replace(DRAFT, state=JobState.FINISHED, counts=Counts(succeeded=312), is_in_place=True)


@pytest.mark.parametrize(
    ("snapshot", "title"),
    [
        (DRAFT, "Replace 312 files in Holiday?"),
        (SEARCHING, "Replace all files in Holiday? (312 found so far)"),
        (EMPTY, "Replace all files in Holiday?"),
        (ENDED, "Replace files in Holiday again?"),
        (replace(ENDED, state=JobState.CANCELLED), "Replace files in Holiday again?"),
    ],
)
def test_question_names_a_number_only_when_it_is_known(snapshot: JobSnapshot, title: str) -> None:
    assert title_words(snapshot) == title


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("linux", "Undo in the list of jobs puts the originals back"),
        ("win32", "They lie in the recycle bin."),
        ("darwin", "They lie in the trash."),
    ],
)
def test_promise_is_what_the_system_can_keep(
    monkeypatch: pytest.MonkeyPatch, platform: str, words: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        said = consequence_words(is_watching=False)
    assert words in said
    assert ("Undo" in said) is (platform == "linux")


def test_files_that_come_are_named_when_the_job_is_to_watch(qtbot: QtBot) -> None:
    dialog = ReplacingDialog(DRAFT, is_watching=True)
    qtbot.addWidget(dialog)
    words = " ".join(label.whole_text for label in dialog.findChildren(PlainLabel))
    assert "Files that come later are replaced, too." in words
    assert "come later" not in consequence_words(is_watching=False)
    safe = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Cancel")
    assert safe.isDefault()
