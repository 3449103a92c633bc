"""One start of the window with somebody in front of it, and what can be killed of it (Linux).

All processes of a visit are known by a mark in their environment, which children inherit.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, Final

import psutil

MARK: Final = "EVERYCORE_VISIT"
# The promise is one second; a busy machine may need as long again.
GONE_WITHIN_S: Final = 2.0
# Only a hang reaches it.
PATIENCE_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.01


class Part(Enum):
    """A part of the application, by what stands in the command line of its process."""

    WINDOW = "tests.faults.person_program"
    ENGINE = "workers.engine_program"
    WORKER = "multiprocessing.spawn"


class Visit:
    """The running window. Ends by itself when its job has ended, unless it is killed."""

    def __init__(self, number: int, arguments: Iterable[str], environment: dict[str, str]) -> None:
        """Start the program of the person with these arguments."""
        self._mark = f"{MARK}={number}".encode()
        self._told: list[tuple[str, Any]] = []
        self._is_over = False
        self._news = threading.Condition()
        self._window = subprocess.Popen(
            [sys.executable, "-m", Part.WINDOW.value, *arguments],
            env={**environment, MARK: str(number)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def told(self) -> list[tuple[str, Any]]:
        """Return what the person told so far."""
        with self._news:
            return list(self._told)

    def has_told(self, word: str) -> bool:
        """Say whether the person told that."""
        return any(told == word for told, _ in self.told)

    def until(self, is_true: Callable[[], bool]) -> bool:
        """Wait for the claim, which what is told makes true; False when the visit ended before."""
        give_up = time.monotonic() + PATIENCE_S
        with self._news:
            while not is_true() and not self._is_over:
                left = give_up - time.monotonic()
                assert left > 0, ("the window hangs", self._told)
                self._news.wait(left)
            return is_true()

    def lasts(self, seconds: float) -> bool:
        """Wait for so long; say whether the visit still goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._window.wait(seconds)
        return self._window.poll() is None

    def kill(self, part: Part) -> float | None:
        """Kill that part and all that must go with it; return how long that took.

        None when there is no such process at the moment.
        """
        if part is Part.WINDOW:
            self._window.kill()
            self._window.wait()
            return self.seconds_until_gone(self.processes)
        found = [one for one in self.processes() if part.value in _line_of(one)]
        if not found:
            return None
        below = found[0].children(recursive=True) if part is Part.ENGINE else []
        with contextlib.suppress(psutil.NoSuchProcess):
            found[0].kill()
        return self.seconds_until_gone(lambda: _living([found[0], *below]))

    def end(self) -> int:
        """Wait for the end of a visit that nobody killed, and of all its processes."""
        status = self._window.wait(PATIENCE_S)
        self.seconds_until_gone(self.processes)
        return status

    def give_up(self) -> None:
        """Kill whatever is left."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._window.wait()
        self._reader.join()

    def processes(self) -> list[psutil.Process]:
        """Return the living processes of this visit."""
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError, psutil.NoSuchProcess):
                    if self._mark in (place / "environ").read_bytes().split(b"\0"):
                        found.append(psutil.Process(int(place.name)))
        return _living(found)

    @staticmethod
    def seconds_until_gone(left: Callable[[], list[psutil.Process]]) -> float:
        """Wait until nothing is left; AssertionError when that takes too long."""
        started = time.monotonic()
        while alive := left():
            seconds = time.monotonic() - started
            assert seconds < GONE_WITHIN_S, [(one.pid, _line_of(one)[-160:]) for one in alive]
            psutil.wait_procs(alive, timeout=_LOOK_AGAIN_S)
        return time.monotonic() - started

    def _read(self) -> None:
        assert self._window.stdout is not None
        for line in self._window.stdout:
            word, more = json.loads(line)
            with self._news:
                self._told.append((word, more))
                self._news.notify_all()
        self._window.stdout.close()
        with self._news:
            self._is_over = True
            self._news.notify_all()


def _living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if _line_of(one)]


def _line_of(process: psutil.Process) -> str:
    """Return the command line; empty when the process has ended."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
            return ""
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
