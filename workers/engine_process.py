"""The window's end of the engine process: starts one, or finds one that runs without a window.

The engine's end is engine_program.py. Between them lies one socket (engine_door.py) that
carries bytes of messages.py, never pickles. When this process ends without a word, however that
happens, the engine ends too, with its workers and what they started; after `detach` it goes on.
"""

import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import IO, Final

import psutil

from workers import engine_lock, programs
from workers.commands import Command, Detach, Quit
from workers.engine_door import come_in
from workers.engine_lock import take_left_job as take_left_job
from workers.errors import EngineLost
from workers.folders import logs_folder
from workers.messages import decode, encode
from workers.snapshot import JobSnapshot

START_WITHIN_S: Final = 20.0
# A living engine answers within a turn of its loop; one that was stopped never does.
ATTACH_WITHIN_S: Final = 5.0
END_WITHIN_S: Final = 3.0
# An engine opens its door for the next window within a turn of its loop.
DETACH_WITHIN_S: Final = 3.0


class EngineProcess:
    """The engine that this window looks at."""

    def __init__(self, pid: int, connection: Connection) -> None:
        """Hold a process that has answered; use `start` or `attach`. Raises EngineLost."""
        try:
            self._process = psutil.Process(pid)
        except psutil.Error as error:
            raise EngineLost("The engine has ended.") from error
        self.pid: Final = pid
        self.connection: Final = connection
        self._is_left = False

    @classmethod
    def start(cls, workers: int) -> "EngineProcess":
        """Start an engine with so many workers; blocks until it answers.

        Raises EngineLost when it does not within START_WITHIN_S.
        """
        try:
            child = _started(workers)
        except OSError as error:
            raise EngineLost(f"The engine did not start ({error}).") from error
        fuse = threading.Timer(START_WITHIN_S, child.kill)
        fuse.start()
        try:
            assert child.stdout is not None
            address, key = (_line(child.stdout) for _ in range(2))
            return cls(child.pid, come_in(address, bytes.fromhex(key), START_WITHIN_S))
        except (OSError, EngineLost) as error:
            child.kill()
            child.wait()
            raise EngineLost(f"The engine did not start ({error}).") from error
        finally:
            fuse.cancel()
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.close()
            child.stdout.close()

    @classmethod
    def attach(cls) -> "EngineProcess | None":
        """Return an engine that ran without a window, if there is one; from now on it is ours.

        One that just ends is waited for, so that `take_left_job` knows of it.
        """
        for lock in engine_lock.detached_engines():
            try:
                return cls(lock.pid, come_in(lock.address, lock.key, ATTACH_WITHIN_S))
            except OSError:
                _wait_for_end(lock.pid)
            except EngineLost:
                continue  # it has let another window in, or it was stopped by somebody
        return None

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

    def detach(self) -> None:
        """Let the engine go on without a window; blocks until the next one could find it.

        Raises EngineLost when it is gone already.
        """
        self.send(Detach())
        self._is_left = True
        give_up = time.monotonic() + DETACH_WITHIN_S
        try:
            while self.connection.poll(max(0.0, give_up - time.monotonic())):
                self.connection.recv_bytes()  # snapshots for nobody, up to the end of them
        except (OSError, EOFError):
            pass  # it has let us go
        self.connection.close()

    def close(self) -> None:
        """Let the engine save and end; after END_WITHIN_S it is killed. Not after `detach`."""
        if self._is_left:
            return
        try:
            self.send(Quit())
        except EngineLost:
            pass  # it has ended already; what follows only tidies up
        try:
            self._process.wait(END_WITHIN_S)
        except psutil.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.connection.close()


def _started(workers: int) -> "subprocess.Popen[bytes]":
    """Start the engine's program in a session of its own; it answers on its stdout."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    # Appending, since another window's engine may write there too.
    with (logs_folder() / "engine-crash.log").open("ab") as log:
        log.truncate(0)
        return subprocess.Popen(
            programs.command(programs.ENGINE, str(workers)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            creationflags=flags,
        )


def _line(answer: IO[bytes]) -> str:
    line = answer.readline()
    if not line.endswith(b"\n"):
        raise EngineLost("it ended before it answered")
    return line.strip().decode()


def _wait_for_end(pid: int) -> None:
    try:
        psutil.Process(pid).wait(END_WITHIN_S)
    except psutil.Error:
        return  # gone, or it takes its time; then the window goes on without it
