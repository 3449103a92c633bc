"""One lane per worker: what it is on, and its last minute; painted in one widget."""

from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QWidget

from gui_app.models.lane_history import SHOWN_S, LaneHistory, Stretch, WorkerLane
from gui_app.theme import bold_font, current_tokens, set_role, small_font
from gui_app.views.plain_label import plain_tool_tip
from workers import JobSnapshot
from workers.snapshot import AttemptEnd, Lane, WorkerState
from workers.typed import override
from workers.wording import count_words, printable, size_words, time_words

_REDRAW_MS: Final = 100
_NAMED_MOST: Final = 8
_NAMED_PX: Final = 36
_THIN_PX: Final = 14
_BAR_PX: Final = 5
_EMPTY_PX: Final = 44
# Accent shades that tell neighbours apart, and the one of what runs now.
_SHADES: Final = (255, 205, 155)
_RUNNING_SHADE: Final = 90
_WORDS: Final = {
    WorkerState.STARTING: "starting",
    WorkerState.IDLE: "idle",
    WorkerState.LEAVING: "leaving",
}


class WorkerLanes(QScrollArea):
    """Takes every snapshot and paints at most ten times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lanes = _Lanes()
        set_role(self._lanes, "clear")
        self.setWidget(self._lanes)
        self.setWidgetResizable(True)
        self.viewport().setAutoFillBackground(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the lanes of a snapshot."""
        before = self._lanes.minimumHeight()
        self._lanes.apply(snapshot)
        if self._lanes.minimumHeight() != before:
            self.updateGeometry()

    def tool_tip_at(self, position: QPoint) -> str:
        """Return what the tool tip at that place of the content says, as plain text."""
        return self._lanes.tool_tip_at(position)

    @override
    def sizeHint(self) -> QSize:
        height = min(self._lanes.minimumHeight(), 4 * _NAMED_PX)
        return QSize(200, max(height, _EMPTY_PX))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(80, _EMPTY_PX)


