"""The task table: chips and a filter above, the rows below, a menu for the selected one."""

from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QVBoxLayout, QWidget

from gui_app.models.row_words import place_of, reason, warning
from gui_app.models.task_table_model import TaskTableModel
from gui_app.views.filter_chips import FilterChips
from gui_app.views.row_follower import RowFollower
from gui_app.views.task_rows import TaskRows
from workers import JobId, JobSnapshot, JobState, TaskRow, TaskState
from workers.typed import override
from workers.wording import printable

# A filter is read from the journal: not for every letter of a word.
_FILTER_AFTER_MS: Final = 150
_FILTER_WIDTH_PX: Final = 150
_FILTER_LEAST_PX: Final = 72
_RETRY_STATES: Final = (TaskState.FAILED, TaskState.CANCELLED)
_EMPTY_SENTENCES: Final = {
    "All": "No files yet.",
    "Waiting": "Nothing is waiting.",
    "Done": "Nothing is done yet.",
    "Problems": "No problems.",
    "Skipped": "Nothing was skipped.",
    "Cancelled": "Nothing was cancelled.",
}


class TaskTable(QWidget):
    """Shows the tasks of the open job and tells what a person wants with one of them."""

    row_selected = Signal(object)
    retry_wanted = Signal(object)
    open_file_wanted = Signal(object)
    show_in_folder_wanted = Signal(object)

    def __init__(self, model: TaskTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._job: JobId | None = None
        self._can_retry = False
        self._selected: TaskRow | None = None
        self._is_resizing = False
        # Before the selection hears of rows that go: it forgets those which only moved.
        model.rowsAboutToBeRemoved.connect(self._hold_selection)
        self.chips = FilterChips()
        self.filter = QLineEdit()
        self.rows = TaskRows(model)
        self._follower = RowFollower(self.rows)
        self._filter_timer = QTimer(self, singleShot=True, interval=_FILTER_AFTER_MS)
        self._open = QAction("Open file", self)
        self._show = QAction("Show in folder", self)
        self._retry = QAction("Retry", self)
        self._copy = QAction("Copy reason", self)
        self._menu = QMenu(self)
        self._menu.addActions([self._open, self._show, self._retry, self._copy])
        self._lay_out()
        self._connect()

    @property
    def selected(self) -> TaskRow | None:
        """Return the selected row."""
        return self._selected

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the counts; another job starts with all of its tasks."""
        self._can_retry = snapshot.state.is_ended
        self.chips.apply(snapshot)
        self.rows.show_running(has_running=snapshot.counts.running > 0)
        if snapshot.job != self._job:
            self._job = snapshot.job
            self.chips.choose("All")
            self.filter.clear()
            self._show_text()
            self._follower.start_over()
        if snapshot.state is JobState.RUNNING and self._model.is_in_job_order:
            counts = snapshot.counts
            # Rows of a sweep are blocks of points, so its counts only tell how far it has come.
            done = counts.ended / max(counts.total, 1)
            self._follower.follow(round(done * self._model.rowCount()))

    def show_problems(self) -> None:
        """Show only the tasks that failed."""
        self.chips.choose("Problems")

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take Escape and Down in the filter for the way back to the rows."""
        if watched is self.filter and isinstance(event, QKeyEvent):
            is_press = event.type() == QEvent.Type.KeyPress
            if is_press and event.key() == Qt.Key.Key_Escape and self.filter.text():
                self.filter.clear()
                self._show_text()
                return True
            if is_press and event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Down):
                self.rows.setFocus()
                return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        self.filter.setPlaceholderText("Filter…")
        self.filter.setAccessibleName("Filter by name")
        self.filter.setClearButtonEnabled(True)
        self.filter.setMaximumWidth(_FILTER_WIDTH_PX)
        self.filter.setMinimumWidth(_FILTER_LEAST_PX)
        # The counts in the chips come first; the filter takes what they leave.
        self.filter.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self.chips)
        row.addStretch(1)
        row.addWidget(self.filter, 100)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.rows, 1)
        self.rows.show_empty_sentence(_EMPTY_SENTENCES["All"])

    def _connect(self) -> None:
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self._focus_filter)
        self.filter.installEventFilter(self)
        self.filter.textChanged.connect(self._delay_filter)
        self._filter_timer.timeout.connect(self._show_text)
        self.chips.states_chosen.connect(self._model.show_states)
        self.chips.states_chosen.connect(self._show_empty_sentence)
        self.rows.selectionModel().selectionChanged.connect(self._take_selection)
        self.rows.open_pressed.connect(self._open_file)
        self.rows.customContextMenuRequested.connect(self._offer)
        self._model.dataChanged.connect(self._follow)
        self._model.rowsInserted.connect(self._follow)
        self._model.rowsRemoved.connect(self._let_go)
        self._model.modelReset.connect(self._start_over)
        self._open.triggered.connect(self._open_file)
        self._show.triggered.connect(self._show_in_folder)
        self._retry.triggered.connect(self._retry_task)
        self._copy.triggered.connect(self._copy_reason)

    # ---- chips and filter

    def _focus_filter(self) -> None:
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _delay_filter(self) -> None:
        self._filter_timer.start()

    def _show_text(self) -> None:
        self._filter_timer.stop()
        self._model.show_text(self.filter.text().strip())
        self._show_empty_sentence()

    def _show_empty_sentence(self) -> None:
        text = self.filter.text().strip()
        sentence = f"No name here holds “{printable(text)}”." if text else ""
        self.rows.show_empty_sentence(sentence or _EMPTY_SENTENCES[self.chips.chosen])

    # ---- the selected row follows its task, not its place

    def _hold_selection(self) -> None:
        self._is_resizing = True

    def _let_go(self) -> None:
        self._is_resizing = False
        self._follow()

    def _start_over(self) -> None:
        self._is_resizing = False
        self.rows.scrollToTop()
        self._follow()

    def _take_selection(self) -> None:
        if not self._is_resizing:
            self._tell(self._row_under_selection())

    def _row_under_selection(self) -> TaskRow | None:
        number = self._selected_number()
        return None if number is None else self._model.row_at(number)

    def _selected_number(self) -> int | None:
        selection = self.rows.selectionModel().selection()
        return None if selection.isEmpty() else selection.first().top()

    def _follow(self) -> None:
        """Stay with the selected task wherever it stands now; it may be gone."""
        number = self._selected_number()
        row = None if number is None else self._model.row_at(number)
        held = self._selected
        if held is None or (row is not None and row.task == held.task):
            self._tell(row)
            return
        if number is not None and row is None:
            return  # its page is on the way
        place = self._model.row_of(held.task)
        if place is None:
            self.rows.clearSelection()
            self._tell(None)
            return
        self.rows.setAutoScroll(False)
        self.rows.selectRow(place)
        self.rows.setAutoScroll(True)

    def _tell(self, row: TaskRow | None) -> None:
        if row != self._selected:
            self._selected = row
            self.row_selected.emit(row)

    # ---- what can be done with it

    def _offer(self, place: QPoint) -> None:
        row = self._selected
        if row is None or not self.rows.indexAt(place).isValid():
            return
        self.offer_actions(row)
        if any(action.isVisible() for action in self._menu.actions()):
            self._menu.popup(self.rows.viewport().mapToGlobal(place))

    def offer_actions(self, row: TaskRow) -> QMenu:
        """Return the menu with what applies to that row."""
        self._open.setVisible(place_of(row) is not None)
        self._show.setVisible(place_of(row) is not None)
        self._retry.setVisible(self._can_retry and row.state in _RETRY_STATES)
        self._copy.setVisible(bool(reason(row) or warning(row)))
        return self._menu

    def _open_file(self) -> None:
        if self._selected is not None and (place := place_of(self._selected)) is not None:
            self.open_file_wanted.emit(place)

    def _show_in_folder(self) -> None:
        if self._selected is not None and (place := place_of(self._selected)) is not None:
            self.show_in_folder_wanted.emit(place)

    def _retry_task(self) -> None:
        if self._selected is not None:
            self.retry_wanted.emit(self._selected.task)

    def _copy_reason(self) -> None:
        if self._selected is not None:
            words = reason(self._selected) or warning(self._selected)
            QGuiApplication.clipboard().setText(words)
