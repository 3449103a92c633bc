"""Running sums of a journal: points per state and bytes, kept so that no count scans the rows."""

import sqlite3
from typing import Final, NamedTuple

from workers.journal_schema import CANCELLED, FAILED, RUNNING, SUCCEEDED, WAITING
from workers.snapshot import Counts

TALLY_COLUMNS: Final = (
    "waiting",
    "running",
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
    "bytes_total",
    "bytes_ended",
    "bytes_out",
    "warnings",
)
_WRITE: Final = f"UPDATE job SET {', '.join(f'{column} = ?' for column in TALLY_COLUMNS)}"


class Share(NamedTuple):
    """What one task, or several of one state, add to the sums."""

    state: int
    points: int
    size: int
    failed_points: int = 0
    bytes_out: int = 0
    warnings: int = 0


class Tally:
    """The sums in the order of `TALLY_COLUMNS`; every change is a share put in or taken out."""

    def __init__(self, sums: tuple[int, ...] = (0,) * len(TALLY_COLUMNS)) -> None:
        self._sums = list(sums)

    def put(self, share: Share, sign: int = 1) -> None:
        """Add a share; its bytes are ended when its state is."""
        sums = self._sums
        # A block that failed in some points has results in the others.
        has_partly = share.state == FAILED and share.failed_points
        failed = share.failed_points if has_partly else share.points
        sums[share.state] += sign * failed
        sums[SUCCEEDED] += sign * (share.points - failed)
        size = sign * share.size
        sums[CANCELLED + 1] += size
        if share.state not in (WAITING, RUNNING):
            sums[CANCELLED + 2] += size
        sums[CANCELLED + 3] += sign * share.bytes_out
        sums[CANCELLED + 4] += sign * share.warnings

    def take(self, share: Share) -> None:
        """Take a share out again."""
        self.put(share, -1)

    def begin(self, old: int, new: int, points: int) -> None:
        """Move an open task's points to another open state."""
        self._sums[old] -= points
        self._sums[new] += points

    def end(self, old: int, new: Share) -> None:
        """Take an open task's share out and put the one after its end in."""
        sums = self._sums
        sums[old] -= new.points
        has_partly = new.state == FAILED and new.failed_points
        failed = new.failed_points if has_partly else new.points
        sums[new.state] += failed
        sums[SUCCEEDED] += new.points - failed
        sums[CANCELLED + 2] += new.size
        sums[CANCELLED + 3] += new.bytes_out
        sums[CANCELLED + 4] += new.warnings

    def copy(self) -> "Tally":
        """Return sums of its own, to be kept once they are written."""
        return Tally(self.sums())

    def sums(self) -> tuple[int, ...]:
        """Return the sums in the order of `TALLY_COLUMNS`."""
        return tuple(self._sums)

    def write(self, connection: sqlite3.Connection) -> None:
        """Record the sums, within the transaction that makes them true."""
        connection.execute(_WRITE, self.sums())

    def counts(self) -> Counts:
        """Return the points per state."""
        return Counts(*self._sums[: CANCELLED + 1])

    def totals(self) -> tuple[int, int, int, int]:
        """Return bytes in all, bytes ended, bytes written and tasks with a warning."""
        total, ended, out, warnings = self._sums[CANCELLED + 1 :]
        return total, ended, out, warnings
