"""Files that a watch tells of, compared with a job's tasks: which are new, which have changed."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from workers.found_files import FoundFile
from workers.job import TaskId
from workers.journal_schema import WAITING, decoded, decoded_paths
from workers.outcome import Outcome, OutputCheck, Success
from workers.wording import printable

# Made when a job is first watched: no other asks for tasks by path.
INDICES: Final = (
    "CREATE INDEX IF NOT EXISTS task_by_name ON task (root, name)",
    "CREATE INDEX IF NOT EXISTS task_by_outputs ON task (outputs)",
)
_FIND: Final = (
    "SELECT id, size, mtime_ns FROM task WHERE root = ? AND name = ? AND relative IS ? LIMIT 1"
)
_MADE: Final = "SELECT checks FROM task WHERE outputs = ? AND checks IS NOT NULL"
_SEVERAL: Final = (
    "SELECT outputs, checks FROM task WHERE checks IS NOT NULL AND instr(outputs, x'00') > 0"
)
# Its outputs and their checks stay: they are what its next attempt replaces.
_RENEW: Final = (
    f"UPDATE task SET state = {WAITING}, size = ?, mtime_ns = ?, message = '', detail = '',"
    " failure = NULL, bytes_out = 0, has_warning = 0, attempts = 0, seconds = 0 WHERE id = ?"
)


class Changed(NamedTuple):
    """A task whose file is another now, with what it is."""

    task: TaskId
    size: int
    mtime_ns: int


def compare(
    connection: sqlite3.Connection, roots: Mapping[Path, int], files: Sequence[FoundFile]
) -> tuple[list[FoundFile], list[Changed]]:
    """Return the files that are no tasks yet, and the tasks whose files have changed."""
    new: dict[tuple[Path, str], FoundFile] = {}
    changed: dict[TaskId, Changed] = {}
    for file in files:
        row = _row_of(connection, roots, file)
        if row is None:
            new[file.root, file.relative] = file
        elif not file.problem and row[1:] != (file.size, file.mtime_ns):
            changed[row[0]] = Changed(row[0], file.size, file.mtime_ns)
    return list(new.values()), list(changed.values())


def _row_of(
    connection: sqlite3.Connection, roots: Mapping[Path, int], file: FoundFile
) -> tuple[TaskId, int, int] | None:
    name = printable(file.relative)
    exact = None if name == file.relative else os.fsencode(file.relative)
    asked = roots.get(file.root), name, exact
    found: tuple[TaskId, int, int] | None = connection.execute(_FIND, asked).fetchone()
    return found


def is_made(connection: sqlite3.Connection, file: FoundFile) -> bool:
    """Say whether a file is an output of the job, as it was made."""
    for (checks,) in connection.execute(_MADE, (os.fsencode(file.path),)):
        for check in decoded(checks, tuple[OutputCheck, ...]):
            if (check.size, check.mtime_ns) == (file.size, file.mtime_ns):
                return True
    return False


class Several:
    """The outputs of tasks that made several, which the index on outputs does not find.

    Kept in memory once files are compared: 200 bytes each.
    """

    def __init__(self) -> None:
        self._made: dict[bytes, tuple[int, int]] | None = None

    def read(self, connection: sqlite3.Connection) -> None:
        """Begin with what the journal has."""
        self._made = {}
        for outputs, checks in connection.execute(_SEVERAL):
            self._add(decoded_paths(outputs), decoded(checks, tuple[OutputCheck, ...]))

    def note(self, outcome: Outcome | None) -> None:
        """Remember what a task has made, from the first comparison on."""
        if isinstance(outcome, Success) and len(outcome.outputs) > 1:
            self._add(outcome.outputs, outcome.checks)

    def _add(self, outputs: Sequence[Path], checks: Sequence[OutputCheck]) -> None:
        if self._made is not None:
            for path, check in zip(outputs, checks, strict=True):
                self._made[os.fsencode(path)] = check.size, check.mtime_ns

    def holds(self, file: FoundFile) -> bool:
        """Say whether a file is one of them, as it was made."""
        made = self._made or {}
        return made.get(os.fsencode(file.path)) == (file.size, file.mtime_ns)


def renew(connection: sqlite3.Connection, changes: Sequence[Changed]) -> None:
    """Let tasks wait anew, with what their files are now."""
    rows = [(size, mtime_ns, task) for task, size, mtime_ns in changes]
    connection.executemany(_RENEW, rows)
