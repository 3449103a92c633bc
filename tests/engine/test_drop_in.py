"""The library faces as the standard library documents them."""

import gc
import itertools
import multiprocessing
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from multiprocessing.pool import MaybeEncodingError  # type: ignore[attr-defined]
from pathlib import Path

import pytest

from tests.engine import called
from workers.drop_in import Pool, ProcessPoolExecutor

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def executor() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2, context=SPAWN) as pool:
        yield pool
    pool.join()


# ---- the executor


def test_submitted_call_has_its_result(executor: ProcessPoolExecutor) -> None:
    assert executor.submit(called.add, 2, second=3).result() == 5


def test_submitted_calls_have_their_own_results_in_any_number(
    executor: ProcessPoolExecutor,
) -> None:
    futures = [executor.submit(called.square, number) for number in range(3000)]
    assert [future.result() for future in futures] == [n * n for n in range(3000)]
    assert len(set(as_completed(futures))) == 3000


def test_error_comes_with_the_workers_traceback_as_its_cause(
    executor: ProcessPoolExecutor,
) -> None:
    future = executor.submit(called.fail_at_three, 3)
    with pytest.raises(ValueError, match="three is refused") as caught:
        future.result()
    assert type(caught.value.__cause__).__name__ == "_RemoteTraceback"
    assert "# some comment" in str(caught.value.__cause__)


def test_map_keeps_the_order_and_zips_its_iterables(executor: ProcessPoolExecutor) -> None:
    assert list(executor.map(pow, range(5), [2] * 9)) == [0, 1, 4, 9, 16]
    assert list(executor.map(called.square, range(5000), chunksize=7)) == [
        number * number for number in range(5000)
    ]


