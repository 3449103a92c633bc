"""A stream of calls: one function over many items, cut into leases for the workers; pure.

Leases adapt: about 40 ms of work, more among many workers, and at most 1 MB of results. They grow
at most eightfold at a time and taper towards the end, so that no core idles (guided
self-scheduling: Polychronopoulos and Kuck, 1987). What came back from a dead or slow worker goes
out first.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

TARGET_S: Final = 0.040
# One supervisor serves them all: among many workers each lease is to last longer.
TARGET_PER_WORKER_S: Final = 0.001
MOST_RESULT_BYTES: Final = 1_000_000
MOST_ITEMS: Final = 100_000
MOST_GROWTH: Final = 8
# Items cheaper than this are marked in blocks: to mark each would cost as much as its work.
CHEAP_S: Final = 20e-6
CHEAP_BLOCK: Final = 256
# A lease that a worker needs less for than this is not worth cutting.
_LEAST_S: Final = 2e-8
# What was computed and not taken yet: so much work, or so many bytes.
WINDOW_S: Final = 2.0
WINDOW_BYTES: Final = 32_000_000
_FIRST_WINDOW: Final = 64

# Gives at most so many next items; none when there is none for now.
Source = Callable[[int], Sequence[Any]]
# Takes (first position, values, errors by index); values None stands for all of them lost.
Sink = Callable[[int, Sequence[Any], dict[int, tuple[BaseException, str]]], None]


@dataclass(slots=True, eq=False)
class Part:
    """Consecutive items of a stream: to be given out, or a worker's lease.

    `done` counts the items whose results are here, `end` those that are still its own;
    `attempts` counts the deaths its one item is charged with.
    """

    stream: "CallStream"
    first: int
    items: Sequence[Any]
    attempts: int = 0
    is_suspect: bool = False
    lease: int = 0
    block: int = 1
    done: int = 0
    end: int = 0

    def __post_init__(self) -> None:
        """Own all items."""
        self.end = len(self.items)

    def piece(self, first: int, end: int) -> "Part":
        """Return some of its items as a part of its own, not yet tried."""
        return Part(self.stream, self.first + first, self.items[first:end])


@dataclass(slots=True, eq=False)
class CallStream:
    """Items on their way to the workers, and what is known of their cost.

    `backlog` tells how many items its source holds now, `is_closed` that no more will come.
    `chunk` fixes the size of a lease. A window says that items are held back until results are
    taken; `taken` is counted by whoever takes them. Items that are `unlike` each other (calls
    of many functions) are marked one by one, however cheap.
    """

    number: int
    function: bytes
    source: Source
    sink: Sink
    finish: Callable[[BaseException | None], None]
    backlog: Callable[[], int]
    chunk: int | None = None
    timeout_s: float | None = None
    retries: int = 1
    window_s: float | None = None
    window_bytes: int | None = None
    is_unlike: bool = False
    is_closed: bool = False
    taken: int = 0
    cut: int = 0
    live: int = 0
    cost_s: float | None = None
    result_bytes: float = 0.0
    returned: deque[Part] = field(default_factory=deque)
    _size: int = 1
    _workers: int = 1

    @property
    def is_over(self) -> bool:
        """Say whether every item has ended and no more will come."""
        return self._is_dry and not self.live and not self.returned

    @property
    def _is_dry(self) -> bool:
        return self.is_closed and not self.backlog()

    @property
    def waiting(self) -> int:
        """Return how many items could be given out now."""
        return len(self.returned) + (0 if self.is_held_up else self.backlog())

    @property
    def is_held_up(self) -> bool:
        """Say whether items wait only for results to be taken."""
        return self._room() <= 0

    def next_part(self, workers: int) -> Part | None:
        """Return the next lease for one of so many workers, None when there is none now."""
        self._workers = workers
        if self.returned:
            return self.returned.popleft()
        room = self._room()
        items = self.source(min(room, self._wanted(workers))) if room > 0 else ()
        if not items:
            return None
        part = Part(self, self.cut, items)
        self.cut += len(items)
        return part

    def _wanted(self, workers: int) -> int:
        if self.chunk is not None:
            return self.chunk
        return max(1, min(self._size, self.backlog() // (2 * workers)))

    def _room(self) -> int:
        """Return how many more items may be under way before the taker must take some."""
        room = MOST_ITEMS
        pending = self.cut - self.taken
        if self.window_s is not None:
            cost = self.cost_s
            room = _FIRST_WINDOW if cost is None else max(_FIRST_WINDOW, int(self.window_s / cost))
            room -= pending
        if self.window_bytes is not None and self.result_bytes:
            room = min(room, max(4, int(self.window_bytes / self.result_bytes)) - pending)
        return min(room, MOST_ITEMS) if self.chunk is None or room <= 0 else MOST_ITEMS

    def block_of(self, part: Part) -> int:
        """Return how many items of a part are marked at once."""
        is_exact = part.is_suspect or self.is_unlike or self.timeout_s is not None
        if is_exact or self.cost_s is None or self.cost_s > CHEAP_S:
            return 1
        return CHEAP_BLOCK

    def learn(self, items: int, seconds: float, size: int) -> None:
        """Note what so many items took and weighed, and choose the next lease's size."""
        if not items:
            return
        cost = max(seconds / items, _LEAST_S)
        weight = size / items
        self.cost_s = cost if self.cost_s is None else 0.7 * self.cost_s + 0.3 * cost
        self.result_bytes = 0.7 * self.result_bytes + 0.3 * weight if self.result_bytes else weight
        target_s = max(TARGET_S, TARGET_PER_WORKER_S * self._workers)
        best = min(target_s / self.cost_s, MOST_RESULT_BYTES / max(1.0, self.result_bytes))
        self._size = max(1, min(int(best), self._size * MOST_GROWTH, MOST_ITEMS))
