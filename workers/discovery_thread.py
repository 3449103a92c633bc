"""Discovery in a thread of its own: it reads folders while the engine's loop goes on."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from workers.discovery import FoundFile, discover
from workers.job import InputFilter

# Beyond so many batches that nobody took, the thread stops reading until one is taken.
BATCHES_AHEAD: Final = 20

Batch = tuple[FoundFile, ...]


class DiscoveryThread:
    """Reads what was dropped and delivers batches of files, at last None."""

    def __init__(
        self,
        paths: Sequence[Path],
        chosen: InputFilter,
        *,
        left_out: Sequence[Path],
        known: set[tuple[int, int]],
        deliver: Callable[["DiscoveryThread", Batch | None], None],
    ) -> None:
        """Prepare; `known` holds the (device, inode) of files found before and grows."""
        self._paths = tuple(paths)
        self._chosen = chosen
        self._left_out = tuple(left_out)
        self._known = known
        self._deliver = deliver
        self._is_stopped = threading.Event()
        self._room = threading.Semaphore(BATCHES_AHEAD)
        self._thread = threading.Thread(target=self._read, name="discovery", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading, within one batch."""
        self._is_stopped.set()
        self._room.release()
        self._thread.join()

    def taken(self) -> None:
        """Say that a delivered batch was dealt with, so that another may come."""
        self._room.release()

    def _read(self) -> None:
        found = discover(self._paths, self._chosen, left_out=self._left_out, known=self._known)
        for batch in found:
            self._room.acquire()
            if self._is_stopped.is_set():
                return
            self._deliver(self, batch)
        self._deliver(self, None)