def test_map_raises_an_error_in_its_results_place_and_ends(executor: ProcessPoolExecutor) -> None:
    results = executor.map(called.fail_at_three, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert list(results) == []


def test_map_that_is_late_raises_timeout_error(
    executor: ProcessPoolExecutor, tmp_path: Path
) -> None:
    results = executor.map(called.wait_for, [str(tmp_path / "go")], timeout=0.05)
    with pytest.raises(TimeoutError):
        next(results)
    (tmp_path / "go").touch()


def test_buffered_map_reads_its_iterable_only_so_far_ahead(executor: ProcessPoolExecutor) -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = executor.map(called.square, numbers(), buffersize=4)
    assert [next(results) for _ in range(10)] == [n * n for n in range(10)]
    assert len(taken) <= 10 + 4
    results.close()


def test_stop_iteration_in_a_call_is_an_error_of_that_call(executor: ProcessPoolExecutor) -> None:
    futures = [executor.submit(called.stop_at_two, number) for number in range(4)]
    wait(futures)
    assert isinstance(futures[2].exception(), StopIteration)
    assert futures[3].result() == 3


def test_workers_start_as_calls_need_them() -> None:
    with ProcessPoolExecutor(4, mp_context=SPAWN) as executor:
        for _ in range(3):
            assert executor.submit(called.square, 3).result() == 9
        assert len(executor.workers()) == 1


def test_initializer_runs_in_each_worker_before_its_calls() -> None:
    with ProcessPoolExecutor(2, SPAWN, called.greet_with, ("hello",)) as executor:
        assert set(executor.map(called.greeting, range(20))) == {"hello"}


def test_failing_initializer_breaks_the_executor_with_its_reason() -> None:
    executor = ProcessPoolExecutor(2, SPAWN, called.refuse)
    with pytest.raises(BrokenProcessPool, match="no worker today"):
        executor.submit(called.square, 1).result()
    with pytest.raises(BrokenProcessPool):
        executor.submit(called.square, 1)
    executor.shutdown()


def test_worker_is_replaced_after_its_number_of_tasks() -> None:
    with ProcessPoolExecutor(1, SPAWN, max_tasks_per_child=3) as executor:
        pids = [executor.submit(called.pid_of, n).result() for n in range(7)]
    assert len(set(pids[:3])) == len(set(pids[3:6])) == 1
    assert len(set(pids)) == 3


def test_shutdown_runs_what_was_submitted_and_takes_no_more() -> None:
    executor = ProcessPoolExecutor(2, mp_context=SPAWN)
    futures = [executor.submit(called.square, n) for n in range(50)]
    processes = list(executor._processes.values())
    executor.shutdown()
    assert sum(future.result() for future in futures) == sum(n * n for n in range(50))
    assert not any(process.is_alive() for process in processes)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(called.square, 1)


def test_shutdown_cancels_what_has_not_begun_when_asked(tmp_path: Path) -> None:
    executor = ProcessPoolExecutor(1, mp_context=SPAWN)
    go = tmp_path / "go"
    futures = [executor.submit(called.wait_for, str(go)) for _ in range(20)]
    mapped = executor.map(called.square, range(10_000))
    threading.Timer(0.2, go.touch).start()
    executor.shutdown(cancel_futures=True)
    assert any(future.cancelled() for future in futures)
    assert any(not future.cancelled() for future in futures)
    with pytest.raises(CancelledError):
        list(mapped)


def test_forgotten_executor_ends_by_itself() -> None:
    executor = ProcessPoolExecutor(2, mp_context=SPAWN)
    future = executor.submit(called.square, 5)
    thread = executor._executor_manager_thread
    del executor
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
    assert future.result() == 25


def test_nothing_holds_on_to_a_result_that_was_dropped(executor: ProcessPoolExecutor) -> None:
    result = next(iter(executor.map(called.large, [0])))
    seen = weakref.finalize(memoryview(result), lambda: None)
    assert len(result) == 1_000_000
    del result
    gc.collect()
    assert not seen.alive


@pytest.mark.parametrize("count", [0, -1])
def test_no_pool_has_no_workers(count: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        ProcessPoolExecutor(count)
    with pytest.raises(ValueError, match="at least 1"):
        Pool(count)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_each_start_method_serves_both_faces(method: str) -> None:
    context = multiprocessing.get_context(method)
    try:
        with ProcessPoolExecutor(2, mp_context=context) as executor:
            assert list(executor.map(called.square, range(20))) == [n * n for n in range(20)]
        with Pool(2, context=context) as pool:
            assert pool.map(called.square, range(20)) == [n * n for n in range(20)]
        pool.join()
    finally:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # it would stay till the end


# ---- the pool


def test_pool_has_all_its_workers_at_once(pool: Pool) -> None:
    assert len(pool.workers()) == len(pool._pool) == 2


def test_apply_and_map_and_starmap_return_what_was_computed(pool: Pool) -> None:
    assert pool.apply(called.add, (1,), {"second": 2}) == 3
    assert pool.map(called.square, range(1000)) == [n * n for n in range(1000)]
    assert pool.map(called.square, []) == []
    assert pool.starmap(pow, [(2, 3), (3, 2)], chunksize=1) == [8, 9]
    assert pool.map_async(called.square, iter(range(9))).get(60) == [n * n for n in range(9)]


def test_map_runs_all_items_and_raises_the_first_error(pool: Pool, tmp_path: Path) -> None:
    result = pool.map_async(called.fail_at_three, range(10))
    with pytest.raises(ValueError, match="three") as caught:
        result.get(60)
    assert type(caught.value.__cause__).__name__ == "RemoteTraceback"
    assert not result.successful()


def test_imap_yields_in_order_and_goes_on_after_an_error(pool: Pool) -> None:
    results = pool.imap(called.fail_at_three, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert list(results) == [4, 5]


def test_imap_unordered_yields_each_result_once(pool: Pool) -> None:
    results = list(pool.imap_unordered(called.square, iter(range(20_000))))
    assert sorted(results) == [n * n for n in range(20_000)]


def test_imap_raises_what_its_iterable_raises_after_the_results_before(pool: Pool) -> None:
    def numbers() -> Iterator[int]:
        yield from range(5)
        raise OSError("the source is gone")

    results = pool.imap(called.square, numbers())
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    with pytest.raises(OSError, match="the source is gone"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_result_that_is_late_raises_the_pools_timeout_error(pool: Pool, tmp_path: Path) -> None:
    go = str(tmp_path / "go")
    result = pool.apply_async(called.wait_for, (go,))
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(0.02)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    iterator = pool.imap(called.wait_for, [go])
    with pytest.raises(multiprocessing.TimeoutError):
        iterator.next(timeout=0.02)
    (tmp_path / "go").touch()
    assert result.get(60)
    assert iterator.next(timeout=60)


def test_callbacks_get_the_result_or_the_error(pool: Pool) -> None:
    told: list[object] = []
    both = threading.Semaphore(0)

    def tell(value: object) -> None:
        told.append(value)
        both.release()

    pool.apply_async(called.square, (3,), callback=tell).wait()
    pool.map_async(called.fail_at_three, [3], error_callback=tell).wait()
    assert both.acquire(timeout=60)
    assert both.acquire(timeout=60)
    assert told[0] == 9
    assert isinstance(told[1], ValueError)


def test_failing_callback_does_not_harm_the_pool(pool: Pool) -> None:
    def fail(value: object) -> None:
        raise RuntimeError(f"no use for {value}")

    assert pool.apply_async(called.square, (3,), callback=fail).get(60) == 9
    assert pool.apply(called.square, (4,)) == 16


def test_result_that_cannot_be_pickled_is_an_error_of_its_call_alone(pool: Pool) -> None:
    with pytest.raises(MaybeEncodingError, match="lock"):
        pool.apply(called.lock_of, (0,))
    assert pool.apply(called.square, (4,)) == 16


def test_closed_pool_ends_its_work_and_takes_no_more() -> None:
    pool = Pool(2, context=SPAWN)
    result = pool.map_async(called.square, range(100))
    lazy = pool.imap_unordered(called.square, iter(range(1000)))
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    with pytest.raises(ValueError, match="not running"):
        pool.apply(called.square, (1,))
    pool.join()
    assert result.get() == [n * n for n in range(100)]
    assert sum(lazy) == sum(n * n for n in range(1000))


def test_terminated_pool_leaves_nobody_waiting(tmp_path: Path) -> None:
    pool = Pool(2, context=SPAWN)
    result = pool.apply_async(called.wait_for, (str(tmp_path / "never"),))
    processes = pool._pool
    pool.terminate()
    pool.join()
    assert not any(process.is_alive() for process in processes)
    with pytest.raises(BrokenProcessPool):
        result.get(60)


def test_worker_of_a_pool_is_replaced_after_its_number_of_tasks() -> None:
    with Pool(1, maxtasksperchild=2, context=SPAWN) as pool:
        pids = [pool.apply(called.pid_of, (0,)) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_forgotten_pool_warns_and_ends() -> None:
    pool = Pool(1, context=SPAWN)
    thread = pool._supervisor
    with pytest.warns(ResourceWarning, match="unclosed running multiprocessing pool"):
        del pool
    thread.join(60)
    assert not thread.is_alive()


# ---- beyond the standard


def test_resize_changes_the_number_of_workers_while_calls_run(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with ProcessPoolExecutor(1, mp_context=SPAWN) as executor:
        notes = [tmp_path / f"began-{number}" for number in range(3)]
        futures = [executor.submit(called.note_and_wait, (str(n), str(go))) for n in notes]
        executor.resize(3)
        for note in notes:  # each runs in a worker of its own before any may end
            called.wait_for(str(note))
        assert all(note.exists() for note in notes)
        assert len(executor.workers()) == 3
        executor.resize(1)
        go.touch()
        assert len({future.result() for future in futures}) == 3
        assert executor.submit(called.square, 2).result() == 4
        pids = {executor.submit(called.pid_of, 0).result() for _ in range(5)}
        assert len(pids) == 1


def test_call_does_not_wait_behind_a_long_one_while_a_worker_is_idle(
    executor: ProcessPoolExecutor, tmp_path: Path
) -> None:
    """Cheap calls teach the pool to send many together; a long one among them holds up none."""
    go = str(tmp_path / "go")
    list(executor.map(called.square, range(1000)))
    wait([executor.submit(called.square, n) for n in range(2000)])
    items = [("", str(tmp_path / f"ran-{number}")) for number in range(60)]
    items[10] = (go, "")
    futures = [executor.submit(called.wait_if_named, item) for item in items]
    others = [future for number, future in enumerate(futures) if number != 10]
    done, late = wait(others, timeout=60)
    assert not late
    assert not futures[10].done()
    Path(go).touch()
    assert futures[10].result() == ""
    assert len(done) == 59


def test_open_pools_do_not_keep_a_program_from_ending(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing as mp\n"
        "from workers.drop_in import Pool, ProcessPoolExecutor\n"
        "if __name__ == '__main__':\n"
        "    context = mp.get_context('spawn')\n"
        "    executor = ProcessPoolExecutor(2, mp_context=context)\n"
        "    future = executor.submit(print, 'printed by the worker', flush=True)\n"
        "    pool = Pool(2, context=context)\n"
        "    print(pool.map(abs, [-1, 2]), flush=True)\n",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["[1, 2]", "printed by the worker"]


def worker_name(_: int) -> tuple[str, int]:
    process = multiprocessing.current_process()
    return process.name, process._identity[0]


@pytest.mark.parametrize(
    "method", sorted({"spawn", "fork"} & {*multiprocessing.get_all_start_methods()})
)
def test_workers_have_the_names_that_programs_know(method: str) -> None:
    context, kind = multiprocessing.get_context(method), method.capitalize()
    with Pool(1, context=context) as pool:
        assert pool.apply(worker_name, (0,))[0].startswith(f"{kind}PoolWorker-")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        name, number = executor.submit(worker_name, 0).result()
    assert name == f"{kind}Process-{number}"
