"""Which engine runs without a window, and how a window reaches it: a lock file for each.

The file lies in the runtime folder (mode 0700) and has mode 0600, since it holds the key of the
engine's socket. The process id with its start time tells whether the engine still lives. An
engine that has ended leaves its file, so that the next window learns on which job it worked.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from workers.folders import runtime_folder
from workers.job import JobId
from workers.journal_lock import start_of
from workers.messages import VERSION

_NAMES: Final = "engine-*.lock"


class EngineLock(Struct, frozen=True):
    """An engine without a window: which process it is, where it listens, what it works on."""

    pid: int
    started: str
    address: str
    key: bytes
    job: JobId | None
    version: int = VERSION

    @property
    def is_held(self) -> bool:
        """Say whether the engine that wrote this still lives."""
        return bool(self.started) and start_of(self.pid) == self.started


def take(address: str, key: bytes, job: JobId | None) -> None:
    """Let windows find this process; raises OSError where its file cannot be written."""
    own = EngineLock(os.getpid(), start_of(os.getpid()), address, key, job)
    path = _path(own.pid)
    fresh = path.with_suffix(".lock-new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(own))
    fresh.replace(path)


def release() -> None:
    """Let no window find this process any more."""
    with contextlib.suppress(OSError):
        _path(os.getpid()).unlink(missing_ok=True)


def detached_engines() -> tuple[EngineLock, ...]:
    """Return the living engines that wait for a window of our version."""
    locks = (lock for _, lock in _files() if lock is not None)
    return tuple(lock for lock in locks if lock.is_held and lock.version == VERSION)


def take_left_job() -> JobId | None:
    """Return the job that an engine worked on which ended without a window; forget such engines."""
    job: JobId | None = None
    for path, lock in _files():
        if lock is None or not lock.is_held:
            job = job or (lock.job if lock is not None else None)
            with contextlib.suppress(OSError):
                path.with_suffix(".sock").unlink(missing_ok=True)  # of an engine that was killed
                path.unlink(missing_ok=True)
    return job


def _files() -> list[tuple[Path, EngineLock | None]]:
    """Return the lock files, the newest first; None stands for what is none of ours."""
    aged = []
    for path in runtime_folder().glob(_NAMES):
        with contextlib.suppress(OSError):
            aged.append((path.stat().st_mtime_ns, path, _read(path)))
    return [(path, lock) for _, path, lock in sorted(aged, key=_by_age)]


def _by_age(found: tuple[int, Path, EngineLock | None]) -> int:
    return -found[0]


def _read(path: Path) -> EngineLock | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=EngineLock)
    except msgspec.MsgspecError:
        return None


def _path(pid: int) -> Path:
    return runtime_folder() / f"engine-{pid}.lock"
