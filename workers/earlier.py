"""What earlier jobs made in an output folder: looked up in their journals, on the engine's thread.

So an input that has not changed is not worked on twice, and the output of one that has takes the
place of the old one. Only jobs of the same steps count; the newest that tells of a file wins. A
job in place asks whether a file is the output of an earlier one: it would lose a second time.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workers import __version__
from workers.errors import PipelineError
from workers.job import JobId, JobSpec
from workers.journal import Journal
from workers.journal_reader import journals_in_place, journals_into
from workers.journal_rows import WaitingTask
from workers.journal_schema import CHECKS_SINCE, SKIPPED, SUCCEEDED, decoded, decoded_paths
from workers.messages import Earlier
from workers.outcome import OutputCheck
from workers.pipeline import fingerprint, reduce_step

_BUSY_S: Final = 2.0
_TABLE: Final = (
    "CREATE TABLE earlier (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, planned BLOB,"
    " outputs BLOB, checks BLOB, version TEXT) WITHOUT ROWID"
)
_TAKE: Final = (
    "INSERT OR REPLACE INTO earlier SELECT {path}, size, mtime_ns, planned, outputs, checks, ?"
    " FROM journal.task AS task JOIN journal.root AS root ON root.id = task.root"
    " WHERE checks IS NOT NULL AND outputs IS NOT NULL AND planned IS NOT NULL"
    f" AND state IN ({SUCCEEDED}, {SKIPPED})"
)
_REDUCED: Final = (
    "SELECT planned, outputs, checks FROM journal.task WHERE root IS NULL AND checks IS NOT NULL"
    f" AND outputs IS NOT NULL AND planned IS NOT NULL AND state IN ({SUCCEEDED}, {SKIPPED})"
)
_INPUT: Final = "CAST(root.path || '/' || coalesce(relative, name) AS BLOB)"
# One output alone is written as its path.
_OUTPUT: Final = "outputs"


def look_back(journal: Journal, spec: JobSpec, before: "EarlierOutputs | None") -> "EarlierOutputs":
    """Record what the job's outputs come from; return what earlier jobs made of the same.

    What was found `before`, at an earlier start of the job, is closed.
    """
    if before is not None:
        before.close()
    work = ""
    if spec.pipeline is not None:
        with contextlib.suppress(PipelineError):  # own code that cannot be read: the job says so
            work = fingerprint(spec.pipeline)
    journal.set_work(work, __version__)
    return EarlierOutputs(
        journal.path.parent, journal.job, spec, fingerprint=work, version=__version__
    )


class EarlierOutputs:
    """The outputs of jobs that ran before in one folder with the same steps."""

    def __init__(
        self,
        journals: Path,
        job: JobId,
        spec: JobSpec,
        *,
        fingerprint: str,
        version: str,
    ) -> None:
        """Read the journals beside that of `job`; one that cannot be read is passed over."""
        self._version = version
        self._is_redone = spec.redo
        self._is_in_place = spec.is_in_place
        pipeline = spec.pipeline
        self._is_reduced = pipeline is not None and reduce_step(pipeline) is not None
        # A nameless file in the system's temporary folder: it may have a million rows.
        self._found = sqlite3.connect("", isolation_level=None, uri=True)
        self._found.execute(_TABLE)
        self._has_any = False
        self._reduced: dict[bytes, Earlier] = {}
        for path in _journals_of(journals, spec) if fingerprint else ():
            if path.stem != job:
                with contextlib.suppress(sqlite3.Error), _attached(self._found, path):
                    self._take(fingerprint)

    def of(self, given: WaitingTask, planned: Path) -> Earlier | None:
        """Return what was made of a file whose output has the same name as then."""
        if not self._has_any or given.root is None or given.relative is None:
            return None
        path = os.fsencode(given.root) + b"/" + os.fsencode(given.relative)
        row = self._found.execute("SELECT * FROM earlier WHERE path = ?", (path,)).fetchone()
        if row is None or (row[3] != os.fsencode(planned) and not self._is_in_place):
            return None
        _, size, mtime_ns, _, outputs, checks, version = row
        return Earlier(
            size,
            mtime_ns,
            decoded_paths(outputs),
            decoded(checks, tuple[OutputCheck, ...]),
            is_outdated=self._is_redone or (version != self._version and not self._is_in_place),
        )

    def of_reduce(self, planned: Path) -> Earlier | None:
        """Return what the newest job with the same steps made of all its inputs together."""
        return self._reduced.get(os.fsencode(planned))

    def _take_reduced(self, version: str) -> None:
        is_outdated = self._is_redone or version != self._version
        for planned, outputs, checks in self._found.execute(_REDUCED):
            known = decoded(checks, tuple[OutputCheck, ...])
            self._reduced[planned] = Earlier(0, 0, decoded_paths(outputs), known, is_outdated)

    def close(self) -> None:
        """Delete the rows."""
        self._found.close()

    def _take(self, fingerprint: str) -> None:
        work, version = self._found.execute(
            "SELECT fingerprint, version FROM journal.job"
        ).fetchone()
        if work == fingerprint:
            by = _OUTPUT if self._is_in_place else _INPUT
            taken = self._found.execute(_TAKE.format(path=by), (version,))
            self._has_any = self._has_any or taken.rowcount > 0
            if self._is_reduced:
                self._take_reduced(version)


def _journals_of(folder: Path, spec: JobSpec) -> list[Path]:
    """Return the journals of jobs whose outputs may matter to such a job, the oldest first."""
    in_place = journals_in_place(folder)
    if spec.is_in_place:
        return in_place
    return [path for path in journals_into(spec.output, folder) if path not in in_place]


@contextlib.contextmanager
def _attached(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Have a journal at hand as `journal`, to read; raises where it is none, or too old."""
    connection.execute("ATTACH ? AS journal", (f"{path.absolute().as_uri()}?mode=ro",))
    try:
        (version,) = connection.execute("PRAGMA journal.user_version").fetchone()
        if version >= CHECKS_SINCE:
            yield
        else:
            raise sqlite3.DatabaseError("too old to know")
    finally:
        connection.execute("DETACH journal")
