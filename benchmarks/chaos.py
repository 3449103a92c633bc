"""What becomes of 2,400 tasks of 4 ms while a random worker is killed every 0.3 s.

    python benchmarks/chaos.py [--quick] [--json] [--only PEER...] [--most TASKS]

The same for every peer: half of the tasks, a pause in which idle workers are killed, the other
half. A result counts each time it is delivered: `lost` are the tasks without one, `twice` those
with more. `survived` are the kills after which a result still came. A peer that can be told to try
a lost task again is told to. Each runs in a process group of its own; what remains some seconds
after its end is `left`. docs/adr/0001-own-worker-pool.md tells what follows from it.
"""

import argparse
import csv
import hashlib
import json
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Ended, heed_termination, run_apart, say
from benchmarks.peers import PEERS, SPAWN, Dask, OurExecutor, OurPool, Peer, Ray
from benchmarks.tasks import return_after
from workers.typed import override

T = TypeVar("T")
R = TypeVar("R")

WORKERS: Final = 2
TASK_S: Final = 0.004
KILL_EVERY_S: Final = 0.3
# More deaths than one task can meet: a lost task shall be tried until it ends.
RETRIES: Final = 9
TASKS: Final = 2400
QUICK_TASKS: Final = 600
# Undisturbed a result comes every 2 ms. On a busy computer two of the peers were seen without one
# for 15 s that finished on a quiet one: shorter, the limit would call slowness a hang.
STALL_S: Final = 45.0
QUICK_STALL_S: Final = 5.0
# For one that goes on, but hardly.
LIMIT_S: Final = 300.0
QUICK_LIMIT_S: Final = 15.0

OWN_CODE: Final = f"""
from benchmarks.tasks import return_after

def work(number):
    return return_after({TASK_S}, number)
"""


@dataclass(slots=True)
class Tally:
    """What one peer has delivered so far; the main thread counts, the killer's thread reads."""

    tasks: int
    delivered: Counter[int] = field(default_factory=Counter)
    kills: int = 0
    survived: int = 0
    error: str = ""
    is_over: bool = False
    killed_idle: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.perf_counter)

    def take(self, number: int) -> None:
        """Count a delivered result."""
        self.delivered[number] += 1
        self.survived = self.kills

    def figures(self) -> dict[str, Any]:
        """Return what the table shows."""
        finished = len(self.delivered)
        lost = self.tasks - finished
        return {
            "finished": finished,
            "lost": lost,
            "twice": sum(count > 1 for count in self.delivered.values()),
            "kills": self.kills,
            "survived": self.survived,
            "seconds": time.perf_counter() - self.started,
            "end": self._end(lost),
        }

    def _end(self, lost: int) -> str:
        if not self.is_over:
            return "no result came any more"
        if self.error:
            return f"ended with {self.error}" if lost else f"finished after: {self.error}"
        return "ended with tasks missing" if lost else "finished"


class RetryingPool(OurPool):
    """Everycore's Pool, told to try lost tasks again."""

    @override
    def open(self, workers: int) -> None:
        """Start the pool."""
        self.open_with(workers, timeout=None, retries=RETRIES)


class RetryingExecutor(OurExecutor):
    """Everycore's ProcessPoolExecutor, told to try lost tasks again."""

    @override
    def open(self, workers: int) -> None:
        """Build the executor."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.ProcessPoolExecutor(workers, mp_context=context, retries=RETRIES)


class RetryingDask(Dask):
    """Dask, told to forgive as many deaths."""

    @override
    def open(self, workers: int) -> None:
        """Start the cluster."""
        settings = import_module("dask.config")
        settings.set({"distributed.scheduler.allowed-failures": RETRIES})
        super().open(workers)


class RetryingRay(Ray):
    """Ray's tasks in place of its pool: unlike the pool's actors, they can be tried again."""

    @override
    def open(self, workers: int) -> None:
        """Start Ray alone."""
        self._library.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)

    @override
    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order."""

        # Ray takes plain functions only.
        def call(item: T) -> R:
            return function(item)

        task = self._library.remote(max_retries=RETRIES)(call)
        waiting = [task.remote(item) for item in items]
        while waiting:
            done, waiting = self._library.wait(waiting)
            yield self._library.get(done[0])

    @override
    def close(self) -> None:
        """End Ray."""
        self._library.shutdown()


