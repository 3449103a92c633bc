"""Decide which worker runs which part of which stream of calls; pure, for the library faces.

Three rules hold after every event:
1. each item of a stream is in one place: not yet cut, returned, on one desk, or delivered;
   it is delivered once;
2. a worker runs its parts in the order given; a suspect, whose worker died under it, has the
   worker to itself;
3. a worker is idle only when nothing waits anywhere: what waits behind a running part is asked
   back, and a running part is cut, its later half going to the idle one.

A death is charged to the one item that the mark names. When it names a block of cheap items,
the block is run again item by item until the guilty one is known.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from workers.call_stream import CallStream, Part
from workers.job import WorkerId
from workers.mark import UNPACKING
from workers.pool_events import KillReason, WorkerEnded

# A second part waits at a worker only while the first will not be long.
PREFETCH_BELOW_S: Final = 0.1
# A signal from outside says nothing about the item: it may strike the same one again by chance.
OUTSIDE_SIGNALS: Final = frozenset({-9, -15})
OUTSIDE_RETRIES: Final = 4
# To cut a part costs a message and a wait; less work than this is not worth it.
LEAST_CUT_S: Final = 0.004


class Start(Struct, frozen=True):
    """Start one more worker."""


class Retire(Struct, frozen=True):
    """Let a worker end what it has, then leave."""

    worker: WorkerId


class Give(Struct, frozen=True):
    """Send a part to a worker as a new lease."""

    worker: WorkerId
    part: Part


class TakeBack(Struct, frozen=True):
    """Ask for a part that waits behind another."""

    worker: WorkerId
    part: Part


class CutShort(Struct, frozen=True):
    """Ask a worker to end its running part before `position`."""

    worker: WorkerId
    part: Part
    position: int


class Blame(Struct, frozen=True):
    """An item's worker died under it for the last time: deliver an error for it."""

    part: Part
    ended: WorkerEnded


CallAction = Start | Retire | Give | TakeBack | CutShort | Blame
# Answers which position of a lease a worker has reached and how many seconds it is there; None
# when it does not run it.
Reached = Callable[[WorkerId, int], tuple[int, float] | None]


class _Stage(enum.Enum):
    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


@dataclass(slots=True)
class _Desk:
    stage: _Stage = _Stage.STARTING
    parts: deque[Part] = field(default_factory=deque)
    known: set[int] = field(default_factory=set)
    leases: int = 0
    is_asked: bool = False


