"""The files of a journal on the disk: opening, refusing, keeping a damaged one, deleting."""

import contextlib
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from workers import journal_lock
from workers.errors import JournalError
from workers.job import JobId, JobState
from workers.snapshot import JobEntry

SUFFIX: Final = ".sqlite"

# 4,000 pages are 16 MB: a checkpoint syncs the disk, on the engine's thread.
_CHECKPOINT_PAGES: Final = 4_000
_LOG_LIMIT: Final = 64_000_000
_CACHE_KIB: Final = 32_000
# Another connection holds the file for milliseconds at most; a hung one must not hang us.
_BUSY_S: Final = 5.0
_LOG_SUFFIXES: Final = ("-wal", "-shm")
# Damage can stand in SQLite's own message as bytes that are no text.
READ_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
_UNSTARTED: Final = (JobState.EMPTY, JobState.DRAFT)
# SQLITE_ERROR: a table or a column is missing.
_DAMAGED: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def job_id_for(name: str) -> JobId:
    """Return an id that sorts by its time and is a legal file name everywhere."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    slug = re.sub("[^a-z0-9]+", "-", name.lower())[:32].strip("-") or "job"
    return JobId(f"{stamp}-{slug}-{secrets.token_hex(2)}")


def journal_path(folder: Path, job: JobId) -> Path:
    """Return where a job's journal lies."""
    return folder / f"{job}{SUFFIX}"


def connected(path: Path) -> sqlite3.Connection:
    """Return the writing connection; the file is made when it is missing."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except READ_ERRORS:
        connection.close()
        raise
    return connection


def unwritable(path: Path, error: sqlite3.Error) -> JournalError:
    """Return the error for a journal that the disk does not take."""
    return JournalError(f"The job's record cannot be written to {path.parent}: {error}.")


def refused(path: Path, error: sqlite3.Error | ValueError | JournalError) -> JournalError:
    """Return the error for a journal that cannot be opened; keep a damaged one as .bak."""
    if isinstance(error, JournalError):
        return error
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF not in _DAMAGED:
        return JournalError(f"This job's record cannot be opened: {error}.")
    kept = set_aside(path)
    return JournalError(f"This job's record is damaged ({error}); it was kept as {kept.name}.")


def set_aside(path: Path) -> Path:
    """Rename a journal, with the log that belongs to it, to a free name ending in .bak."""
    kept, number = path.with_name(f"{path.name}.bak"), 2
    while kept.exists():
        kept, number = path.with_name(f"{path.name}.{number}.bak"), number + 1
    for suffix in ("", *_LOG_SUFFIXES):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


def discard(folder: Path, job: JobId) -> None:
    """Delete a job's journal; raise JournalError while a live process has it open."""
    path = journal_path(folder, job)
    journal_lock.take(path)
    try:
        _delete(path)
    finally:
        journal_lock.release(path)


def _delete(path: Path) -> None:
    for suffix in ("", *_LOG_SUFFIXES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def discard_drafts(folder: Path, entries: Iterable[JobEntry]) -> None:
    """Delete the journals of jobs that were never started and that no live process has open.

    Whoever closes a draft deletes it; these are of processes that were killed. What another
    process has started since the entries were read stays.
    """
    for entry in entries:
        if entry.state in _UNSTARTED:
            with contextlib.suppress(JournalError, OSError, *READ_ERRORS):
                _discard_draft(journal_path(folder, entry.job))


def _discard_draft(path: Path) -> None:
    journal_lock.take(path)
    try:
        if _state_of(path) in _UNSTARTED:
            _delete(path)
    finally:
        journal_lock.release(path)


def _state_of(path: Path) -> JobState:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as connection:
        (state,) = connection.execute("SELECT state FROM job").fetchone()
        return JobState(state)