RETRYING: Final[dict[str, type[Peer]]] = {
    "dask.distributed": RetryingDask,
    "ray": RetryingRay,
    "Everycore Pool": RetryingPool,
    "Everycore Executor": RetryingExecutor,
}
ENGINE: Final = "Everycore engine"
OURS: Final = ("Everycore Pool", "Everycore Executor", ENGINE)
POOLS: Final = tuple(name for name in PEERS if name not in ("serial", "static shards"))
# The others are left out to end within a minute: they take seconds to start and to end.
QUICK: Final = ("multiprocessing.Pool", "ProcessPoolExecutor", "loky", "pebble", *OURS)


def run_here(name: str, tasks: int, stall_s: float) -> None:
    """Run one peer in this process and keep saying how far it is."""
    tally, over = Tally(tasks), threading.Event()
    killer = threading.Thread(target=_kill_workers, args=(tally, over, stall_s, name == "ray"))
    killer.start()
    try:
        if name == ENGINE:
            _run_engine(tally)
        else:
            _run_peer(name, tally)
    finally:
        over.set()
        killer.join()
    tally.is_over = True
    say(tally.figures())


def _run_peer(name: str, tally: Tally) -> None:
    peer = RETRYING.get(name, PEERS[name])()
    peer.open(WORKERS)
    half = tally.tasks // 2
    _take_all(peer, range(half), tally)
    tally.killed_idle.clear()
    tally.killed_idle.wait(2 * KILL_EVERY_S)
    _take_all(peer, range(half, tally.tasks), tally)
    tally.is_over = True
    say(tally.figures())
    peer.close()


def _take_all(peer: Peer, numbers: range, tally: Tally) -> None:
    """Take every result; after an error, whatever still comes."""
    errors = 0
    try:
        results = peer.stream(partial(return_after, TASK_S), numbers, 1)
        while errors <= len(numbers):
            try:
                tally.take(next(results))
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - each library has its own
                tally.error = type(error).__name__
                errors += 1
    except Exception as error:  # noqa: BLE001 - a broken pool takes no tasks
        tally.error = type(error).__name__


def _run_engine(tally: Tally) -> None:
    """Run the tasks as a sweep on Everycore's engine, headless; count what its file says."""
    from workers.commands import StartJob
    from workers.engine import Engine
    from workers.job import Axis, JobSpec, Sweep

    code, output, journals = Path("work.py"), Path("out.csv"), Path("journals")
    code.write_text(OWN_CODE, encoding="utf-8")
    journals.mkdir()
    digest = hashlib.sha256(code.read_bytes()).hexdigest()
    sweep = Sweep(code.resolve(), "work", (Axis("number", 0, tally.tasks, 1),))
    spec = JobSpec(output=output.resolve(), sweep=sweep, retries=RETRIES, trusted=(digest,))
    engine = Engine(journals.resolve(), workers=WORKERS)
    try:
        engine.post(StartJob(spec))
        engine.turn(0.1)
        while engine.is_busy:
            engine.turn(0.1)
            # The numbers are counted in the file at the end; until then only how many there are.
            for number in range(len(tally.delivered), engine.snapshot().counts.succeeded):
                tally.take(number)
        tally.error = engine.snapshot().refusal
    finally:
        engine.close()
    with output.open(encoding="utf-8", newline="") as file:
        tally.delivered = Counter(round(float(row["number"])) for row in csv.DictReader(file))


