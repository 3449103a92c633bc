"""Asks what becomes of a job that is under way when the person closes the window."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState
from workers.wording import printable

_WIDTH_PX = 480
_GOES_ON = (
    "It can go on without the window and end by itself. "
    "When you open Everycore again, you see how far it is."
)
_WATCHES_ON = (
    "It can watch on without the window. When you open Everycore again, you see what came."
)
_CONTINUES = (
    "It can continue now, without the window, and end by itself. "
    "When you open Everycore again, you see how far it is."
)


class LeavingDialog(QDialog):
    """Keep running, stop and continue later, or stay; opened with `open`, it blocks nothing."""

    keep_running_chosen = Signal()
    stop_chosen = Signal()

    def __init__(self, snapshot: JobSnapshot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Quit Everycore")
        self.setFixedWidth(_WIDTH_PX)
        self._keep = push_button("Keep running", "primary")
        self._stop = push_button("Stop and continue later")
        self._cancel = push_button("Cancel")
        self._lay_out(snapshot)
        # Return does what loses nothing.
        self._keep.setDefault(True)
        self._keep.clicked.connect(self._tell_keep)
        self._stop.clicked.connect(self._tell_stop)
        self._cancel.clicked.connect(self.reject)

    def _lay_out(self, snapshot: JobSnapshot) -> None:
        counts = snapshot.counts
        is_paused = snapshot.state is JobState.PAUSED
        state = "is watched" if snapshot.is_resting else "is still running"
        state = "is paused" if is_paused else state
        goes_on = _WATCHES_ON if snapshot.is_watching else _GOES_ON
        title = f"'{printable(snapshot.name)}' {state}"
        sentence = f"{counts.ended:,} of {counts.total:,} are done. "
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._cancel)
        buttons.addStretch(1)
        buttons.addWidget(self._stop)
        buttons.addWidget(self._keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(PlainLabel(title, "title", elides=True))
        column.addWidget(PlainLabel(sentence + (_CONTINUES if is_paused else goes_on), wraps=True))
        column.addSpacing(8)
        column.addLayout(buttons)

    def _tell_keep(self) -> None:
        self.accept()
        self.keep_running_chosen.emit()

    def _tell_stop(self) -> None:
        self.accept()
        self.stop_chosen.emit()
