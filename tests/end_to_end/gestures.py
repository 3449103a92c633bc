"""What a hand does in front of the window: drop, click, type; on the real widgets, by Qt events."""

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit, QPushButton, QWidget

from gui_app.views.pipeline_panel import PipelinePanel

LEFT = Qt.MouseButton.LeftButton


def drop(window: QWidget, *paths: Path) -> None:
    """Drag files or folders in and let go."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(600, 300), copy, mime, LEFT, none))
    QApplication.sendEvent(window, QDropEvent(QPointF(600, 300), copy, mime, LEFT, none))


def choose_preset(panel: PipelinePanel, name: str) -> None:
    """Go to the preset of that name with the arrow keys."""
    box = panel.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    index = box.findText(name)
    assert index >= 0
    box.setFocus()
    while box.currentIndex() != index:
        QTest.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < index else Qt.Key.Key_Up)
    assert panel.pipeline.name == name


def shown_button(place: QWidget, text: str) -> QPushButton | None:
    """Return the button of that text that can be clicked there, if any."""
    for button in place.findChildren(QPushButton):
        if button.text() == text and button.isVisible() and button.isEnabled():
            return button
    return None


def click(place: QWidget, text: str) -> None:
    """Click the button of that text."""
    button = shown_button(place, text)
    assert button is not None, text
    QTest.mouseClick(button, LEFT)


def paste_folder(dialog: QFileDialog, folder: Path) -> None:
    """Paste the path of a folder that is there, and take it.

    Keys that come faster than a hand types make Qt's dialog quote what it completes.
    """
    field = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(field, QLineEdit)
    QApplication.clipboard().setText(str(folder))
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(field, Qt.Key.Key_Return)
