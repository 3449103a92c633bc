"""Who looks on at the engine: a window, or nobody and a door at which the next one may come in.

    window process                    engine process
    --------------                    --------------
    send(command)  ──── socket ────►  reader thread ─► Engine.post
    receive()      ◄─── socket ─────  writer thread ◄─ Engine.snapshot

`Attendance` belongs to the engine's thread; the threads reach it through one queue. A window
that goes without a word takes the engine with it. One that said Detach leaves it alone: the
engine then opens a door, tells by its lock file where it is, and goes on until it has nothing
left to do.
"""

import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Final

from workers import engine_lock
from workers.commands import Attach, Command, Detach, Quit
from workers.engine import Engine
from workers.engine_door import Door, welcome
from workers.errors import EngineLost
from workers.job import JobId
from workers.messages import decode, encode
from workers.snapshot import JobSnapshot
from workers.typed import override

# So long an engine that has nothing left to do waits for a window.
LINGER_S: Final = 5.0


class Attendance:
    """The window that looks on, if any."""

    def __init__(self, engine: Engine, first: Connection, on_lost: Callable[[], object]) -> None:
        """Serve the first window; a thread calls `on_lost` when one goes without a word."""
        self._engine = engine
        self._on_lost = on_lost
        self._news: SimpleQueue[Connection | None] = SimpleQueue()
        self._door: Door | None = None
        self._job: JobId | None = None
        self._idle_since: float | None = None
        self._writer: Writer | None = None
        self._let_in(first)

    @property
    def is_free(self) -> bool:
        """Say whether somebody waits for the next snapshot."""
        return self._writer is not None and self._writer.is_free

    def show(self, snapshot: JobSnapshot) -> None:
        """Send the window a snapshot; only when it is free."""
        self._job = snapshot.job
        if self._writer is not None:
            self._writer.put(snapshot)

    def settle(self, now: float) -> bool:
        """Deal with windows that came and went; say whether anything is left to do."""
        while not self._news.empty():
            came = self._news.get()
            if came is None:
                self._let_go()
            else:
                self._let_in(came)
        if self._writer is not None or self._engine.is_busy:
            self._idle_since = None
            return True
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since < LINGER_S

    def close(self) -> None:
        """Let nobody in any more; the lock file stays and tells the next window of the job."""
        if self._door is not None:
            self._door.close()
            if self._job is None:
                engine_lock.release()

    def _let_in(self, connection: Connection) -> None:
        if self._door is not None:
            engine_lock.release()
            self._door.close()
            self._door = None
        welcome(connection)
        self._writer = Writer(connection)
        self._writer.start()
        arguments = (connection, self._engine, self._news, self._on_lost)
        threading.Thread(target=_read, args=arguments, name="reader", daemon=True).start()

    def _let_go(self) -> None:
        try:
            self._door = Door()
            engine_lock.take(self._door.address, self._door.key, self._job)
        except OSError:
            pass  # no window will find us; the job is done all the same, and its journal tells
        else:
            arguments = (self._door, self._engine, self._news)
            threading.Thread(target=_admit, args=arguments, name="door", daemon=True).start()
        if self._writer is not None:
            self._writer.end()  # the window waits for this: now the next one can find us
            self._writer = None


class Writer(threading.Thread):
    """Writes one snapshot at a time; a window that does not read blocks this thread alone."""

    def __init__(self, connection: Connection) -> None:
        """Write to the connection from `start` on, and close it at the end."""
        super().__init__(name="writer", daemon=True)
        self._connection = connection
        self._queue: SimpleQueue[JobSnapshot | None] = SimpleQueue()
        self._is_writing = False

    @property
    def is_free(self) -> bool:
        """Say whether the last snapshot has been written."""
        return not self._is_writing and self._queue.empty()

    def put(self, snapshot: JobSnapshot) -> None:
        """Write a snapshot soon."""
        self._is_writing = True
        self._queue.put(snapshot)

    def end(self) -> None:
        """Close the connection once all is written."""
        self._queue.put(None)

    @override
    def run(self) -> None:
        """Write until told to end, or until nobody reads."""
        while (snapshot := self._queue.get()) is not None:
            try:
                self._connection.send_bytes(encode(snapshot))
            except OSError:
                return  # the reader sees the same end
            self._is_writing = False
        self._connection.close()


def _read(
    connection: Connection,
    engine: Engine,
    news: "SimpleQueue[Connection | None]",
    on_lost: Callable[[], object],
) -> None:
    """Post what the window asks; when it is gone without a word, quit in its name."""
    while True:
        try:
            command = decode(connection.recv_bytes())
        except (OSError, EOFError, EngineLost):
            engine.post(Quit())
            on_lost()
            return
        if isinstance(command, Detach):
            news.put(None)
        if isinstance(command, Command):
            engine.post(command)
        if isinstance(command, Detach):
            return


def _admit(door: Door, engine: Engine, news: "SimpleQueue[Connection | None]") -> None:
    """Wait for one window, and tell the engine's thread of it."""
    try:
        news.put(door.admit())
    except OSError:
        return  # closed: the engine ends
    engine.post(Attach())
