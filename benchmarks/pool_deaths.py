"""What becomes of 2,400 tasks while a random worker is killed every 0.3 s.

    python benchmarks/pool_deaths.py [--quick] [--json]

Compares the standard library's two process pools with Everycore's engine. Each peer runs in a
process group of its own with a time limit, after which the whole group is ended: the stock
`multiprocessing.Pool` does hang. docs/adr/0001-own-worker-pool.md tells why.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parent.parent
WORKERS: Final = 2
TASK_S: Final = 0.004
KILL_EVERY_S: Final = 0.3
# Undisturbed, the tasks take five seconds on two cores; an eightfold of that is a hang.
LIMIT_S: Final = 40.0
QUICK_LIMIT_S: Final = 12.0
TASKS: Final = 2400
QUICK_TASKS: Final = 600

OWN_CODE: Final = f"""
import time

def burn(number):
    end = time.perf_counter() + {TASK_S}
    while time.perf_counter() < end:
        pass
    return number
"""


@dataclass
class Tally:
    """How far one peer has come; written by its main thread and the killer's."""

    finished: int = 0
    kills: int = 0
    seconds: float = 0.0
    ended: str = "hung"


def burn(number: int) -> int:
    """Keep a core busy for one task's time."""
    end = time.perf_counter() + TASK_S
    while time.perf_counter() < end:
        pass
    return number


def stock_pool(tasks: int, tally: Tally) -> None:
    """Run the tasks on multiprocessing.Pool."""
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for _ in pool.imap_unordered(burn, range(tasks), chunksize=4):
            tally.finished += 1


def stock_executor(tasks: int, tally: Tally) -> None:
    """Run the tasks on concurrent.futures.ProcessPoolExecutor."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        try:
            for future in as_completed([pool.submit(burn, number) for number in range(tasks)]):
                future.result()
                tally.finished += 1
        except BrokenProcessPool:
            tally.ended = "broke: BrokenProcessPool"


def everycore(tasks: int, tally: Tally) -> None:
    """Run the tasks as a sweep on Everycore's engine, headless."""
    from workers.commands import StartJob
    from workers.engine import Engine
    from workers.job import Axis, JobSpec, Sweep

    with TemporaryDirectory(prefix="everycore-deaths-") as place:
        folder = Path(place)
        os.environ["EVERYCORE_HOME"] = str(folder / "home")
        code = folder / "burn.py"
        code.write_text(OWN_CODE, encoding="utf-8")
        digest = hashlib.sha256(code.read_bytes()).hexdigest()
        sweep = Sweep(code, "burn", (Axis("number", 0, tasks, 1),))
        spec = JobSpec(output=folder / "out.csv", sweep=sweep, retries=9, trusted=(digest,))
        journals = folder / "journals"
        journals.mkdir()
        engine = Engine(journals, workers=WORKERS)
        try:
            engine.post(StartJob(spec))
            engine.turn(0.1)
            while engine.is_busy:
                engine.turn(0.1)
                tally.finished = engine.snapshot().counts.succeeded
            snapshot = engine.snapshot()
            tally.finished = snapshot.counts.succeeded
            if snapshot.refusal:
                tally.ended = f"refused: {snapshot.refusal}"
        finally:
            engine.close()


PEERS: Final[dict[str, Callable[[int, Tally], None]]] = {
    "multiprocessing.Pool": stock_pool,
    "ProcessPoolExecutor": stock_executor,
    "Everycore": everycore,
}


def run_peer(name: str, tasks: int) -> None:
    """Run one peer here and keep printing its tally, one JSON object a line."""
    tally, over = Tally(), threading.Event()
    start = time.perf_counter()
    killer = threading.Thread(target=_kill_workers, args=(tally, over, start))
    killer.start()
    try:
        PEERS[name](tasks, tally)
        if tally.ended == "hung":
            tally.ended = "finished" if tally.finished == tasks else "ended with tasks missing"
    finally:
        over.set()
        killer.join()
    _print_tally(tally, start)


def _kill_workers(tally: Tally, over: threading.Event, start: float) -> None:
    chance = random.Random(1)
    while not over.wait(KILL_EVERY_S):
        workers = [child for child in psutil.Process().children() if _is_worker(child)]
        if workers and tally.finished:
            os.kill(chance.choice(workers).pid, signal.SIGKILL)
            tally.kills += 1
        _print_tally(tally, start)


def _is_worker(process: psutil.Process) -> bool:
    try:
        is_alive = process.status() != psutil.STATUS_ZOMBIE
        return is_alive and "resource_tracker" not in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _print_tally(tally: Tally, start: float) -> None:
    tally.seconds = time.perf_counter() - start
    print(json.dumps(asdict(tally)), flush=True)


def measure(name: str, tasks: int, limit_s: float) -> Tally:
    """Run one peer in a process group of its own, ended at the limit; return its last tally."""
    command = [sys.executable, __file__, "--peer", name, "--tasks", str(tasks)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        try:
            output, _ = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            output, _ = child.communicate()
    lines = output.splitlines()
    tally = Tally(**json.loads(lines[-1])) if lines else Tally(ended="did not start")
    if child.returncode > 0:
        tally.ended = "failed with an exception"
    return tally


def main() -> int:
    """Print the table and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--tasks", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peer:
        run_peer(chosen.peer, chosen.tasks)
        return 0
    if os.name == "nt":
        print("Needs SIGKILL and process groups: not on Windows.")
        return 0
    tasks, limit_s = (QUICK_TASKS, QUICK_LIMIT_S) if chosen.quick else (TASKS, LIMIT_S)
    figures = {}
    print(f"{tasks} tasks of {TASK_S * 1000:.0f} ms, {WORKERS} workers, one killed every 0.3 s\n")
    print(f"{'':22}{'finished':>10}{'kills':>8}{'seconds':>9}   end")
    for name in PEERS:
        tally = measure(name, tasks, limit_s)
        row = f"{tally.finished:>10}{tally.kills:>8}{tally.seconds:>9.1f}   {tally.ended}"
        print(f"{name:22}{row}", flush=True)
        is_ours = name == "Everycore"
        figures[f"tasks finished by {name}"] = {
            "value": tally.finished,
            "unit": "tasks",
            "goal": tasks if is_ours else None,
            "held": tally.finished == tasks if is_ours else True,
        }
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