class _Lanes(QWidget):
    """What scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self._history = LaneHistory()
        self._snapshot = JobSnapshot(sequence=0)
        self._shown = 0
        self._redraw_timer = QTimer(self, singleShot=True, interval=_REDRAW_MS)
        self._redraw_timer.timeout.connect(self.update)
        self.setAccessibleName("Lanes of the workers")

    def apply(self, snapshot: JobSnapshot) -> None:
        self._history.add(snapshot)
        self._snapshot = snapshot
        shown = 0 if snapshot.state.is_ended else len(self._history.lanes)
        if shown != self._shown:
            self._shown = shown
            self.setMinimumHeight(max(shown * self._lane_px(), _EMPTY_PX))
        if not self._redraw_timer.isActive():
            self._redraw_timer.start()

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.tool_tip_at(event.pos())
            QToolTip.showText(event.globalPos(), plain_tool_tip(text), self)
            return True
        return super().event(event)

    def tool_tip_at(self, position: QPoint) -> str:
        number = position.y() // self._lane_px()
        if number >= self._shown:
            return ""
        lane = self._history.lanes[number].lane
        return f"Worker {number + 1}: {_lane_words(lane)}"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._shown:
            self._paint_empty(painter)
            return
        height = self._lane_px()
        first = event.rect().top() // height
        last = min(event.rect().bottom() // height + 1, self._shown)
        paint = self._paint_named if self._is_named else self._paint_thin
        for number in range(first, last):
            paint(painter, number, QRectF(0, number * height, self.width(), height))

    @property
    def _is_named(self) -> bool:
        return self._shown <= _NAMED_MOST

    def _lane_px(self) -> int:
        return _NAMED_PX if self._is_named else _THIN_PX

    def _paint_empty(self, painter: QPainter) -> None:
        tokens = current_tokens()
        metrics = QFontMetricsF(self.font())
        painter.setPen(QColor(tokens.text))
        painter.drawText(QPointF(0, metrics.ascent() + 2), "Nothing is running.")
        painter.setFont(small_font(self.font()))
        painter.setPen(QColor(tokens.muted))
        place = QPointF(0, metrics.ascent() + 2 + metrics.lineSpacing() + 3)
        painter.drawText(place, computer_words(self._snapshot))

    def _paint_named(self, painter: QPainter, number: int, place: QRectF) -> None:
        tokens = current_tokens()
        shown = self._history.lanes[number]
        small = small_font(self.font())
        metrics = QFontMetricsF(small)
        line = place.top() + 2 + metrics.ascent()
        painter.setFont(bold_font(small))
        painter.setPen(QColor(tokens.muted))
        painter.drawText(QPointF(0, line), str(number + 1))
        painter.setFont(small)
        aside = _aside(shown.lane)
        width = metrics.horizontalAdvance(aside)
        painter.drawText(QPointF(place.right() - width, line), aside)
        room = place.right() - self._left() - width - 10
        painter.setPen(QColor(tokens.text if shown.lane.name else tokens.muted))
        words = metrics.elidedText(_title(shown.lane), Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QPointF(self._left(), line), words)
        self._paint_line(painter, shown, line + 7)

    def _paint_thin(self, painter: QPainter, number: int, place: QRectF) -> None:
        small = small_font(small_font(self.font()))
        painter.setFont(small)
        painter.setPen(QColor(current_tokens().muted))
        middle = place.center().y()
        baseline = middle + QFontMetricsF(small).capHeight() / 2
        painter.drawText(QPointF(0, baseline), str(number + 1))
        self._paint_line(painter, self._history.lanes[number], middle - _BAR_PX / 2)

    def _left(self) -> int:
        return 16 if self._shown < 10 else 22 if self._shown < 100 else 28

    def _paint_line(self, painter: QPainter, shown: WorkerLane, top: float) -> None:
        """Paint the last minute; whole pixels, so that it does not flicker while it moves."""
        left, y = self._left(), round(top)
        width = self.width() - left
        a_second = width / SHOWN_S
        now = round(self._history.now_s * a_second)
        for stretch, color in self._colored(shown):
            start = max(left + width + round(stretch.started_s * a_second) - now, left)
            end = left + width + round(stretch.ended_s * a_second) - now
            # A pixel between two of them, where there is room for it.
            painter.fillRect(start, y, max(end - start - 1, 1), _BAR_PX, color)

    def _colored(self, shown: WorkerLane) -> Iterator[tuple[Stretch, QColor]]:
        """Yield what there is to paint; failures last, so that nothing covers them."""
        tokens = current_tokens()
        warn, fail = QColor(tokens.warn), QColor(tokens.fail)
        shades = [QColor(tokens.accent) for _ in _SHADES]
        for shade, alpha in zip(shades, _SHADES, strict=True):
            shade.setAlpha(alpha)
        bad = []
        for stretch in shown.stretches:
            if stretch.end is AttemptEnd.DONE:
                yield stretch, shades[stretch.shade]
            else:
                bad.append(stretch)
        for stretch in bad:
            yield stretch, fail if stretch.end is AttemptEnd.CRASHED else warn
        if shown.lane.name:
            now_s = self._history.now_s
            running = QColor(tokens.accent)
            running.setAlpha(_RUNNING_SHADE)
            yield Stretch(now_s - shown.lane.running_s, now_s, AttemptEnd.DONE), running


def computer_words(snapshot: JobSnapshot) -> str:
    """Return '8 cores, 11.4 GB of memory free.'."""
    cores = count_words(snapshot.workers_maximum, "core")
    if not snapshot.memory_free:
        return f"{cores}."
    return f"{cores}, {size_words(snapshot.memory_free)} of memory free."


def _title(lane: Lane) -> str:
    return printable(lane.name) if lane.name else _WORDS.get(lane.state, "")


def _aside(lane: Lane) -> str:
    if not lane.name:
        return ""
    if lane.state is WorkerState.LEAVING:
        return "leaving"
    ran = f"{lane.running_s:.1f} s" if lane.running_s < 60 else time_words(lane.running_s)
    is_late = lane.limit_s is not None and lane.running_s > lane.limit_s / 2
    return f"{ran} of {time_words(lane.limit_s or 0)}" if is_late else ran


def _lane_words(lane: Lane) -> str:
    aside = _aside(lane)
    return f"{_title(lane)}, {aside}" if aside else _title(lane)
