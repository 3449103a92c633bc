"""A program: the window as it is, with somebody in front of it, who starts a job or goes on.

    python -m tests.faults.person_program FOLDER PRESET OUTPUT

Where the empty page offers to continue a job, the person does; otherwise the person chooses the
preset and the output folder, drops the folder and presses Start. When the job has ended, the
window is closed. What is seen and done is told line by line as JSON: a word, then what belongs
to it. It stands in the window's thread: a look every few milliseconds, then the next gesture.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from gui_app import app
from gui_app.app import RunningApp
from gui_app.dialogs.trust import TrustDialog
from tests.end_to_end import gestures
from workers import JobSnapshot, JobState

LOOKS_EVERY_MS: Final = 5
# A hand needs a moment; a kill can come in it.
HESITATES_S: Final = 0.15
# So long a person reads that the engine was started again, before looking at what it shows.
READS_S: Final = 0.4

Claim = Callable[[], bool]
Shown = TypeVar("Shown", bound=QWidget)
_build: Final = app.build


class Person(QObject):
    """Somebody in front of the window: looks, and does one thing after the other."""

    def __init__(self, running: RunningApp, folder: Path, preset: str, output: Path) -> None:
        super().__init__(running.window)
        self._running = running
        self._folder = folder
        self._preset = preset
        self._output = output
        self._last = JobSnapshot(sequence=0)
        self._has_history = False
        self._losses = 0
        self._calm_at = 0.0
        running.bridge.snapshot_ready.connect(self._see)
        running.bridge.history_ready.connect(self._see_history)
        running.bridge.engine_lost.connect(self._see_loss)
        self._course = self._live()
        self._claim = next(self._course)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOKS_EVERY_MS)
        self._timer.timeout.connect(self._go_on)
        self._timer.start()

    def _see(self, snapshot: JobSnapshot) -> None:
        if snapshot.refusal:
            _tell("refused", snapshot.refusal)
        if snapshot.counts.ended != self._last.counts.ended:
            _tell("done", snapshot.counts.ended)
        self._last = snapshot
        if self._calm_at == math.inf:  # the new engine has spoken; soon it has the job open again
            self._calm_at = time.monotonic() + READS_S

    def _see_history(self) -> None:
        self._has_history = True

    def _see_loss(self, words: str) -> None:
        _tell("lost", words)
        self._losses += 1
        self._calm_at = math.inf

    def _go_on(self) -> None:
        if self._claim():
            self._timer.stop()  # an error in a gesture is told once, not at every look
            try:
                self._claim = next(self._course)
            except StopIteration:
                return
            self._timer.start()

    # ---- what the person does

    def _live(self) -> Iterator[Claim]:
        window, views = self._running.window, self._running.views
        yield lambda: window.isVisible() and self._has_history and self._last.sequence > 0
        _tell("offered" if self._can_continue(views.drop_area) else "empty")
        while not self._last.state.is_ended:
            yield self._can_act
            yield from self._act()
        _tell("ended", self._last.counts.succeeded)
        yield from _hesitate()
        window.close()

    def _can_act(self) -> bool:
        footer = self._running.views.footer
        is_at_stop = self._last.state in (JobState.EMPTY, JobState.PAUSED, JobState.STOPPED)
        is_at_stop = is_at_stop or gestures.shown_button(footer, "Start") is not None
        is_calm = time.monotonic() > self._calm_at
        return self._last.state.is_ended or (is_calm and is_at_stop)

    def _act(self) -> Iterator[Claim]:
        views = self._running.views
        if self._can_continue(views.drop_area):
            yield from self._continue(views.drop_area)
        elif self._can_continue(views.footer):
            _tell("stopped", self._last.pause_reason)
            yield from self._continue(views.footer)
        elif gestures.shown_button(views.footer, "Start") is not None:
            yield from self._start()
        elif self._last.state is JobState.EMPTY:
            yield from self._choose_and_drop()

    def _continue(self, place: QWidget) -> Iterator[Claim]:
        yield from _hesitate()
        if self._can_continue(place):
            _tell("pressed")
            gestures.click(place, "Continue")
            yield self._or_lost(lambda: not self._can_continue(place))

    def _choose_and_drop(self) -> Iterator[Claim]:
        window, views = self._running.window, self._running.views
        gestures.choose_preset(views.pipeline_panel, self._preset)
        gestures.click(views.output_panel, "Change…")
        yield lambda: bool(self._shown(QFileDialog))
        gestures.paste_folder(self._shown(QFileDialog)[0], self._output)
        yield self._can_put_beside
        _tell("dropped")
        gestures.drop(window, self._folder)
        yield self._or_lost(lambda: gestures.shown_button(views.footer, "Start") is not None)

    def _start(self) -> Iterator[Claim]:
        footer = self._running.views.footer
        _tell("ready")
        yield from _hesitate()
        if gestures.shown_button(footer, "Start") is None:
            return
        _tell("pressed")
        gestures.click(footer, "Start")
        yield self._or_lost(self._is_started_or_asked)
        if self._shown(TrustDialog):
            gestures.click(self._shown(TrustDialog)[0], "Run this file")
            yield self._or_lost(self._is_started_or_asked)

    # ---- what the person sees

    def _can_continue(self, place: QWidget) -> bool:
        return gestures.shown_button(place, "Continue") is not None

    def _can_put_beside(self) -> bool:
        """Say whether another output folder is chosen than the one beside the input."""
        panel = self._running.views.output_panel
        return gestures.shown_button(panel, "Put them beside the input") is not None

    def _is_started_or_asked(self) -> bool:
        return self._last.state is not JobState.DRAFT or bool(self._shown(TrustDialog))

    def _or_lost(self, claim: Claim) -> Claim:
        """Return a claim that is also true once the engine was lost: what was asked may be, too."""
        before = self._losses
        return lambda: claim() or self._losses > before

    def _shown(self, kind: type[Shown]) -> list[Shown]:
        return [each for each in self._running.window.findChildren(kind) if each.isVisible()]


def _hesitate() -> Iterator[Claim]:
    until = time.monotonic() + HESITATES_S
    yield lambda: time.monotonic() >= until


def _tell(word: str, more: object = None) -> None:
    print(json.dumps([word, more]), flush=True)


def _build_and_sit_down(application: QApplication, *, is_fresh: bool = False) -> RunningApp:
    running = _build(application, is_fresh=is_fresh)
    folder, preset, output = sys.argv[1:]
    Person(running, Path(folder), preset, Path(output))
    return running


def main() -> int:
    """Be the window until it is closed; return the exit status."""
    app.build = _build_and_sit_down
    return app.run([])


if __name__ == "__main__":
    sys.exit(main())
