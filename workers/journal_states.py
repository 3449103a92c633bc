"""State, size and points of every task in memory (17 bytes a task), with their running sums.

So no decision of the engine reads the disk, and what is buffered needs no second look.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Mapping
from typing import Final

from workers.job import TaskId
from workers.journal_ends import End
from workers.journal_schema import CANCELLED, RUNNING, WAITING
from workers.journal_tally import TALLY_COLUMNS, Share, Tally

_LOAD_ROWS: Final = 50_000


class TaskStates:
    """The tasks by id, from 1 without gaps."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.held: TaskId | None = None
        self._states = bytearray()
        self._sizes = array("q")
        self._points = array("q")

    def __len__(self) -> int:
        return len(self._states)

    def load(self, connection: sqlite3.Connection) -> None:
        """Read all tasks; touches every row, so it meets most damage (sqlite3.DatabaseError)."""
        cursor = connection.execute("SELECT state, size, points FROM task ORDER BY id")
        try:
            while rows := cursor.fetchmany(_LOAD_ROWS):
                states, sizes, points = zip(*rows, strict=True)
                self.add(states, sizes, points)
        except (TypeError, ValueError, OverflowError) as error:
            raise sqlite3.DatabaseError("rows hold what they should not") from error
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM task").fetchone()
        sums = connection.execute(f"SELECT {', '.join(TALLY_COLUMNS)} FROM job").fetchone()
        if last != len(self) or sums is None:
            raise sqlite3.DatabaseError("rows are missing")
        if self._states and max(self._states) > CANCELLED:
            raise sqlite3.DatabaseError("a task is in no known state")
        self.tally = Tally(sums)

    def add(self, states: Iterable[int], sizes: Iterable[int], points: Iterable[int]) -> None:
        """Append tasks; their sums are the caller's to set."""
        self._states.extend(states)
        self._sizes.extend(sizes)
        self._points.extend(points)

    def state(self, task: TaskId) -> int:
        """Return a task's state."""
        return self._states[task - 1]

    def points(self, task: TaskId) -> int:
        """Return a task's points; a file has one."""
        return self._points[task - 1]

    def is_open(self, task: TaskId) -> bool:
        """Say whether a task waits or runs."""
        return self._states[task - 1] in (WAITING, RUNNING)

    def move(self, task: TaskId, state: int) -> None:
        """Move an open task to another open state, in the sums too."""
        place = task - 1
        self.tally.begin(self._states[place], state, self._points[place])
        self._states[place] = state

    def end(self, task: TaskId, end: End) -> None:
        """Move an open task to where it ended, in the sums too."""
        place = task - 1
        points, size = self._points[place], self._sizes[place]
        share = Share(
            end.state, points, size, end.failed_points, end.bytes_out, int(end.has_warning)
        )
        self.tally.end(self._states[place], share)
        self._states[place] = end.state

    def set_state(self, tasks: Iterable[TaskId], state: int) -> None:
        """Mark ended tasks as in another state; their sums are the caller's to set."""
        for task in tasks:
            self._states[task - 1] = state

    def set_sizes(self, sizes: Mapping[TaskId, int]) -> None:
        """Note what tasks' files weigh now; their sums are the caller's to set."""
        for task, size in sizes.items():
            self._sizes[task - 1] = size

    def replace(self, old: int, new: int) -> None:
        """Mark all tasks of one state as in another; their sums are the caller's to set."""
        self._states = self._states.replace(bytes([old]), bytes([new]))

    def waiting_after(self, after: TaskId, limit: int) -> list[int]:
        """Return the ids of the next waiting tasks, but for the one that is `held` back."""
        found: list[int] = []
        place = self._states.find(WAITING, after)
        while place >= 0 and len(found) < limit:
            if place + 1 != self.held:
                found.append(place + 1)
            place = self._states.find(WAITING, place + 1)
        return found
