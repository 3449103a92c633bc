"""Which live process has a journal open: a lock file with its process id and start time.

The start time tells a process from a later one with the same id, so that a lock left by a
crash or a power cut is taken over and never stands in the way.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workers.errors import JournalError

_GUARD: Final = ".locks"


def lock_path(journal: Path) -> Path:
    """Return the lock file that belongs to a journal."""
    return journal.with_suffix(".lock")


def take(journal: Path) -> None:
    """Take the journal's lock for this process; raise JournalError while a live one has it."""
    lock = lock_path(journal)
    own = f"{os.getpid()}\n{start_of(os.getpid())}\n"
    with _alone(journal.parent):
        if (holder := _holder(lock)) is not None:
            raise JournalError(
                f"This job is open already (process {holder}); close it there first."
            )
        fresh = lock.with_suffix(".lock-new")
        fresh.write_text(own, encoding="ascii")
        fresh.replace(lock)


def release(journal: Path) -> None:
    """Give the lock back; it must be this process's own."""
    lock_path(journal).unlink(missing_ok=True)


def is_held(journal: Path) -> bool:
    """Say whether a live process has the journal open."""
    return _holder(lock_path(journal)) is not None


def _holder(lock: Path) -> int | None:
    """Return the id of the live process that wrote the lock."""
    try:
        pid_text, started, *_ = lock.read_text(encoding="ascii").split("\n")
        pid = int(pid_text)
    except (FileNotFoundError, ValueError):
        return None
    return pid if started and start_of(pid) == started else None


def start_of(pid: int) -> str:
    """Return when a live process started, in words only compared; empty when it is gone."""
    if sys.platform == "linux":
        started = _started_on_linux(pid)
    else:
        import psutil

        try:
            started = repr(psutil.Process(pid).create_time())
        except (psutil.Error, ValueError):
            started = ""
    return started


def _started_on_linux(pid: int) -> str:
    """Count from the boot, not by the wall clock, which may jump."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    state, *fields = status[status.rindex(b")") + 2 :].split()
    return "" if state in (b"Z", b"X") else f"{boot} {int(fields[18])}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time look at locks and take them; the system frees it at a crash."""
    descriptor = os.open(folder / _GUARD, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
