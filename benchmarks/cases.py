"""What the pools are given to do, how it is measured, and what Everycore must reach.

`trivial`    next to nothing a task: what a pool costs
`short`      1 ms of CPU a task, beside processes that loop over fixed shares: nothing can be faster
`skewed`     a few long tasks among many short ones, the last ones long: the time really spent
             inside the tasks, divided by the workers, is the ideal. By the wall's clock, so that
             other programs on the computer stretch both; what the pool itself takes from the
             cores shows in `short`
`bytes`, `arrays`  results of a megabyte each, taken one by one and dropped
`start`      from building the pool to its first result
`generator`  an input that is longer than memory should be: how far the parent's memory grows
`sleepers`   64 workers that wait: how many tasks a second can be handed out
`faulty`     1 % of the tasks end their worker, 1 % hang until their limit. The seconds that a
             worker hung until the limit count as done, for no pool could use them; the rest is
             compared with the same tasks without faults. A lost worker's successor costs about
             0.1 s of a core, whoever starts it: with 2 % of faults that is 2 ms a task. So the
             tasks are of 100 ms, as pictures are, and nothing is claimed of tasks of 1 ms with as
             many faults.
"""

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.measuring import forget_peak, peak_bytes
from benchmarks.peers import LAZY, OWN_CHOICE, PEERS, OurPool, Peer
from benchmarks.tasks import (
    CRASHES,
    EXITS,
    HANGS,
    MEGABYTE,
    Meeting,
    burn,
    burn_and_time,
    burn_or_fail,
    double,
    double_anew,
    doze,
    make_array,
    make_bytes,
    meet,
)

POOLS: Final = tuple(name for name in PEERS if name != "serial")
EXECUTORS: Final = ("ProcessPoolExecutor", "Everycore Executor")
# Everycore's other face keeps all results of a map by contract, as the standard library's does.
STREAMS: Final = tuple(name for name in POOLS if name != "Everycore Executor")

SLEEPERS: Final = 64
QUICK_SLEEPERS: Final = 16
FAULTY_TASK_S: Final = 0.1
FAULT_LIMIT_S: Final = 1.0
DWELL_S: Final = 0.02
# With fewer, there would be no room for the long and the faulty ones.
LEAST_TASKS: Final = 20
# Some ten seconds in all: a pool whose workers have not all come by then is measured as it is.
MOST_MEETINGS: Final = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """One pass of one peer over one case; not a number: not measured."""

    seconds: float
    batch: int = OWN_CHOICE
    parent_cpu: float = math.nan  # the parent's CPU time as a share of the seconds
    grown_mb: float = math.nan
    work_s: float = 0.0  # what the tasks say of themselves, added up
    clean_share: float = 0.0  # `faulty`: the speed of the good tasks, of their speed without faults


