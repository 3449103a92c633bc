"""Tasks as rows of a journal: how they are added, and how waiting ones are read."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import Struct

from workers.found_files import FoundFiles
from workers.job import Kind, TaskId
from workers.journal_ends import storable
from workers.journal_schema import (
    CANCELLED,
    HAS_ENDED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
    decoded,
    decoded_path,
    decoded_paths,
    relative_path,
)
from workers.journal_tally import Share
from workers.outcome import OutputCheck
from workers.wording import printable

# Most files wait and have a name that says their path; all else is the column's default.
_ADD_PLAIN: Final = (
    "INSERT INTO task (id, size, kind, name, mtime_ns, root) VALUES (?, ?, ?, ?, ?, ?)"
)
_ADD_FILE: Final = (
    "INSERT INTO task (id, state, size, kind, name, mtime_ns, root, relative, message)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ADD_BLOCK: Final = "INSERT INTO task (id, kind, name, first_point, points) VALUES (?, ?, ?, ?, ?)"
_WAITING: Final = (
    "SELECT id, root, relative, name, size, mtime_ns, kind, attempts, first_point, points,"
    " planned, was_dispatched, outputs, checks FROM task"
    " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_KIND_WORDS: Final = {kind: kind.value for kind in Kind}
# Outputs that failed or cancelled tasks have were made of what their files were before.
_REOPEN: Final = (
    f"UPDATE task SET outputs = CASE state WHEN {SUCCEEDED} THEN NULL ELSE outputs END,"
    f" checks = CASE state WHEN {SUCCEEDED} THEN NULL ELSE checks END, state = {WAITING},"
    " message = '', detail = '', failure = NULL, bytes_out = 0, has_warning = 0,"
    " failed_points = 0, attempts = 0, seconds = 0 WHERE id = ?"
)


class WaitingTask(Struct, frozen=True):
    """A task that waits, with all that is needed to run it.

    `path`, `root` and `relative` are None for a sweep block, whose points start at
    `first_point`. `planned` is its output's final name once one is reserved. `was_dispatched`
    says that an earlier attempt may have written outputs. `outputs` and `checks` are those that
    it made of its file before that changed.
    """

    task: TaskId
    path: Path | None
    root: Path | None
    relative: Path | None
    size: int
    mtime_ns: int
    kind: Kind
    attempts: int
    first_point: int
    points: int
    planned: Path | None
    was_dispatched: bool
    outputs: tuple[Path, ...] = ()
    checks: tuple[OutputCheck, ...] = ()


def add_files(
    connection: sqlite3.Connection, first: int, files: FoundFiles, roots: Mapping[Path, int]
) -> None:
    """Insert files as the tasks from `first` on, within the caller's transaction."""
    tasks = range(first, first + len(files))
    kinds = map(_KIND_WORDS.__getitem__, files.kinds)
    numbers = files.each([roots[root] for root, _ in files.roots])
    text = "".join(files.relatives)
    if not files.problems and text.isascii() and text.isprintable():
        rows = zip(
            tasks, files.sizes, kinds, files.relatives, files.mtimes_ns, numbers, strict=True
        )
        connection.executemany(_ADD_PLAIN, rows)
        return
    states = states_of(files)
    messages = [storable(files.problems.get(place, "")) for place in range(len(files))]
    names = list(map(printable, files.relatives))
    # The path is left out where the name says it exactly.
    exact = [
        None if name == relative else os.fsencode(relative)
        for name, relative in zip(names, files.relatives, strict=True)
    ]
    connection.executemany(
        _ADD_FILE,
        zip(
            tasks,
            states,
            files.sizes,
            kinds,
            names,
            files.mtimes_ns,
            numbers,
            exact,
            messages,
            strict=True,
        ),
    )


def states_of(files: FoundFiles) -> bytes:
    """Return in which state each file begins."""
    if not files.problems:
        return bytes([WAITING]) * len(files)
    return bytes(SKIPPED if place in files.problems else WAITING for place in range(len(files)))


def shares_of(files: FoundFiles) -> list[Share]:
    """Return what files add to the sums: those that wait, those that are skipped."""
    skipped = sum(files.sizes[place] for place in files.problems)
    waiting = Share(WAITING, len(files) - len(files.problems), sum(files.sizes) - skipped)
    return [waiting, Share(SKIPPED, len(files.problems), skipped)]


def block_row(task: int, block: tuple[str, int, int]) -> tuple[object, ...]:
    """Return the values of `ADD_BLOCK`."""
    name, first_point, points = block
    return task, Kind.ANY.value, storable(printable(name)), first_point, points


def read_waiting(
    connection: sqlite3.Connection, roots: dict[int, Path], tasks: Sequence[int]
) -> list[WaitingTask]:
    """Return these tasks, by id."""
    rows: Iterable[tuple[Any, ...]] = connection.execute(_WAITING, (json.dumps(tasks),))
    return [_waiting_task(row, roots) for row in rows]