class CallScheduler:
    """The decisions of one pool of the library faces."""

    def __init__(
        self,
        target: int,
        *,
        most_leases: int | None = None,
        is_eager: bool,
        first_crew: int | None = None,
    ) -> None:
        """Run on `target` workers, each replaced after `most_leases`.

        An eager pool starts all its workers at once, another as its tasks need them. No more than
        `first_crew` start until one of them is up: more than cores would delay the first result.
        """
        self.target = target
        # Says after `next` that workers are still to be started once the first is up.
        self.holds_back = False
        self._first_crew = first_crew
        # Says after `next` that an idle worker may soon be fed, though nothing happens meanwhile.
        self.look_again = False
        self._most_leases = most_leases
        self._is_eager = is_eager
        self._desks: dict[WorkerId, _Desk] = {}
        self._starting = 0
        self._streams: deque[CallStream] = deque()

    @property
    def streams(self) -> tuple[CallStream, ...]:
        """Return the streams that have not ended."""
        return tuple(self._streams)

    @property
    def workers(self) -> int:
        """Return how many workers there are, leaving ones among them."""
        return len(self._desks) + self._starting

    @property
    def is_idle(self) -> bool:
        """Say whether no worker has anything to do."""
        return not any(desk.parts for desk in self._desks.values())

    def knows(self, worker: WorkerId, stream: CallStream) -> bool:
        """Say whether a worker has been sent a stream's function; from now on it has."""
        known = self._desks[worker].known
        is_known = stream.number in known
        known.add(stream.number)
        return is_known

    # ---- what happened

    def add(self, stream: CallStream) -> None:
        """Take in a stream."""
        self._streams.append(stream)

    def drop(self, stream: CallStream) -> None:
        """Forget a stream; what runs of it is delivered to nobody."""
        if stream in self._streams:
            self._streams.remove(stream)
        stream.returned.clear()

    def started(self, worker: WorkerId) -> None:
        """Give the worker that answers a Start its desk."""
        self._desks[worker] = _Desk()
        self._starting -= 1

    def not_started(self) -> None:
        """Note that the system had no room for one more; make do with those that are there."""
        self._starting -= 1
        self.make_do()

    def make_do(self) -> None:
        """Go on with the workers that are there."""
        self.target = max(1, len(self._desks) + self._starting)

    def up(self) -> None:
        """Note that some worker's process runs; it may still prepare itself."""
        self._first_crew = None

    def ready(self, worker: WorkerId) -> None:
        """Note that a worker is prepared for calls."""
        desk = self._desks.get(worker)
        if desk is not None and desk.stage is _Stage.STARTING:
            desk.stage = _Stage.READY

    def part_of(self, worker: WorkerId, lease: int) -> Part | None:
        """Return the part that a worker holds under a lease."""
        desk = self._desks.get(worker)
        parts = desk.parts if desk is not None else ()
        return next((part for part in parts if part.lease == lease), None)

    def part_ended(self, worker: WorkerId, part: Part) -> None:
        """Note that a worker ended a part, perhaps before its end: the rest goes out again."""
        desk = self._desks[worker]
        desk.parts.remove(part)
        desk.leases += 1
        desk.is_asked = False
        part.stream.live -= 1
        if part.done < part.end:
            part.stream.returned.appendleft(part.piece(part.done, part.end))

    def part_unreadable(self, worker: WorkerId, part: Part) -> Part | None:
        """Note that a part cannot be (un)pickled; its items go out one by one.

        Answers the part when it is a single item: then that one is to blame.
        """
        self.part_ended(worker, part)
        if part.end - part.done > 1:
            part.stream.returned.popleft()
            self._return_singly(part, part.done, part.end)
            return None
        if part.done < part.end:
            part.stream.returned.popleft()
        return part

    def part_returned(self, worker: WorkerId, lease: int) -> None:
        """Note that a worker gave back a part it had not begun."""
        desk, part = self._desks.get(worker), self.part_of(worker, lease)
        if desk is not None and part is not None:
            desk.parts.remove(part)
            desk.is_asked = False
            part.stream.live -= 1
            part.stream.returned.appendleft(part)

    def part_cut(self, worker: WorkerId, lease: int, position: int) -> None:
        """Note that a worker will end its part before `position`."""
        desk, part = self._desks.get(worker), self.part_of(worker, lease)
        if desk is not None and part is not None and position < part.end:
            desk.is_asked = False
            part.stream.returned.append(part.piece(position, part.end))
            part.end = position

    def lost(self, ended: WorkerEnded) -> list[CallAction]:
        """Hand on what a dead worker had; charge the one item that it was running."""
        desk = self._desks.pop(ended.worker, None)
        blamed: list[CallAction] = []
        for part in reversed(desk.parts if desk is not None else ()):
            part.stream.live -= 1
            if part.lease == ended.running:
                blamed += self._blame(part, ended)
            else:
                part.stream.returned.appendleft(part.piece(part.done, part.end))
                part.stream.returned[0].attempts = part.attempts
                part.stream.returned[0].is_suspect = part.is_suspect
        return blamed

    def _blame(self, part: Part, ended: WorkerEnded) -> list[CallAction]:
        returned = part.stream.returned
        if ended.position == UNPACKING:
            first, end = 0, part.end
        else:
            first = max(part.done, ended.position)
            end = min(first + part.block, part.end)
        if end < part.end:
            returned.appendleft(part.piece(end, part.end))
        blamed: list[CallAction] = []
        if end - first > 1:
            self._return_singly(part, first, end)
        elif end > first:
            suspect = part.piece(first, end)
            suspect.attempts, suspect.is_suspect = part.attempts + 1, True
            if self._may_try_again(suspect, ended):
                returned.appendleft(suspect)
            else:
                blamed.append(Blame(suspect, ended))
        if part.done < first:  # computed, but the results went down with the worker
            returned.appendleft(part.piece(part.done, first))
        return blamed

    def _may_try_again(self, suspect: Part, ended: WorkerEnded) -> bool:
        retries = suspect.stream.retries
        if ended.reason is KillReason.DEADLINE:
            return False
        is_from_outside = ended.reason is None and ended.exit_code in OUTSIDE_SIGNALS
        if is_from_outside and retries:
            retries = max(retries, OUTSIDE_RETRIES)
        return suspect.attempts <= retries

    def _return_singly(self, part: Part, first: int, end: int) -> None:
        singles = [part.piece(at, at + 1) for at in range(first, end)]
        for single in reversed(singles):
            single.is_suspect = True
            part.stream.returned.appendleft(single)

    # ---- what to do

    def next(self, reached: Reached, *, may_start: bool = True) -> Iterator[CallAction]:
        """Yield what to do, each to be done before the next is asked for."""
        yield from self._retire_spent()
        self.holds_back = False
        if may_start:
            yield from self._crew()
        ready = [(w, d) for w, d in self._desks.items() if d.stage is _Stage.READY]
        starting = [(w, d) for w, d in self._desks.items() if d.stage is _Stage.STARTING]
        # A worker that starts gets its first part on the way; an idle one may take it back.
        for worker, desk in (*ready, *starting):
            if not desk.parts and (part := self._next_part(may_be_suspect=True)) is not None:
                yield self._give(worker, desk, part)
        if self._most_leases is None:
            yield from self._prefetch(ready)
        yield from self._feed_idle(ready, reached)

    def _retire_spent(self) -> Iterator[CallAction]:
        if self._most_leases is None:
            return
        for worker, desk in self._desks.items():
            is_spent = desk.leases >= self._most_leases and desk.stage is _Stage.READY
            if is_spent and not desk.parts:
                desk.stage = _Stage.LEAVING
                yield Retire(worker)

    def _crew(self) -> Iterator[CallAction]:
        staying = [w for w, d in self._desks.items() if d.stage is not _Stage.LEAVING]
        surplus = len(staying) + self._starting - self.target
        if surplus > 0:
            staying.sort(key=lambda worker: len(self._desks[worker].parts))
            for worker in staying[:surplus]:
                self._desks[worker].stage = _Stage.LEAVING
                yield Retire(worker)
            return
        missing = -surplus
        if not self._is_eager:
            idle = sum(1 for w in staying if not self._desks[w].parts) + self._starting
            missing = min(missing, self._waiting_at_most(missing + idle) - idle)
        if self._first_crew is not None:
            at_first = max(0, self._first_crew - len(staying) - self._starting)
            self.holds_back = missing > at_first
            missing = min(missing, at_first)
        for _ in range(missing):
            self._starting += 1
            yield Start()

    def _waiting_at_most(self, limit: int) -> int:
        """Return how many parts could be given out now, counted up to a limit."""
        count = 0
        for stream in self._streams:
            count += stream.waiting
            if count >= limit:
                return limit
        return count

    def _next_part(self, *, may_be_suspect: bool) -> Part | None:
        """Return the next part, the streams taking turns."""
        for _ in range(len(self._streams)):
            stream = self._streams[0]
            self._streams.rotate(-1)
            if not may_be_suspect and stream.returned and _wants_solitude(stream.returned[0]):
                continue
            if (part := stream.next_part(self.target)) is not None:
                return part
        return None

    def _give(self, worker: WorkerId, desk: _Desk, part: Part) -> CallAction:
        part.block = part.stream.block_of(part)
        part.stream.live += 1
        desk.parts.append(part)
        return Give(worker, part)

    def _prefetch(self, ready: list[tuple[WorkerId, _Desk]]) -> Iterator[CallAction]:
        for worker, desk in ready:
            if len(desk.parts) != 1 or _wants_solitude(desk.parts[0]):
                continue
            running = desk.parts[0]
            cost = running.stream.cost_s
            if cost is None or cost * (running.end - running.done) > PREFETCH_BELOW_S:
                continue
            if (part := self._next_part(may_be_suspect=False)) is None:
                return
            yield self._give(worker, desk, part)

    def _feed_idle(
        self, ready: list[tuple[WorkerId, _Desk]], reached: Reached
    ) -> Iterator[CallAction]:
        self.look_again = False
        idle = sum(1 for _, desk in ready if not desk.parts)
        if not idle:
            return
        for worker, desk in self._desks.items():
            runs_at_most = 0 if desk.stage is _Stage.STARTING else 1
            if idle and len(desk.parts) > runs_at_most and not desk.is_asked:
                desk.is_asked = True
                idle -= 1
                yield TakeBack(worker, desk.parts[-1])
        for worker, desk in self._desks.items():
            if idle and len(desk.parts) == 1 and not desk.is_asked:
                position = self._cutting_point(worker, desk.parts[0], reached)
                if position is not None:
                    desk.is_asked = True
                    idle -= 1
                    yield CutShort(worker, desk.parts[0], position)

    def _cutting_point(self, worker: WorkerId, part: Part, reached: Reached) -> int | None:
        """Return where to cut a running part so that its later half is for another worker."""
        if part.block > 1 or part.end - part.done < 2:
            return None
        seen = reached(worker, part.lease)
        if seen is None or seen[0] == UNPACKING:
            self.look_again = True
            return None
        position, seconds = seen
        left = part.end - position - 1
        if left < 1:
            return None
        if max(left * (part.stream.cost_s or 0.0), seconds) < LEAST_CUT_S:
            self.look_again = True
            return None
        return part.end - (left + 1) // 2


def _wants_solitude(part: Part) -> bool:
    return part.is_suspect