@dataclass(frozen=True, slots=True)
class Setting:
    """How large a case is made."""

    workers: int
    is_quick: bool
    most_tasks: int | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for one of the measures in benchmarks/verdicts.py; None: only told."""

    measure: str
    bound: float | None = None


def _numbers(count: int, _setting: Setting) -> Iterable[Any]:
    return range(count)


def _generated(count: int, _setting: Setting) -> Iterable[Any]:
    return (number for number in range(count))


def _milliseconds(count: int, _setting: Setting) -> Iterable[Any]:
    return [0.001] * count


def _naps(count: int, _setting: Setting) -> Iterable[Any]:
    return [0.01] * count


def _skewed(count: int, setting: Setting) -> Iterable[Any]:
    """Return tasks of 1 to 5 ms with long ones among them and at the end, always the same."""
    chance = random.Random(1)
    tasks = [chance.uniform(0.001, 0.005) for _ in range(count)]
    for place in chance.sample(range(count // 2), 6):
        tasks[place] = 0.2
    # As many as there are workers: with one alone at the end, no pool could reach the ideal.
    tasks[-setting.workers :] = [0.2] * setting.workers
    return tasks


def _lengths(results: Iterator[Any]) -> float:
    return sum(map(len, results))


def _doubled_numbers(count: int) -> float:
    return count * (count - 1)


def _megabytes(count: int) -> float:
    return count * MEGABYTE


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work for all peers; `full` and `quick` are how many tasks it has."""

    name: str
    says: str
    full: int
    quick: int
    goals: tuple[Goal, ...]
    function: Callable[[Any], Any] = double
    items: Callable[[int, Setting], Iterable[Any]] = _numbers
    peers: tuple[str, ...] = POOLS
    quick_peers: tuple[str, ...] = ("multiprocessing.Pool", "Everycore Pool")
    batches: tuple[int, ...] = (OWN_CHOICE,)
    add_up: Callable[[Iterator[Any]], float] = sum
    total: Callable[[int], float] | None = None  # what the results must add up to
    module: str = ""  # what the tasks import, loaded before the clock
    passes: int = 1  # in each round; more where one is short and its length uncertain
    quick_passes: int = 1  # the same for the single round of --quick

    def count(self, setting: Setting) -> int:
        """Return how many tasks there are."""
        count = self.quick if setting.is_quick else self.full
        most = setting.most_tasks
        return count if most is None else min(count, max(most, LEAST_TASKS))

    def turns(self, setting: Setting) -> int:
        """Return how often a round measures each peer."""
        return self.quick_passes if setting.is_quick else self.passes

    def workers(self, setting: Setting) -> int:
        """Return how many workers do them."""
        if self.name == "sleepers":
            return QUICK_SLEEPERS if setting.is_quick else SLEEPERS
        return setting.workers


