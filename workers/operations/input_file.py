"""An input opened once and safely: the door through which every operation reads.

Runs in a worker. A FIFO, a device or a link is never waited for, and decoders get bytes or a
path that does not contain the user's file name (`x.jpg[1]` is an option string to libvips).
"""

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final

from workers.operations.kinds import HEAD_BYTES, kind_of_content, kind_of_suffix
from workers.outcome import Failure, FailureKind, Skip
from workers.wording import printable

EMPTY: Final = "The file is empty."
"""What is said of a file without content, where it cannot be one that is meant."""

_DESCRIPTORS: Final = Path("/proc/self/fd")
# O_NONBLOCK: a FIFO without a writer would block the open for ever.
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
)


class InputFile:
    """A regular file opened for reading; a context manager that closes it.

    `name` is printable, `suffix` lower case, `head` its first bytes, `kind` goes by content
    first and by suffix second; `mtime_ns` since the epoch.
    """

    def __init__(self, path: Path, descriptor: int, status: os.stat_result, head: bytes) -> None:
        """Own `descriptor`; callers use `open_input`."""
        self.path = path
        self.name = printable(path.name)
        self.suffix = path.suffix.lower()
        self.size = status.st_size
        self.mtime_ns = status.st_mtime_ns
        self.head = head
        self.kind = kind_of_content(head) or kind_of_suffix(path.suffix)
        self._descriptor = descriptor
        self._identity = _identity(status)

    def __enter__(self) -> "InputFile":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; more than once is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def fileno(self) -> int:
        """Return the open descriptor, at its beginning; this object still owns it."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return self._descriptor

    def read(self) -> bytes:
        """Return the whole content; raises OSError when the disk fails."""
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            stream.seek(0)
            return stream.read()

    def read_or_failure(self) -> bytes | Failure:
        """Return the whole content, or BAD_INPUT when the disk fails."""
        try:
            return self.read()
        except OSError as error:
            return unreadable(error)

    def safe_path(self) -> Path:
        """Return a path for decoders that need one; valid while this file is open."""
        return _DESCRIPTORS / str(self._descriptor) if _DESCRIPTORS.is_dir() else self.path

    def has_changed(self) -> bool:
        """Say whether the file at the path is no longer the one that was opened."""
        return not self.is_at(self.path)

    def is_at(self, place: Path) -> bool:
        """Say whether the file at a place is the one that was opened, unchanged."""
        try:
            there, here = os.lstat(place), os.fstat(self._descriptor)
        except OSError:
            return False
        return _identity(there) == _identity(here) == self._identity


def open_input(path: Path, *, may_be_empty: bool = False) -> InputFile | Failure | Skip:
    """Open a regular file without ever blocking; what is none is a Skip with a sentence.

    An empty one is a Failure, unless it may be empty.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        return Skip("No longer there.")
    except PermissionError:
        return _refused(path)
    except OSError as error:
        return _not_opened(path, error)
    opened = _checked(path, descriptor, may_be_empty=may_be_empty)
    if not isinstance(opened, InputFile):
        os.close(descriptor)
    return opened


def unreadable(error: OSError) -> Failure:
    """Return the failure for a disk that refuses to give the content."""
    reason = error.strerror or "unknown error"
    return Failure(
        FailureKind.BAD_INPUT,
        f"The disk reported an error while reading ({reason}).",
        detail=repr(error),
    )


def _checked(path: Path, descriptor: int, *, may_be_empty: bool) -> InputFile | Failure | Skip:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Skip("Not a regular file.")
    if status.st_size == 0 and not may_be_empty:
        return Failure(FailureKind.BAD_INPUT, EMPTY)
    try:
        head = os.read(descriptor, HEAD_BYTES)
    except OSError as error:
        return unreadable(error)
    return InputFile(path, descriptor, status, head)


def _refused(path: Path) -> Failure | Skip:
    if os.name != "nt" and os.access(path, os.R_OK):
        # Its mode would let us: the worker's sandbox, or a rule of the system, does not.
        return Failure(FailureKind.BAD_INPUT, "Reading it was refused: it is no input of this job.")
    # Windows answers "permission" for a folder as well.
    is_folder = os.name == "nt" and path.is_dir()
    return Skip("Not a regular file." if is_folder else "No permission to read this file.")


def _not_opened(path: Path, error: OSError) -> Failure | Skip:
    """Tell a link, a socket or a device (which open refuses) from a failing disk."""
    try:
        is_regular = stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        is_regular = True
    return unreadable(error) if is_regular else Skip("Not a regular file.")


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
