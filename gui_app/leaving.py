"""How the window ends, and with it the engine or not. Lives in the window's thread."""

import time
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtGui import QSessionManager

from gui_app.dialogs.leaving import LeavingDialog
from gui_app.session import Parts
from workers import JobSnapshot, JobState
from workers.wording import printable

# A logout that another program called off is forgotten: the next close asks again.
LOGOUT_WITHIN_S: Final = 60.0
_UNDER_WAY: Final = (JobState.RUNNING, JobState.PAUSED)


class Leaving(QObject):
    """Asks before a job under way loses its window, and ends what must end with it."""

    def __init__(self, parts: Parts) -> None:
        """Begin with an open window and no job."""
        super().__init__(parts.window)
        self._parts = parts
        self._snapshot = JobSnapshot(sequence=0)
        self._dialog: LeavingDialog | None = None
        self._is_settled = False
        self._logout_at = -LOGOUT_WITHIN_S
        self._keeps_running = False

    def take_snapshot(self, snapshot: JobSnapshot) -> None:
        """Remember the job's state; a question about a job that has ended is taken back."""
        self._snapshot = snapshot
        if self._dialog is not None and snapshot.state not in _UNDER_WAY:
            self._dialog.reject()

    def ask(self) -> None:
        """Keep a closing window open while a job is under way, and ask what becomes of it."""
        is_logout = time.monotonic() - self._logout_at < LOGOUT_WITHIN_S
        if self._is_settled or is_logout or self._snapshot.state not in _UNDER_WAY:
            return
        self._parts.window.stay_open()
        if self._dialog is not None:
            return
        self._dialog = LeavingDialog(self._snapshot, self._parts.window)
        self._dialog.keep_running_chosen.connect(self.keep_running)
        self._dialog.stop_chosen.connect(self.leave)
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def keep_running(self) -> None:
        """Close the window and let the engine go on; a paused job continues."""
        if self._snapshot.state is JobState.PAUSED:
            self._parts.controller.resume()
        self._keeps_running = True
        self.leave()

    def leave(self) -> None:
        """Close the window without a question: it was answered, or the system does not wait."""
        self._is_settled = True
        self._parts.window.close()

    def take_logout(self, _session: QSessionManager) -> None:
        """Ask nothing when the window is closed soon: the person logs out."""
        self._logout_at = time.monotonic()

    def end(self) -> None:
        """End the engine, or leave it to itself; a job that stops can be continued later."""
        if self._keeps_running:
            self._parts.bridge.detach()
        else:
            self._parts.bridge.stop()
        self._parts.previews.stop()
        self._parts.collector.stop()
        self._parts.application.quit()

    def greet(self, snapshot: JobSnapshot) -> None:
        """Say what became of the job that an earlier window had left running."""
        name, counts = printable(snapshot.name), snapshot.counts
        sentences = {
            JobState.RUNNING: f"'{name}' is still running.",
            JobState.FINISHED: f"'{name}' has ended while the window was closed.",
            JobState.STOPPED: f"'{name}' stopped at {counts.ended:,} of {counts.total:,}.",
        }
        self._parts.views.notice_bar.show_sentence(sentences.get(snapshot.state, ""))

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None
