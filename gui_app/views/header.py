"""The line at the top: the job's name, its size, and the ways to more."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import IconLabel, push_button
from workers import JobSnapshot, JobState
from workers.job_words import total_words
from workers.wording import printable, size_words, time_words


class Header(QFrame):
    """Name, count and bytes of the job; Add files, Jobs, Settings."""

    add_files_pressed = Signal()
    jobs_pressed = Signal()
    settings_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self._name = PlainLabel("Everycore", "title", elides=True)
        self._name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._size = PlainLabel("", "muted")
        self._add_files = push_button("Add files…")
        self._jobs = push_button("Jobs")
        self._settings = push_button("Settings")
        self._add_files.setToolTip("Add files to the job (Ctrl+O)")
        self._jobs.setToolTip("Queue and history of jobs (Ctrl+J)")
        self._settings.setToolTip("Theme, workers and other choices (Ctrl+,)")
        self._lay_out()
        self._add_files.clicked.connect(self.add_files_pressed)
        self._jobs.clicked.connect(self.jobs_pressed)
        self._settings.clicked.connect(self.settings_pressed)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show that job's name and size."""
        self._name.setText(printable(snapshot.name) or "Everycore")
        self._size.setText(job_size_words(snapshot))

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(IconLabel("bars", 24))
        row.addSpacing(4)
        row.addWidget(self._name)
        row.addSpacing(4)
        row.addWidget(self._size)
        row.addStretch(1)
        for button in (self._add_files, self._jobs, self._settings):
            row.addWidget(button)


def job_size_words(snapshot: JobSnapshot) -> str:
    """Return '1,284 files · 6.2 GB', or how long the ended job took."""
    if snapshot.state is JobState.EMPTY:
        return ""
    if snapshot.state is JobState.FINISHED:
        return f"finished in {time_words(snapshot.elapsed_s)}"
    if snapshot.state is JobState.CANCELLED:
        return f"cancelled after {time_words(snapshot.elapsed_s)}"
    total = total_words(snapshot)
    size = f"{total} · {size_words(snapshot.bytes_total)}" if snapshot.bytes_total else total
    return f"{size} so far" if snapshot.is_discovering else size
