"""A button that looks like the place for one thing more."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton

from gui_app.theme import current_tokens
from workers.typed import override


class DashedButton(QPushButton):
    """Drawn by hand: a stylesheet's dashes of one pixel come out as dots."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 24, 34)

    def _is_pointed_at(self) -> bool:
        # Qt's own word (underMouse) stays true when the button moves away while its menu is open.
        return self.rect().contains(self.mapFromGlobal(QCursor.pos()))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(tokens.accent if self.hasFocus() else tokens.line), 1.5)
        if not self.hasFocus():
            pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        is_lit = (self._is_pointed_at() or self.isDown()) and self.isEnabled()
        painter.setBrush(QColor(tokens.accent_soft) if is_lit else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.setPen(QColor(tokens.accent if self.isEnabled() else tokens.muted))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
