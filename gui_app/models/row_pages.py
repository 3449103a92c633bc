"""The few pages of rows that the window holds of a job of any size; pure, no Qt.

The rows themselves stay in the journal. A page has an edition: when the job moves on, all pages
held are of an old edition and are read again once somebody looks at them; until the answer comes
the old rows stay.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from workers import TaskId, TaskRow

PAGE_ROWS: Final = 200
PAGES_MOST: Final = 20
# An answer that takes longer was lost (the journal was not there yet): ask again.
ANSWER_WITHIN_S: Final = 1.0


@dataclass(slots=True)
class _Page:
    rows: tuple[TaskRow, ...]
    edition: int


class _Request(Struct, frozen=True):
    edition: int
    asked_at: float


class RowPages:
    """Pages by their first row, the one looked at last at the end."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self._requests: dict[int, _Request] = {}
        self._edition = 0

    def __len__(self) -> int:
        return len(self._pages)

    def row(self, row: int) -> TaskRow | None:
        """Return the row at that place, None where its page is not here."""
        first = row - row % PAGE_ROWS
        page = self._pages.get(first)
        if page is None or row - first >= len(page.rows):
            return None
        self._pages.move_to_end(first)
        return page.rows[row - first]

    def find(self, task: TaskId) -> int | None:
        """Return at which place that task stands, None where its page is not here."""
        for first, page in self._pages.items():
            for offset, row in enumerate(page.rows):
                if row.task == task:
                    return first + offset
        return None

    def clear(self) -> None:
        """Forget all pages, and what was asked."""
        self._pages.clear()
        self._requests.clear()

    def start_with(self, rows: tuple[TaskRow, ...]) -> None:
        """Hold nothing but the first page, of the edition it was asked for in."""
        self._pages.clear()
        self.keep(0, rows)
        self._requests.clear()

    def holds(self, first: int) -> bool:
        """Say whether that page is here, however old."""
        return first in self._pages

    def expire(self) -> None:
        """Make all pages held, and all answers under way, old ones."""
        self._edition += 1

    def expire_page(self, first: int) -> None:
        """Make that page an old one: it lacks rows."""
        if first in self._pages:
            self._pages[first].edition = -1

    def is_wanted(self, first: int) -> bool:
        """Say whether that page is missing or old."""
        page = self._pages.get(first)
        return page is None or page.edition < self._edition

    def is_due(self, first: int, now: float) -> bool:
        """Say whether that page is wanted and no answer is under way."""
        request = self._requests.get(first)
        is_under_way = request is not None and now - request.asked_at < ANSWER_WITHIN_S
        return self.is_wanted(first) and not is_under_way

    def note_request(self, first: int, now: float) -> None:
        """Remember that this page was asked for."""
        self._requests[first] = _Request(self._edition, now)

    def keep(self, first: int, rows: tuple[TaskRow, ...]) -> tuple[int, int] | None:
        """Hold the page; return the first and last place that looks different now."""
        request = self._requests.pop(first, None)
        edition = self._edition if request is None else request.edition
        before = self._pages.pop(first, None)
        self._pages[first] = _Page(rows, edition)
        while len(self._pages) > PAGES_MOST:
            self._pages.popitem(last=False)
        changed = _changed(before.rows if before else (), rows)
        return None if changed is None else (first + changed[0], first + changed[1])

    def cut(self, matches: int) -> None:
        """Forget the rows from that place on."""
        for first in [first for first in self._pages if first + PAGE_ROWS > matches]:
            page = self._pages[first]
            page.rows = page.rows[: max(0, matches - first)]
            if not page.rows and first:
                del self._pages[first]


def _changed(before: tuple[TaskRow, ...], after: tuple[TaskRow, ...]) -> tuple[int, int] | None:
    """Return the first and last offset at which the pages differ."""
    length = max(len(before), len(after))
    differing = [
        offset
        for offset in range(length)
        if offset >= len(before) or offset >= len(after) or before[offset] != after[offset]
    ]
    return (differing[0], differing[-1]) if differing else None
