"""The output folder: beside the input by default, changed by hand, fixed while the job runs."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.output_choices import OutputChoices
from gui_app.views.output_panel import OutputPanel
from gui_app.views.plain_label import PlainLabel
from workers import JobSnapshot, JobState, OnExisting

PLANNED = Path("/home/me/Holiday (Everycore)")
CHOSEN = Path("/home/me/Out")


@pytest.fixture
def panel(qtbot: QtBot) -> OutputPanel:
    made = OutputPanel()
    qtbot.addWidget(made)
    made.resize(238, 160)
    made.show()
    return made


def _words(panel: OutputPanel) -> list[str]:
    return [label.whole_text for label in panel.findChildren(PlainLabel)]


def _button(panel: OutputPanel, start: str) -> QPushButton:
    return next(each for each in panel.findChildren(QPushButton) if each.text().startswith(start))


def test_says_beside_the_dropped_folder_until_one_is_known(panel: OutputPanel) -> None:
    assert "Beside the dropped folder" in _words(panel)
    panel.apply(JobSnapshot(1, state=JobState.DRAFT))
    panel.apply_beside(PLANNED)
    assert PLANNED.name in _words(panel)
    assert not _button(panel, "Put them").isVisible()


def test_chosen_folder_can_be_taken_back(qtbot: QtBot, panel: OutputPanel) -> None:
    panel.apply_output(CHOSEN)
    with qtbot.waitSignal(panel.output_chosen) as told:
        _button(panel, "Put them").click()
    assert told.args == [None]
    panel.apply_output(None)
    assert not _button(panel, "Put them").isVisible()


def test_running_job_shows_its_folder_and_allows_no_change(panel: OutputPanel) -> None:
    panel.apply(JobSnapshot(1, state=JobState.RUNNING, output=PLANNED))
    assert PLANNED.name in _words(panel)
    assert not _button(panel, "Change").isEnabled()


def test_choice_on_existing_files_is_told(qtbot: QtBot, panel: OutputPanel) -> None:
    box = panel.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    with qtbot.waitSignal(panel.on_existing_chosen) as told:
        box.setCurrentIndex(1)
        box.activated.emit(1)
    assert told.args == [OnExisting.RENAME]
    panel.apply_on_existing(OnExisting.REPLACE)
    assert box.currentText() == "Replace existing files"


def test_names_are_told_as_they_are_typed_and_fixed_while_the_job_runs(
    qtbot: QtBot, panel: OutputPanel
) -> None:
    field = panel.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    assert not field.isVisible()
    _button(panel, "More").click()
    assert field.isVisible()
    told: list[OutputChoices] = []
    panel.choices_changed.connect(told.append)
    qtbot.keyClicks(field, "{n}")
    assert [choices.names for choices in told] == ["{", "{n", "{n}"]
    panel.apply_names("The name '{n}' has a field {n}.", is_wrong=True)
    assert "The name '{n}' has a field {n}." in _words(panel)
    field.clear()
    assert told[-1].names == ""
    panel.apply(JobSnapshot(1, state=JobState.RUNNING, output=PLANNED))
    assert not field.isEnabled()


def _box(panel: OutputPanel, start: str) -> QCheckBox:
    return next(each for each in panel.findChildren(QCheckBox) if each.text().startswith(start))


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        ("Keep the dates", OutputChoices(keeps_dates=True)),
        ("Keep what would not", OutputChoices(only_smaller=True)),
        ("Watch", OutputChoices(is_watching=True)),
        ("Replace", OutputChoices(is_in_place=True)),
    ],
)
def test_choice_is_told_shown_and_fixed_while_the_job_runs(
    qtbot: QtBot, panel: OutputPanel, words: str, choices: OutputChoices
) -> None:
    box = _box(panel, words)
    assert not box.isVisible()
    _button(panel, "More").click()
    with qtbot.waitSignal(panel.choices_changed) as told:
        box.click()
    assert told.args == [choices]
    panel.apply_choices(OutputChoices("{name}"))
    assert not box.isChecked()
    panel.apply_choices(choices)
    assert panel.choices == choices
    assert box.isChecked()
    panel.apply(JobSnapshot(1, state=JobState.RUNNING, output=PLANNED))
    assert not box.isEnabled()


def test_choices_that_are_not_the_usual_ones_are_shown(panel: OutputPanel) -> None:
    panel.apply_choices(OutputChoices())
    assert not _box(panel, "Watch").isVisible()
    panel.apply_choices(OutputChoices(keeps_dates=True))
    assert _box(panel, "Watch").isVisible()


def test_outputs_in_place_have_no_folder_and_no_names_of_their_own(panel: OutputPanel) -> None:
    panel.apply_beside(PLANNED)
    panel.apply_choices(OutputChoices("{name}-small"))
    field, existing = panel.findChild(QLineEdit), panel.findChild(QComboBox)
    assert isinstance(field, QLineEdit)
    assert isinstance(existing, QComboBox)
    _box(panel, "Replace").click()
    assert "In place of the originals" in _words(panel)
    assert PLANNED.name not in _words(panel)
    for widget in (field, existing, _button(panel, "Change")):
        assert not widget.isEnabled()
    _box(panel, "Replace").click()
    assert PLANNED.name in _words(panel)
    assert field.isEnabled()


def test_running_job_in_place_says_so_whatever_is_chosen_for_the_next(panel: OutputPanel) -> None:
    panel.apply(JobSnapshot(1, state=JobState.RUNNING, output=PLANNED, is_in_place=True))
    assert "In place of the originals" in _words(panel)
    panel.apply(JobSnapshot(2, state=JobState.RUNNING, output=PLANNED))
    panel.apply_choices(OutputChoices(is_in_place=True))
    assert PLANNED.name in _words(panel)


def test_after_a_job_in_place_the_panel_is_about_the_next_one(panel: OutputPanel) -> None:
    holiday = Path("/home/me/Holiday")
    panel.apply_beside(PLANNED)
    panel.apply_choices(OutputChoices(is_in_place=True))
    panel.apply(JobSnapshot(1, state=JobState.FINISHED, output=holiday, is_in_place=True))
    assert "In place of the originals" in _words(panel)
    _box(panel, "Replace").click()
    assert PLANNED.name in _words(panel)
    field, existing = panel.findChild(QLineEdit), panel.findChild(QComboBox)
    assert field is not None
    assert existing is not None
    for widget in (field, existing, _button(panel, "Change")):
        assert widget.isEnabled()


def test_folder_chosen_after_the_end_is_shown(panel: OutputPanel) -> None:
    panel.apply(JobSnapshot(1, state=JobState.FINISHED, output=PLANNED))
    panel.apply_output(CHOSEN)
    assert CHOSEN.name in _words(panel)
