"""SIGTERM and SIGINT as a Qt signal, so that the window closes in order and the job is saved.

Python runs signal handlers only between its own instructions, and Qt's loop runs none while
nothing happens: the byte that Python writes into a socket wakes the loop.
"""

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class EndSignals(QObject):
    """Emits `end_asked` when the system or a terminal asks the program to end."""

    end_asked = Signal()

    def __init__(self, parent: QObject) -> None:
        """Watch from now on; call it in the main thread."""
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _noted)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._tell)

    def _tell(self) -> None:
        self._reader.recv(16)
        self.end_asked.emit()


def _noted(number: int, frame: object) -> None:
    """Do nothing: the wake-up byte has told it already."""
