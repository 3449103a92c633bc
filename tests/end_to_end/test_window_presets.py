"""Presets kept, dropped, exported and forgotten in the window."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from gui_app.dialogs.preset_name import PresetNameDialog
from gui_app.views.choice_box import ChoiceBox
from tests.end_to_end.conftest import PATIENCE_MS, Person
from workers import JobState, Pipeline, Step
from workers.folders import presets_folder
from workers.pipeline import dump_pipeline, load_pipeline

SMALL = Pipeline("Only small", (Step("images.resize", {"mode": "long_edge", "edge": 200}),))


def listed(person: Person) -> list[str]:
    """Return the presets in the list."""
    box = person.app.views.pipeline_panel.findChild(ChoiceBox)
    assert box is not None
    return [box.itemText(row) for row in range(box.count())]


def choose(person: Person, text: str) -> None:
    """Choose from the menu beside the list."""
    menu = person.app.views.pipeline_panel._preset_menu
    menu.aboutToShow.emit()
    action = next(each for each in menu.actions() if each.text() == text)
    assert action.isEnabled()
    action.trigger()


def test_dropped_preset_is_used_and_kept(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "from a friend.toml"
    file.write_text(dump_pipeline(SMALL))
    person.drop(file)
    panel = person.app.views.pipeline_panel
    person.qtbot.waitUntil(lambda: panel.pipeline.name == "Only small", timeout=PATIENCE_MS)
    assert panel.pipeline.steps == SMALL.steps
    assert "Only small" in listed(person)
    assert load_pipeline("only-small").steps == SMALL.steps
    assert person.last.state is JobState.EMPTY


def test_dropped_file_that_is_no_preset_gets_a_sentence(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[tool]\nx = 1\n")
    person.drop(file)
    notice = person.app.views.notice_bar
    person.qtbot.waitUntil(notice.isVisible, timeout=PATIENCE_MS)
    assert "other.toml" in notice.sentence
    assert list(presets_folder().iterdir()) == []


def test_pipeline_is_saved_under_a_name_and_forgotten(person: Person) -> None:
    choose(person, "Save as preset…")
    window = person.app.window
    person.qtbot.waitUntil(lambda: bool(window.findChildren(PresetNameDialog)), timeout=PATIENCE_MS)
    (dialog,) = window.findChildren(PresetNameDialog)
    dialog.field.selectAll()
    person.qtbot.keyClicks(dialog.field, "For the garden")
    save = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Save")
    person.qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    person.qtbot.waitUntil(lambda: "For the garden" in listed(person), timeout=PATIENCE_MS)
    assert load_pipeline("for-the-garden").steps == load_pipeline("shrink-for-sharing").steps
    choose(person, "Forget this preset")
    person.qtbot.waitUntil(lambda: list(presets_folder().iterdir()) == [], timeout=PATIENCE_MS)
    assert person.app.views.pipeline_panel.pipeline.steps
