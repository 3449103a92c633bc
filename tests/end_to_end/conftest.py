"""The real window over a real engine process, driven by mouse, keys and drops."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.app import RunningApp, build
from tests.end_to_end import gestures
from workers import JobSnapshot

# Only a hang reaches it.
PATIENCE_MS = 60_000


class Person:
    """Somebody in front of the window."""

    def __init__(self, qtbot: QtBot, app: RunningApp) -> None:
        self.qtbot = qtbot
        self.app = app
        self.last = JobSnapshot(sequence=0)
        self.states: list[str] = []
        app.bridge.snapshot_ready.connect(self._see)

    def _see(self, snapshot: JobSnapshot) -> None:
        self.last = snapshot

    def until(self, is_true: Callable[[JobSnapshot], bool]) -> JobSnapshot:
        """Wait until the window was told of a snapshot that satisfies the claim."""
        self.qtbot.waitUntil(lambda: is_true(self.last), timeout=PATIENCE_MS)
        return self.last

    def drop(self, *paths: Path) -> None:
        """Drag files or folders in and let go."""
        gestures.drop(self.app.window, *paths)

    def press(self, text: str) -> None:
        """Click the footer's button of that text, once it can be clicked."""
        button: QPushButton = self.app.views.footer.button(text)
        self.qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=PATIENCE_MS)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def tick(self, words: str) -> None:
        """Open what the output panel hides, and click the box of that text."""
        panel = self.app.views.output_panel
        more = [each for each in panel.findChildren(QPushButton) if each.text() == "More…"]
        if more:
            self.qtbot.mouseClick(more[0], Qt.MouseButton.LeftButton)
        box = next(each for each in panel.findChildren(QCheckBox) if each.text() == words)
        self.qtbot.waitUntil(box.isVisible, timeout=PATIENCE_MS)
        was_checked = box.isChecked()
        on_box = QPoint(10, box.height() // 2)
        self.qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=on_box)
        assert box.isChecked() is not was_checked


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Iterator[Callable[[], Person]]:
    """Return what opens a window with somebody in front of it; all are closed at the end."""
    apps: list[RunningApp] = []

    def opened() -> Person:
        app = build(qapp)
        apps.append(app)
        qtbot.addWidget(app.window)
        app.window.show()
        qtbot.waitExposed(app.window)
        person = Person(qtbot, app)
        person.until(lambda snapshot: snapshot.sequence > 0)
        return person

    yield opened
    while apps:
        app = apps.pop()
        app.leaving.leave()
        assert app.bridge.isFinished()
        del app
    gc.collect()  # here, not in the thread of the next test's bridge


@pytest.fixture
def person(open_window: Callable[[], Person], tmp_path: Path) -> Person:
    """Return somebody in front of an open, empty window."""
    return open_window()
