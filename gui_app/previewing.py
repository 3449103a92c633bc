"""What is previewed: the selected file, or the first one, under the pipeline being edited.

Lives in the window's thread. Any edit asks anew, once the hand has rested for a moment.
"""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from gui_app.preview_bridge import PreviewBridge
from workers import JobSnapshot, Pipeline, RowPage, TaskRow
from workers.operations.user_function import digest
from workers.pipeline import own_code, picture_files
from workers.preview import Preview, PreviewAsked
from workers.trust import is_trusted

ASK_AFTER_MS: Final = 150


class Previewing(QObject):
    """Asks the bridge for what the person is to see."""

    # the file that is looked at, None for none
    begun = Signal(object)
    answered = Signal(object)
    # what a file took that was to be measured
    measured = Signal(object)
    # somebody looks at a file: what was to be measured is not
    interrupted = Signal()

    def __init__(self, bridge: PreviewBridge, pipeline: Pipeline, parent: QObject) -> None:
        """Begin with nothing selected."""
        super().__init__(parent)
        self._bridge = bridge
        self._pipeline = pipeline
        self._job: object = None
        self._row: TaskRow | None = None
        self._is_chosen = False
        self._is_shown = False
        self._number = 0
        self._last: tuple[Path, Pipeline] | None = None
        self._measured: int | None = None
        self._shown = 0
        self._timer = QTimer(self, singleShot=True, interval=ASK_AFTER_MS)
        self._timer.timeout.connect(self._ask)
        bridge.preview_ready.connect(self._take)

    def take_pipeline(self, pipeline: Pipeline) -> None:
        """Look at what the edited pipeline makes."""
        self._pipeline = pipeline
        self._timer.start()

    def take_row(self, row: TaskRow | None) -> None:
        """Look at the selected file."""
        self._is_chosen = row is not None
        if row is not None:
            self._row = row
            self._timer.start()

    def take_page(self, page: RowPage) -> None:
        """Look at the first file while none is selected."""
        if self._is_chosen or self._row is not None or page.query.first or not page.rows:
            return
        readable = [row for row in page.rows if row.path is not None and not row.message]
        if readable:
            self._row = readable[0]
            self._timer.start()

    def take_snapshot(self, snapshot: JobSnapshot) -> None:
        """Forget the files of another job."""
        if snapshot.job != self._job:
            self._job = snapshot.job
            self._row, self._is_chosen, self._last = None, False, None
            self.begun.emit(None)

    def show(self, is_shown: bool) -> None:
        """Ask only while somebody looks."""
        self._is_shown = is_shown
        if is_shown:
            self._timer.start()

    def _ask(self) -> None:
        row = self._row
        if not self._is_shown or row is None or row.path is None:
            return
        if (row.path, self._pipeline) == self._last:
            return
        self._last = row.path, self._pipeline
        self.begun.emit(row.path)
        if self._measured is not None:
            self._measured = None
            self.interrupted.emit()
        asked = self._question(row.path)
        self._shown = asked.number
        if len(asked.trusted) < len(own_code(self._pipeline)):
            words = "Own code is previewed once it was allowed to run."
            self.answered.emit(Preview(asked.number, row.path, message=words))
            return
        self._bridge.ask(asked)

    def measure(self, path: Path) -> None:
        """Have a file tried, after what is about to be shown; nothing of it is shown."""
        if self._timer.isActive():  # asked later, it would interrupt this
            self._timer.stop()
            self._ask()
        asked = self._question(path, is_measured=True)
        self._measured = asked.number
        self._bridge.ask(asked)

    def _question(self, path: Path, *, is_measured: bool = False) -> PreviewAsked:
        self._number += 1
        code = own_code(self._pipeline)
        known = [digest(file) for file in code if file.is_file()]
        readable = (
            path.parent,
            *(file.parent for file in code),
            *picture_files(self._pipeline),
        )
        trusted = tuple(each for each in known if is_trusted(each))
        return PreviewAsked(
            self._number, path, self._pipeline, trusted, readable, is_measured=is_measured
        )

    def _take(self, preview: Preview) -> None:
        if preview.number == self._measured:
            self._measured = None
            self.measured.emit(preview)
        elif preview.number == self._shown:
            self.answered.emit(preview)
