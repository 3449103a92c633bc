"""Every step that touches the disk between a finished temporary file and its final name.

Each step first passes `failpoint` with its name, so that a test can refuse, or die at, the n-th of
them for every n; in a program it does nothing. Who publishes (publishing.py) uses these and nothing
else.
"""

import hashlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from workers import no_clobber

PARTIAL: Final = ".everycore-partial"
PATIENCE_S: Final = 2.5
_AGAIN_S: Final = 0.05
# Access denied, sharing violation, lock violation.
_HELD_BY_OTHERS: Final = frozenset({5, 32, 33})
T = TypeVar("T")


def _passed(_step: str) -> None:
    """Let the step happen."""


# Called with a step's name before it happens; raises what the step shall raise.
failpoint: Callable[[str], None] = _passed


def open_finished(temp: Path) -> int:
    """Open a finished file to look at it and sync it; follows no link."""
    failpoint("open")
    # Windows syncs only what is open for writing.
    mode = os.O_RDWR | getattr(os, "O_BINARY", 0) if os.name == "nt" else os.O_RDONLY
    return os.open(temp, mode | getattr(os, "O_NOFOLLOW", 0))


def status(descriptor: int) -> os.stat_result:
    """Return what the file is and how large."""
    failpoint("status")
    return os.fstat(descriptor)


def digest(descriptor: int) -> str:
    """Return the SHA-256 of the file's content in hex."""
    failpoint("digest")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_mode(descriptor: int, mode: int) -> None:
    """Give the file its permissions; Windows inherits them from the folder."""
    failpoint("mode")
    if os.name != "nt":
        os.fchmod(descriptor, mode)


def set_time(descriptor: int, path: Path, mtime_ns: int) -> None:
    """Give the open file at the path the time of its last change; some disks keep seconds only."""
    failpoint("time")
    place = descriptor if os.utime in os.supports_fd else path
    os.utime(place, ns=(mtime_ns, mtime_ns))


def take_after(descriptor: int, original: int) -> None:
    """Give the file the permissions, owner and marks of another open file, as far as it may.

    The permissions are those or fewer; what a disk or a system does not know is left out.
    """
    failpoint("attributes")
    if os.name == "nt":
        return
    status = os.fstat(original)
    with suppress(OSError):  # to give a file away needs a privilege
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o777)
    if sys.platform == "linux":
        for name in _marks_of(original):
            with suppress(OSError):  # one that only the system may set keeps none of the others
                os.setxattr(descriptor, name, os.getxattr(original, name))


def _marks_of(descriptor: int) -> list[str]:
    try:
        return os.listxattr(descriptor)
    except OSError:
        return []


def sync(descriptor: int) -> None:
    """Wait until the file's content is on the disk."""
    failpoint("sync")
    os.fsync(descriptor)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, unless they are there."""
    failpoint("folder")
    folder.mkdir(mode=mode, parents=True, exist_ok=True)


def move_if_free(source: Path, final: Path) -> bool:
    """Rename a file on its disk; False, and nothing done, when the name is taken."""
    return _patiently(lambda: _move_if_free(source, final))


def replace(source: Path, final: Path) -> None:
    """Rename a file over another one."""
    _patiently(lambda: _replace(source, final))


def keep(original: Path, kept: Path) -> None:
    """Give a file a second name on its disk; where it knows no such, make a copy, whole or not."""
    failpoint("keep")
    try:
        os.link(original, kept, follow_symlinks=False)
    except OSError as error:
        if error.errno not in no_clobber.NO_LINKS:
            raise
        _copy(original, kept)


def _copy(original: Path, kept: Path) -> None:
    partial = kept.with_name(PARTIAL)
    try:
        shutil.copy2(original, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(kept)
    finally:
        partial.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two files on a disk change places; False, and nothing done, where it cannot."""
    return _patiently(lambda: _exchange(one, other))


def _exchange(one: Path, other: Path) -> bool:
    failpoint("exchange")
    return no_clobber.exchange(one, other)


def _move_if_free(source: Path, final: Path) -> bool:
    failpoint("move")
    return no_clobber.move_if_free(source, final)


def _replace(source: Path, final: Path) -> None:
    failpoint("replace")
    source.replace(final)


def _patiently(act: Callable[[], T]) -> T:
    """Do it again for some seconds while Windows says that somebody else has the file open.

    A scanner for viruses looks at every new file, and lets go of it in a moment.
    """
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except OSError as error:
            is_held = getattr(error, "winerror", None) in _HELD_BY_OTHERS
            if not is_held or time.monotonic() >= give_up:
                raise
        time.sleep(_AGAIN_S)


def trash(kept: Path, was: Path) -> None:
    """Move a file to the person's trash under the path it had; raises OSError without one."""
    failpoint("trash")
    if sys.platform == "linux":
        from workers import trash_places

        trash_places.put(kept, was)
        return
    import send2trash

    send2trash.send2trash(kept)


def remove(path: Path) -> None:
    """Delete a temporary file, unless it is gone."""
    failpoint("remove")
    path.unlink(missing_ok=True)
