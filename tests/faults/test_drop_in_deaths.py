"""Workers of the library faces that die, hang, grow or are resized while calls run."""

import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from tests.engine import called
from workers.drop_in import CallTimeout, CallUnreadable, Pool, ProcessPoolExecutor, WorkerDied

SPAWN = multiprocessing.get_context("spawn")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.fixture
def executor() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


def test_crash_fails_its_own_call_alone(executor: ProcessPoolExecutor) -> None:
    futures = [executor.submit(called.die_at_five, number) for number in range(200)]
    wait(futures)
    error = futures[5].exception()
    assert isinstance(error, WorkerDied)
    assert isinstance(error, BrokenProcessPool)
    assert error.exitcode == -signal.SIGSEGV
    assert [f.result() for n, f in enumerate(futures) if n != 5] == [*range(5), *range(6, 200)]
    assert executor.submit(called.square, 2).result() == 4


@pytest.mark.parametrize("function", [called.die_at_five, called.exit_at_five])
def test_crash_inside_a_block_of_cheap_items_is_charged_to_the_guilty_one(function: object) -> None:
    with Pool(2, context=SPAWN) as pool:
        results = pool.imap(function, range(30_000))  # type: ignore[arg-type]  # either of them
        seen, errors = [], []
        while True:
            try:
                seen.append(next(results))
            except StopIteration:
                break
            except WorkerDied as error:
                errors.append(error)
    assert len(errors) == 1
    assert seen == [*range(5), *range(6, 30_000)]


@posix
def test_killed_call_is_tried_again(executor: ProcessPoolExecutor, tmp_path: Path) -> None:
    notes = [str(tmp_path / str(number)) for number in range(4)]
    assert list(executor.map(called.die_once, notes)) == ["0", "1", "2", "3"]


@posix
def test_call_that_must_not_run_twice_is_not_tried_again(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=SPAWN, retries=0) as executor:
        future = executor.submit(called.die_once, str(tmp_path / "note"))
        assert isinstance(future.exception(), WorkerDied)


def test_call_over_its_time_limit_fails_alone() -> None:
    with Pool(2, context=SPAWN, timeout=0.3) as pool:
        results = [pool.apply_async(called.loop_at_five, (number,)) for number in range(10)]
        with pytest.raises(CallTimeout, match=r"0\.3 s"):
            results[5].get(60)
        assert [r.get(60) for n, r in enumerate(results) if n != 5] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        mapped = pool.imap_unordered(called.loop_at_five, range(100))
        values = set()
        while True:
            try:
                values.add(next(mapped))
            except CallTimeout:
                continue
            except StopIteration:
                break
        assert values == set(range(100)) - {5}


def test_argument_that_kills_at_unpickling_fails_its_call_alone(
    executor: ProcessPoolExecutor,
) -> None:
    items = [*range(20), called.Hostile(), *range(20)]
    futures = [executor.submit(called.same, item) for item in items]
    wait(futures)
    assert isinstance(futures[20].exception(), WorkerDied)
    assert [future.result() for n, future in enumerate(futures) if n != 20] == [*range(20)] * 2


def test_argument_that_cannot_be_unpickled_fails_its_call_alone(
    executor: ProcessPoolExecutor,
) -> None:
    items = [*range(20), called.Unwilling(), *range(20)]
    futures = [executor.submit(called.same, item) for item in items]
    wait(futures)
    error = futures[20].exception()
    assert isinstance(error, CallUnreadable)
    assert "not a number" in str(error.__cause__)
    assert [future.result() for n, future in enumerate(futures) if n != 20] == [*range(20)] * 2


def test_result_that_cannot_be_unpickled_fails_its_call_alone(
    executor: ProcessPoolExecutor,
) -> None:
    with pytest.raises(BrokenProcessPool, match="result cannot be unpickled"):
        executor.submit(called.give, "fails").result()
    assert executor.submit(called.square, 3).result() == 9


def test_odd_exception_comes_as_a_plain_one_with_its_words(executor: ProcessPoolExecutor) -> None:
    with pytest.raises(RuntimeError, match="odd 1 2"):
        executor.submit(called.raise_odd, 0).result()


@posix
def test_stopped_worker_does_not_hold_up_the_end_of_the_pool(tmp_path: Path) -> None:
    with Pool(2, context=SPAWN) as pool:
        for pid in pool.workers():
            os.kill(pid, signal.SIGSTOP)
        processes = pool._pool
    pool.join()
    assert not any(process.is_alive() for process in processes)


def test_workers_that_cannot_start_break_the_pool_with_a_reason(tmp_path: Path) -> None:
    pool = Pool(2, os._exit, (5,), context=SPAWN)
    result = pool.map_async(called.square, range(10))
    with pytest.raises(BrokenProcessPool, match="before they are ready"):
        result.get(60)
    pool.terminate()


@posix
def test_lost_worker_is_replaced_by_the_spare_one(tmp_path: Path) -> None:
    """The spare process stands ready, so its pid is older than the death."""
    with ProcessPoolExecutor(1, mp_context=SPAWN) as executor:
        pid = executor.submit(called.pid_of, 0).result()
        give_up = time.monotonic() + 60
        while not (spare := _workers() - {pid}) and time.monotonic() < give_up:
            executor.submit(called.square, 1).result()
        os.kill(pid, signal.SIGKILL)
        assert executor.submit(called.pid_of, 0).result() in spare


def _workers() -> set[int]:
    """Return the spawned children of this process, but for the tracker of shared resources."""
    children = psutil.Process().children()
    return {child.pid for child in children if "spawn_main" in " ".join(child.cmdline())}


# Twice as many as come on a quiet computer. On a busy one each delays the end, and so calls more.
STRIKES = 40


@posix
@pytest.mark.parametrize("face", ["executor", "pool"])
def test_storm_of_kills_and_resizes_loses_and_doubles_nothing(face: str) -> None:
    chance = random.Random(face)
    over = threading.Event()
    with Pool(2, context=SPAWN) as pool, ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        chosen: Pool | ProcessPoolExecutor = pool if face == "pool" else executor

        def storm() -> None:
            for _ in range(STRIKES):
                if over.wait(0.1):
                    return
                if chance.random() < 0.5:
                    chosen.resize(chance.randint(1, 4))
                elif workers := chosen.workers():
                    try:
                        os.kill(chance.choice(workers), signal.SIGKILL)
                    except ProcessLookupError:
                        continue

        thread = threading.Thread(target=storm)
        thread.start()
        try:
            if face == "pool":
                seen = Counter(pool.imap_unordered(called.square, range(200_000)))
                seen += Counter(pool.imap_unordered(called.busy, [0.002] * 400))
            else:
                seen = Counter(executor.map(called.square, range(200_000)))
                futures = [executor.submit(called.busy, 0.002) for _ in range(400)]
                seen += Counter(future.result() for future in futures)
        finally:
            over.set()
            thread.join()
    expected = Counter(number * number for number in range(200_000)) + Counter([0.002] * 400)
    assert seen == expected
