"""Asks before a job whose outputs take the places of the originals begins."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot
from workers.wording import count_words, printable

_WIDTH_PX = 480
_SENTENCE = (
    "Each output takes the place of its original, which goes to the trash once the output is "
    "whole. Undo in the list of jobs puts the originals back, as long as they lie there."
)


class ReplacingDialog(QDialog):
    """Accepted means: replace them. Opened with `open`, it blocks nothing."""

    def __init__(self, snapshot: JobSnapshot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Replace the originals")
        self.setFixedWidth(_WIDTH_PX)
        self._replace = push_button("Replace the originals")
        self._cancel = push_button("Cancel", "primary")
        # Return must not replace anything: the safe answer is the default one.
        self._replace.setAutoDefault(False)
        self._cancel.setDefault(True)
        self._lay_out(snapshot)
        self._replace.clicked.connect(self.accept)
        self._cancel.clicked.connect(self.reject)

    def _lay_out(self, snapshot: JobSnapshot) -> None:
        files = count_words(snapshot.counts.waiting, "file")
        title = f"Replace {files} in {printable(snapshot.name)}?"
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self._replace)
        buttons.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(PlainLabel(title, "title", elides=True))
        column.addWidget(PlainLabel(_SENTENCE, wraps=True))
        column.addSpacing(8)
        column.addLayout(buttons)
