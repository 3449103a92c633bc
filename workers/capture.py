"""The file in which a worker keeps what user code printed: it stays small, whatever is printed.

Only the last 64 kB are ever shown. What goes through `sys.stdout` is shortened on its way; what
reaches the descriptor otherwise (C code, child processes) is trimmed by a thread that looks at
the file while a lease runs. No pipe: who drains it needs the interpreter lock, and C code that
prints while it holds that lock would wait for ever.
"""

import errno
import io
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TAIL_BYTES: Final = 64 * 1024
# Trimming is a system call or three: not for each line.
_MOST_BYTES: Final = 1024 * 1024
# The fastest C loop was seen to write 330 MB between two looks (and 3 GB in all); looking more
# often would take the interpreter lock from tasks that print nothing.
_LOOK_EVERY_S: Final = 0.05
_LOOK_AGAIN_S: Final = 0.005
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_PUNCH_HOLE: Final = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


class Capture:
    """An open capture file; one thread beside its owner's keeps it small."""

    def __init__(self, file: Path) -> None:
        """Open or make the file; call `watch` before user code runs."""
        self._file = file
        self.descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._kept_from = 0
        self._is_in_use = False
        self._is_resting = False
        self._wanted = threading.Event()
        self._is_watched = False

    def watch(self) -> None:
        """Start the thread that looks after the file: within the sandbox its caller is in."""
        if not self._is_watched:
            self._is_watched = True
            threading.Thread(target=self._look_after, name="capture", daemon=True).start()

    def begin(self) -> None:
        """Forget what was printed; from now on the file is looked at."""
        with self._lock:
            os.ftruncate(self.descriptor, 0)
            self._kept_from = 0
        self._is_in_use = True
        if self._is_resting:
            self._wanted.set()

    def rest(self) -> None:
        """Stop looking: nothing runs that could print."""
        self._is_in_use = False

    def text(self, number: int) -> TextIO:
        """Return a text stream over descriptor 1 or 2, which leads here."""
        buffered = io.BufferedWriter(_Printing(self, number))
        return io.TextIOWrapper(buffered, encoding="utf-8", errors="replace", line_buffering=True)

    def holds(self, number: int) -> bool:
        """Say whether a descriptor leads here; user code may have led it elsewhere."""
        return os.path.sameopenfile(number, self.descriptor)

    def trim(self) -> bool:
        """Give the disk back all but the last 64 kB once the file is large; say whether it was."""
        if not self._lock.acquire(blocking=False):
            return True  # the other thread does so
        try:
            size = os.fstat(self.descriptor).st_size
            if size - self._kept_from <= _MOST_BYTES:
                return False
            if _punch(self.descriptor, size - TAIL_BYTES):
                self._kept_from = size - TAIL_BYTES
            else:
                self._write_anew()
            return True
        finally:
            self._lock.release()

    def _write_anew(self) -> None:
        """Keep the tail where files cannot have holes; what is printed meanwhile may be lost."""
        kept = tail_bytes(self._file)
        os.ftruncate(self.descriptor, 0)
        self._kept_from = 0
        os.write(self.descriptor, kept)

    def _look_after(self) -> None:
        pause = threading.Event()  # never set: a look is due again after the time
        while True:
            if not self._is_in_use:
                self._wait_for_use()
            pause.wait(_LOOK_AGAIN_S if self._try_trim() else _LOOK_EVERY_S)

    def _wait_for_use(self) -> None:
        """Block until `begin`: said before it is looked, so that neither misses the other."""
        self._is_resting = True
        self._wanted.clear()
        if not self._is_in_use:
            self._wanted.wait()
        self._is_resting = False

    def _try_trim(self) -> bool:
        try:
            return self.trim()
        except OSError:  # user code closed the descriptor, or the disk is full
            return False


class _Printing(io.RawIOBase):
    """Descriptor 1 or 2 for Python's own streams: passes on what can still be shown."""

    def __init__(self, capture: Capture, number: int) -> None:
        self._capture = capture
        self._number = number
        self._untrimmed = 0
        self.name = number
        self.mode = "wb"

    # typing.override is new in Python 3.12.
    def fileno(self) -> int:  # type: ignore[explicit-override]
        return self._number

    def writable(self) -> bool:  # type: ignore[explicit-override]
        return True

    def write(self, printed: "ReadableBuffer", /) -> int:  # type: ignore[explicit-override]
        view = memoryview(printed).cast("B")
        size = len(view)
        is_long = size > TAIL_BYTES and self._capture.holds(self._number)
        try:
            written = os.write(self._number, view[-TAIL_BYTES:] if is_long else view)
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            return size  # no task fails because its prints find no room
        self._untrimmed += written
        if self._untrimmed > _MOST_BYTES:
            self._untrimmed = 0
            self._capture.trim()
        return size if is_long else written


def tail_bytes(file: Path) -> bytes:
    """Return the last 64 kB of a capture file; raises OSError."""
    with file.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
        return stream.read()


def _punch(descriptor: int, end: int) -> bool:
    """Free the file's blocks before `end` while others append; say whether the system can."""
    if sys.platform != "linux":
        return False
    import ctypes

    fallocate = ctypes.CDLL(None).fallocate64
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(descriptor, _PUNCH_HOLE, 0, end) == 0)
