"""How fast the job goes: the rate in words, and its last minute as a curve."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHideEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui_app.models.time_series import TimeSeries
from gui_app.theme import bold_font, current_tokens, small_font, title_font
from workers import JobSnapshot, JobState
from workers.typed import override
from workers.wording import rate_words, size_words

if TYPE_CHECKING:
    from gui_app.views.rate_chart import RateChart

_REDRAW_MS: Final = 100
_HEAD_PX: Final = 26
_NUMBER_PX: Final = 18


class ThroughputPlot(QWidget):
    """Takes every snapshot and draws at most ten times a second, only while it is visible."""

    # pyqtgraph is there: the last large thing that the window loads
    chart_loaded = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = TimeSeries()
        self._snapshot = JobSnapshot(sequence=0)
        self._words: tuple[str, str] = ("", "")
        self._is_stale = False
        self._chart: RateChart | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, _HEAD_PX, 0, 0)
        self._redraw_timer = QTimer(self, interval=_REDRAW_MS)
        self._redraw_timer.timeout.connect(self._redraw)
        self._load_timer = QTimer(self, singleShot=True, interval=0)
        self._load_timer.timeout.connect(self.load_chart)
        self.setAccessibleName("Throughput")
        self.setMinimumHeight(_HEAD_PX + 76)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Take a snapshot; it is drawn with the next tick."""
        self._series.add(snapshot)
        self._snapshot = snapshot
        self._is_stale = True

    def load_chart(self) -> None:
        """Load pyqtgraph (a few tenths of a second) and show the axes; once."""
        if self._chart is not None:
            return
        from gui_app.views.rate_chart import RateChart

        self._chart = RateChart()
        self._column.addWidget(self._chart)
        self._is_stale = True
        self.chart_loaded.emit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._redraw_timer.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._redraw_timer.stop()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._chart is None:
            self._load_timer.start()  # only once the window has been painted
        tokens = current_tokens()
        number, rest = self._words
        painter = QPainter(self)
        place = QPointF(0, 17)
        heading = bold_font(small_font(self.font()))
        place = _write(painter, place, "Throughput", heading, tokens.muted)
        large = title_font(self.font())
        large.setPixelSize(max(_NUMBER_PX, large.pixelSize()))
        place = _write(painter, place + QPointF(14, 0), number, large, tokens.text)
        _write(painter, place + QPointF(5, 0), rest, small_font(self.font()), tokens.muted)

    def _redraw(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        words = throughput_words(self._snapshot)
        if words != self._words:
            self._words = words
            self.setAccessibleDescription(" ".join(words))
            self.update(0, 0, self.width(), _HEAD_PX)
        if self._chart is not None:
            self._chart.show_points(self._series.points(), self._series.markers())


def throughput_words(snapshot: JobSnapshot) -> tuple[str, str]:
    """Return the rate's number and what follows it: ('51.8', 'files/s · 261 MB/s')."""
    if snapshot.state in (JobState.EMPTY, JobState.DRAFT):
        return "", ""
    tasks, size = snapshot.tasks_per_s, snapshot.bytes_per_s
    if snapshot.state.is_ended:
        seconds = snapshot.elapsed_s
        # What was skipped or cancelled took no time.
        worked = snapshot.counts.succeeded + snapshot.counts.failed
        tasks = worked / seconds if seconds else 0.0
        size = snapshot.bytes_ended / seconds if seconds else 0.0
    # Only inputs that are files have bytes; the points of a sweep have none.
    unit = "files" if snapshot.bytes_total else "tasks"
    number, _, rest = rate_words(tasks, unit).partition(" ")
    # The bytes that ended hold those of the cancelled ones.
    if snapshot.bytes_total and not snapshot.counts.cancelled:
        rest += f" · {size_words(size)}/s"
    return number, f"{rest} on average" if snapshot.state.is_ended else rest


def _write(painter: QPainter, place: QPointF, text: str, font: QFont, color: str) -> QPointF:
    """Write one text and return where the next one begins."""
    if not text:
        return place
    painter.setFont(font)
    painter.setPen(QColor(color))
    painter.drawText(place, text)
    return place + QPointF(QFontMetricsF(font).horizontalAdvance(text), 0)
