"""The pipeline's cards: presets, editing in place, order by mouse and keyboard."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from gui_app.views.pipeline_panel import PipelinePanel
from gui_app.views.step_card import DragHandle
from workers import JobSnapshot, JobState, Pipeline, Step
from workers.operations import all_operations, find_operation
from workers.operations.code_steps import first_step

RESIZE = Step("images.resize", find_operation("images.resize").complete({}))
CONVERT = Step("images.convert", find_operation("images.convert").complete({}))
METADATA = Step("images.metadata", find_operation("images.metadata").complete({}))
PRESET = Pipeline("Shrink", (RESIZE, CONVERT, METADATA), "Makes it small.", "shrink")
OTHER = Pipeline("Convert only", (CONVERT,), "", "convert-only")


@pytest.fixture
def panel(qtbot: QtBot) -> PipelinePanel:
    made = PipelinePanel(all_operations())
    qtbot.addWidget(made)
    made.apply_presets((PRESET, OTHER))
    made.show_pipeline(PRESET)
    made.resize(240, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def _order(panel: PipelinePanel) -> list[str]:
    return [step.operation.partition(".")[2] for step in panel.pipeline.steps]


def test_preset_shows_its_steps_as_cards(panel: PipelinePanel) -> None:
    assert [card.step for card in panel.cards] == [RESIZE, CONVERT, METADATA]
    assert "1024" in panel.cards[0].summary
    assert panel.cards[0].accessibleName() == "Resize, step 1 of 3"


def test_choosing_a_preset_tells_its_pipeline(qtbot: QtBot, panel: PipelinePanel) -> None:
    box = panel.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    with qtbot.waitSignal(panel.pipeline_changed) as told:
        box.setCurrentIndex(1)
        box.activated.emit(1)
    assert told.args == [OTHER]
    assert len(panel.cards) == 1


def test_alt_arrows_move_the_card(qtbot: QtBot, panel: PipelinePanel) -> None:
    card = panel.cards[0]
    card.setFocus()
    with qtbot.waitSignal(panel.pipeline_changed):
        QTest.keyClick(card, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert _order(panel) == ["convert", "resize", "metadata"]
    QTest.keyClick(card, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert _order(panel) == ["resize", "convert", "metadata"]
    QTest.keyClick(card, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert _order(panel) == ["resize", "convert", "metadata"]


def test_dragging_the_handle_reorders_the_cards(qtbot: QtBot, panel: PipelinePanel) -> None:
    handle = panel.cards[0].findChild(DragHandle)
    assert isinstance(handle, DragHandle)
    last = panel.cards[2]
    goal = last.mapToGlobal(QPoint(10, last.height() - 2))
    with qtbot.waitSignal(panel.pipeline_changed):
        QTest.mousePress(handle, Qt.MouseButton.LeftButton)
        for _ in range(3):
            handle.dragged.emit(goal.y())
        QTest.mouseRelease(handle, Qt.MouseButton.LeftButton)
    assert _order(panel) == ["convert", "metadata", "resize"]


def test_enter_opens_the_form_and_an_edit_is_told(qtbot: QtBot, panel: PipelinePanel) -> None:
    card = panel.cards[0]
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_Return)
    assert card.is_open
    assert card.form is not None
    width = card.form.control("width")
    assert isinstance(width, QSpinBox)
    with qtbot.waitSignal(panel.pipeline_changed):
        width.setValue(640)
    assert panel.pipeline.steps[0].parameters["width"] == 640
    assert panel.pipeline.id == ""
    assert "640" in card.summary
    box = panel.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    assert box.currentText() == "Shrink, changed"


def test_click_opens_and_closes_the_form(qtbot: QtBot, panel: PipelinePanel) -> None:
    card = panel.cards[1]
    QTest.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(30, 15))
    assert card.is_open
    QTest.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(30, 15))
    assert not card.is_open


def test_opening_a_form_edits_nothing(qtbot: QtBot, panel: PipelinePanel) -> None:
    with qtbot.assertNotEmitted(panel.pipeline_changed):
        for card in panel.cards:
            card.toggle()
    assert panel.pipeline == PRESET


def test_delete_removes_the_step(qtbot: QtBot, panel: PipelinePanel) -> None:
    card = panel.cards[1]
    card.setFocus()
    with qtbot.waitSignal(panel.pipeline_changed):
        QTest.keyClick(card, Qt.Key.Key_Delete)
    assert _order(panel) == ["resize", "metadata"]


def test_add_step_appends_an_open_card(qtbot: QtBot, panel: PipelinePanel) -> None:
    button = next(each for each in panel.findChildren(QPushButton) if "Add step" in each.text())
    actions = {action.data(): action for action in button.menu().actions()}
    with qtbot.waitSignal(panel.pipeline_changed):
        actions["images.auto_orient"].trigger()
    assert _order(panel)[-1] == "auto_orient"
    assert panel.cards[-1].is_open


def test_unknown_operation_is_shown_as_such(panel: PipelinePanel) -> None:
    panel.show_pipeline(Pipeline("Old", (Step("images.vanished"),)))
    assert panel.cards[0].summary == "This version has no such operation."


def test_tab_goes_through_the_cards_in_the_order_they_are_seen(panel: PipelinePanel) -> None:
    card = panel.cards[0]
    card.toggle()
    assert card.form is not None
    stops: list[QWidget] = [panel]
    for _ in range(12):
        stops.append(_next_stop(stops[-1]))
    shown = [stop for stop in stops if stop in (*panel.cards, card.form.control("width"))]
    assert shown[:4] == [card, card.form.control("width"), panel.cards[1], panel.cards[2]]


def _next_stop(widget: QWidget) -> QWidget:
    following = widget.nextInFocusChain()
    assert following is not None
    while following.focusPolicy() == Qt.FocusPolicy.NoFocus or not following.isVisible():
        following = following.nextInFocusChain()
        assert following is not None
    return following


def test_own_code_shows_its_file_and_keeps_its_parameters(
    qtbot: QtBot, panel: PipelinePanel
) -> None:
    step = Step("user.process", {"gain": 2}, Path("/home/me/<b>clean.py"))
    panel.show_pipeline(Pipeline("Mine", (step,)))
    with qtbot.assertNotEmitted(panel.pipeline_changed):
        panel.cards[0].toggle()
    assert panel.cards[0].accessibleName().startswith("<b>clean.py")
    assert panel.pipeline.steps == (step,)


TWO_STEPS = """
from workers.own_code import operation, parameter
raise SystemExit("the window never runs this")

