"""Originals replaced, by mouse: ticked, asked about, done, and not remembered."""

import sys
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from gui_app.dialogs.replacing import ReplacingDialog
from gui_app.settings import load_choices
from tests.end_to_end.conftest import PATIENCE_MS, Person
from workers import JobState

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")


def asked(person: Person) -> ReplacingDialog:
    """Return the question, once it stands there."""

    def dialogs() -> list[ReplacingDialog]:
        found = person.app.window.findChildren(ReplacingDialog)
        return [dialog for dialog in found if dialog.isVisible()]

    person.qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=PATIENCE_MS)
    return dialogs()[0]


def agree(person: Person, question: ReplacingDialog) -> None:
    """Press the button that is not the default one."""
    buttons = question.findChildren(QPushButton)
    yes = next(button for button in buttons if button.text() == "Replace the originals")
    person.qtbot.mouseClick(yes, Qt.MouseButton.LeftButton)
    person.qtbot.waitUntil(lambda: not question.isVisible(), timeout=PATIENCE_MS)


def test_originals_are_replaced_only_after_a_yes(
    trash: Path, person: Person, tmp_path: Path
) -> None:
    """The trash comes first, so that the engine's process inherits it."""
    folder = tmp_path / "Holiday"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.effect_noise((3000, 2000), 90).convert("RGB").save(folder / name)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    person.drop(folder)
    person.until(lambda now: now.counts.waiting == 2 and not now.is_discovering)
    person.tick("Replace the originals")

    person.press("Start")
    question = asked(person)
    person.qtbot.keyClick(question, Qt.Key.Key_Return)
    person.qtbot.waitUntil(lambda: not question.isVisible(), timeout=PATIENCE_MS)
    assert person.last.state is JobState.DRAFT

    person.press("Start")
    agree(person, asked(person))
    end = person.until(lambda now: now.state.is_ended)
    assert end.counts.succeeded == 2
    footer = person.app.views.footer
    assert footer.sentences == ("Finished", "2 files in place of the originals")
    for name in before:
        with Image.open(folder / name) as picture:
            assert picture.size == (1024, 683)
    files = trash / "files"
    person.qtbot.waitUntil(
        lambda: files.is_dir() and {f.name: f.read_bytes() for f in files.iterdir()} == before,
        timeout=PATIENCE_MS,
    )
    person.press("New job")
    person.until(lambda now: now.state is JobState.EMPTY)
    assert not person.app.views.output_panel.choices.is_in_place
    assert not load_choices().outputs.is_in_place


def test_job_in_place_asks_before_it_runs_again_and_tells_the_next_one_nothing(
    trash: Path, person: Person, tmp_path: Path
) -> None:
    folder, other = tmp_path / "Holiday", tmp_path / "Work"
    for place in (folder, other):
        place.mkdir()
        Image.new("RGB", (3000, 2000)).save(place / "a.jpg")
    person.drop(folder)
    person.until(lambda now: now.counts.waiting == 1 and not now.is_discovering)
    person.tick("Replace the originals")
    person.press("Start")
    agree(person, asked(person))
    person.until(lambda now: now.state.is_ended)

    Image.new("RGB", (3000, 2000)).save(folder / "b.jpg")
    person.press("Run again")
    question = asked(person)
    assert person.last.state.is_ended
    agree(person, question)
    person.until(lambda now: now.state.is_ended and now.counts.total == 2)

    person.drop(other)
    person.until(lambda now: now.state is JobState.DRAFT and now.counts.waiting == 1)
    panel = person.app.views.output_panel
    assert not panel.choices.is_in_place
    assert "Work (Everycore)" in [label.text() for label in panel.findChildren(QLabel)]
