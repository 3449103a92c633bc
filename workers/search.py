"""A search for files in a process of its own: the engine's end of it.

Looking at a million files keeps an interpreter busy for seconds, and on a drive that does not
answer it hangs in the kernel; in a process of its own it disturbs nobody and can be left behind.
A thread of the engine reads what the process writes (search_program.py) and hands it over.
"""

import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from workers import limits, programs
from workers.found_files import FoundFiles
from workers.job import InputFilter
from workers.search_program import LENGTH, Request, Told
from workers.watching import News, Pace

# Beyond so many batches that nobody took, the thread stops reading until one is taken.
BATCHES_AHEAD: Final = 20
THREAD: Final = "search"
PROGRAM: Final = programs.SEARCH

_DECODER: Final = msgspec.msgpack.Decoder(Told)

# News as the process wrote it; whoever takes it has it read by `news_of`.
Written = bytes


class Search:
    """Reads what was dropped and delivers news of files, at last None; a watch goes on for ever.

    `is_lost` says, when None has come, that its process had ended before it had read all.
    `is_over` is set by whoever takes the news, once all that was there has been told of.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        chosen: InputFilter,
        *,
        left_out: Sequence[Path],
        pace: Pace | None = None,
        is_comparing: bool = False,
        deliver: Callable[["Search", Written | None], None],
    ) -> None:
        """Prepare; with a pace it watches. `deliver` is called on a thread of ours.

        `is_comparing` says, as of any watch, that files which are tasks may have changed.
        """
        self._request: Request = (
            [os.fsencode(path) for path in paths],
            (chosen.is_recursive, list(chosen.include), list(chosen.exclude)),
            [os.fsencode(path) for path in left_out],
            pace,
        )
        self.paths: Final = tuple(paths)
        self.chosen: Final = chosen
        self.is_watching: Final = pace is not None
        self.is_comparing: Final = is_comparing or self.is_watching
        self.is_over = False
        self.is_lost = False
        self._deliver = deliver
        self._is_stopped = threading.Event()
        self._room = threading.Semaphore(BATCHES_AHEAD)
        self._begun_at = self._heard_at = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to read; raises OSError where no process can be started."""
        self._process = subprocess.Popen(
            programs.command(PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        limits.note_program(self._process.pid)
        threading.Thread(target=self._read, args=(self._process,), name=THREAD, daemon=True).start()

    def stop(self) -> None:
        """Stop reading. Waits for nothing: a process on a hung drive cannot be killed."""
        self._is_stopped.set()
        self._room.release()
        if self._process is not None:
            self._process.kill()

    def taken(self) -> None:
        """Say that a delivered batch was dealt with, so that another may come."""
        self._room.release()

    def silent_s(self) -> float:
        """Return for how long the process has not said a word: it does a few times a second."""
        return time.monotonic() - self._heard_at

    def age_s(self) -> float:
        """Return how long ago it was made."""
        return time.monotonic() - self._begun_at

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            with suppress(OSError):  # it ended at once; reading tells
                process.stdin.write(msgspec.msgpack.encode(self._request))
                process.stdin.close()
            is_whole = False
            for written in _written(process.stdout):
                is_whole = not written
                self._heard_at = math.inf  # it is for us to take its word
                self._room.acquire()
                if self._is_stopped.is_set():
                    break
                self._deliver(self, None if is_whole else written)
                self._heard_at = time.monotonic()
        process.wait()
        limits.forget_program(process.pid)
        if not is_whole and not self._is_stopped.is_set():
            self.is_lost = True
            self._deliver(self, None)


def _written(stream: IO[bytes]) -> Iterator[Written]:
    """Yield each message; the last one may be missing, when the process was killed."""
    with suppress(OSError):
        while len(head := stream.read(LENGTH.size)) == LENGTH.size:
            (length,) = LENGTH.unpack(head)
            body = stream.read(length)
            if len(body) < length:
                return
            yield body


def news_of(written: Written) -> News:
    """Return the news in what was written."""
    told = _DECODER.decode(written)
    missing = None if told.missing is None else tuple(map(_path, told.missing))
    files = FoundFiles(
        [(_path(root), count) for root, count in told.roots],
        os.fsdecode(told.relatives).split("\0") if told.sizes else (),
        told.sizes,
        told.mtimes_ns,
        told.kinds,
        told.problems,
        told.devices,
        told.numbers,
    )
    return News(files, told.is_all_told, missing)


def _path(written: bytes) -> Path:
    return Path(os.fsdecode(written))
