"""A slider with a dot for every core, drawn from tokens."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider

from gui_app.theme import current_tokens
from workers.typed import override

_HANDLE = 8.0
_GROOVE = 4.0
# Dots closer than this run into a line.
_DOT_GAP = 5.0


class CoreSlider(QSlider):
    """Jumps to where it is pressed; arrows, Page and Home/End keys as usual."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(1, 1)
        self.setPageStep(2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Workers")

    @override
    def sizeHint(self) -> QSize:
        return QSize(140, 32)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(72, 32)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self._value_at(event.position().x()))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self._value_at(event.position().x()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_tokens()
        accent = QColor(tokens.accent if self.isEnabled() else tokens.muted)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        left, width, at = _HANDLE + 1, self._span(), self._x_of(self.value())
        top = self._middle() - _GROOVE / 2
        painter.setBrush(QColor(tokens.sunk if tokens.name == "light" else tokens.line))
        painter.drawRoundedRect(QRectF(left, top, width, _GROOVE), 2, 2)
        painter.setBrush(accent)
        painter.drawRoundedRect(QRectF(left, top, at - left, _GROOVE), 2, 2)
        self._paint_dots(painter, accent, QColor(tokens.muted))
        painter.setPen(QPen(accent, 2))
        painter.setBrush(QColor(tokens.surface))
        painter.drawEllipse(QPointF(at, self._middle()), _HANDLE - 1, _HANDLE - 1)
        if self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(accent)
            painter.drawEllipse(QPointF(at, self._middle()), _HANDLE / 2, _HANDLE / 2)

    def _paint_dots(self, painter: QPainter, filled: QColor, empty: QColor) -> None:
        steps = max(self.maximum() - self.minimum(), 1)
        every = 1
        while self._span() * every / steps < _DOT_GAP:
            every *= 2
        for value in range(self.minimum(), self.maximum() + 1, every):
            painter.setBrush(filled if value <= self.value() else empty)
            painter.drawEllipse(QPointF(self._x_of(value), self._middle() + 13), 1.25, 1.25)

    def _middle(self) -> float:
        return 12.0

    def _span(self) -> float:
        return max(self.width() - 2 * (_HANDLE + 1), 1.0)

    def _x_of(self, value: int) -> float:
        steps = self.maximum() - self.minimum()
        share = (value - self.minimum()) / steps if steps else 1.0
        return _HANDLE + 1 + self._span() * share

    def _value_at(self, x: float) -> int:
        steps = self.maximum() - self.minimum()
        share = min(max((x - _HANDLE - 1) / self._span(), 0.0), 1.0)
        return self.minimum() + round(share * steps)
