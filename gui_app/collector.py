"""Garbage collection in the window's thread only, at moments of our choosing.

Python collects in whichever thread happens to allocate. The bridge's thread would then destroy
widgets and timers that belong to the window's, which Qt answers with a crash; and a full walk
over some 80,000 objects took 36 to 55 ms (benchmarks/window.py), which a person sees. So the
automatic collection is off, a timer of the window's thread collects what is due, and what came
with the program itself is frozen: it is not walked through again.
"""

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

_EVERY_MS: Final = 500


class Collector(QObject):
    """Collects while it lives; `stop` gives the work back to Python."""

    def __init__(self, parent: QObject) -> None:
        """Take over; call it in the window's thread."""
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation that Python would collect now."""
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > gc.get_threshold()[generation]:
                gc.collect(generation)
                return

    def settle(self) -> None:
        """Keep everything that is there now, and will stay, out of later collections."""
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """Let Python collect by itself again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
