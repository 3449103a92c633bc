"""A program: the window with the samples in it, on a screen of some scale, and what is cut off.

Prints as JSON the device pixels of a picture of the window, its own size, and the texts of labels
and buttons that have less room than they need.
"""

import json
import sys
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from gui_app.app import RunningApp, build
from gui_app.views.plain_label import PlainLabel
from workers import JobSnapshot

SIZE: Final = (1180, 760)
LOOK_AGAIN_MS: Final = 100


def cut_off(window: QWidget) -> list[str]:
    """Return the texts that do not fit where they stand; those that elide say so themselves."""
    found = []
    widgets: list[QLabel | QPushButton] = []
    widgets += window.findChildren(QLabel)
    widgets += window.findChildren(QPushButton)
    for widget in widgets:
        whole = widget.whole_text if isinstance(widget, PlainLabel) else widget.text()
        wraps = isinstance(widget, QLabel) and widget.wordWrap()
        is_elided = whole != widget.text() and not wraps
        if not widget.isVisible() or not whole or is_elided:
            continue
        wanted = widget.sizeHint()
        width = 0 if wraps else wanted.width()
        height = widget.heightForWidth(widget.width()) if wraps else wanted.height()
        if width > widget.width() or height > widget.height():
            found.append(whole)
    return found


def main() -> None:
    application = QApplication(["everycore"])
    running = build(application, is_fresh=True)
    running.window.resize(*SIZE)
    running.window.show()
    running.controller.add_samples()

    def look(snapshot: JobSnapshot) -> None:
        if snapshot.counts.total and not snapshot.is_discovering:
            running.bridge.snapshot_ready.disconnect(look)
            _tell_when_settled(running, [""])

    running.bridge.snapshot_ready.connect(look)
    sys.exit(application.exec())


def _tell_when_settled(running: RunningApp, before: list[str]) -> None:
    """Look until two looks in a row are the same: layouts follow their texts a little later."""
    now = cut_off(running.window)
    if now == before:
        _tell(running)
    else:
        QTimer.singleShot(LOOK_AGAIN_MS, lambda: _tell_when_settled(running, now))


def _tell(running: RunningApp) -> None:
    picture = running.window.grab()
    size = running.window.size()
    pixels = [picture.width(), picture.height()]
    print(json.dumps([pixels, [size.width(), size.height()], cut_off(running.window)]))
    if len(sys.argv) > 1:
        picture.save(sys.argv[1])
    running.leaving.leave()


if __name__ == "__main__":
    main()
