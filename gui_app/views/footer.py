"""The line at the bottom: progress, one sentence of state, one of detail, at most four buttons."""

from msgspec import Struct
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui_app.output_choices import OutputChoices
from gui_app.theme import current_tokens, set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState
from workers.job_words import done_words, ended_words
from workers.typed import override
from workers.wording import count_words, printable, remaining_words, size_words, time_words

_LINE_PX = 4
_RUN_AGAIN_TIP = "Look at the inputs again: what is new or has changed, and what failed"
_STOP_WATCHING_TIP = "Take no more files; the job ends once those it has are done"


class _Face(Struct, frozen=True):
    """What the footer says in one state; the last button is the primary one."""

    state: str
    detail: str
    buttons: tuple[str, ...]


class ProgressLine(QWidget):
    """A line over the whole width; the part that ended is filled."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._is_still = False
        self.setFixedHeight(_LINE_PX)
        self.setAccessibleName("Progress")

    @property
    def share(self) -> float:
        """Return how much is filled, 0 to 1."""
        return self._share

    def apply(self, share: float, *, is_still: bool) -> None:
        """Fill that share of the line; a still line is muted."""
        if (share, is_still) != (self._share, self._is_still):
            self._share, self._is_still = share, is_still
            self.setAccessibleDescription(f"{share:.0%}")
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_tokens()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens.sunk if self._share else tokens.surface))
        filled = QRectF(0, 0, self.width() * self._share, self.height())
        painter.fillRect(filled, QColor(tokens.muted if self._is_still else tokens.accent))


class Footer(QFrame):
    """What the job does and what can be done about it."""

    start_pressed = Signal()
    pause_pressed = Signal()
    continue_pressed = Signal()
    cancel_pressed = Signal()
    stop_watching_pressed = Signal()
    open_folder_pressed = Signal()
    retry_pressed = Signal()
    run_again_pressed = Signal()
    new_job_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self._line = ProgressLine()
        self._state = PlainLabel("Ready", "title", elides=True)
        self._detail = PlainLabel("Drop files, or press Ctrl+O", "small", elides=True)
        self._buttons = {
            "New job": push_button("New job"),
            "Cancel": push_button("Cancel"),
            "Stop watching": push_button("Stop watching"),
            "Run again": push_button("Run again"),
            "Retry problems": push_button("Retry problems"),
            "Run the rest": push_button("Run the rest"),
            "Open folder": push_button("Open folder"),
            "Pause": push_button("Pause"),
            "Continue": push_button("Continue"),
            "Start": push_button("Start"),
        }
        self._buttons["Stop watching"].setToolTip(_STOP_WATCHING_TIP)
        self._buttons["Run again"].setToolTip(_RUN_AGAIN_TIP)
        self._is_watch_wanted = False
        self._snapshot = JobSnapshot(sequence=0)
        self._lay_out()
        self._connect()
        self.apply(JobSnapshot(sequence=0))

    @property
    def progress(self) -> float:
        """Return the share of tasks that ended, 0 to 1."""
        return self._line.share

    @property
    def sentences(self) -> tuple[str, str]:
        """Return the sentence of state and the one of detail."""
        return self._state.whole_text, self._detail.whole_text

    def button(self, text: str) -> QPushButton:
        """Return the button of that text, shown or not."""
        return self._buttons[text]

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show that job's state."""
        self._snapshot = snapshot
        face = _face(snapshot, is_watch_wanted=self._is_watch_wanted)
        self._state.setText(face.state)
        self._detail.setText(face.detail)
        total = snapshot.counts.total
        is_under_way = snapshot.state in (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)
        share = snapshot.counts.ended / total if total and is_under_way else 0.0
        is_still = snapshot.state is not JobState.RUNNING or snapshot.is_resting
        self._line.apply(share, is_still=is_still)
        focused = [text for text, button in self._buttons.items() if button.hasFocus()]
        for text, button in self._buttons.items():
            is_primary = text == face.buttons[-1] and snapshot.state is not JobState.EMPTY
            set_role(button, "primary" if is_primary else "")
            button.setVisible(text in face.buttons)
        has_work = total > 0 or self._is_watch_wanted
        self._buttons["Start"].setEnabled(snapshot.state is JobState.DRAFT and has_work)
        if focused and focused[0] not in face.buttons:
            # The pressed button is gone; the keyboard stays here, with what comes next.
            self._buttons[face.buttons[-1]].setFocus(Qt.FocusReason.OtherFocusReason)

    def apply_choices(self, choices: OutputChoices) -> None:
        """Offer to start without a file when the job is to watch for some."""
        self._is_watch_wanted = choices.is_watching
        self.apply(self._snapshot)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._state)
        words.addWidget(self._detail)
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 16, 10)
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in self._buttons.values():
            button.setMinimumWidth(88)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._line)
        column.addLayout(row)

    def _connect(self) -> None:
        self._buttons["Start"].clicked.connect(self.start_pressed)
        self._buttons["Pause"].clicked.connect(self.pause_pressed)
        self._buttons["Continue"].clicked.connect(self.continue_pressed)
        self._buttons["Cancel"].clicked.connect(self.cancel_pressed)
        self._buttons["Stop watching"].clicked.connect(self.stop_watching_pressed)
        self._buttons["Open folder"].clicked.connect(self.open_folder_pressed)
        self._buttons["Retry problems"].clicked.connect(self.retry_pressed)
        self._buttons["Run again"].clicked.connect(self.run_again_pressed)
        self._buttons["Run the rest"].clicked.connect(self.retry_pressed)
        self._buttons["New job"].clicked.connect(self.new_job_pressed)


