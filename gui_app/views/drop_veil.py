"""What lies over the window while files are dragged over a job: drop to add."""

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui_app.theme import big_font, current_tokens
from gui_app.views.drop_area import paint_dashed
from workers.typed import override


class DropVeil(QWidget):
    """Covers the widget it is given; lets every event through."""

    def __init__(self, covered: QWidget) -> None:
        super().__init__(covered)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        covered.installEventFilter(self)
        self.hide()

    def lift(self) -> None:
        """Lie over everything."""
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_tokens()
        painter = QPainter(self)
        veil = QColor(tokens.bg)
        veil.setAlphaF(0.86)
        painter.fillRect(self.rect(), veil)
        field = QRectF(self.rect()).adjusted(12, 12, -12, -12)
        paint_dashed(painter, field, tokens.accent_soft)
        painter.setPen(QColor(tokens.text))
        painter.setFont(big_font(self.font()))
        painter.drawText(field, Qt.AlignmentFlag.AlignCenter, "Drop to add to this job")
