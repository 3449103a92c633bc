"""A box to choose from: a long name is elided, the list has rows that a hand can hit."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStylePainter,
)

from workers.typed import override


class ChoiceBox(QComboBox):
    """Elides the chosen text in the middle: `Shrink for sh…, changed` keeps its end."""

    def __init__(self) -> None:
        super().__init__()
        # The delegate that Qt puts here does not read the stylesheet's height of a row.
        self.view().setItemDelegate(QStyledItemDelegate(self))

    @property
    def shown_text(self) -> str:
        """Return the chosen text as it fits into the box."""
        return self._option().currentText

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        option = self._option()
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, room.width() - 2
        )
        return option
