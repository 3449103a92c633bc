"""A bar for each core of the computer, painted in one widget."""

from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui_app.theme import current_tokens
from workers import JobSnapshot
from workers.typed import override
from workers.wording import count_words

_HEIGHT: Final = 44
_ONE_ROW_MOST: Final = 32
_GAP: Final = 3.0
_ROW_GAP: Final = 4.0
# A core with next to nothing to do still shows a foot, so that it is seen as a bar.
_LEAST_PX: Final = 1.5


class CoreLoads(QWidget):
    """The load of each core in percent; above 32 cores in two rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loads: tuple[int, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Cores")

    @property
    def loads(self) -> tuple[int, ...]:
        """Return the percents shown."""
        return self._loads

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the loads of a snapshot."""
        loads = tuple(round(min(max(load, 0.0), 100.0)) for load in snapshot.core_loads)
        if loads == self._loads:
            return
        self._loads = loads
        self.setAccessibleDescription(_load_words(loads))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(60, _HEIGHT)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._tell_core(event)
            return True
        return super().event(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        well, fill = QColor(tokens.sunk), QColor(tokens.accent)
        for core, load in enumerate(self._loads):
            place = self.bar_of(core)
            radius = min(2.0, place.width() / 3)
            painter.setBrush(well)
            painter.drawRoundedRect(place, radius, radius)
            if load:
                painter.setBrush(fill)
                height = max(place.height() * load / 100, _LEAST_PX)
                place.setTop(place.bottom() - height)
                radius = min(radius, height / 2)
                painter.drawRoundedRect(place, radius, radius)

    def bar_of(self, core: int) -> QRectF:
        """Return where that core's bar stands, whole."""
        rows = 2 if len(self._loads) > _ONE_ROW_MOST else 1
        in_a_row = max(-(-len(self._loads) // rows), 1)
        row, column = divmod(core, in_a_row)
        gap = min(_GAP, self.width() / in_a_row / 4)
        height = (self.height() - (rows - 1) * _ROW_GAP) / rows
        # The last bar ends at the edge: the gap is between bars only.
        step = (self.width() + gap) / in_a_row
        return QRectF(column * step, row * (height + _ROW_GAP), step - gap, height)

    def core_at(self, position: QPointF) -> int | None:
        """Return the core whose bar is there."""
        for core in range(len(self._loads)):
            if self.bar_of(core).adjusted(-1.5, -2, 1.5, 2).contains(position):
                return core
        return None

    def _tell_core(self, event: QHelpEvent) -> None:
        core = self.core_at(QPointF(event.pos()))
        if core is None:
            QToolTip.hideText()
            return
        text = f"Core {core + 1}: {self._loads[core]} %"
        QToolTip.showText(event.globalPos(), text, self, self.bar_of(core).toAlignedRect())


def _load_words(loads: tuple[int, ...]) -> str:
    if not loads:
        return ""
    average = round(sum(loads) / len(loads))
    return f"{count_words(len(loads), 'core')}, {average} % busy on average"
