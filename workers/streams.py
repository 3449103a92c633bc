"""A worker's standard streams: stdin empty, stdout and stderr into a capture file of its own.

So user code can neither read what is not meant for it nor write into anything of ours, and what
it printed last can be shown, by the worker after a failure and by the engine after a crash.
"""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO, cast

_TAIL: Final = 64 * 1024


class Streams:
    """The streams of this process, put back before each lease whatever the last one did."""

    def __init__(self, capture: Path) -> None:
        """Redirect the standard streams from now on; a crash leaves its traceback there too."""
        import faulthandler

        self._capture = capture
        self._empty = os.open(os.devnull, os.O_RDONLY)
        self._target = os.open(capture, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._connect()
        self._texts = (_text(0, "r"), _text(1, "w"), _text(2, "w"))
        sys.stdin, sys.stdout, sys.stderr = self._texts
        faulthandler.enable(file=self._target)

    def put_back(self) -> None:
        """Undo what user code did to the streams, and forget what it printed."""
        for stream in self._texts[1:]:
            with suppress(OSError, ValueError):  # closed by user code, or with nothing behind it
                stream.flush()
        os.ftruncate(self._target, 0)
        self._connect()
        if any(stream.closed for stream in self._texts):
            self._texts = (_text(0, "r"), _text(1, "w"), _text(2, "w"))
        sys.stdin, sys.stdout, sys.stderr = self._texts

    def printed(self) -> str:
        """Return the last 64 kB that were printed since `put_back`."""
        for stream in self._texts[1:]:
            with suppress(OSError, ValueError):  # closed by user code
                stream.flush()
        return tail(self._capture)

    def _connect(self) -> None:
        for descriptor, number in ((self._empty, 0), (self._target, 1), (self._target, 2)):
            os.dup2(descriptor, number)


def _text(number: int, mode: str) -> TextIO:
    stream = open(  # noqa: SIM115  # it stays open as long as the process
        number,
        mode,
        buffering=1 if mode == "w" else -1,
        encoding="utf-8",
        errors="replace",
        closefd=False,
    )
    return cast("TextIO", stream)  # a mode without "b" gives text


def tail(capture: Path) -> str:
    """Return the last 64 kB of a capture file, or nothing when it cannot be read."""
    try:
        with capture.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            return stream.read().decode("utf-8", "replace").strip()
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
