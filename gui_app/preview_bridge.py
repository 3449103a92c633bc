"""PreviewBridge: the one door to the preview's process, in a QThread of its own.

The last question counts: an older one is given up where its answer is not there soon. A file that
is only to be measured waits for what somebody looks at, and is given up for it. A file that
crashes or stalls the process costs that one preview.
"""

import logging
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from PySide6.QtCore import QObject, QThread, Signal

from workers.pipeline import own_code
from workers.preview import Preview, PreviewAsked
from workers.preview_process import PreviewProcess
from workers.typed import override

# A picture takes a third of a second; whoever has moved on waits no longer for one that is slow.
GIVEN_UP_AFTER_S: Final = 0.6
LIMIT_S: Final = 30.0
_SLOW: Final = f"A preview of this file takes longer than {LIMIT_S:.0f} s."
_CRASHED: Final = "The preview's process ended on this file; the job would set it aside."
_log: Final = logging.getLogger(__name__)

_Answer = tuple[PreviewProcess, Preview | None]
_Post = PreviewAsked | _Answer | None


class PreviewBridge(QThread):
    """Asks for previews and tells their answers; `stop` ends it."""

    preview_ready = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Prepare; the process is started by the first question."""
        super().__init__(parent)
        self.setObjectName("preview-bridge")
        self._post: SimpleQueue[_Post] = SimpleQueue()
        self._process: PreviewProcess | None = None
        self._asked: PreviewAsked | None = None
        self._asked_at = 0.0
        self._next: PreviewAsked | None = None
        self._next_measured: PreviewAsked | None = None

    # ---- from any thread

    def ask(self, asked: PreviewAsked) -> None:
        """Ask for a preview; returns at once."""
        self._post.put(asked)

    def stop(self) -> None:
        """End the process and this thread; waits for both."""
        self._post.put(None)
        self.wait()

    # ---- the bridge's thread

    @override
    def run(self) -> None:
        """Serve the window until it stops us."""
        try:
            while self._turn():
                pass
        except Exception:  # noqa: BLE001  # Qt only prints what a thread raises
            _log.exception("the preview's bridge failed")
        finally:
            self._end_process()

    def _turn(self) -> bool:
        try:
            post = self._post.get(timeout=self._pause_s())
        except Empty:
            self._give_up()
        else:
            if post is None:
                return False
            if isinstance(post, PreviewAsked):
                self._line_up(post)
            else:
                self._take(*post)
        if self._asked is None and (asked := self._next or self._next_measured) is not None:
            self._begin(asked)
        return True

    def _line_up(self, asked: PreviewAsked) -> None:
        if asked.is_measured:
            self._next_measured = asked
        else:
            self._next, self._next_measured = asked, None

    def _pause_s(self) -> float | None:
        if self._asked is None:
            return None
        limit = LIMIT_S if self._next is None else GIVEN_UP_AFTER_S
        return max(0.0, self._asked_at + limit - time.monotonic())

    def _give_up(self) -> None:
        """End a preview that takes too long, for the next one or for good."""
        self._end_process()
        if self._asked is not None and self._next is None:
            self._tell(_SLOW)
        self._asked = None

    def _take(self, process: PreviewProcess, preview: Preview | None) -> None:
        if process is not self._process:
            return  # of one that was ended
        if preview is None:
            self._end_process()
            self._tell(_CRASHED)
        elif self._asked is not None and preview.number == self._asked.number:
            self.preview_ready.emit(preview)
        self._asked = None

    def _tell(self, words: str) -> None:
        if self._asked is not None:
            self.preview_ready.emit(Preview(self._asked.number, self._asked.path, message=words))

    def _begin(self, asked: PreviewAsked) -> None:
        if asked.is_measured:
            self._next_measured = None
        else:
            self._next = None
        self._asked, self._asked_at = asked, time.monotonic()
        try:
            self._process_for(asked).ask(asked)
        except OSError as error:
            self._tell(f"No preview can be started: {error.strerror or error}.")
            self._asked = None

    def _process_for(self, asked: PreviewAsked) -> PreviewProcess:
        """Return the process if it may read what is asked for; else a new one."""
        has_code = bool(own_code(asked.pipeline))
        process = self._process
        is_confined = process is not None and not has_code and not process.has_code
        if process is not None and is_confined and _covers(process.readable, asked.readable):
            return process
        self._end_process()
        self._process = PreviewProcess(asked.readable, has_code=has_code, deliver=self._deliver)
        return self._process

    def _deliver(self, process: PreviewProcess, preview: Preview | None) -> None:
        self._post.put((process, preview))

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


def _covers(allowed: tuple[Path, ...], wanted: tuple[Path, ...]) -> bool:
    return all(any(path.is_relative_to(place) for place in allowed) for path in wanted)
