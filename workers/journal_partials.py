"""A reduce task and its partials as rows of a journal."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

from workers.job import TaskId
from workers.journal_files import unwritable
from workers.journal_schema import FAILED, HAS_ENDED, SKIPPED, SUCCEEDED, read_roots
from workers.partials import write_list

NAMES_MOST: Final = 3
_BUSY_S: Final = 2.0

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


class Listing:
    """The list of partials while it is written, on a thread: of a million it takes seconds.

    The thread reads the journal as it was committed when the list was begun.
    """

    def __init__(self, journal: Path, file: Path) -> None:
        """Begin."""
        self._journal = journal
        self._file = file
        self._left_out = LeftOut(0, ())
        self._error: OSError | sqlite3.Error | None = None
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="partials", daemon=True)
        self._thread.start()

    def is_over(self, wait_s: float) -> bool:
        """Say whether it is written, or cannot be; waits so long at most."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def left_out(self) -> LeftOut:
        """Return who has no partial; waits for the end.

        Raises OSError where the list could not be written, JournalError where the journal could
        not be read.
        """
        self._thread.join()
        if isinstance(self._error, sqlite3.Error):
            raise unwritable(self._journal, self._error) from self._error
        if self._error is not None:
            raise self._error
        return self._left_out

    def stop(self) -> None:
        """Leave off; waits for the thread, and deletes the file."""
        self._is_stopped.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # it goes with its folder
            self._file.unlink()

    def _run(self) -> None:
        try:
            self._write()
        except (OSError, sqlite3.Error) as error:
            self._error = error

    def _write(self) -> None:
        place = f"{self._journal.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(place, uri=True, isolation_level=None, timeout=_BUSY_S)
        with contextlib.closing(connection):
            connection.execute("BEGIN")
            rows = takewhile(lambda _: not self._is_stopped.is_set(), read(connection))
            write_list(self._file, read_roots(connection), rows)
            self._left_out = read_left_out(connection)


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
