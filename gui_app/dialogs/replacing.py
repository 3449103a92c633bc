"""Asks before a job whose outputs take the places of the originals begins, or runs again."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState
from workers.wording import count_words, finds_originals, printable, trash_name

_WIDTH_PX = 480


class ReplacingDialog(QDialog):
    """Accepted means: replace them. Opened with `open`, it blocks nothing."""

    def __init__(
        self, snapshot: JobSnapshot, *, is_watching: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Replace the originals")
        self.setFixedWidth(_WIDTH_PX)
        self._replace = push_button("Replace the originals")
        self._cancel = push_button("Cancel", "primary")
        # Return must not replace anything: the safe answer is the default one.
        self._replace.setAutoDefault(False)
        self._cancel.setDefault(True)
        self._lay_out(title_words(snapshot), consequence_words(is_watching=is_watching))
        self._replace.clicked.connect(self.accept)
        self._cancel.clicked.connect(self.reject)

    def _lay_out(self, title: str, sentence: str) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self._replace)
        buttons.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(PlainLabel(title, "title", elides=True))
        column.addWidget(PlainLabel(sentence, wraps=True))
        column.addSpacing(8)
        column.addLayout(buttons)


def title_words(snapshot: JobSnapshot) -> str:
    """Return the question; it names the number of files only once all are known."""
    name = printable(snapshot.name)
    waiting = snapshot.counts.waiting
    if snapshot.state is not JobState.DRAFT:  # what is new or has changed is not known yet
        return f"Replace files in {name} again?"
    if snapshot.is_discovering:
        return f"Replace all files in {name}? ({waiting:,} found so far)"
    if not waiting:  # a job may begin without a file, to watch for some
        return f"Replace all files in {name}?"
    return f"Replace {count_words(waiting, 'file')} in {name}?"


def consequence_words(*, is_watching: bool) -> str:
    """Return what becomes of the originals, and how to get them back on this system."""
    trash = trash_name()
    back = f"They lie in the {trash}."
    if finds_originals():
        back = "Undo in the list of jobs puts the originals back, as long as they lie there."
    come = " Files that come later are replaced, too." if is_watching else ""
    return (
        f"Each output takes the place of its original, which goes to the {trash} once the output "
        f"is whole. {back}{come}"
    )