def measure_stream(case: Case, peer: Peer, setting: Setting, batch: int) -> Measured:
    """Run the case on a warm pool; raises ValueError if results are missing."""
    count = case.count(setting)
    items = case.items(count, setting)
    held = forget_peak()
    cpu, start = time.process_time(), time.perf_counter()
    total = case.add_up(iter(peer.stream(case.function, items, batch)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    grown = max(0, peak_bytes() - held) / 1e6
    if case.total is not None and total != case.total(count):
        raise ValueError(f"{case.name}: the results add up to {total}")
    return Measured(seconds, batch, cpu / seconds, grown, work_s=total)


def measure_start(peer: Peer, setting: Setting) -> Measured:
    """Measure from the building of the pool to its first result."""
    cpu, start = time.process_time(), time.perf_counter()
    peer.open(setting.workers)
    results = iter(peer.stream(double_anew, range(1), 1))
    next(results)
    seconds = time.perf_counter() - start
    list(results)
    return Measured(seconds, 1, (time.process_time() - cpu) / seconds)


def measure_faults(pool: OurPool, setting: Setting, count: int) -> Measured:
    """Compare the good tasks' speed among faulty ones with that without faults."""
    pool.open_with(setting.workers, timeout=FAULT_LIMIT_S, retries=0)
    warm(pool, setting.workers)
    good = [FAULTY_TASK_S] * max(2, count // 8)
    tasks = _with_faults(count)
    before = _timed_faults(pool, good)
    faulty = _timed_faults(pool, tasks)
    after = _timed_faults(pool, good)  # before and after, lest the computer's other load decide
    clean_speed = (before.work_s + after.work_s) / (before.seconds + after.seconds)
    hung_s = tasks.count(HANGS) * FAULT_LIMIT_S / setting.workers
    share = faulty.work_s / (faulty.seconds - hung_s) / clean_speed
    return Measured(faulty.seconds, work_s=faulty.work_s, clean_share=share)


def _timed_faults(pool: OurPool, tasks: list[float]) -> Measured:
    """Take every result or error; raises ValueError if the errors are not those that are due."""
    start = time.perf_counter()
    results = pool.stream(burn_or_fail, tasks, OWN_CHOICE)
    work_s, good, errors = 0.0, 0, 0
    while True:
        try:
            work_s += next(results)
            good += 1
        except StopIteration:
            break
        except Exception:  # noqa: BLE001 - each fault has its own error, and only the count matters
            errors += 1
    faults = sum(task < 0 for task in tasks)
    if (good, errors) != (len(tasks) - faults, faults):
        raise ValueError(f"{good} results and {errors} errors of {len(tasks)} tasks")
    return Measured(time.perf_counter() - start, work_s=work_s)


def _with_faults(count: int) -> list[float]:
    """Return the good tasks and among them, not at the very end, the faulty ones."""
    tasks = [FAULTY_TASK_S] * count
    each = max(1, count // 100)
    kinds = [EXITS, CRASHES] * each
    places = random.Random(1).sample(range(count * 9 // 10), 2 * each)
    for place, fault in zip(places, [*kinds[:each], *[HANGS] * each], strict=True):
        tasks[place] = fault
    return tasks


def warm(peer: Peer, workers: int, module: str = "") -> None:
    """Give tasks until each worker has done one, so that none is still starting."""
    seen: set[int] = set()
    for _ in range(MOST_MEETINGS):
        seen.update(peer.stream(meet, [Meeting(DWELL_S, module)] * 4 * workers, 1))
        if len(seen) >= workers:
            return


MEMORY: Final = Goal("parent's memory growth", 64.0)
_EVERY_CASE: Final = (
    Case(
        "trivial",
        "numbers doubled",
        1_000_000,
        200_000,
        (Goal("speed / best peer", 1.2),),
        peers=tuple(PEERS),
        quick_peers=("multiprocessing.Pool", *EXECUTORS, "Everycore Pool"),
        batches=(1_000, 10_000, 50_000),
        total=_doubled_numbers,
    ),
    Case(
        "short",
        "tasks of 1 ms of CPU",
        20_000,
        2_000,
        (Goal("speed / static shards", 0.98), Goal("parent's CPU", 3.0)),
        function=burn,
        items=_milliseconds,
        peers=tuple(PEERS),
        quick_peers=("static shards", "Everycore Pool", "Everycore Executor"),
        batches=(1, 10, 50),
    ),
    Case(
        "skewed",
        "tasks of 1 to 5 ms of CPU, a few of 200 ms",
        3_000,
        500,
        (Goal("work / time of all workers", 0.97),),
        function=burn_and_time,
        items=_skewed,
        batches=(1, 4, 16),
    ),
    Case(
        "bytes",
        "results of 1 MB, as bytes",
        1_000,
        200,
        (Goal("speed / best peer"), MEMORY),
        function=make_bytes,
        peers=STREAMS,
        batches=(1, 4),
        add_up=_lengths,
        total=_megabytes,
    ),
    Case(
        "arrays",
        "results of 1 MB, as NumPy arrays",
        1_000,
        200,
        (Goal("speed / best peer", 2.0), MEMORY),
        function=make_array,
        peers=STREAMS,
        quick_peers=("multiprocessing.Pool", "ProcessPoolExecutor", "Everycore Pool"),
        batches=(1, 4),
        add_up=_lengths,
        total=_megabytes,
        module="numpy",
    ),
    Case(
        "start",
        "task, from building the pool to its result",
        1,
        1,
        (Goal("time / ProcessPoolExecutor", 1.1),),
        quick_peers=(*EXECUTORS, "Everycore Pool"),
        passes=5,
        quick_passes=2,
    ),
    Case(
        "generator",
        "numbers from a generator",
        10_000_000,
        1_000_000,
        (Goal("speed / best peer"), MEMORY),
        items=_generated,
        peers=LAZY,
        batches=(1_000, 10_000),
        total=_doubled_numbers,
    ),
    Case(
        "sleepers",
        "tasks that wait 10 ms",
        6_400,
        800,
        (Goal("speed / best peer"),),
        function=doze,
        items=_naps,
        batches=(1, 10),
        total=float,
    ),
    Case(
        "faulty",
        "tasks of 100 ms of CPU, 2 % of which fail their worker",
        400,
        100,
        (Goal("good tasks' speed / without faults", 0.95),),
        peers=("Everycore Pool",),
        quick_peers=("Everycore Pool",),
    ),
)
CASES: Final = {case.name: case for case in _EVERY_CASE}