def _kill_workers(tally: Tally, over: threading.Event, stall_s: float, is_ray: bool) -> None:
    """Kill a worker at each turn once results come; end this process when none comes any more."""
    chance = random.Random(1)
    seen, since = 0, time.perf_counter()
    while not over.wait(KILL_EVERY_S):
        workers = _workers(is_ray) if tally.delivered and not tally.is_over else []
        if workers:
            chance.choice(workers).kill()
            tally.kills += 1
            tally.killed_idle.set()
        now = time.perf_counter()
        if tally.delivered.total() > seen:
            seen, since = tally.delivered.total(), now
        elif now - since > stall_s and not tally.is_over:
            say(tally.figures())
            os._exit(0)  # no thread of a hanging pool could end this process in any other way
        say(tally.figures())


def _workers(is_ray: bool) -> list[psutil.Process]:
    """Return the living workers: children of this process, for Ray of its daemon."""
    found = []
    for process in psutil.Process().children(recursive=is_ray):
        try:
            command = " ".join(process.cmdline())
            is_alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if is_ray:
            # Its agents are no workers: with one of them the whole of Ray ends.
            is_worker = command.startswith("ray::") and "Agent" not in command
        else:
            is_worker = "resource_tracker" not in command
        if is_alive and is_worker:
            found.append(process)
    return found


def measure(name: str, tasks: int, *, is_quick: bool) -> Ended:
    """Run one peer in a process group of its own."""
    stall_s = QUICK_STALL_S if is_quick else STALL_S
    code = f"from benchmarks.chaos import run_here; run_here({name!r}, {tasks}, {stall_s})"
    return run_apart(code, QUICK_LIMIT_S if is_quick else LIMIT_S)


def main() -> int:
    """Print the table and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    every = (*POOLS, ENGINE)
    parser.add_argument("--only", nargs="+", choices=every, help="measure these alone")
    parser.add_argument("--most", type=int, help="give at most so many tasks")
    chosen = parser.parse_args()
    heed_termination()
    if os.name == "nt":
        print("Needs SIGKILL and process groups: not on Windows.")
        return 0
    tasks = QUICK_TASKS if chosen.quick else TASKS
    tasks = min(tasks, chosen.most or tasks)
    figures = {}
    print(f"{tasks:,} tasks of {TASK_S * 1000:.0f} ms, {WORKERS} workers, one killed every 0.3 s\n")
    titles = f"{'finished':>9}{'lost':>7}{'twice':>7}{'kills':>7}{'survived':>10}{'left':>6}"
    print(f"{'':22}{titles}{'seconds':>9}   end", flush=True)
    for name in chosen.only or (QUICK if chosen.quick else every):
        ended = measure(name, tasks, is_quick=chosen.quick)
        _print_row(name, ended)
        figures[f"chaos.{name.lower().replace(' ', '_')}"] = _figure(name, ended, tasks)
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


def _print_row(name: str, ended: Ended) -> None:
    row = ended.said
    if row is None:
        print(f"{name:22}  not measured: {ended.problem}", flush=True)
        return
    counts = f"{row['finished']:>9}{row['lost']:>7}{row['twice']:>7}{row['kills']:>7}"
    rest = f"{row['survived']:>10}{ended.left_behind:>6}{row['seconds']:>9.1f}"
    end = f"{row['end']}; {ended.problem}" if ended.problem else row["end"]
    print(f"{name:22}{counts}{rest}   {end}", flush=True)


def _figure(name: str, ended: Ended, tasks: int) -> dict[str, Any]:
    row = ended.said or {"finished": 0, "twice": 0, "end": ended.problem}
    is_whole = row["finished"] == tasks and not row["twice"] and row["end"] == "finished"
    held = is_whole and not ended.left_behind and not ended.problem
    is_ours = name in OURS
    goal = tasks if is_ours else None
    return {"value": row["finished"], "unit": "tasks", "goal": goal, "held": held or not is_ours}


if __name__ == "__main__":
    sys.exit(main())