def _face(snapshot: JobSnapshot, *, is_watch_wanted: bool) -> _Face:
    match snapshot.state:
        case JobState.EMPTY:
            return _Face("Ready", "Drop files, or press Ctrl+O", ("Start",))
        case JobState.DRAFT:
            return _draft_face(snapshot, is_watch_wanted=is_watch_wanted)
        case JobState.RUNNING if snapshot.is_resting:
            return _resting_face(snapshot)
        case JobState.RUNNING:
            buttons = ("Cancel", *_watch_buttons(snapshot), "Pause")
            return _Face(_progress_words(snapshot), _detail_words(snapshot), buttons)
        case JobState.PAUSED:
            return _paused_face(snapshot)
        case JobState.STOPPED:
            state = f"Stopped at {snapshot.counts.ended:,} of {snapshot.counts.total:,}"
            return _Face(state, _detail_words(snapshot), ("New job", "Cancel", "Continue"))
        case JobState.FINISHED | JobState.CANCELLED:
            return _ended_face(snapshot)


def _resting_face(snapshot: JobSnapshot) -> _Face:
    counts = snapshot.counts
    skipped = f" · {counts.skipped:,} skipped" if counts.skipped else ""
    done = f"{counts.succeeded:,} done{skipped}{_problem_words(snapshot)}"
    state = f"Watching {printable(snapshot.name)} for new files"
    return _Face(state, done, ("Stop watching", "Pause"))


def _watch_buttons(snapshot: JobSnapshot) -> tuple[str, ...]:
    return ("Stop watching",) if snapshot.is_watching else ()


def _draft_face(snapshot: JobSnapshot, *, is_watch_wanted: bool) -> _Face:
    files = count_words(snapshot.counts.waiting, "file")
    if snapshot.is_discovering:
        return _Face("Looking for files", f"{files} so far", ("New job", "Start"))
    if is_watch_wanted and not snapshot.counts.waiting:
        return _Face("Ready to watch", "No file yet · press Ctrl+Enter", ("New job", "Start"))
    if not snapshot.counts.total:
        return _Face("Nothing to do", "No files in there", ("New job", "Start"))
    if not snapshot.counts.waiting:
        return _Face("Nothing to do", "No file here that the pipeline reads", ("New job", "Start"))
    skipped = f" · {snapshot.counts.skipped:,} skipped" if snapshot.counts.skipped else ""
    return _Face("Ready to start", f"{files}{skipped} · press Ctrl+Enter", ("New job", "Start"))


def _paused_face(snapshot: JobSnapshot) -> _Face:
    running = snapshot.counts.running
    state = f"Paused at {snapshot.counts.ended:,} of {snapshot.counts.total:,}"
    detail = _detail_words(snapshot)
    if running:
        detail = f"{count_words(running, snapshot.unit)} will end first · {detail}"
    return _Face(state, detail, ("Cancel", *_watch_buttons(snapshot), "Continue"))


def _ended_face(snapshot: JobSnapshot) -> _Face:
    counts = snapshot.counts
    has_output = snapshot.output is not None
    middle = ("Retry problems",) if counts.failed else ()
    if snapshot.state is JobState.CANCELLED and counts.cancelled:
        middle = ("Run the rest",)
    again = ("Run again",) if snapshot.pipeline is not None else ()  # a sweep would be the same
    buttons = ("New job", *again, *middle, *(("Open folder",) if has_output else ()))
    state = "Finished" if snapshot.state is JobState.FINISHED else "Cancelled"
    if counts.skipped and counts.skipped == counts.total:
        return _Face("Nothing to do", f"{count_words(counts.skipped, 'file')} skipped", buttons)
    files = done_words(snapshot)
    where = f" in {printable(snapshot.output.name)}" if snapshot.output else ""
    where = " in place of the originals" if snapshot.is_in_place else where
    left = f" · {counts.cancelled:,} not done" if counts.cancelled else ""
    return _Face(state, f"{files}{where}{left}{_problem_words(snapshot)}", buttons)


def _progress_words(snapshot: JobSnapshot) -> str:
    more = " so far" if snapshot.is_discovering else ""
    return f"{ended_words(snapshot)}{more}"


def _detail_words(snapshot: JobSnapshot) -> str:
    parts = []
    if snapshot.state is JobState.RUNNING:
        parts.append(
            remaining_words(*snapshot.remaining_s)
            if snapshot.remaining_s
            else f"{time_words(snapshot.elapsed_s)} so far"
        )
    if snapshot.sweep is None:
        parts.append(f"{size_words(snapshot.bytes_out)} written so far")
    return " · ".join(parts) + _problem_words(snapshot)


def _problem_words(snapshot: JobSnapshot) -> str:
    failed = snapshot.counts.failed
    return f" · {count_words(failed, 'problem')}" if failed else ""
