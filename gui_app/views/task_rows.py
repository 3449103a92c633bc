"""The list of rows itself: columns, keys, the turning arcs, a sentence where there is no row."""

import sys
from string import Template
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QTableView,
)

from gui_app.models.row_words import HEADINGS, Column
from gui_app.models.task_table_model import TaskTableModel
from gui_app.theme import ROW_HEIGHT, current_tokens
from gui_app.views.task_delegate import ICON_PX, MARGIN_PX, PADDING_PX, TaskDelegate
from resources import icon_path
from workers import TaskState
from workers.typed import override

_TURN_EVERY_MS: Final = 90
_WIDEST: Final = {
    Column.BEFORE: "888.8 MB",
    Column.AFTER: "888.8 MB",
    Column.TIME: "8 h 88 min",
    Column.CHANGE: "−888 %",
}
# In a narrower table the names need the room more.
_LEAST_WIDTHS: Final = {Column.CHANGE: 500, Column.TIME: 420}
_NO_SORT: Final = -1
# Right-aligned words leave an arrow no room beside them.
_HEAD_SHEET: Final = Template("""
QHeaderView::section:last { padding-right: ${margin}px; }
QHeaderView::up-arrow, QHeaderView::down-arrow {
    width: 8px; height: 8px; subcontrol-origin: border; subcontrol-position: top center;
}
QHeaderView::up-arrow { image: url("$icons/arrow-up.svg"); }
QHeaderView::down-arrow { image: url("$icons/arrow-down.svg"); }
""")


class TaskRows(QTableView):
    """Shows the rows of the model; one can be selected."""

    open_pressed = Signal()

    def __init__(self, model: TaskTableModel) -> None:
        super().__init__()
        self._model = model
        self._delegate = TaskDelegate(self, model)
        self._has_running = False
        self._empty_sentence = ""
        self._sorted = (_NO_SORT, Qt.SortOrder.AscendingOrder)
        self._clock = QTimer(self, interval=_TURN_EVERY_MS)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self._set_up()
        self._set_up_headers()
        self._clock.timeout.connect(self._turn_arcs)
        self.doubleClicked.connect(self._tell_opened)
        self.horizontalHeader().sortIndicatorChanged.connect(self._sort)

    @property
    def is_turning(self) -> bool:
        """Say whether the arcs of running rows turn now."""
        return self._clock.isActive()

    @property
    def empty_sentence(self) -> str:
        """Return what is said where no row is."""
        return self._empty_sentence

    def show_running(self, *, has_running: bool) -> None:
        """Let the arcs turn while something runs."""
        if has_running != self._has_running:
            self._has_running = has_running
            self._steer_arcs()

    def show_empty_sentence(self, sentence: str) -> None:
        """Say this where no row is."""
        if sentence != self._empty_sentence:
            self._empty_sentence = sentence
            self.viewport().update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier
        ):
            self.open_pressed.emit()
            return
        super().keyPressEvent(event)

    @override
    def keyboardSearch(self, search: str) -> None:
        """Search nothing: Qt would read every row of the job."""

    @override
    def moveCursor(
        self,
        cursorAction: QAbstractItemView.CursorAction,
        modifiers: Qt.KeyboardModifier,
    ) -> QModelIndex:
        """Take Home and End for the first and the last row, as lists do."""
        ends = {
            QAbstractItemView.CursorAction.MoveHome: 0,
            QAbstractItemView.CursorAction.MoveEnd: self._model.rowCount() - 1,
        }
        if cursorAction in ends and self._model.rowCount():
            return self._model.index(ends[cursorAction], Column.NAME)
        return super().moveCursor(cursorAction, modifiers)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._model.rowCount():
            self._model.watch(*self._rows_in_view())
        super().paintEvent(event)
        if self._empty_sentence and self._model.has_answer and not self._model.rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(current_tokens().muted))
            place = self.viewport().rect().adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
            painter.drawText(
                place,
                Qt.AlignmentFlag.AlignHCenter
                | Qt.AlignmentFlag.AlignVCenter
                | Qt.TextFlag.TextWordWrap,
                self._empty_sentence,
            )

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._delegate.forget_texts()
            self._fit_columns()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column, least_px in _LEAST_WIDTHS.items():
            self.setColumnHidden(column, self.width() < least_px)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._steer_arcs()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._steer_arcs()

    def _set_up(self) -> None:
        self.setAccessibleName("Tasks")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setMinimumHeight(4 * ROW_HEIGHT)

    def _set_up_headers(self) -> None:
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        head = self.horizontalHeader()
        icons = icon_path("arrow-up").parent.as_posix()
        head.setStyleSheet(_HEAD_SHEET.substitute(icons=icons, margin=MARGIN_PX))
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicatorClearable(True)
        head.setSortIndicator(*self._sorted)
        head.setMinimumSectionSize(ICON_PX)
        head.setFixedHeight(ROW_HEIGHT - 4)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Give each column room for the widest of its usual numbers."""
        metrics = self.fontMetrics()
        self.setColumnWidth(Column.STATE, MARGIN_PX + ICON_PX + 2)
        for column, widest in _WIDEST.items():
            px = max(metrics.horizontalAdvance(text) for text in (widest, HEADINGS[column]))
            right = MARGIN_PX if column is Column.CHANGE else PADDING_PX
            self.setColumnWidth(column, PADDING_PX + px + right)

    def _rows_in_view(self) -> tuple[int, int]:
        last = self.rowAt(self.viewport().height() - 1)
        return self.rowAt(0), last if last >= 0 else self._model.rowCount() - 1

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        if column == Column.CHANGE:  # the journal knows no such order
            self.horizontalHeader().setSortIndicator(*self._sorted)
            return
        self._sorted = column, order
        self._model.sort(column, order)
        self.scrollToTop()

    def _tell_opened(self, index: QModelIndex) -> None:
        self.open_pressed.emit()

    def _steer_arcs(self) -> None:
        is_wanted = self._has_running and self.isVisible() and not _is_motion_reduced()
        if is_wanted and not self._clock.isActive():
            self._clock.start()
        elif not is_wanted:
            self._clock.stop()

    def _turn_arcs(self) -> None:
        self._delegate.turn()
        if not self._model.rowCount():
            return
        first, last = self._rows_in_view()
        left, width = self.columnViewportPosition(Column.STATE), self.columnWidth(Column.STATE)
        for number in range(first, last + 1):
            row = self._model.row_at(number)
            if row is not None and row.state is TaskState.RUNNING:
                top = self.rowViewportPosition(number)
                self.viewport().update(QRect(left, top, width, ROW_HEIGHT))


def _is_motion_reduced() -> bool:
    """Say whether the person asked the system for no animations, as far as Qt tells."""
    hint = QStyle.StyleHint.SH_Widget_Animation_Duration
    if QApplication.style().styleHint(hint) == 0:
        return True
    # Only Windows tells Qt of this effect; elsewhere it is always off.
    return sys.platform == "win32" and not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
