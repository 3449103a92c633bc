"""The results of a sweep as they arrive: a picture of a grid, a curve, or a histogram."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui_app.models.sweep_values import SweepValues
from gui_app.theme import current_tokens, set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.sweep_drawing import curve, histogram, picture, statistics
from workers import Axis
from workers.typed import override

_REDRAW_MS: Final = 100
_MARGIN_PX: Final = 8
_SCALE_PX: Final = 64
_FOOT_PX: Final = 20
_EMPTY: Final = "Choose a function and its ranges on the left, then start."
PICTURE, CURVE, HISTOGRAM = "Picture", "Curve", "Histogram"


class SweepChart(QWidget):
    """Draws what the model holds, at most ten times a second; chips choose how."""

    def __init__(self, values: SweepValues, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = values
        self._chips = QButtonGroup(self)
        self._words = PlainLabel("", "small", elides=True)
        self._canvas = _Canvas(values)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(PlainLabel("Results", "heading"))
        head.addSpacing(8)
        for word in (PICTURE, CURVE, HISTOGRAM):
            chip = QPushButton(word)
            chip.setCheckable(True)
            set_role(chip, "chip")
            self._chips.addButton(chip)
            head.addWidget(chip)
        head.addSpacing(8)
        head.addWidget(self._words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._canvas, 1)
        self._redraw = QTimer(self, singleShot=True, interval=_REDRAW_MS)
        self._redraw.timeout.connect(self._show)
        values.changed.connect(self._take)
        self._chips.buttonClicked.connect(self._choose)
        self._offer()

    @property
    def kind(self) -> str:
        """Return how the results are drawn."""
        return self._canvas.kind

    @property
    def image(self) -> QImage:
        """Return the picture of the grid as it was drawn last."""
        return self._canvas.image

    @property
    def words(self) -> str:
        """Return the line of figures."""
        return self._words.whole_text

    def chip(self, word: str) -> QPushButton:
        """Return the button of a kind."""
        return next(
            chip
            for chip in self._chips.buttons()
            if isinstance(chip, QPushButton) and chip.text() == word
        )

    def _take(self) -> None:
        if self._values.sweep is not self._canvas.sweep:
            self._offer()
        if not self._redraw.isActive():
            self._redraw.start()

    def _offer(self) -> None:
        """Offer what suits the sweep; a grid begins as a picture, a range as a curve."""
        shape = self._values.shape
        kinds = {
            PICTURE: len(shape) == 2 and min(shape) > 1,
            CURVE: len(shape) == 1,
            HISTOGRAM: bool(shape),
        }
        for word, is_offered in kinds.items():
            self.chip(word).setVisible(is_offered)
        chosen = next((word for word, is_offered in kinds.items() if is_offered), HISTOGRAM)
        self.chip(chosen).setChecked(True)
        self._canvas.show_kind(chosen)

    def _choose(self, chip: QPushButton) -> None:
        self._canvas.show_kind(chip.text())

    def _show(self) -> None:
        found = statistics(self._values.numbers)
        if found is None:
            self._words.setText("")
        else:
            self._words.setText(
                f"mean {found.mean:.6g} ± {found.deviation:.3g}   "
                f"from {found.least:.5g} to {found.greatest:.5g}"
            )
        self._canvas.update()


class _Canvas(QWidget):
    """Where the results are drawn."""

    def __init__(self, values: SweepValues) -> None:
        super().__init__()
        self._values = values
        self.kind = HISTOGRAM
        self.sweep = values.sweep
        self.image = QImage()
        self.setMinimumHeight(120)
        self.setAccessibleName("Results of the sweep")

    def show_kind(self, kind: str) -> None:
        """Draw another way, or another sweep."""
        self.kind, self.sweep = kind, self._values.sweep
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = current_tokens()
        painter.fillRect(self.rect(), QColor(tokens.sunk))
        if self._values.sweep is None or not self._values.numbers:
            painter.setPen(QColor(tokens.muted))
            words = _EMPTY if self._values.sweep is None else "Too many points to draw."
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        if self.kind == PICTURE:
            self._draw_picture(painter)
        elif self.kind == CURVE:
            self._draw_curve(painter)
        else:
            self._draw_histogram(painter)

    def _draw_picture(self, painter: QPainter) -> None:
        rows, columns = self._values.shape
        self.image = picture(self._values.numbers, rows, columns)
        room = QRectF(self.rect()).adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        scale = min(room.width() / columns, room.height() / rows)
        place = QRectF(0, 0, columns * scale, rows * scale)
        place.moveCenter(room.center())
        smooth = scale < 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.fillRect(place, QColor(current_tokens().surface))
        painter.drawImage(place, self.image)

    def _plot_room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_SCALE_PX, _MARGIN_PX, -_MARGIN_PX, -_FOOT_PX)

    def _draw_curve(self, painter: QPainter) -> None:
        room = self._plot_room()
        points = curve(self._values.numbers, max(2, int(room.width())))
        if not points:
            return
        least, greatest = min(p[1] for p in points), max(p[2] for p in points)
        span = greatest - least or 1.0
        line = QPolygonF()
        for place, low, high in points:
            x = room.left() + place * room.width()
            for value in (low, high) if low != high else (low,):
                line.append(QPointF(x, room.bottom() - (value - least) / span * room.height()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(current_tokens().accent), 1.5))
        painter.drawPolyline(line)
        assert self._values.sweep is not None
        self._draw_scales(painter, room, (least, greatest), *_ends(self._values.sweep.axes[0]))

    def _draw_histogram(self, painter: QPainter) -> None:
        room = self._plot_room()
        counts, first, last = histogram(self._values.numbers)
        if not counts:
            return
        width = room.width() / len(counts)
        most = max(counts)
        for place, count in enumerate(counts):
            height = count / most * room.height()
            bar = QRectF(room.left() + place * width, room.bottom() - height, width - 1, height)
            painter.fillRect(bar, QColor(current_tokens().accent))
        self._draw_scales(painter, room, (0, most), f"{first:.5g}", f"{last:.5g}")

    def _draw_scales(
        self, painter: QPainter, room: QRectF, y: tuple[float, float], left: str, right: str
    ) -> None:
        tokens = current_tokens()
        painter.setPen(QColor(tokens.line))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        painter.setPen(QColor(tokens.muted))
        at_right = Qt.AlignmentFlag.AlignRight
        beside = QRectF(0, room.top(), room.left() - 6, room.height())
        painter.drawText(beside, at_right | Qt.AlignmentFlag.AlignTop, f"{y[1]:.5g}")
        painter.drawText(beside, at_right | Qt.AlignmentFlag.AlignBottom, f"{y[0]:.5g}")
        below = QRectF(room.left(), room.bottom() + 2, room.width(), _FOOT_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, left)
        painter.drawText(below, at_right, right)


def _ends(axis: Axis) -> tuple[str, str]:
    if axis.values:
        return f"{axis.name} = {axis.values[0]:.5g}", f"{axis.values[-1]:.5g}"
    if axis.samples:
        return f"{axis.samples:,} random {axis.name}", f"seed {axis.seed}"
    return f"{axis.name} = {axis.start:.5g}", f"{axis.stop:.5g}"
