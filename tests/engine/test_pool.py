"""A real WorkerPool with worker processes that do what a test says."""

import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine import pool_program
from tests.engine.conftest import PATIENCE_S
from workers import pool as pools
from workers.channel import Buffer
from workers.job import WorkerId
from workers.pool import WorkerPool
from workers.pool_events import (
    Answered,
    KillReason,
    LeaseCut,
    LeaseReturned,
    PoolEvent,
    WorkerEnded,
    WorkerUp,
)
from workers.snapshot import WorkerState

MB = 1 << 20


class Floor:
    """A pool, and all it told."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.told: list[PoolEvent] = []

    def until(self, is_true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < give_up, f"waited in vain; told: {self.told}"
            self.told += self.pool.wait(0.02)

    def workers(self, count: int) -> list[WorkerId]:
        """Start workers and wait until each is up."""
        started = [self.pool.start_worker() for _ in range(count)]
        self.until(lambda: all(WorkerUp(worker) in self.told for worker in started))
        return started

    def give(
        self,
        worker: WorkerId,
        body: str,
        buffers: tuple[Buffer, ...] = (),
        timeout_s: float | None = None,
    ) -> int:
        lease = self.pool.next_lease()
        self.pool.send(worker, lease, body.encode(), buffers, timeout_s=timeout_s)
        return lease

    def until_begun(self, worker: WorkerId, lease: int, position: int = 0) -> None:
        def has_come() -> bool:
            reached = self.pool.reached(worker, lease)
            return reached is not None and reached[0] >= position

        self.until(has_come)

    def go(self, worker: WorkerId) -> None:
        self.pool.tell(worker, pool_program.GO)

    def answers(self) -> dict[int, bytes]:
        """Return what came for each lease."""
        told = [event.frame for event in self.told if isinstance(event, Answered)]
        return {frame.lease: bytes(frame.body) for frame in told}

    def until_answered(self, lease: int) -> bytes:
        self.until(lambda: lease in self.answers())
        return self.answers()[lease]

    def until_ended(self) -> WorkerEnded:
        """Return the first end of a worker."""

        def ended() -> list[WorkerEnded]:
            return [event for event in self.told if isinstance(event, WorkerEnded)]

        self.until(lambda: bool(ended()))
        return ended()[0]


def floor_of(program: Callable[..., None], **options: float) -> Floor:
    return Floor(
        WorkerPool(multiprocessing.get_context("spawn"), program, lambda _: (), **options)  # type: ignore[arg-type]  # times only
    )


@pytest.fixture
def floor() -> Iterator[Floor]:
    """Return a pool without a worker; it is closed at the end."""
    floor = floor_of(pool_program.main)
    yield floor
    floor.pool.close()


def test_leases_of_a_worker_end_in_the_order_given(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    leases = [floor.give(worker, "pid") for _ in range(5)]
    floor.until_answered(leases[-1])
    assert list(floor.answers()) == leases
    pid = floor.pool.processes()[worker].pid
    assert set(floor.answers().values()) == {str(pid).encode()}


def test_large_lease_for_a_busy_worker_does_not_hold_up_the_pool(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    held = floor.give(worker, "hold")
    floor.until_begun(worker, held)
    floor.go(worker)
    large = floor.give(worker, "hold", (bytes(8 * MB), b"and a small one"))
    floor.go(worker)
    assert floor.until_answered(large) == str(8 * MB + 15).encode()
    assert floor.answers()[held] == b"0"


# ---- taking back


def test_lease_that_waits_is_taken_back_and_never_run(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    running, waiting = floor.give(worker, "hold"), floor.give(worker, "pid")
    floor.until_begun(worker, running)
    floor.pool.take_back(worker, waiting)
    floor.until(lambda: LeaseReturned(worker, waiting) in floor.told)
    floor.go(worker)
    after = floor.give(worker, "pid")
    floor.until_answered(after)
    assert set(floor.answers()) == {running, after}


def test_lease_that_has_begun_is_not_given_back(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    running = floor.give(worker, "hold")
    floor.until_begun(worker, running)
    floor.pool.take_back(worker, running)
    floor.until(lambda: not floor.pool._taking_back)
    floor.go(worker)
    assert floor.until_answered(running) == b"0"
    assert not any(isinstance(event, LeaseReturned) for event in floor.told)


def test_lease_is_cut_short_before_the_point_that_was_asked_for(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    lease = floor.give(worker, "points 9")
    floor.until_begun(worker, lease)
    floor.pool.cut_short(worker, lease, 3)
    floor.until(lambda: LeaseCut(worker, lease, 3) in floor.told)
    for _ in range(3):
        floor.go(worker)
    assert floor.until_answered(lease) == b"3"


def test_cut_that_comes_too_late_is_not_told(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    lease = floor.give(worker, "points 9")
    floor.go(worker)
    floor.go(worker)
    floor.until_begun(worker, lease, position=2)
    floor.pool.cut_short(worker, lease, 2)
    floor.until(lambda: not floor.pool._cutting)
    floor.go(worker)
    assert floor.until_answered(lease) == b"3"
    assert not any(isinstance(event, LeaseCut) for event in floor.told)


# ---- limits


def test_point_over_its_limit_ends_its_worker_and_names_what_waits(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    running = floor.give(worker, "spin", timeout_s=0.3)
    waiting = floor.give(worker, "pid", timeout_s=0.3)
    ended = floor.until_ended()
    assert (ended.reason, ended.limit) == (KillReason.DEADLINE, 0.3)
    assert (ended.running, ended.waiting) == (running, (waiting,))
    assert ended.seconds >= 0.3


def test_limit_holds_for_each_point_and_not_for_the_lease(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    begun = time.monotonic()
    lease = floor.give(worker, "points 4", timeout_s=1.5)
    for position in range(3):
        floor.until_begun(worker, lease, position)
        since = time.monotonic()
        floor.until(lambda since=since: time.monotonic() - since > 0.6)  # type: ignore[misc]  # bound now
        floor.go(worker)
    assert floor.until_answered(lease) == b"4"
    assert time.monotonic() - begun > 1.5


def test_limit_that_is_held_does_not_fire_until_it_runs_again(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    lease = floor.give(worker, "hold", timeout_s=0.2)
    floor.pool.hold_limit(worker, is_held=True)
    floor.until_begun(worker, lease)
    late = time.monotonic() + 0.5
    floor.until(lambda: time.monotonic() > late)
    assert not any(isinstance(event, WorkerEnded) for event in floor.told)
    floor.pool.hold_limit(worker, is_held=False)
    assert floor.until_ended().reason is KillReason.DEADLINE


def test_worker_above_the_memory_cap_is_ended_and_its_neighbour_is_not(floor: Floor) -> None:
    greedy, modest = floor.workers(2)
    floor.pool.set_memory_cap(150 * MB)
    lease, other = floor.give(greedy, "take 200"), floor.give(modest, "take 20")
    ended = floor.until_ended()
    assert (ended.worker, ended.reason) == (greedy, KillReason.MEMORY)
    assert ended.running == lease
    assert ended.limit > 150 * MB
    floor.go(modest)
    assert floor.until_answered(other)


def test_workers_that_together_hold_too_much_lose_the_one_with_the_most(floor: Floor) -> None:
    one, other = floor.workers(2)
    floor.pool.set_memory_cap(500 * MB)
    more, less = floor.give(one, "take 330"), floor.give(other, "take 200")
    ended = floor.until_ended()
    assert (ended.worker, ended.reason, ended.running) == (one, KillReason.MEMORY, more)
    assert 256 * MB < ended.limit < 500 * MB  # it may be ended while it still fills
    floor.go(other)
    assert floor.until_answered(less)


def test_worker_that_never_gets_up_is_ended(tmp_path: Path) -> None:
    floor = floor_of(pool_program.silent, start_patience_s=0.5)
    try:
        floor.pool.start_worker()
        ended = floor.until_ended()
    finally:
        floor.pool.close()
    assert (ended.reason, ended.was_up, ended.limit) == (KillReason.NOT_READY, False, 0.5)


# ---- deaths


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_death_names_the_point_that_ran_and_the_leases_behind(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    running = floor.give(worker, "points 9")
    waiting = (floor.give(worker, "pid"), floor.give(worker, "pid"))
    floor.go(worker)
    floor.go(worker)
    floor.until_begun(worker, running, position=2)
    os.kill(floor.pool.processes()[worker].pid or 0, signal.SIGKILL)
    ended = floor.until_ended()
    assert (ended.exit_code, ended.reason) == (-signal.SIGKILL, None)
    assert (ended.running, ended.position, ended.waiting) == (running, 2, waiting)
    assert floor.pool.processes() == {}


def test_answers_sent_before_a_death_are_told_before_it(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    done, running = floor.give(worker, "pid"), floor.give(worker, "spin")
    process = floor.pool.processes()[worker]
    floor.until_begun(worker, running)
    process.kill()
    process.join()
    ended = floor.until_ended()
    assert done in floor.answers()
    assert (ended.running, ended.waiting) == (running, ())


def test_idle_worker_that_is_killed_is_charged_with_nothing(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    floor.pool.kill(worker)
    ended = floor.until_ended()
    assert (ended.reason, ended.running, ended.waiting) == (KillReason.ASKED, None, ())


def test_successor_takes_the_lane_of_the_dead(floor: Floor) -> None:
    first, _ = floor.workers(2)
    floor.pool.kill(first)
    assert floor.until_ended().lane == 1
    (successor,) = floor.workers(1)
    lanes = {view.worker: view.lane for view in floor.pool.views()}
    assert lanes[successor] == 1


def test_word_for_a_worker_that_is_gone_does_nothing(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    floor.pool.kill(worker)
    floor.until_ended()
    lease = floor.give(worker, "pid")
    floor.pool.take_back(worker, lease)
    floor.pool.cut_short(worker, lease, 1)
    floor.pool.retire(worker)
    floor.go(worker)
    assert floor.pool.reached(worker, lease) is None


# ---- coming and leaving


def test_retired_worker_ends_what_it_was_given_first(floor: Floor) -> None:
    (worker,) = floor.workers(1)
    running, waiting = floor.give(worker, "hold"), floor.give(worker, "pid")
    floor.until_begun(worker, running)
    floor.pool.retire(worker)
    assert [view.state for view in floor.pool.views()] == [WorkerState.LEAVING]
    floor.go(worker)
    ended = floor.until_ended()
    assert set(floor.answers()) == {running, waiting}
    assert (ended.exit_code, ended.reason, ended.waiting) == (0, None, ())


def test_retired_worker_that_does_not_leave_is_ended(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "LEAVE_PATIENCE_S", 0.3)
    (worker,) = floor.workers(1)
    floor.until_answered(floor.give(worker, "stay"))
    floor.pool.retire(worker)
    assert floor.until_ended().reason is KillReason.ASKED


def test_spare_process_becomes_the_next_worker(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SPARE_AFTER_S", 0.0)
    floor.workers(1)
    floor.pool.keep_spares(are_wanted=True)
    floor.until(lambda: bool(spares(floor)))
    (pid,) = spares(floor)
    (successor,) = floor.workers(1)
    assert floor.pool.processes()[successor].pid == pid
    assert floor.until_answered(floor.give(successor, "pid")) == str(pid).encode()


def test_spare_process_that_is_not_wanted_any_more_is_gone(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SPARE_AFTER_S", 0.0)
    floor.workers(1)
    floor.pool.keep_spares(are_wanted=True)
    floor.until(lambda: bool(spares(floor)))
    (pid,) = spares(floor)
    floor.pool.keep_spares(are_wanted=False)
    assert not psutil.pid_exists(pid)


def test_dead_spare_process_is_not_taken(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "SPARE_AFTER_S", 0.0)
    floor.workers(1)
    floor.pool.keep_spares(are_wanted=True)
    floor.until(lambda: bool(spares(floor)))
    (spare,) = [child for child in multiprocessing.active_children() if child.pid in spares(floor)]
    spare.kill()
    spare.join()
    (successor,) = floor.workers(1)
    assert floor.pool.processes()[successor].pid != spare.pid
    assert floor.until_answered(floor.give(successor, "pid"))


def test_processes_that_were_started_ahead_become_the_workers(floor: Floor) -> None:
    floor.pool.keep_spares(are_wanted=True, ahead=2)
    ahead = spares(floor)
    workers = floor.workers(2)

    assert len(ahead) == 2
    assert {floor.pool.processes()[worker].pid for worker in workers} == ahead
    for worker in workers:
        assert floor.until_answered(floor.give(worker, "pid"))
    floor.pool.keep_spares(are_wanted=True, ahead=2)  # they are there already
    assert spares(floor) == set()


def test_process_that_was_up_before_it_was_asked_for_is_told_of(floor: Floor) -> None:
    floor.pool.keep_spares(are_wanted=True, ahead=1)
    floor.until(lambda: floor.pool._spares[0].is_up)
    (worker,) = floor.workers(1)
    assert floor.until_answered(floor.give(worker, "pid"))


def spares(floor: Floor) -> set[int]:
    """Return the pids of children that are nobody's worker."""
    mine = {process.pid for process in floor.pool.processes().values()}
    return {child.pid or 0 for child in multiprocessing.active_children()} - mine - {0}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_worker_for_which_there_is_no_room_is_not_half_started(floor: Floor) -> None:
    import resource

    (worker,) = floor.workers(1)
    used = len(list(Path("/dev/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            floor.pool.start_worker()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list(floor.pool.processes()) == [worker]
    assert spares(floor) == set()
    assert floor.until_answered(floor.give(worker, "pid"))


def test_another_thread_wakes_a_waiting_pool(floor: Floor) -> None:
    waker = threading.Thread(target=functools.partial(wake_often, floor.pool, 1000))
    waker.start()
    began = time.monotonic()
    assert floor.pool.wait(PATIENCE_S) == []
    assert time.monotonic() - began < PATIENCE_S / 2
    waker.join()


def wake_often(pool: WorkerPool, times: int) -> None:
    for _ in range(times):
        pool.wake()


def test_closed_pool_leaves_no_process() -> None:
    floor = floor_of(pool_program.main)
    busy, _ = floor.workers(2)
    floor.until_begun(busy, floor.give(busy, "spin"))
    pids = [process.pid or 0 for process in floor.pool.processes().values()]
    floor.pool.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
