"""Takes the README's pictures of the window, into docs/pictures.

Run it from the top folder, on a screen that nobody else draws on:

    xvfb-run -a -s "-screen 0 1180x760x24" .venv/bin/python packaging/readme_pictures.py

It draws some hundred photos, drops their folder on the real window and lets it work on them:
light before the start and while it runs (a worker is killed on the way), dark when it has ended.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workers import JobSnapshot

_TOP: Final = Path(__file__).resolve().parent.parent
_PICTURES: Final = _TOP / "docs" / "pictures"
_DRAWN: Final = 10
_PHOTOS: Final = 400
_DAMAGED: Final = (31, 74, 120)
_LIMIT_S: Final = 180.0
_PREVIEW_MS: Final = 3000
_SETTLE_MS: Final = 400


def main() -> int:
    """Take the pictures, each theme by a program of its own; return the exit status."""
    if len(sys.argv) > 1:
        theme, dropped = sys.argv[1:]
        _take(theme, Path(dropped))
        return 0
    with TemporaryDirectory(prefix="everycore-pictures-") as place:
        folder = Path(place) / "Holiday"
        _draw(folder)
        for theme in ("light", "dark"):
            home = Path(place) / theme
            home.mkdir()
            shutil.copytree(folder, home / "Holiday")
            command = [sys.executable, __file__, theme, str(home / "Holiday")]
            homes = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
            given = os.environ | homes | {"PYTHONPATH": str(_TOP)}
            subprocess.run(command, env=given, check=True)
    return 0


def _draw(folder: Path) -> None:
    from sample_scenes import SCENES, Numbers

    folder.mkdir()
    drawn = []
    for seed in range(_DRAWN):
        file = folder / f"drawn-{seed}.jpg"
        SCENES["landscape"](2400, 1600, Numbers(seed + 1)).save(file, quality=90)
        drawn.append(file.read_bytes())
        file.unlink()
    for number in range(1, _PHOTOS + 1):
        content = drawn[number % _DRAWN]
        whole = number not in _DAMAGED
        content = content if whole else content[: len(content) // 2]
        (folder / f"IMG_{number:04d}.jpg").write_bytes(content)


def _take(theme: str, folder: Path) -> None:
    """Drive the window; the worker that is killed is the first one."""
    import psutil

    hand = Hand(theme)
    running = hand.running
    hand.until(lambda now: now.sequence > 0)
    running.controller.add_paths((folder,))
    hand.until(lambda now: now.counts.total == _PHOTOS and not now.is_discovering)
    if theme == "light":
        rows = running.views.task_table.rows
        hand.pause(_PREVIEW_MS)
        rows.setCurrentIndex(rows.model().index(1, 0))
        hand.pause(_PREVIEW_MS)
        hand.shoot("preview")
    running.views.footer.button("Start").click()
    hand.until(lambda now: now.counts.ended > _PHOTOS // 4)
    psutil.Process(hand.seen.lanes[0].pid).kill()
    hand.until(lambda now: now.counts.ended > _PHOTOS // 3)
    if theme == "light":
        hand.shoot("running")
    hand.until(lambda now: now.state.is_ended)
    if theme == "dark":
        hand.shoot("finished")
    running.leaving.leave()


class Hand:
    """The window on the whole screen, and who waits and takes the pictures."""

    def __init__(self, theme: str) -> None:
        from PySide6.QtWidgets import QApplication

        from gui_app.app import build
        from gui_app.settings import Choices, save_choices
        from gui_app.theme import ThemeChoice
        from workers import JobSnapshot

        chosen = ThemeChoice.DARK if theme == "dark" else ThemeChoice.LIGHT
        save_choices(Choices(theme=chosen))
        self._theme = theme
        self.seen = JobSnapshot(sequence=0)
        self.running = build(QApplication([]))
        self.running.window.showFullScreen()
        self.running.bridge.snapshot_ready.connect(self._see)

    def _see(self, snapshot: "JobSnapshot") -> None:
        self.seen = snapshot

    def pause(self, milliseconds: int) -> None:
        """Let the window work for so long."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def until(self, is_true: Callable[["JobSnapshot"], bool]) -> None:
        """Let the window work until a snapshot satisfies the claim."""
        give_up = time.monotonic() + _LIMIT_S
        while not is_true(self.seen):
            if time.monotonic() > give_up:
                raise SystemExit(f"Waited in vain: {self.seen}")
            self.pause(30)

    def shoot(self, name: str) -> None:
        """Take a picture of the screen."""
        from PySide6.QtWidgets import QApplication

        self.pause(_SETTLE_MS)
        shown = QApplication.primaryScreen().grabWindow(0)
        shown.save(str(_PICTURES / f"{name}-{self._theme}.png"))


if __name__ == "__main__":
    sys.exit(main())