@operation("Drop lines", n=parameter("So many.", unit="lines", at_least=1, at_most=9))
def drop(path, output, n=4): ...

@operation("Turn round", output_suffix=".rev", twice=parameter("Turns it back."))
def turn(path, output, twice=False): ...
"""


def test_another_operation_of_a_file_has_another_form(
    qtbot: QtBot, panel: PipelinePanel, tmp_path: Path
) -> None:
    file = tmp_path / "two.py"
    file.write_text(TWO_STEPS)
    panel.show_pipeline(Pipeline("Mine", ()))
    panel.add_step(first_step("user.process", file))
    form = panel.cards[0].form
    assert form is not None
    count = form.control("n")
    assert isinstance(count, QSpinBox)
    assert (count.minimum(), count.maximum(), count.suffix()) == (1, 9, " lines")
    assert panel.cards[0].summary == "Drop lines: own code, asks before it runs"
    chosen = form.control("function")
    assert isinstance(chosen, QComboBox)
    with qtbot.waitSignal(panel.pipeline_changed):
        chosen.setCurrentIndex(1)
    assert panel.pipeline.steps[0].parameters == {"function": "turn", "output_suffix": ".rev"}
    assert panel.cards[0].summary.startswith("Turn round: ")
    form = panel.cards[0].form
    assert form is not None
    assert isinstance(form.control("twice"), QCheckBox)
    file.write_text(TWO_STEPS.replace("at_least=1", "at_least=5"))
    panel.show_pipeline(panel.pipeline)
    assert "two.py, line 5: n goes from 5 to 9; 4 is outside." in panel.cards[0].summary


def test_nothing_can_be_edited_while_the_job_runs(qtbot: QtBot, panel: PipelinePanel) -> None:
    panel.apply(JobSnapshot(1, state=JobState.RUNNING))
    card = panel.cards[0]
    with qtbot.assertNotEmitted(panel.pipeline_changed):
        QTest.keyClick(card, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        QTest.keyClick(card, Qt.Key.Key_Delete)
    panel.apply(JobSnapshot(2, state=JobState.FINISHED))
    with qtbot.waitSignal(panel.pipeline_changed):
        QTest.keyClick(card, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
