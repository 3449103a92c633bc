"""Two pictures over each other, parted by a line that can be dragged; both zoomed alike."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui_app.theme import current_tokens
from workers.typed import override

MOST_ZOOM: Final = 16.0
_WHEEL_STEP: Final = 1.2
_WHEEL_UNIT: Final = 120
_GRIP_PX: Final = 10
_KEY_STEP: Final = 0.05
_SQUARE_PX: Final = 8
_LABEL_PADDING: Final = 8


class CompareView(QWidget):
    """Shows the picture before on the left of the line, the one after on its right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before = QImage()
        self._after = QImage()
        self._divider = 0.5
        self._zoom = 1.0
        self._centre = QPointF(0.5, 0.5)
        self._grabbed: QPointF | None = None
        self._is_dividing = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(80)
        self.setAccessibleName("Before and after")
        self.setAccessibleDescription("Left and Right move the line, plus and minus zoom, 0 fits.")

    @property
    def divider(self) -> float:
        """Return where the line stands, from 0 (left) to 1."""
        return self._divider

    @property
    def zoom(self) -> float:
        """Return how often the pictures are enlarged; 1 fits them in."""
        return self._zoom

    def show_pictures(self, before: QImage, after: QImage) -> None:
        """Show them; zoom and line stay, so that two settings can be compared."""
        self._before, self._after = before, after
        self.update()

    def fit(self) -> None:
        """Show the whole pictures, parted in the middle."""
        self._zoom, self._centre, self._divider = 1.0, QPointF(0.5, 0.5), 0.5
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(480, 300)

    # ---- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        tokens = current_tokens()
        painter.fillRect(self.rect(), QColor(tokens.sunk))
        line = self._line_x()
        if self._after.isNull():
            self._draw(painter, self._before, QRectF(self.rect()))
            return
        self._draw(painter, self._before, QRectF(0, 0, line, self.height()))
        self._draw(painter, self._after, QRectF(line, 0, self.width() - line, self.height()))
        self._draw_line(painter, line)
        self._draw_label(painter, "Before", is_left=True)
        self._draw_label(painter, "After", is_left=False)

    def _draw(self, painter: QPainter, image: QImage, part: QRectF) -> None:
        if image.isNull() or part.isEmpty():
            return
        painter.save()
        painter.setClipRect(part)
        place = self._place(image)
        if image.hasAlphaChannel():
            _draw_squares(painter, place.intersected(part))
        painter.drawImage(place, image)
        painter.restore()

    def _draw_line(self, painter: QPainter, x: float) -> None:
        accent = QColor(current_tokens().accent)
        painter.setPen(QPen(accent, 2))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(current_tokens().surface), 2))
        painter.setBrush(accent)
        painter.drawEllipse(QPointF(x, self.height() / 2), 7, 7)

    def _draw_label(self, painter: QPainter, text: str, *, is_left: bool) -> None:
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(text) + 2 * _LABEL_PADDING
        height = metrics.height() + 4
        x = 8 if is_left else self.width() - width - 8
        place = QRectF(x, 8, width, height)
        room = self._line_x() if is_left else self.width() - self._line_x()
        if room < width + 16:
            return
        tokens = current_tokens()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.surface))
        painter.drawRoundedRect(place, 4, 4)
        painter.setPen(QColor(tokens.text))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def _place(self, image: QImage) -> QRectF:
        """Return where a picture lies: fitted in, enlarged about the centre that was chosen."""
        scale = min(self.width() / image.width(), self.height() / image.height())
        width, height = (side * scale * self._zoom for side in (image.width(), image.height()))
        left = self.width() / 2 - self._centre.x() * width
        top = self.height() / 2 - self._centre.y() * height
        return QRectF(left, top, width, height)

    def _span(self) -> QRectF:
        """Return the part of the view that shows pictures: the line goes from end to end of it."""
        places = [self._place(image) for image in (self._before, self._after) if image.width()]
        seen = QRectF(self.rect())
        whole = places[0] if places else seen
        for place in places[1:]:
            whole = whole.united(place)
        return whole.intersected(seen)

    def _line_x(self) -> float:
        span = self._span()
        return span.left() + self._divider * span.width()

    # ---- gestures

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        self._is_dividing = self._is_at_line(event.position())
        self._grabbed = event.position()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._grabbed is None:
            is_at_line = self._is_at_line(at)
            shape = Qt.CursorShape.SplitHCursor if is_at_line else Qt.CursorShape.OpenHandCursor
            self.setCursor(shape)
        elif self._is_dividing:
            span = self._span()
            self._divide((at.x() - span.left()) / max(1.0, span.width()))
        else:
            self._pan(at - self._grabbed)
            self._grabbed = at

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed, self._is_dividing = None, False

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._zoom > 1:
            self.fit()
        else:
            self._zoom_at(event.position(), 4.0)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / _WHEEL_UNIT
        self._zoom_at(event.position(), _WHEEL_STEP**steps)
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        middle = QPointF(self.rect().center())
        match event.key():
            case Qt.Key.Key_Left:
                self._divide(self._divider - _KEY_STEP)
            case Qt.Key.Key_Right:
                self._divide(self._divider + _KEY_STEP)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self._zoom_at(middle, _WHEEL_STEP)
            case Qt.Key.Key_Minus:
                self._zoom_at(middle, 1 / _WHEEL_STEP)
            case Qt.Key.Key_0:
                self.fit()
            case _:
                super().keyPressEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.update()

    def _is_at_line(self, at: QPointF) -> bool:
        return not self._after.isNull() and abs(at.x() - self._line_x()) < _GRIP_PX

    def _divide(self, divider: float) -> None:
        self._divider = min(1.0, max(0.0, divider))
        self.update()

    def _shown(self) -> QImage:
        return self._before if self._after.isNull() else self._after

    def _zoom_at(self, at: QPointF, factor: float) -> None:
        """Zoom so that what lies under the pointer stays there."""
        if self._shown().isNull():
            return
        before = self._place(self._shown())
        zoom = min(MOST_ZOOM, max(1.0, self._zoom * factor))
        u = (at.x() - before.left()) / before.width()
        v = (at.y() - before.top()) / before.height()
        self._zoom = zoom
        after = self._place(self._shown())
        middle = QPointF(self.width() / 2, self.height() / 2)
        self._centre_on(
            u + (middle.x() - at.x()) / after.width(), v + (middle.y() - at.y()) / after.height()
        )

    def _pan(self, by: QPointF) -> None:
        if self._shown().isNull():
            return
        place = self._place(self._shown())
        self._centre_on(
            self._centre.x() - by.x() / place.width(), self._centre.y() - by.y() / place.height()
        )

    def _centre_on(self, x: float, y: float) -> None:
        """Keep the view over the picture: at the fit it is in the middle."""
        room = 0.5 / self._zoom
        self._centre = QPointF(
            min(1 - room, max(room, x)) if self._zoom > 1 else 0.5,
            min(1 - room, max(room, y)) if self._zoom > 1 else 0.5,
        )
        self.update()


def _draw_squares(painter: QPainter, place: QRectF) -> None:
    """Draw what shows through a picture that is not opaque."""
    tokens = current_tokens()
    painter.fillRect(place, QColor(tokens.surface))
    columns, rows = int(place.width()) // _SQUARE_PX + 1, int(place.height()) // _SQUARE_PX + 1
    for row in range(rows):
        for column in range(row % 2, columns, 2):
            square = QRectF(
                place.left() + column * _SQUARE_PX,
                place.top() + row * _SQUARE_PX,
                _SQUARE_PX,
                _SQUARE_PX,
            )
            painter.fillRect(square.intersected(place), QColor(tokens.line))
