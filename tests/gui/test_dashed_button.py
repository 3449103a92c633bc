"""The button for one step more."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice, current_tokens
from gui_app.views.dashed_button import DashedButton


def test_button_that_moved_away_from_the_pointer_is_not_lit(
    qtbot: QtBot, qapp: QApplication
) -> None:
    Theme(qapp, ThemeChoice.LIGHT)
    button = DashedButton("+ Add step")
    qtbot.addWidget(button)
    button.resize(200, 34)
    button.show()
    qtbot.waitExposed(button)
    QCursor.setPos(button.mapToGlobal(QPoint(20, 400)))
    # Its menu was open when it moved, so nobody told it that the pointer left.
    button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    lit = QColor(current_tokens().accent_soft)
    assert button.grab().toImage().pixelColor(12, 17) != lit
    QCursor.setPos(button.mapToGlobal(QPoint(20, 10)))
    assert button.grab().toImage().pixelColor(12, 17) == lit
