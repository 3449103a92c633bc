"""Wait for many channels and processes at once, without building the list anew each time.

POSIX has one selector that stays; on Windows the sentinels of processes are handles, which only
`multiprocessing.connection.wait` can wait for beside sockets.
"""

import selectors
import sys
from collections.abc import Iterable
from multiprocessing.connection import wait
from typing import Final, Protocol

# Windows cannot wait for room to write here: a worker that does not read is looked at so often.
_LOOK_AGAIN_S: Final = 0.02


class Ear(Protocol):
    """What can be waited for: a channel or a bell."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


class Readiness:
    """The sources of one loop; each comes with a key that says whose it is."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._selector = None if sys.platform == "win32" else selectors.DefaultSelector()
        self._sources: dict[Ear | int, object] = {}
        self._stuffed: set[Ear] = set()

    def add(self, source: Ear | int, key: object) -> None:
        """Wait for a source from now on; `key` is what `wait` answers."""
        self._sources[source] = key
        if self._selector is not None:
            self._selector.register(source, selectors.EVENT_READ, key)

    def remove(self, source: Ear | int) -> None:
        """Wait for it no more; call it before the source is closed."""
        del self._sources[source]
        self._stuffed.discard(source)
        if self._selector is not None:
            self._selector.unregister(source)

    def watch_writing(self, source: Ear, *, is_stuffed: bool) -> None:
        """Wake up, too, when a stuffed channel has room again."""
        if is_stuffed == (source in self._stuffed):
            return
        (self._stuffed.add if is_stuffed else self._stuffed.discard)(source)
        if self._selector is not None:
            writing = selectors.EVENT_WRITE if is_stuffed else 0
            self._selector.modify(source, selectors.EVENT_READ | writing, self._sources[source])

    def wait(self, timeout_s: float) -> Iterable[object]:
        """Return the keys of the sources that are ready; waits at most so long."""
        if self._selector is not None:
            return [key.data for key, _ in self._selector.select(timeout_s)]
        if self._stuffed:
            timeout_s = min(timeout_s, _LOOK_AGAIN_S)
        ready = wait(list(self._sources), timeout_s)  # type: ignore[arg-type]  # has fileno
        keys = [self._sources[source] for source in ready]
        return keys + [self._sources[source] for source in self._stuffed]

    def close(self) -> None:
        """Release what waiting holds."""
        if self._selector is not None:
            self._selector.close()
        self._sources.clear()
