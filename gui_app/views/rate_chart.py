"""The curve of the throughput plot, drawn by pyqtgraph.

Importing this module loads pyqtgraph and numpy (0.3 s), so only ThroughputPlot imports it, once
the window has been painted.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui_app.models.time_series import SHOWN_S
from gui_app.theme import current_tokens, is_theme_change, small_font
from gui_app.views.plot_scale import RateScale, place_labels, tick_words
from workers.snapshot import Marker, MarkerKind
from workers.typed import override

_TIMES: Final = ((-60.0, "−60 s"), (-45.0, "−45 s"), (-30.0, "−30 s"), (-15.0, "−15 s"), (0, "now"))
_ABOVE: Final = 8.0
_BELOW: Final = 21.0
_RIGHT: Final = 2.0
_FILL_ALPHA: Final = 33
# The curve and the grid shine through a little under a marker's text.
_LABEL_ALPHA: Final = 200


# pyqtgraph has no types, so its classes are Any to the checker.
class RateChart(pg.GraphicsView):  # type: ignore[misc]
    """One filled curve over the last minute, a grid behind it, markers before it.

    Grid and numbers lie in the view's cached background; they are drawn again when the scale,
    the size or the theme changes.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, useOpenGL=False, background=None)
        self._scale = RateScale()
        self._markers: tuple[tuple[float, Marker], ...] = ()
        self._box = pg.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0)
        self._curve = pg.PlotCurveItem(antialias=True, fillLevel=0, skipFiniteCheck=True)
        self._box.disableAutoRange()
        self._box.addItem(self._curve, ignoreBounds=True)
        self.centralLayout.addItem(self._box, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Nothing here answers to the mouse, and pyqtgraph would look for items at every move.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setMinimumHeight(72)
        self._tint()
        self._rescale()

    def show_points(
        self,
        points: tuple[Sequence[float], Sequence[float]],
        markers: tuple[tuple[float, Marker], ...],
    ) -> None:
        """Draw these seconds before now and rates, and these markers."""
        at, rates = points
        if self._scale.fit(max(rates, default=0.0)):
            self._rescale()
        self._curve.setData(np.asarray(at, dtype=float), np.asarray(rates, dtype=float))
        self._markers = markers
        self.viewport().update()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if is_theme_change(event):
            self._tint()

    @override
    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
        tokens = current_tokens()
        painter.fillRect(rect, QColor(tokens.surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(small_font(self.font()))
        metrics = QFontMetricsF(painter.font())
        area = self._box.sceneBoundingRect()
        dots = QPen(QColor(tokens.line), 1, Qt.PenStyle.CustomDashLine)
        dots.setDashPattern([1, 2])
        for value in self._scale.ticks():
            y = round(area.bottom() - area.height() * value / self._scale.top)
            painter.setPen(QPen(QColor(tokens.line), 1) if value == 0 else dots)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            words = tick_words(value)
            painter.setPen(QColor(tokens.muted))
            x = area.left() - 6 - metrics.horizontalAdvance(words)
            painter.drawText(QPointF(x, y + metrics.capHeight() / 2), words)
        for seconds, words in _TIMES:
            width = metrics.horizontalAdvance(words)
            x = area.right() + area.width() * seconds / SHOWN_S - width / 2
            x = min(max(x, area.left()), area.right() - width)
            painter.drawText(QPointF(x, area.bottom() + 5 + metrics.ascent()), words)

    @override
    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        if not self._markers:
            return
        painter.setFont(small_font(self.font()))
        metrics = QFontMetricsF(painter.font())
        area = self._box.sceneBoundingRect()
        # Newer ones first, crashes before all: they get the room for their texts.
        shown = sorted(self._markers, key=_rank)
        lines = [round(area.right() + area.width() * at / SHOWN_S) + 0.5 for at, _ in shown]
        widths = [metrics.horizontalAdvance(marker.text) for _, marker in shown]
        places = place_labels(lines, widths, area.left(), area.right())
        for line, (_, marker) in zip(lines, shown, strict=True):
            painter.setPen(QPen(_color(marker), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(line, area.top() - 4), QPointF(line, area.bottom()))
        veil = QColor(current_tokens().surface)
        veil.setAlpha(_LABEL_ALPHA)
        for (_, marker), width, place in zip(shown, widths, places, strict=True):
            if place is not None:
                top = area.top() - 5 + place[1] * metrics.height()
                painter.fillRect(QRectF(place[0] - 1, top, width + 2, metrics.height()), veil)
                painter.setPen(_color(marker))
                painter.drawText(QPointF(place[0], top + metrics.ascent()), marker.text)

    def _rescale(self) -> None:
        metrics = QFontMetricsF(small_font(self.font()))
        widest = max(metrics.horizontalAdvance(tick_words(tick)) for tick in self._scale.ticks())
        left = max(round(widest) + 8, 26)
        self.centralLayout.setContentsMargins(left, _ABOVE, _RIGHT, _BELOW)
        self._box.setRange(xRange=(-SHOWN_S, 0.0), yRange=(0.0, self._scale.top), padding=0)
        self.resetCachedContent()

    def _tint(self) -> None:
        accent = QColor(current_tokens().accent)
        fill = QColor(accent)
        fill.setAlpha(_FILL_ALPHA)
        self._curve.setPen(pg.mkPen(accent, width=2))
        self._curve.setBrush(pg.mkBrush(fill))
        self.resetCachedContent()


def _rank(shown: tuple[float, Marker]) -> tuple[bool, float]:
    at, marker = shown
    return marker.kind is not MarkerKind.CRASHED, -at


def _color(marker: Marker) -> QColor:
    tokens = current_tokens()
    return QColor(tokens.fail if marker.kind is MarkerKind.CRASHED else tokens.muted)
