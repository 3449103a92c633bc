"""What went wrong with the selected row, readable in a low window too."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice
from gui_app.views.failure_panel import FailurePanel
from workers import FailureKind, Kind, TaskId, TaskRow, TaskState

FAILED = TaskRow(
    TaskId(1),
    "cut-short.jpg",
    Path("/pictures/cut-short.jpg"),
    Kind.IMAGE,
    9000,
    TaskState.FAILED,
    message="Not a readable JPEG (file ends early).",
    detail="VipsJpeg: premature end of JPEG image, and a good deal more that is one line",
    failure=FailureKind.BAD_INPUT,
)


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> FailurePanel:
    Theme(qapp, ThemeChoice.LIGHT)
    made = FailurePanel()
    qtbot.addWidget(made)
    made.apply_row(FAILED)
    made.resize(266, 190)
    made.show()
    qtbot.waitExposed(made)
    return made


def _details(panel: FailurePanel) -> QPushButton:
    found = [button for button in panel.findChildren(QPushButton) if "Details" in button.text()]
    return found[0]


def test_details_give_way_in_a_low_panel_and_their_link_does_not(panel: FailurePanel) -> None:
    link = _details(panel)
    link.click()
    panel.resize(266, 230)
    text = panel.findChild(QPlainTextEdit)
    assert isinstance(text, QPlainTextEdit)
    assert text.isVisible()
    assert link.height() >= link.sizeHint().height()
    assert text.height() < text.maximumHeight()


def test_long_lines_of_the_details_wrap(panel: FailurePanel) -> None:
    _details(panel).click()
    text = panel.findChild(QPlainTextEdit)
    assert isinstance(text, QPlainTextEdit)
    assert not text.horizontalScrollBar().maximum()


def test_the_one_file_of_all_is_opened(qtbot: QtBot, panel: FailurePanel) -> None:
    made = (Path("/out/sheet.pdf"),)
    row = replace(FAILED, path=None, outputs=made, state=TaskState.SUCCEEDED, has_warning=True)
    panel.apply_row(row)
    (button,) = (each for each in panel.findChildren(QPushButton) if each.text() == "Open file")
    with qtbot.waitSignal(panel.open_file_pressed) as told:
        button.click()
    assert told.args == [*made]
