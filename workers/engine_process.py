"""The engine in a process of its own: commands in, snapshots out; the whole tree ends with it.

    window process                                engine process
    --------------                                --------------
    send(command)  ───── local socket ─────────►  reader thread ─► Engine.post
    receive()      ◄──── local socket ──────────  writer thread ◄─ Engine.snapshot

The socket lies in the person's runtime folder (mode 0700), wants a key that only the two
processes know, and carries bytes of messages.py, never pickles. A snapshot is taken only when
the writer is free, so that a stalled window costs the job nothing. When the window's end of the
socket closes, however that happened, the engine leaves the job stopped and ends its workers and
what they started; the journal resumes it later.
"""

import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, Listener, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from workers.commands import Command, Quit
from workers.engine import Engine
from workers.errors import EngineLost
from workers.folders import journals_folder, logs_folder, runtime_folder
from workers.limits import adopt_orphans, end_descendants
from workers.messages import decode, encode
from workers.snapshot import JobSnapshot
from workers.typed import override

START_WITHIN_S: Final = 20.0
END_WITHIN_S: Final = 3.0
SNAPSHOT_EVERY_S: Final = 1 / 30
# Core loads move while nothing else does.
HEARTBEAT_S: Final = 0.5
_SOCKET_FOLDER_MOST: Final = 80
# A journal on a hung disk must not keep the workers alive behind a window that is gone.
LAST_RESORT_S: Final = 1.0


class EngineProcess:
    """The window's end: starts the engine process and talks to it."""

    def __init__(self, process: SpawnProcess, connection: Connection) -> None:
        """Hold a process that has answered; use `start`."""
        self._process = process
        self.connection: Final = connection

    @classmethod
    def start(cls, workers: int) -> "EngineProcess":
        """Start the engine with so many workers; blocks until it answers.

        Raises EngineLost when it does not within START_WITHIN_S.
        """
        context = get_context("spawn")
        key = secrets.token_bytes(32)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_main, args=(theirs, key, workers), name="everycore-engine"
        )
        process.start()
        theirs.close()
        try:
            wait([ours, process.sentinel], START_WITHIN_S)
            if not ours.poll():
                raise EngineLost("The engine did not start.")
            connection = Client(ours.recv_bytes().decode(), authkey=key)
        except (OSError, EOFError, EngineLost) as error:
            process.kill()
            raise EngineLost(f"The engine did not start ({error}).") from error
        finally:
            ours.close()
        return cls(process, connection)

    @property
    def pid(self) -> int:
        """Return the engine's process id."""
        return self._process.pid or 0

    def send(self, command: Command) -> None:
        """Ask for something; raises EngineLost when the engine is gone."""
        try:
            self.connection.send_bytes(encode(command))
        except OSError as error:
            raise EngineLost("The engine has ended.") from error

    def receive(self) -> JobSnapshot:
        """Return the next snapshot; blocks. Raises EngineLost when the engine is gone."""
        try:
            message = decode(self.connection.recv_bytes())
        except (OSError, EOFError) as error:
            raise EngineLost("The engine has ended.") from error
        if not isinstance(message, JobSnapshot):
            raise EngineLost(f"The engine sent a {type(message).__name__}.")
        return message

    def close(self) -> None:
        """Let the engine save and end; after END_WITHIN_S it is killed."""
        try:
            self.send(Quit())
        except EngineLost:
            pass  # it has ended already; what follows only tidies up
        self._process.join(END_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()
        self._process.close()


# ---- the engine's end


def _main(answer: Connection, key: bytes, workers: int) -> None:
    import faulthandler
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    faulthandler.enable(file=(logs_folder() / "engine-crash.log").open("w"))
    with _socket_folder() as folder:
        address = None if folder is None else str(folder / f"engine-{os.getpid()}.sock")
        with Listener(address, authkey=key) as listener:
            if address is not None:
                Path(address).chmod(0o600)
            answer.send_bytes(str(listener.address).encode())
            answer.close()
            connection = listener.accept()
    _serve(connection, workers)


@contextmanager
def _socket_folder() -> Iterator[Path | None]:
    """Give the folder of the socket, of mode 0700; None lets Windows name a pipe.

    The kernel takes no path above 107 bytes: a deep runtime folder gives way to one in /tmp.
    """
    if sys.platform == "win32":
        yield None
    elif len(os.fsencode(runtime_folder())) <= _SOCKET_FOLDER_MOST:
        yield runtime_folder()
    else:
        with tempfile.TemporaryDirectory(prefix="everycore-", dir="/tmp") as folder:
            yield Path(folder)


def _serve(connection: Connection, workers: int) -> None:
    engine = Engine(journals_folder(), workers=workers)
    reader = threading.Thread(target=_read, args=(connection, engine), name="reader", daemon=True)
    writer = _Writer(connection)
    reader.start()
    writer.start()
    try:
        _drive(engine, writer)
    finally:
        fuse = threading.Timer(LAST_RESORT_S, _end_hard)
        fuse.daemon = True
        fuse.start()
        engine.close()
        end_descendants()
        fuse.cancel()
    os._exit(0)  # the reader and the writer may wait for a window that is gone


def _end_hard() -> None:
    end_descendants()
    os._exit(1)


def _drive(engine: Engine, writer: "_Writer") -> None:
    """Run the engine until it is told to quit, and feed the writer."""
    sent_at, has_news = 0.0, False
    while not engine.has_quit:
        pause_s = SNAPSHOT_EVERY_S if has_news or engine.is_busy else HEARTBEAT_S
        # Nothing is due while the window does not read: to wait for it would be to spin.
        due_s = sent_at + pause_s - time.monotonic() if writer.is_free else pause_s
        has_news = engine.turn(max(0.0, due_s)) or has_news
        now = time.monotonic()
        is_due = now - sent_at >= (SNAPSHOT_EVERY_S if has_news else pause_s)
        if is_due and writer.is_free:
            sent_at, has_news = now, False
            writer.put(engine.snapshot())


class _Writer(threading.Thread):
    """Writes one snapshot at a time; a window that does not read blocks this thread alone."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(name="writer", daemon=True)
        self._connection = connection
        self._queue: SimpleQueue[JobSnapshot] = SimpleQueue()
        self._is_writing = False

    @property
    def is_free(self) -> bool:
        return not self._is_writing and self._queue.empty()

    def put(self, snapshot: JobSnapshot) -> None:
        self._is_writing = True
        self._queue.put(snapshot)

    @override
    def run(self) -> None:
        while True:
            try:
                self._connection.send_bytes(encode(self._queue.get()))
            except OSError:
                return  # the reader sees the same end and quits
            self._is_writing = False


def _read(connection: Connection, engine: Engine) -> None:
    """Post what the window asks; when it is gone, quit in its name."""
    while True:
        try:
            command = decode(connection.recv_bytes())
        except (OSError, EOFError, EngineLost):
            engine.post(Quit())
            return
        if isinstance(command, Command):
            engine.post(command)
