"""The task table's rows, read page by page from wherever `rows_wanted` leads.

Lives in the window's thread. Snapshots tell that something changed, pages bring the rows; at most
eight pages a second are asked for, and each one that arrives costs at most one `dataChanged`. The
model is reset only when other rows or another order are shown, never because rows changed.
"""

import html
import time
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from gui_app.models.row_pages import PAGE_ROWS, RowPages
from gui_app.models.row_words import HEADINGS, Column, cell_words, reason, state_word, warning
from workers import Counts, JobId, JobSnapshot, RowPage, RowQuery, TaskId, TaskRow, TaskState
from workers.snapshot import RowSort
from workers.typed import override

REQUEST_EVERY_MS: Final = 125
# The engine writes the journal ten times a second: what a snapshot tells may be in it only then.
SETTLE_S: Final = 0.3
PLACEHOLDER: Final = "…"

_Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_SORTS: Final = {
    Column.STATE: RowSort.STATE,
    Column.NAME: RowSort.NAME,
    Column.BEFORE: RowSort.SIZE,
    Column.AFTER: RowSort.BYTES_OUT,
    Column.TIME: RowSort.SECONDS,
}
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_NOTHING: Final = RowQuery(0, 0)


class TaskTableModel(QAbstractTableModel):
    """Holds the rows near those being looked at; `watch` tells which ones these are."""

    rows_wanted = Signal(object)

    def __init__(
        self, parent: QObject | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._job: JobId | None = None
        self._is_ended = False
        self._counts = Counts()
        # What is asked for and what is shown; they differ until the first answer is here.
        self._query = _NOTHING
        self._shown = _NOTHING
        self._chosen_sort: RowSort | None = None
        self._matches = 0
        self._has_answer = False
        self._pages = RowPages()
        self._watched = range(1)
        self._missed: int | None = None
        self._last_asked = 0
        self._settled_at: float | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._request_next)

    # ---- what the window tells

    def apply(self, snapshot: JobSnapshot) -> None:
        """Take the job, its order and whether its rows changed from the snapshot."""
        self._is_ended = snapshot.state.is_ended
        if snapshot.job != self._job:
            self._open(snapshot)
            return
        if self._job is None:
            return
        self._choose(self._ordered(self._query))
        has_changed = snapshot.changed_tasks is None or bool(snapshot.changed_tasks)
        if has_changed or snapshot.counts != self._counts:
            self._counts = snapshot.counts
            self._settled_at = self._clock() + SETTLE_S
            self._pages.expire()
            self._wake()

    def apply_page(self, page: RowPage) -> None:
        """Show the rows of an answer; one to an older question is dropped."""
        if page.job != self._job or replace(page.query, first=0, count=0) != self._query:
            return
        if self._shown == self._query and self._has_answer:
            self._take(page)
        elif page.query.first == 0:
            self._begin_with(page)

    def show_states(self, states: tuple[TaskState, ...]) -> None:
        """Show only tasks in these states; none means all."""
        self._choose(replace(self._query, states=states))

    def show_text(self, text: str) -> None:
        """Show only tasks whose name holds the text."""
        self._choose(replace(self._query, text=text))

    def watch(self, first_row: int, last_row: int) -> None:
        """Keep the rows from first to last fresh: these are in view."""
        first = max(first_row, 0) // PAGE_ROWS
        watched = range(first, max(max(last_row, 0) // PAGE_ROWS, first) + 1)
        if watched != self._watched:
            self._watched = watched
            self._wake()

    # ---- what the window asks

    @property
    def is_in_job_order(self) -> bool:
        """Say whether all rows are shown, in the order in which they are run."""
        return replace(self._query, first=0, count=0) == _NOTHING

    @property
    def has_answer(self) -> bool:
        """Say whether the rows shown have been read, so that none means none."""
        return self._has_answer

    def row_at(self, row: int) -> TaskRow | None:
        """Return the row at that place; one that is not here yet is asked for."""
        if not 0 <= row < self._matches:
            return None
        found = self._pages.row(row)
        if found is None:
            self._missed = row - row % PAGE_ROWS
            self._pages.expire_page(self._missed)
            self._wake()
        return found

    def row_of(self, task: TaskId) -> int | None:
        """Return at which place that task stands, None where its page is not here."""
        return self._pages.find(task)

    @override
    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else self._matches

    @override
    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(Column)

    @override
    def data(self, index: _Index, role: int = _Role.DisplayRole) -> object:
        if not index.isValid():
            return None
        column = Column(index.column())
        if role == _Role.TextAlignmentRole:
            return _LEFT if column <= Column.NAME else _RIGHT
        if role not in (_Role.DisplayRole, _Role.ToolTipRole, _Role.AccessibleTextRole):
            return None
        row = self.row_at(index.row())
        if row is None:
            return PLACEHOLDER if column is Column.NAME and role != _Role.ToolTipRole else None
        if role == _Role.ToolTipRole:
            return _tool_tip(row, column)
        if role == _Role.AccessibleTextRole and column is Column.STATE:
            return state_word(row)
        return cell_words(row, column)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = Column(section)
        if role == _Role.DisplayRole:
            return HEADINGS[column]
        if role == _Role.AccessibleTextRole:
            return HEADINGS[column] or "State"
        if role == _Role.TextAlignmentRole:
            return _LEFT if column <= Column.NAME else _RIGHT
        return None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by that column; one without an order of its own means the job's own order."""
        self._chosen_sort = _SORTS.get(Column(column)) if column >= 0 else None
        is_descending = self._chosen_sort is not None and order == Qt.SortOrder.DescendingOrder
        self._choose(self._ordered(replace(self._query, is_descending=is_descending)))

    # ---- other rows, or another order

    def _ordered(self, query: RowQuery) -> RowQuery:
        own = RowSort.PROBLEMS_FIRST if self._is_ended else RowSort.ADDED
        return replace(query, sort=self._chosen_sort or own)

    def _open(self, snapshot: JobSnapshot) -> None:
        self.beginResetModel()
        self._job = snapshot.job
        self._counts = snapshot.counts
        self._query = self._shown = self._ordered(self._query)
        self._matches = 0
        self._has_answer = False
        self._pages.clear()
        self._watched = range(1)
        self._missed = None
        self._settled_at = self._clock() + SETTLE_S
        self.endResetModel()
        if self._job is not None:
            self._request(0)

    def _choose(self, query: RowQuery) -> None:
        if query == self._query:
            return
        self._query = query
        if self._job is not None:
            # The rows shown stay until the others are here: an empty table would flash.
            self._pages.expire()
            self._request(0)

    def _begin_with(self, page: RowPage) -> None:
        self.beginResetModel()
        self._pages.start_with(page.rows)
        self._watched = range(1)
        self._missed = None
        self._shown = self._query
        self._matches = page.matches
        self._has_answer = True
        self.endResetModel()

    # ---- the same rows, changed

    def _take(self, page: RowPage) -> None:
        first = page.query.first
        before = self._matches
        changed = self._pages.keep(first, page.rows)
        if self._missed == first:
            self._missed = None
        self._resize(page.matches)
        last_kept = min(before, self._matches) - 1
        if changed is not None and changed[0] <= last_kept:
            last = min(changed[1], last_kept)
            self.dataChanged.emit(
                self.index(changed[0], Column.STATE), self.index(last, Column.CHANGE)
            )

    def _resize(self, matches: int) -> None:
        if matches > self._matches:
            self.beginInsertRows(QModelIndex(), self._matches, matches - 1)
            self._matches = matches
            self.endInsertRows()
        elif matches < self._matches:
            self.beginRemoveRows(QModelIndex(), matches, self._matches - 1)
            self._matches = matches
            self._pages.cut(matches)
            self.endRemoveRows()

    # ---- asking for pages, one at a time

    def _wake(self) -> None:
        # Not at once: a view asks for rows while it paints.
        if self._job is not None and not self._timer.isActive():
            self._timer.start(0)

    def _request_next(self) -> None:
        now = self._clock()
        if self._settled_at is not None and now >= self._settled_at:
            self._settled_at = None
            self._pages.expire()
        wanted = self._wanted()
        due = [first for first in wanted if self._pages.is_due(first, now)]
        if due:
            self._request(min(due, key=self._urgency))
        elif wanted or self._settled_at is not None:
            self._timer.start(REQUEST_EVERY_MS)

    def _wanted(self) -> list[int]:
        """Return the first rows of the pages to read."""
        if self._job is None:
            return []
        if self._shown != self._query or not self._has_answer:
            return [0]
        firsts = {page * PAGE_ROWS for page in self._watched}
        if self._missed is not None:
            firsts.add(self._missed)
        return [
            first
            for first in firsts
            if (first == 0 or first < self._matches) and self._pages.is_wanted(first)
        ]

    def _urgency(self, first: int) -> tuple[bool, bool, int]:
        """Put pages that are not here before old ones, and the page asked for last behind."""
        return self._pages.holds(first), first == self._last_asked, first

    def _request(self, first: int) -> None:
        self._last_asked = first
        self._pages.note_request(first, self._clock())
        self._timer.start(REQUEST_EVERY_MS)
        self.rows_wanted.emit(replace(self._query, first=first, count=PAGE_ROWS))


def _tool_tip(row: TaskRow, column: Column) -> str | None:
    """Return what a cell has no room for, escaped: Qt would take a name with tags for HTML."""
    if column is Column.NAME:
        words = row.name
    elif column is Column.STATE:
        words = warning(row) or state_word(row)
    else:
        words = reason(row) or warning(row)
    return f"<qt>{html.escape(words)}</qt>" if words else None
