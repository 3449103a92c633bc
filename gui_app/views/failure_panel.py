"""What went wrong with the selected row, and what can be done about it."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from gui_app.models.row_words import place_of
from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel, rule
from gui_app.views.tinted import push_button
from workers import TaskRow, TaskState
from workers.wording import printable

_TEXT_MOST_PX: Final = 140
_SHOWN_STATES = (TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED)
_RETRY_STATES = (TaskState.FAILED, TaskState.CANCELLED)


class FailurePanel(QWidget):
    """Name, reason, remedies; the traceback folds out under Details."""

    retry_pressed = Signal(object)
    open_file_pressed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: TaskRow | None = None
        self._name = PlainLabel("", "strong", elides=True)
        self._reason = PlainLabel("", "fail", wraps=True)
        self._retry = push_button("Retry")
        self._open = push_button("Open file")
        self._details = push_button("Details", "link")
        self._details.setCheckable(True)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setAccessibleName("Details of the failure")
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        # Where the panel is low, the text gives way down to the stylesheet's least height.
        self._text.setMaximumHeight(_TEXT_MOST_PX)
        self._lay_out()
        self._retry.clicked.connect(self._emit_retry)
        self._open.clicked.connect(self._emit_open)
        self._details.toggled.connect(self._fold)
        self.apply_row(None)

    def apply_row(self, row: TaskRow | None) -> None:
        """Show the row where there is something to say about it, else hide."""
        if row is not None and row == self._row:
            return
        is_new = row is None or self._row is None or row.task != self._row.task
        self._row = row
        is_shown = row is not None and (row.state in _SHOWN_STATES or row.has_warning)
        self.setVisible(is_shown)
        if row is None or not is_shown:
            return
        self._name.setText(row.name)
        self._reason.setText(row.message or "No reason was recorded.")
        set_role(self._reason, _reason_role(row))
        self._retry.setVisible(row.state in _RETRY_STATES)
        self._open.setEnabled(place_of(row) is not None)
        self._details.setVisible(bool(row.detail))
        self._text.setPlainText(printable_lines(row.detail))
        if is_new:
            self._details.setChecked(False)
        self._fold(self._details.isChecked())

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._retry, 1)
        buttons.addWidget(self._open, 1)
        details = QHBoxLayout()
        details.addWidget(self._details)
        details.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(rule())
        column.addSpacing(2)
        column.addWidget(self._name)
        column.addWidget(self._reason)
        column.addLayout(buttons)
        column.addLayout(details)
        column.addWidget(self._text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _fold(self, is_open: bool) -> None:
        self._details.setText("▾  Details" if is_open else "▸  Details")
        self._text.setVisible(is_open and bool(self._row and self._row.detail))

    def _emit_retry(self) -> None:
        if self._row is not None:
            self.retry_pressed.emit(self._row.task)

    def _emit_open(self) -> None:
        place = None if self._row is None else place_of(self._row)
        if place is not None:
            self.open_file_pressed.emit(place)


def printable_lines(text: str) -> str:
    """Return the text with its line ends kept and all else made printable."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.splitlines())


def _reason_role(row: TaskRow) -> str:
    if row.state is TaskState.FAILED:
        return "fail"
    return "warn" if row.has_warning else "muted"
