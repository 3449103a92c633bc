"""A reduce task and its partials as rows of a journal."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from workers.job import TaskId
from workers.journal_schema import FAILED, HAS_ENDED, SKIPPED, SUCCEEDED

NAMES_MOST: Final = 3

_FIND: Final = "SELECT id FROM task WHERE root IS NULL LIMIT 1"
_PARTIALS: Final = (
    "SELECT root, relative, name, outputs, checks FROM task"
    f" WHERE state IN ({SUCCEEDED}, {SKIPPED}) AND {HAS_ENDED} AND root IS NOT NULL"
    " AND outputs IS NOT NULL AND checks IS NOT NULL ORDER BY id"
)
_FAILED: Final = f"FROM task WHERE state = {FAILED} AND {HAS_ENDED} AND root IS NOT NULL"


class LeftOut(NamedTuple):
    """How many inputs failed, and the printable names of the first of them."""

    files: int
    names: tuple[str, ...]


def find(connection: sqlite3.Connection) -> TaskId | None:
    """Return the one task that no file belongs to, in the journal of a job over files."""
    row = connection.execute(_FIND).fetchone()
    return None if row is None else TaskId(row[0])


def read(connection: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Yield what tasks have made, as fields of PartialRow, by the tasks' numbers."""
    return iter(connection.execute(_PARTIALS))


def read_left_out(connection: sqlite3.Connection) -> LeftOut:
    """Return which inputs have no partial, since they failed."""
    (count,) = connection.execute(f"SELECT count(*) {_FAILED}").fetchone()
    names = connection.execute(f"SELECT name {_FAILED} ORDER BY id LIMIT {NAMES_MOST}")
    return LeftOut(count, tuple(name for (name,) in names))
