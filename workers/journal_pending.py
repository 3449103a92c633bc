"""What the engine told the journal since the last commit, written in one go."""

import sqlite3
from typing import Final

from workers.job import TaskId
from workers.journal_ends import End

_END: Final = (
    "UPDATE task SET state = ?, message = ?, detail = ?, failure = ?,"
    # An attempt that failed leaves what an earlier one made.
    " outputs = coalesce(?, outputs), checks = coalesce(?, checks),"
    " bytes_out = ?, has_warning = ?, failed_points = ?, attempts = ?, seconds = ?, worker = ?,"
    " ended_s = ?, was_dispatched = was_dispatched OR ?, planned = coalesce(?, planned)"
    " WHERE id = ?"
)
_MOVE: Final = "UPDATE task SET state = ?, attempts = ?, was_dispatched = 1 WHERE id = ?"
_PLAN: Final = "UPDATE task SET planned = ? WHERE id = ?"
_KEEP_VALUES: Final = "INSERT OR REPLACE INTO block_values (task, encoded) VALUES (?, ?)"


class Pending:
    """Changes by task; a later one of a task takes the place of an earlier one."""

    def __init__(self) -> None:
        self.columns: dict[str, object] = {}
        self._planned: dict[TaskId, bytes] = {}
        self._moved: dict[TaskId, tuple[int, int, TaskId]] = {}
        self._ended: dict[TaskId, tuple[object, ...]] = {}
        self._values: dict[TaskId, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._ended or self._moved or self._planned or self.columns)

    def holds(self, task: TaskId) -> bool:
        """Say whether a task's row is behind."""
        return task in self._ended or task in self._moved or task in self._planned

    def plan(self, task: TaskId, planned: bytes) -> None:
        """Reserve an output's name."""
        self._planned[task] = planned

    def move(self, task: TaskId, state: int, attempts: int) -> None:
        """Note that a task runs, or waits again."""
        self._moved[task] = state, attempts, task

    def end(self, task: TaskId, end: End, tried: "tuple[int, float, int, float]") -> None:
        """Note how a task ended; `tried`: attempts, seconds of the last, worker, when it ended."""
        was_moved = self._moved.pop(task, None) is not None
        planned = self._planned.pop(task, None)
        self._ended[task] = (*end[:9], *tried, was_moved, planned, task)
        if end.values:
            self._values[task] = end.values

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all within the caller's transaction; keep it until `clear`."""
        run = connection.executemany
        if self._planned:
            run(_PLAN, [(planned, task) for task, planned in self._planned.items()])
        if self._moved:
            run(_MOVE, self._moved.values())
        if self._ended:
            run(_END, self._ended.values())
        if self._values:
            run(_KEEP_VALUES, self._values.items())
        if self.columns:
            names = ", ".join(f"{column} = ?" for column in self.columns)
            connection.execute(f"UPDATE job SET {names}", tuple(self.columns.values()))

    def clear(self) -> None:
        """Forget what has been written."""
        for changes in (self.columns, self._planned, self._moved, self._ended, self._values):
            changes.clear()
