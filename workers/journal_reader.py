"""Reading journals beside their writer: rows for tables and reports, the list of jobs.

A reader is read-only and belongs to one thread at a time (the bridge's, the terminal's).
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from workers import journal_lock
from workers.errors import JournalError
from workers.job import InputFilter, JobId, JobSpec, JobState, TaskId
from workers.journal_files import READ_ERRORS, SUFFIX
from workers.journal_schema import (
    CHECKS_SINCE,
    CODES,
    FAILED,
    HAS_ENDED,
    ROW_COLUMNS,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    check_format,
    decoded,
    decoded_path,
    decoded_paths,
    read_roots,
    relative_path,
    task_row,
)
from workers.outcome import OutputCheck
from workers.partials import makes_partials, without_partials
from workers.report_plots import BINS, DURATIONS_S, Timeline
from workers.snapshot import Counts, JobEntry, RowPage, RowQuery, RowSort, TaskRow

_BUSY_S: Final = 2.0
_ORDERS: Final = {
    RowSort.ADDED: "id",
    RowSort.NAME: "name COLLATE NOCASE",
    RowSort.SIZE: "size",
    RowSort.BYTES_OUT: "bytes_out",
    RowSort.SECONDS: "seconds",
    RowSort.STATE: "state",
    RowSort.PROBLEMS_FIRST: "id",
}
# One stretch of rows after the other: the few problems come from the index on states, and "+"
# keeps SQLite from sorting all the others instead of reading them in their order.
_PROBLEMS_FIRST: Final = (
    f"state = {FAILED} AND {HAS_ENDED}",
    f"state = {SKIPPED} AND {HAS_ENDED}",
    f"+state NOT IN ({FAILED}, {SKIPPED})",
)
_MADE: Final = (
    "SELECT root, relative, name, size, mtime_ns, outputs, checks FROM task"
    " WHERE checks IS NOT NULL AND outputs IS NOT NULL"
    f" AND state IN ({SUCCEEDED}, {SKIPPED})"
)
_BY_ID: Final = " ORDER BY id"


class MadeOutput(NamedTuple):
    """An output with what it was, and the input it was made from as that was found."""

    output: Path
    check: OutputCheck
    input: Path
    input_size: int
    input_mtime_ns: int


class JournalReader:
    """A read-only look at one journal; raises JournalError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._roots: dict[int, Path] = {}
        self._asked: tuple[int, RowQuery] | None = None
        self._makes_partials: bool | None = None
        self._has_order = False
        with _read(path):
            if not path.is_file():
                raise JournalError("There is no record of this job any more.")
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=_BUSY_S,
                check_same_thread=False,
            )
            try:
                check_format(self._connection)
            except (*READ_ERRORS, JournalError):
                self._connection.close()
                raise
            self._connection.execute("PRAGMA temp_store = MEMORY")
            self._connection.create_function("holds", 2, _holds, deterministic=True)

    def rows(self, query: RowQuery) -> RowPage:
        """Return the rows [first, first + count) of those that match, in order."""
        with _read(self._path), self._unchanging():
            if query.states or query.text or query.sort is not RowSort.ADDED:
                matches, ids = self._found(query)
            else:
                matches = self._last()
                ids = _plain_ids(query, matches)
            return RowPage(JobId(self._path.stem), query, matches, self._selected(ids))

    def tasks(self, tasks: Sequence[TaskId]) -> tuple[TaskRow, ...]:
        """Return the rows of these tasks that there are."""
        with _read(self._path), self._unchanging():
            return self._selected(list(tasks))

    def roots(self) -> tuple[Path, ...]:
        """Return the folders that tasks lie in."""
        with _read(self._path):
            return tuple(read_roots(self._connection).values())

    def entry(self) -> JobEntry:
        """Return the job's line in the history; one that nobody runs any more is STOPPED."""
        with _read(self._path):
            row = self._connection.execute(
                "SELECT name, state, created_at, pipeline_name, output, elapsed, waiting,"
                " running, succeeded, failed, skipped, cancelled FROM job"
            ).fetchone()
            state = JobState(row[1])
            is_left = state in (JobState.RUNNING, JobState.PAUSED)
            if is_left and not journal_lock.is_held(self._path):
                state = JobState.STOPPED
            return JobEntry(
                job=JobId(self._path.stem),
                name=row[0],
                state=state,
                created_at=row[2],
                counts=Counts(*row[6:]),
                pipeline_name=row[3],
                output=decoded_path(row[4]),
                elapsed_s=row[5],
            )

    def spec(self) -> JobSpec | None:
        """Return what the job does, None before its start."""
        blob = self._value("spec")
        return decoded(blob, JobSpec) if isinstance(blob, bytes) else None

    def inputs(self) -> tuple[tuple[Path, ...], InputFilter]:
        """Return what was dropped."""
        blob = self._value("inputs")
        if not isinstance(blob, bytes):
            return (), InputFilter()
        return decoded(blob, tuple[tuple[Path, ...], InputFilter])

    def made_outputs(self) -> Iterator[MadeOutput]:
        """Yield every output that stood there when its task ended; those of older formats not.

        The one output of many inputs is told once with each of them, one after the other.
        """
        with _read(self._path):
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version < CHECKS_SINCE:
                return
            roots = read_roots(self._connection)
            is_joint = self._hides_partials()
            for root, relative, name, size, mtime_ns, outputs, checks in self._connection.execute(
                _MADE + ("" if not is_joint else " AND root IS NULL") + _BY_ID
            ):
                known = decoded(checks, tuple[OutputCheck, ...])
                for output, check in zip(decoded_paths(outputs), known, strict=True):
                    if root is None:
                        yield from self._joint(output, check, roots)
                    else:
                        path = roots[root] / relative_path(relative, name)
                        yield MadeOutput(output, check, path, size, mtime_ns)

    def _joint(
        self, output: Path, check: OutputCheck, roots: Mapping[int, Path]
    ) -> Iterator[MadeOutput]:
        """Yield the one output with each of the inputs that it was made of."""
        for root, relative, name, size, mtime_ns, *_ in self._connection.execute(
            f"{_MADE} AND root IS NOT NULL{_BY_ID}"
        ):
            path = roots[root] / relative_path(relative, name)
            yield MadeOutput(output, check, path, size, mtime_ns)

    def blocks_with_values(self) -> list[TaskId]:
        """Return the tasks of a sweep whose values are there, by id."""
        with _read(self._path):
            rows = self._connection.execute("SELECT task FROM block_values ORDER BY task")
            return [TaskId(task) for (task,) in rows]

    def block_values(self, tasks: Sequence[TaskId]) -> list[tuple[int, bytes]]:
        """Return (first point, encoded values) of these tasks; see operations/sweep.py."""
        with _read(self._path):
            return self._connection.execute(
                "SELECT first_point, encoded FROM task JOIN block_values ON task.id = task"
                " WHERE task.id IN (SELECT value FROM json_each(?))",
                (json.dumps(tasks),),
            ).fetchall()

    def timeline(self) -> Timeline:
        """Return how the job went; journals of older formats do not know."""
        with _read(self._path):
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version < CHECKS_SINCE:
                return Timeline()
            (seconds,) = self._connection.execute("SELECT max(ended_s) FROM task").fetchone()
            if not seconds:
                return Timeline()
            done, others = [0] * BINS, [0] * BINS
            ends = self._connection.execute(
                "SELECT min(CAST(ended_s * ? / ? AS INTEGER), ?), state = ?, count(*) FROM task"
                " WHERE ended_s IS NOT NULL GROUP BY 1, 2",
                (BINS, seconds, BINS - 1, SUCCEEDED),
            )
            for place, is_done, count in ends:
                (done if is_done else others)[place] += count
            longer = [
                self._connection.execute(
                    "SELECT count(*) FROM task WHERE ended_s IS NOT NULL AND seconds >= ?", (least,)
                ).fetchone()[0]
                for least in (0.0, *DURATIONS_S)
            ]
            durations = [more - less for more, less in pairwise([*longer, 0])]
            return Timeline(seconds, tuple(done), tuple(others), tuple(durations))

    def work(self) -> tuple[str, str, str]:
        """Return the pipeline's name, its fingerprint and the version that ran it."""
        return (
            str(self._value("pipeline_name")),
            str(self._value("fingerprint")),
            str(self._value("version")),
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _value(self, column: str) -> object:
        with _read(self._path):
            value: object = self._connection.execute(f"SELECT {column} FROM job").fetchone()[0]
            return value

    def _last(self) -> int:
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM task").fetchone()
        return int(last)

    def _found(self, query: RowQuery) -> tuple[int, list[int]]:
        """Return how many rows match, and the ids of the page.

        SQLite does the work without holding the interpreter, so that the window beside this
        thread stays smooth. Where the journal stands still, the second look keeps the order.
        """
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        asked = version, replace(query, first=0, count=0)
        is_again, self._asked = asked == self._asked, asked
        if not is_again:
            self._has_order = False
            return self._looked_up(query)
        if not self._has_order:
            self._keep_order(query)
            self._has_order = True
        (matches,) = self._connection.execute(
            "SELECT coalesce(max(rowid), 0) FROM temp.kept_order"
        ).fetchone()
        rows = self._connection.execute(
            "SELECT task FROM temp.kept_order WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (query.first, query.count),
        )
        return matches, [task for (task,) in rows]

    def _looked_up(self, query: RowQuery) -> tuple[int, list[int]]:
        matches = 0
        ids: list[int] = []
        for condition, values, order in _stretches(query):
            (count,) = self._connection.execute(
                f"SELECT count(*) FROM task{condition}", values
            ).fetchone()
            skipped = max(0, query.first - matches)
            matches += count
            if skipped < count and len(ids) < query.count:
                rows = self._connection.execute(
                    f"SELECT id FROM task{condition}{order} LIMIT ? OFFSET ?",
                    (*values, query.count - len(ids), skipped),
                )
                ids += [task for (task,) in rows]
        return matches, ids

    def _keep_order(self, query: RowQuery) -> None:
        execute = self._connection.execute
        execute("CREATE TABLE IF NOT EXISTS temp.kept_order (task INTEGER)")
        execute("DELETE FROM temp.kept_order")
        for condition, values, order in _stretches(query):
            execute(f"INSERT INTO temp.kept_order SELECT id FROM task{condition}{order}", values)

    def _selected(self, ids: list[int]) -> tuple[TaskRow, ...]:
        if not ids:
            return ()
        found = self._connection.execute(
            f"SELECT {ROW_COLUMNS} FROM task WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        ).fetchall()
        if any(row[2] is not None and row[2] not in self._roots for row in found):
            self._roots = read_roots(self._connection)
        rows = {row[0]: task_row(row, self._roots) for row in found}
        if self._hides_partials():
            rows = {task: without_partials(row) for task, row in rows.items()}
        return tuple(rows[task] for task in ids if task in rows)

    def _hides_partials(self) -> bool:
        """Say whether all inputs become one output, so that what each leaves is not shown."""
        if self._makes_partials is None:
            with contextlib.suppress(JournalError):  # one that cannot be read hides nothing
                spec = self.spec()
                self._makes_partials = None if spec is None else makes_partials(spec)
        return bool(self._makes_partials)

    @contextlib.contextmanager
    def _unchanging(self) -> Iterator[None]:
        """Read one state of the journal, whatever its writer does meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._has_order = False
                self._connection.execute("ROLLBACK")


def journals_into(output: Path, folder: Path) -> list[Path]:
    """Return the journals of the jobs with that output folder, the oldest first.

    One that cannot be read is passed over: the list of jobs tells of it.
    """
    return _journals(folder, lambda reader: reader.entry().output == output)


def journals_in_place(folder: Path) -> list[Path]:
    """Return the journals of the jobs whose outputs took the place of their inputs, in order."""
    return _journals(
        folder, lambda reader: (spec := reader.spec()) is not None and spec.is_in_place
    )


def _journals(folder: Path, is_wanted: Callable[[JournalReader], bool]) -> list[Path]:
    found: list[tuple[float, Path]] = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(JournalError), contextlib.closing(JournalReader(path)) as reader:
            if is_wanted(reader):
                found.append((reader.entry().created_at, path))
    return [path for _, path in sorted(found)]


def list_jobs(folder: Path) -> tuple[JobEntry, ...]:
    """Return all readable jobs, the newest first."""
    entries = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(JournalError), contextlib.closing(JournalReader(path)) as reader:
            entries.append(reader.entry())
    entries.sort(key=_by_age, reverse=True)
    return tuple(entries)


def _by_age(entry: JobEntry) -> tuple[float, str]:
    return entry.created_at, entry.job


def _plain_ids(query: RowQuery, last: int) -> list[int]:
    """Return the ids of a page in the order of addition, where ids have no gaps."""
    first, end = query.first + 1, min(query.first + query.count, last)
    if query.is_descending:
        return [last + 1 - place for place in range(first, end + 1)]
    return list(range(first, end + 1))


def _stretches(query: RowQuery) -> list[tuple[str, list[object], str]]:
    """Return WHERE clause, its values and ORDER BY of each stretch of rows, in order."""
    terms, values = _terms(query)
    direction = " DESC" if query.is_descending else ""
    order = f" ORDER BY {_ORDERS[query.sort]}{direction}"
    if query.sort is not RowSort.PROBLEMS_FIRST:
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        return [(where, values, f"{order}, id")]
    stretches = _PROBLEMS_FIRST[::-1] if query.is_descending else _PROBLEMS_FIRST
    return [(f" WHERE {' AND '.join([*terms, rank])}", values, order) for rank in stretches]


def _terms(query: RowQuery) -> tuple[list[str], list[object]]:
    terms: list[str] = []
    values: list[object] = []
    if query.states:
        terms.append(f"state IN ({', '.join('?' * len(query.states))})")
        codes = [CODES[state] for state in query.states]
        values += codes
        if min(codes) > RUNNING:
            terms.append(HAS_ENDED)
    if query.text.isascii() and query.text:
        # LIKE folds ASCII only, and runs without Python; "holds" folds all letters.
        terms.append("name LIKE ? ESCAPE '\\'")
        values.append(f"%{_escaped(query.text)}%")
    elif query.text:
        terms.append("holds(name, ?)")
        values.append(query.text.encode("utf-8", "backslashreplace").decode().casefold())
    return terms, values


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _holds(name: str, text: str) -> bool:
    return text in name.casefold()


@contextlib.contextmanager
def _read(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, LookupError, ValueError, OSError) as error:
        raise JournalError(f"The record {os.fspath(path.name)} cannot be read: {error}.") from error