def _waiting_task(row: tuple[Any, ...], roots: dict[int, Path]) -> WaitingTask:
    root = None if row[1] is None else roots[row[1]]
    relative = None if root is None else relative_path(row[2], row[3])
    return WaitingTask(
        task=row[0],
        path=None if root is None or relative is None else root / relative,
        root=root,
        relative=relative,
        size=row[4],
        mtime_ns=row[5],
        kind=Kind(row[6]),
        attempts=row[7],
        first_point=row[8],
        points=row[9],
        planned=decoded_path(row[10]),
        was_dispatched=bool(row[11]),
        outputs=decoded_paths(row[12]),
        checks=decoded(row[13], tuple[OutputCheck, ...]) if row[13] else (),
    )


def read_values(connection: sqlite3.Connection) -> Iterator[tuple[int, int, bytes]]:
    """Yield (first point, points, encoded values) of the blocks that have some, in order.

    One block at a time: a sweep's values together may be large.
    """
    blocks = connection.execute(
        "SELECT id, first_point, points FROM task JOIN block_values ON task = id"
        " ORDER BY first_point"
    ).fetchall()
    for task, first_point, points in blocks:
        (values,) = connection.execute(
            "SELECT encoded FROM block_values WHERE task = ?", (task,)
        ).fetchone()
        yield first_point, points, values


def read_shares(
    connection: sqlite3.Connection, states: Sequence[int], tasks: Sequence[TaskId]
) -> list[tuple[TaskId, Share]]:
    """Return what the tasks in these states add to the sums; all tasks when none is named."""
    which = " AND id IN (SELECT value FROM json_each(?))" if tasks else ""
    if min(states) > RUNNING:
        which += f" AND {HAS_ENDED}"
    rows = connection.execute(
        "SELECT id, state, points, size, failed_points, bytes_out, has_warning FROM task"
        f" WHERE state IN ({', '.join(map(str, states))}){which}",
        (json.dumps(list(tasks)),) if tasks else (),
    )
    return [(task, Share(*share)) for task, *share in rows]


def read_sum(connection: sqlite3.Connection, state: int) -> tuple[int, Share]:
    """Return how many open tasks are in a state, and what they add to the sums together."""
    count, points, size = connection.execute(
        "SELECT count(*), coalesce(sum(points), 0), coalesce(sum(size), 0) FROM task"
        " WHERE state = ?",
        (state,),
    ).fetchone()
    return count, Share(state, points, size)


class MadeByTask(NamedTuple):
    """A task that succeeded: its input as it was found, its outputs and what they were.

    A reduce task has no file of its own: its path is the folder of its output.
    """

    task: TaskId
    path: Path
    size: int
    mtime_ns: int
    outputs: tuple[tuple[Path, OutputCheck], ...]


def read_made(
    connection: sqlite3.Connection, roots: dict[int, Path], after: int, limit: int
) -> list[MadeByTask]:
    """Return tasks that made outputs, by id: those above `after`, or the last ones (-1)."""
    order = "ORDER BY id" if after >= 0 else "ORDER BY id DESC"
    rows = connection.execute(
        "SELECT id, root, relative, name, size, mtime_ns, outputs, checks FROM task"
        f" WHERE id > ? AND state = ? AND {HAS_ENDED}"
        f" AND checks IS NOT NULL AND outputs IS NOT NULL {order} LIMIT ?",
        (after, SUCCEEDED, limit),
    )
    return [
        MadeByTask(
            task,
            _input_of(root, relative, name, outputs, roots),
            size,
            mtime_ns,
            tuple(
                zip(decoded_paths(outputs), decoded(checks, tuple[OutputCheck, ...]), strict=True)
            ),
        )
        for task, root, relative, name, size, mtime_ns, outputs, checks in rows
    ]


def _input_of(
    root: int | None, relative: bytes | None, name: str, outputs: bytes, roots: Mapping[int, Path]
) -> Path:
    if root is None:
        return decoded_paths(outputs)[0].parent
    return roots[root] / relative_path(relative, name)


def cancel(connection: sqlite3.Connection, tasks: Sequence[TaskId], message: str) -> None:
    """Move tasks that succeeded to the cancelled ones, as if they had made nothing."""
    connection.executemany(
        "UPDATE task SET state = ?, message = ?, outputs = NULL, checks = NULL, bytes_out = 0,"
        " has_warning = 0 WHERE id = ?",
        [(CANCELLED, message, task) for task in tasks],
    )


def reopen(connection: sqlite3.Connection, tasks: Sequence[TaskId]) -> None:
    """Let ended tasks wait as if they had never run; their planned names stay theirs."""
    ids = [(task,) for task in tasks]
    connection.executemany(_REOPEN, ids)
    connection.executemany("DELETE FROM block_values WHERE task = ?", ids)
