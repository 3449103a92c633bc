"""The call scheduler alone, under random orders of events: no process, no thread, no clock."""

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workers.call_scheduler import (
    OUTSIDE_RETRIES,
    Blame,
    CallScheduler,
    CutShort,
    Give,
    Retire,
    Start,
    TakeBack,
)
from workers.call_stream import CallStream, Part
from workers.job import WorkerId
from workers.pool_events import KillReason, WorkerEnded
from workers.typed import override

TARGET_MOST = 5


class CallMachine(RuleBasedStateMachine):
    """Streams on workers that start, answer, give back and die; each item ends once."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = CallScheduler(2, is_eager=False)
        self.streams: list[CallStream] = []
        self.delivered: list[dict[int, str]] = []
        self.total: list[int] = []
        self.starting: list[WorkerId] = []
        self.desks: dict[WorkerId, list[Part]] = {}
        self.reached: dict[WorkerId, int] = {}
        self.asked: list[TakeBack | CutShort] = []
        self.leases = 0
        self.workers = 0

    # ---- what the supervisor does

    def act(self) -> None:
        for action in self.scheduler.next(self._reached):
            match action:
                case Start():
                    self.workers += 1
                    worker = WorkerId(self.workers)
                    self.starting.append(worker)
                    self.desks[worker] = []
                    self.scheduler.started(worker)
                case Give(worker, part):
                    self.leases += 1
                    part.lease = self.leases
                    self.desks[worker].append(part)
                    self.reached.setdefault(worker, 0)
                case TakeBack() | CutShort():
                    self.asked.append(action)
                case Retire(worker):
                    if not self.desks[worker]:
                        self._lose(worker, exit_code=0)
                case Blame():
                    raise AssertionError("nobody died")

    def _reached(self, worker: WorkerId, lease: int) -> tuple[int, float] | None:
        parts = self.desks[worker]
        if worker in self.starting or not parts or parts[0].lease != lease:
            return None
        return self.reached.get(worker, 0), 1.0

    def deliver(self, part: Part, first: int, end: int, what: str) -> None:
        place = self.streams.index(part.stream)
        for position in range(part.first + first, part.first + end):
            assert position not in self.delivered[place], "delivered twice"
            self.delivered[place][position] = what

    def _lose(self, worker: WorkerId, exit_code: int, reason: KillReason | None = None) -> None:
        parts = self.desks.pop(worker)
        is_running = bool(parts) and worker not in self.starting
        self.starting = [one for one in self.starting if one != worker]
        ended = WorkerEnded(
            worker,
            1,
            exit_code,
            was_up=True,
            reason=reason,
            running=parts[0].lease if is_running else None,
            position=self.reached.pop(worker, 0),
            waiting=tuple(part.lease for part in parts[is_running:]),
        )
        for action in self.scheduler.lost(ended):
            assert isinstance(action, Blame)
            assert len(action.part.items) == 1, "only one item is ever charged"
            self.deliver(action.part, 0, 1, "blamed")

    # ---- what happens

    @rule(count=st.integers(0, 300), cost=st.sampled_from([None, 1e-6, 1e-3, 0.2]))
    def submit(self, count: int, cost: float | None) -> None:
        left = list(range(count))

        def take(most: int) -> Sequence[int]:
            taken, left[:] = left[:most], left[most:]
            return taken

        def sink(*_: Any) -> None: ...

        stream = CallStream(
            len(self.streams) + 1, b"", take, sink, sink, lambda: len(left), is_closed=True
        )
        if cost is not None:
            for _ in range(5):
                stream.learn(1, cost, 100)
        self.streams.append(stream)
        self.delivered.append({})
        self.total.append(count)
        self.scheduler.add(stream)
        self.act()

    @precondition(lambda self: self.starting)
    @rule(choice=st.integers(0, 9))
    def worker_is_ready(self, choice: int) -> None:
        worker = self.starting.pop(choice % len(self.starting))
        self.scheduler.ready(worker)
        self.act()

    def busy(self) -> list[WorkerId]:
        return [w for w, parts in self.desks.items() if parts and w not in self.starting]

    @precondition(lambda self: self.busy())
    @rule(choice=st.integers(0, 9), steps=st.integers(1, 40))
    def worker_goes_on(self, choice: int, steps: int) -> None:
        busy = self.busy()
        worker = busy[choice % len(busy)]
        part = self.desks[worker][0]
        self.reached[worker] = min(len(part.items) - 1, self.reached.get(worker, 0) + steps)

    @precondition(lambda self: self.busy())
    @rule(choice=st.integers(0, 9), is_partial=st.booleans())
    def results_come(self, choice: int, is_partial: bool) -> None:
        busy = self.busy()
        worker = busy[choice % len(busy)]
        part = self.desks[worker][0]
        done = min(self.reached.get(worker, 0), part.end) if is_partial else part.end
        first, part.done = part.done, max(part.done, done)
        if not is_partial:
            self.desks[worker].pop(0)
            self.reached[worker] = 0
            self.scheduler.part_ended(worker, part)
        self.deliver(part, first, part.done, "done")
        self.act()

    @precondition(lambda self: self.asked)
    @rule()
    def what_was_asked_for_comes_back(self) -> None:
        asked = self.asked.pop(0)
        parts = self.desks.get(asked.worker, [])
        if asked.part not in parts:
            return
        if isinstance(asked, TakeBack):
            if parts.index(asked.part) > 0 or asked.worker in self.starting:
                parts.remove(asked.part)
                self.scheduler.part_returned(asked.worker, asked.part.lease)
        elif parts[0] is asked.part and self.reached.get(asked.worker, 0) < asked.position:
            self.scheduler.part_cut(asked.worker, asked.part.lease, asked.position)
        self.act()

    @precondition(lambda self: self.desks)
    @rule(choice=st.integers(0, 9), how=st.sampled_from([-9, -11, 3]), is_late=st.booleans())
    def worker_dies(self, choice: int, how: int, is_late: bool) -> None:
        worker = list(self.desks)[choice % len(self.desks)]
        self._lose(worker, how, KillReason.DEADLINE if is_late else None)
        self.act()

    @rule(count=st.integers(1, TARGET_MOST))
    def resize(self, count: int) -> None:
        self.scheduler.target = count
        self.act()

    @invariant()
    def each_item_is_in_one_place(self) -> None:
        for place, stream in enumerate(self.streams):
            held = len(self.delivered[place]) + stream.backlog()
            held += sum(part.end - part.done for part in stream.returned)
            for parts in self.desks.values():
                held += sum(part.end - part.done for part in parts if part.stream is stream)
            assert held == self.total[place]

    @invariant()
    def suspect_has_its_worker_to_itself(self) -> None:
        for parts in self.desks.values():
            assert not any(part.is_suspect for part in parts[:-1])

    @override
    def teardown(self) -> None:
        """Let everything run to its end."""
        self.scheduler.target = 2
        self.act()
        for _ in range(100_000):
            if self.starting:
                self.worker_is_ready(0)
            elif busy := self.busy():
                worker = busy[0]
                self.reached[worker] = len(self.desks[worker][0].items) - 1
                self.results_come(0, is_partial=False)
            elif all(stream.is_over for stream in self.streams):
                break
            else:
                raise AssertionError("nothing runs, and something is left")
        assert [len(delivered) for delivered in self.delivered] == self.total


CallMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
TestCalls = CallMachine.TestCase


def _stream(count: int, **chosen: Any) -> CallStream:
    left = list(range(count))

    def take(most: int) -> Sequence[int]:
        taken, left[:] = left[:most], left[most:]
        return taken

    def sink(*_: Any) -> None: ...

    return CallStream(1, b"", take, sink, sink, lambda: len(left), is_closed=True, **chosen)


def test_leases_grow_eightfold_at_most_and_taper_towards_the_end() -> None:
    stream = _stream(100_000)
    sizes = []
    while (part := stream.next_part(2)) is not None:
        sizes.append(len(part.items))
        stream.learn(len(part.items), 1e-6 * len(part.items), 8 * len(part.items))
    assert sizes[:4] == [1, 8, 64, 512]
    assert max(sizes) <= 40_000
    assert sizes[-1] == 1
    assert all(later <= earlier for earlier, later in itertools.pairwise(sizes[6:]))


def test_large_results_travel_in_small_leases() -> None:
    stream = _stream(1000)
    for _ in range(4):
        stream.learn(1, 1e-4, 500_000)
    part = stream.next_part(2)
    assert part is not None
    assert len(part.items) <= 2


def test_kill_from_outside_is_forgiven_more_often_than_a_crash() -> None:
    for exit_code, deaths in ((-11, 2), (-9, OUTSIDE_RETRIES + 1)):
        scheduler = CallScheduler(1, is_eager=False)
        scheduler.add(_stream(1))
        blamed: list[object] = []
        count = 0
        while not blamed:
            count += 1
            worker = WorkerId(count)
            for action in scheduler.next(lambda worker, lease: (0, 0.0)):
                if isinstance(action, Start):
                    scheduler.started(worker)
                elif isinstance(action, Give):
                    action.part.lease = count
            ended = WorkerEnded(worker, 1, exit_code, was_up=True, running=count)
            blamed = list(scheduler.lost(ended))
        assert count == deaths
