"""The journal's file format: its tables, and how values stand in them.

Paths are BLOBs (`os.fsencode`), since a name that is not UTF-8 breaks TEXT. A task's path below
its root is left out where its printable name says it exactly. States are numbers by their place
in `STATES`, other enums their stable words.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from workers.errors import JournalError
from workers.job import JobSpec, JobState, Kind, TaskId, TaskState
from workers.outcome import FailureKind
from workers.snapshot import TaskRow

FORMAT: Final = 2
# The first format that remembers what outputs were like.
CHECKS_SINCE: Final = 2
APPLICATION_ID: Final = 0x45764379  # "EvCy"

STATES: Final = (
    TaskState.WAITING,
    TaskState.RUNNING,
    TaskState.SUCCEEDED,
    TaskState.FAILED,
    TaskState.SKIPPED,
    TaskState.CANCELLED,
)
CODES: Final = {state: code for code, state in enumerate(STATES)}
WAITING, RUNNING, SUCCEEDED, FAILED, SKIPPED, CANCELLED = range(len(STATES))
# The index holds ended tasks alone: to add a million waiting ones costs it nothing. Only a
# condition that says so in these words is looked up in it.
HAS_ENDED: Final = f"state > {RUNNING}"

TABLES: Final = f"""
CREATE TABLE job (
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    elapsed REAL NOT NULL DEFAULT 0,
    spec BLOB,
    pipeline_name TEXT NOT NULL DEFAULT '',
    output BLOB,
    inputs BLOB,
    is_discovered INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    bytes_total INTEGER NOT NULL DEFAULT 0,
    bytes_ended INTEGER NOT NULL DEFAULT 0,
    bytes_out INTEGER NOT NULL DEFAULT 0,
    warnings INTEGER NOT NULL DEFAULT 0,
    fingerprint TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL DEFAULT ''
);
CREATE TABLE root (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL DEFAULT {WAITING},
    size INTEGER NOT NULL DEFAULT 0,
    points INTEGER NOT NULL DEFAULT 1,
    failed_points INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    bytes_out INTEGER NOT NULL DEFAULT 0,
    has_warning INTEGER NOT NULL DEFAULT 0,
    was_dispatched INTEGER NOT NULL DEFAULT 0,
    worker INTEGER,
    failure TEXT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    first_point INTEGER NOT NULL DEFAULT 0,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    root INTEGER REFERENCES root(id),
    relative BLOB,
    planned BLOB,
    outputs BLOB,
    checks BLOB,
    ended_s REAL,
    message TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX task_by_state ON task (state) WHERE {HAS_ENDED};
CREATE TABLE block_values (task INTEGER PRIMARY KEY REFERENCES task(id), encoded BLOB NOT NULL);
"""

# What format 2 added: an older journal is given it when it is opened to go on.
_ADDED_IN_2: Final = (
    "ALTER TABLE job ADD COLUMN fingerprint TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE job ADD COLUMN version TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE task ADD COLUMN checks BLOB",
    "ALTER TABLE task ADD COLUMN ended_s REAL",
)

ROW_COLUMNS: Final = (
    "id, name, root, relative, kind, size, state, attempts, seconds, bytes_out, outputs,"
    " message, detail, failure, has_warning, points, failed_points, worker"
)

T = TypeVar("T")


def encoded_paths(paths: Sequence[Path]) -> bytes:
    """Return paths as one BLOB; NUL parts them, the one byte that no path holds."""
    return b"\0".join(map(os.fsencode, paths))


def decoded_paths(blob: bytes | None) -> tuple[Path, ...]:
    """Return the paths of `encoded_paths`."""
    return tuple(Path(os.fsdecode(part)) for part in blob.split(b"\0")) if blob else ()


def decoded_path(blob: bytes | None) -> Path | None:
    """Return a path from a BLOB, or None."""
    return None if blob is None else Path(os.fsdecode(blob))


def relative_path(relative: bytes | None, name: str) -> Path:
    """Return a task's path below its root; its name is that path unless escapes changed it."""
    return Path(name) if relative is None else Path(os.fsdecode(relative))


def encoded(value: object) -> bytes:
    """Return a frozen value (a spec, inputs) as bytes; paths keep their exact bytes."""
    import msgspec

    return msgspec.msgpack.encode(value, enc_hook=_path_as_bytes)


def decoded(blob: bytes, kind: type[T]) -> T:
    """Return the value of `encoded`; raise JournalError where it does not fit its type."""
    import msgspec

    try:
        return msgspec.msgpack.decode(blob, type=kind, dec_hook=_path_from_bytes)
    except msgspec.DecodeError as error:
        raise JournalError(f"This job's record cannot be read ({error}).") from error


def _path_as_bytes(value: object) -> bytes:
    if isinstance(value, Path):
        return os.fsencode(value)
    raise NotImplementedError(type(value))


def _path_from_bytes(kind: type, value: object) -> object:
    if issubclass(kind, Path) and isinstance(value, bytes):
        return Path(os.fsdecode(value))
    raise NotImplementedError(kind)


def spec_title(spec: JobSpec) -> str:
    """Return what a job does in a few words: its pipeline's name or its sweep's function."""
    if spec.pipeline is not None:
        return spec.pipeline.name
    return spec.sweep.function if spec.sweep is not None else ""


def task_row(row: Sequence[Any], roots: dict[int, Path]) -> TaskRow:
    """Return a row selected by `ROW_COLUMNS` as a value."""
    root = row[2]
    return TaskRow(
        task=TaskId(row[0]),
        name=row[1],
        path=None if root is None else roots[root] / relative_path(row[3], row[1]),
        kind=Kind(row[4]),
        size=row[5],
        state=STATES[row[6]],
        attempts=row[7],
        seconds=row[8],
        bytes_out=row[9],
        outputs=decoded_paths(row[10]),
        message=row[11],
        detail=row[12],
        failure=None if row[13] is None else FailureKind(row[13]),
        has_warning=bool(row[14]),
        points=row[15],
        failed_points=row[16],
        worker=row[17] or None,
    )


def read_roots(connection: sqlite3.Connection) -> dict[int, Path]:
    """Return the dropped folders by their number, in the order of their first file."""
    found = connection.execute("SELECT id, path FROM root ORDER BY id")
    return {number: Path(os.fsdecode(path)) for number, path in found}


def check_format(connection: sqlite3.Connection) -> None:
    """Raise JournalError for a newer format, sqlite3.DatabaseError for what is no journal."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version < 1:
        raise sqlite3.DatabaseError("not a journal")
    if version > FORMAT:
        raise JournalError(
            f"This job was written by a newer Everycore (format {version}; this one reads"
            f" {FORMAT}). It was left as it is."
        )


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Give a journal of an older format what it lacks, in one transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _ADDED_IN_2:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def create_tables(connection: sqlite3.Connection, name: str, created_at: float) -> None:
    """Write the empty journal in one transaction, so that it is there whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES.split(";"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO job (name, state, created_at) VALUES (?, ?, ?)",
        (name, JobState.EMPTY.value, created_at),
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
