"""The jobs of this computer: what came of each, and the way back into it."""

from typing import Final

from PySide6.QtCore import (
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui_app.theme import bold_font, current_tokens, set_role, small_font
from gui_app.views.plain_label import PlainLabel, plain_tool_tip
from gui_app.views.tinted import push_button
from workers import JobId, JobState
from workers.snapshot import JobEntry
from workers.typed import override
from workers.wording import count_words, printable, time_words

_Role: Final = Qt.ItemDataRole
_LINE_PX: Final = 52
_MARGIN_PX: Final = 14
_FOCUS_PX: Final = 3
_STATE_WORDS: Final = {
    JobState.EMPTY: "Empty",
    JobState.DRAFT: "Not started",
    JobState.RUNNING: "Running",
    JobState.PAUSED: "Paused",
    JobState.STOPPED: "Stopped",
    JobState.FINISHED: "Finished",
    JobState.CANCELLED: "Cancelled",
}
_UNFINISHED: Final = (JobState.STOPPED, JobState.PAUSED)
_UNDER_WAY: Final = (JobState.RUNNING, JobState.PAUSED)
_OVER: Final = (JobState.STOPPED, JobState.FINISHED, JobState.CANCELLED)
_RESULTS: Final = (".csv", ".parquet", ".npy")
_NO_JOBS: Final = "No jobs yet. Each job you start is kept here, with its results."


class JobsDialog(QDialog):
    """Lists the jobs, the newest first; opened with `open`, it blocks nothing."""

    results_wanted = Signal(object)
    continue_wanted = Signal(object)
    discard_wanted = Signal(object)
    undo_wanted = Signal(object)

    def __init__(self, entries: tuple[JobEntry, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Jobs")
        self.resize(600, 440)
        self._entries: tuple[JobEntry, ...] = ()
        self._asked: JobId | None = None
        self._list = QListWidget()
        self._pages = QStackedWidget()
        self._question = PlainLabel("", "warn", wraps=True)
        self._results = push_button("Show results", "primary")
        self._continue = push_button("Continue")
        self._discard = push_button("Discard")
        self._undo = push_button("Undo")
        self._is_undo_asked = False
        self._close = push_button("Close")
        self._lay_out()
        self._list.currentItemChanged.connect(self._show_choice)
        self._list.itemActivated.connect(self._want_results)
        self._results.clicked.connect(self._want_results)
        self._continue.clicked.connect(self._want_to_continue)
        self._discard.clicked.connect(self._want_to_discard)
        self._undo.clicked.connect(self._want_to_undo)
        self._close.clicked.connect(self.reject)
        self.apply(entries)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what the list says, a line for each job."""
        return tuple(self._list.item(number).text() for number in range(self._list.count()))

    def apply(self, entries: tuple[JobEntry, ...]) -> None:
        """Show these jobs; the chosen one stays chosen."""
        chosen = self._chosen()
        self._pages.setCurrentIndex(0 if entries else 1)
        if entries != self._entries:
            self._entries = entries
            with QSignalBlocker(self._list):  # a list under way says that nothing is chosen
                self._fill(None if chosen is None else chosen.job)
        self._show_choice()

    def choose(self, job: JobId) -> None:
        """Choose that job's line."""
        for number, entry in enumerate(self._entries):
            if entry.job == job:
                self._list.setCurrentRow(number)

    def _lay_out(self) -> None:
        self._list.setAccessibleName("Jobs")
        self._list.setItemDelegate(_JobDelegate(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        nothing = PlainLabel(_NO_JOBS, "muted", wraps=True)
        nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages.addWidget(self._list)
        self._pages.addWidget(nothing)
        frame = QFrame()
        set_role(frame, "card")
        framed = QVBoxLayout(frame)
        framed.setContentsMargins(1, 6, 1, 6)
        framed.addWidget(self._pages)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._discard)
        buttons.addWidget(self._undo)
        buttons.addStretch(1)
        for button in (self._close, self._continue, self._results):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(frame, 1)
        column.addWidget(self._question)
        column.addLayout(buttons)

    def _fill(self, chosen: JobId | None) -> None:
        self._list.clear()
        for entry in self._entries:
            self._list.addItem(_item(entry))
        jobs = [entry.job for entry in self._entries]
        if jobs:
            self._list.setCurrentRow(jobs.index(chosen) if chosen in jobs else 0)

    def _chosen(self) -> JobEntry | None:
        number = self._list.currentRow()
        return self._entries[number] if 0 <= number < len(self._entries) else None

    def _show_choice(self) -> None:
        entry = self._chosen()
        if entry is None or entry.job != self._asked:
            self._asked = None
        is_asked = self._asked is not None
        self._question.setVisible(is_asked)
        is_undo = is_asked and self._is_undo_asked
        self._discard.setText("Discard for good" if is_asked and not is_undo else "Discard")
        self._undo.setText("Undo this job" if is_undo else "Undo")
        self._undo.setEnabled(entry is not None and entry.state in _OVER and _has_made(entry))
        self._results.setEnabled(entry is not None)
        self._continue.setEnabled(entry is not None and entry.state in _UNFINISHED)
        self._discard.setEnabled(entry is not None and entry.state not in _UNDER_WAY)

    def _want_results(self) -> None:
        entry = self._chosen()
        if entry is not None:
            self.results_wanted.emit(entry.job)
            self.accept()

    def _want_to_continue(self) -> None:
        entry = self._chosen()
        if entry is not None:
            self.continue_wanted.emit(entry.job)
            self.accept()

    def _want_to_discard(self) -> None:
        entry = self._chosen()
        if entry is None:
            return
        if self._asked == entry.job and not self._is_undo_asked:
            self._asked = None
            self.discard_wanted.emit(entry.job)
        else:
            self._asked, self._is_undo_asked = entry.job, False
            self._question.setText(
                f"The record of '{printable(entry.name)}' will be deleted, and it cannot be "
                "continued any more. The files it wrote stay."
            )
        self._show_choice()

    def _want_to_undo(self) -> None:
        entry = self._chosen()
        if entry is None:
            return
        if self._asked == entry.job and self._is_undo_asked:
            self.undo_wanted.emit(entry.job)
            self.accept()
            return
        self._asked, self._is_undo_asked = entry.job, True
        self._question.setText(
            f"The {count_words(entry.counts.succeeded, 'file')} that '{printable(entry.name)}' "
            "wrote will go to the trash, and what they replaced comes back. Files that were "
            "edited since stay."
        )
        self._show_choice()


class _JobDelegate(QStyledItemDelegate):
    """Two lines for a job: name and state, then how far it came, with what, and when."""

    @override
    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, _LINE_PX)

    @override
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry: JobEntry = index.data(_Role.UserRole)
        _paint_ground(painter, option)
        area: QRect = option.rect.adjusted(_MARGIN_PX, 7, -_MARGIN_PX, -8)
        upper, lower = QRect(area), QRect(area)
        upper.setHeight(area.height() // 2)
        lower.setTop(upper.bottom() + 1)
        tokens = current_tokens()
        painter.setFont(bold_font(option.font))
        state = QColor(_state_color(entry.state))
        used = _paint_words(painter, upper, _STATE_WORDS[entry.state], state, is_right=True)
        upper.setRight(upper.right() - used)
        _paint_words(painter, upper, printable(entry.name), QColor(tokens.text))
        painter.setFont(small_font(option.font))
        muted = QColor(tokens.muted)
        used = _paint_words(painter, lower, when_words(entry.created_at), muted, is_right=True)
        lower.setRight(lower.right() - used)
        _paint_words(painter, lower, _detail_words(entry), muted)


def _paint_ground(painter: QPainter, option: QStyleOptionViewItem) -> None:
    tokens = current_tokens()
    area: QRect = option.rect
    if not option.state & QStyle.StateFlag.State_Selected:
        width = area.width() - 2 * _MARGIN_PX
        line = QColor(tokens.line)
        painter.fillRect(area.left() + _MARGIN_PX, area.bottom(), width, 1, line)
        return
    painter.fillRect(area, QColor(tokens.accent_soft))
    if option.widget.hasFocus():
        accent = QColor(tokens.accent)
        painter.fillRect(area.left(), area.top(), _FOCUS_PX, area.height(), accent)


def _paint_words(
    painter: QPainter, place: QRect, words: str, color: QColor, *, is_right: bool = False
) -> int:
    """Paint a line of text, elided where it is too long; return the width it takes."""
    metrics = QFontMetrics(painter.font())
    shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, place.width())
    side = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
    painter.setPen(color)
    painter.drawText(
        place, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown
    )
    return metrics.horizontalAdvance(shown) + _MARGIN_PX


def _item(entry: JobEntry) -> QListWidgetItem:
    words = (printable(entry.name), _STATE_WORDS[entry.state], _detail_words(entry))
    item = QListWidgetItem(" · ".join((*words, when_words(entry.created_at))))
    item.setData(_Role.UserRole, entry)
    item.setToolTip(plain_tool_tip(f"{printable(entry.name)}: {_detail_words(entry)}"))
    return item


def _has_made(entry: JobEntry) -> bool:
    """Say whether the job wrote files; a sweep has one result, its outputs are no tasks'."""
    is_sweep = entry.output is not None and entry.output.suffix in _RESULTS
    return entry.counts.succeeded > 0 and not is_sweep


def _state_color(state: JobState) -> str:
    tokens = current_tokens()
    colors = {
        JobState.RUNNING: tokens.accent,
        JobState.PAUSED: tokens.accent,
        JobState.STOPPED: tokens.warn,
        JobState.FINISHED: tokens.ok,
    }
    return colors.get(state, tokens.muted)


def _detail_words(entry: JobEntry) -> str:
    """Return how far the job came, with what and in what time."""
    counts = entry.counts
    parts = [f"{counts.succeeded:,} of {counts.total:,} done"]
    if counts.failed:
        parts.append(count_words(counts.failed, "problem"))
    if counts.skipped:
        parts.append(f"{counts.skipped:,} skipped")
    if entry.pipeline_name:
        parts.append(printable(entry.pipeline_name))
    if entry.elapsed_s:
        parts.append(time_words(entry.elapsed_s))
    return " · ".join(parts)


def when_words(created_at: float) -> str:
    """Return the day and the time of day as people here write them."""
    moment = QDateTime.fromSecsSinceEpoch(round(created_at))
    locale = QLocale()
    time = locale.toString(moment.time(), QLocale.FormatType.ShortFormat)
    days = moment.date().daysTo(QDateTime.currentDateTime().date())
    names = {0: "Today", 1: "Yesterday"}
    day = names.get(days) or locale.toString(moment.date(), QLocale.FormatType.ShortFormat)
    return f"{day}, {time}"
