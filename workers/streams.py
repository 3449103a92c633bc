"""A worker's standard streams: stdin empty, stdout and stderr into a capture file of its own.

So user code can neither read what is not meant for it nor write into anything of ours, and what
it printed last can be shown, by the worker after a failure and by the engine after a crash.
"""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from workers.capture import Capture, tail_bytes


class Streams:
    """The streams of this process, put back before each lease whatever the last one did."""

    def __init__(self, capture: Path) -> None:
        """Redirect the standard streams from now on; a crash leaves its traceback there too."""
        self._file = capture
        self._empty = os.open(os.devnull, os.O_RDONLY)
        self._capture = Capture(capture)
        self._connect()
        self._texts = self._opened()
        sys.stdin, sys.stdout, sys.stderr = self._texts

    def put_back(self) -> None:
        """Undo what user code did to the streams, and forget what it printed."""
        for stream in self._texts[1:]:
            with suppress(OSError, ValueError):  # closed by user code, or with nothing behind it
                stream.flush()
        self._capture.begin()
        self._connect()
        if any(stream.closed for stream in self._texts):
            self._texts = self._opened()
        sys.stdin, sys.stdout, sys.stderr = self._texts

    def watch(self) -> None:
        """Start to keep the capture file small."""
        self._capture.watch()

    def rest(self) -> None:
        """Say that nothing runs until the next `put_back`."""
        self._capture.rest()

    def printed(self) -> str:
        """Return the last 64 kB that were printed since `put_back`."""
        for stream in self._texts[1:]:
            with suppress(OSError, ValueError):  # closed by user code
                stream.flush()
        return tail(self._file)

    def _connect(self) -> None:
        import faulthandler

        target = self._capture.descriptor
        for descriptor, number in ((self._empty, 0), (target, 1), (target, 2)):
            os.dup2(descriptor, number)
        faulthandler.cancel_dump_traceback_later()
        faulthandler.enable(file=target)

    def _opened(self) -> tuple[TextIO, TextIO, TextIO]:
        empty = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115  # it stays
        # It stays open as long as the process; a mode without "b" gives text.
        return cast("TextIO", empty), self._capture.text(1), self._capture.text(2)


def tail(capture: Path) -> str:
    """Return the last 64 kB of a capture file, or nothing when it cannot be read."""
    try:
        return tail_bytes(capture).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def capture_folder() -> Path:
    """Make a folder for this process's workers to print into; sweep those of dead processes."""
    import tempfile

    from workers.folders import logs_folder

    home = logs_folder() / "workers"
    home.mkdir(exist_ok=True)
    for folder in home.iterdir():
        pid = folder.name.partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))


def _is_alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)
