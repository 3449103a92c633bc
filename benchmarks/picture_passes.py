"""One pass of one peer over the pictures, timed from the start of its program to its end."""

import json
import math
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.measuring import Ended, run_apart, say
from benchmarks.picture_peers import OURS, PEERS, Call
from benchmarks.picture_scripts import SECONDS
from benchmarks.picture_works import ALONE, WORKS
from workers.limits import RESPONSIVE_NICE

LIMIT_S: Final = 300.0
# Peaks are kept by the system: looking seldom loses what a worker took in its last moments only.
_LOOK_S: Final = 0.1
_WORKER_MARK: Final = "--multiprocessing-fork"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass came to, not a number: not told.

    `own_s` is the work without start and end, `cpu_s` what the cores gave, all processes together.
    """

    whole_s: float
    cpu_s: float = math.nan
    own_s: float = math.nan
    kilobytes: float = math.nan
    peak_mb: float = math.nan


@dataclass(frozen=True, slots=True)
class Task:
    """One pass that is to be: whose, over which pictures, into which folder."""

    work: str
    peer: str
    workers: int
    files: tuple[str, ...]
    out: str
    looks_at_memory: bool = False

    def run(self) -> Ended:
        """Run the pass in a process group of its own; what it said is a Pass or nothing."""
        values = ", ".join(f"{name}={value!r}" for name, value in asdict(self).items())
        code = f"from benchmarks.picture_passes import Task, run_here; run_here(Task({values}))"
        return run_apart(code, LIMIT_S)


def run_here(task: Task) -> None:
    """Run the peer's program in this folder and say what it came to."""
    work = {**WORKS, ALONE.name: ALONE}[task.work]
    Path(task.out).mkdir(parents=True, exist_ok=True)
    line = PEERS[task.peer].line(Call(work, task.files, task.out, task.workers))
    if hasattr(os, "setpriority"):
        # Our workers make room for other programs, so the peers do: else what else runs decides.
        os.setpriority(os.PRIO_PROCESS, 0, RESPONSIVE_NICE)
    # What others have written is on the disk before the clock runs: a sync waits for all of it.
    os.sync()
    begin, cpu_before = time.perf_counter(), _children_cpu_s()
    with subprocess.Popen(
        line.words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **dict(line.environment)},
    ) as child:
        watch = WorkersPeak(child.pid) if task.looks_at_memory else None
        output, _ = child.communicate(line.stdin)
        whole_s = time.perf_counter() - begin
        peak_mb = watch.end() if watch is not None else math.nan
    cpu_s = _children_cpu_s() - cpu_before
    if child.returncode:
        raise SystemExit(f"{task.peer} ended with status {child.returncode}.")
    sizes = [file.stat().st_size for file in Path(task.out).rglob(f"*.{work.suffix}")]
    if len(sizes) != len(task.files) or not all(sizes):
        raise SystemExit(f"{task.peer} made {len(sizes)} of {len(task.files)} pictures.")
    kilobytes = sum(sizes) / len(sizes) / 1000
    own_s = _own_seconds(task.peer, output)
    say(asdict(Pass(whole_s, cpu_s, own_s, kilobytes, peak_mb)))


def _children_cpu_s() -> float:
    """Return the CPU seconds of all processes below this one that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _own_seconds(peer: str, output: str) -> float:
    """Return the seconds that a peer says of itself."""
    lines: Sequence[str] = output.splitlines()
    if peer == OURS:
        return float(json.loads(lines[-1])["seconds"])
    told = [line.removeprefix(SECONDS) for line in lines if line.startswith(SECONDS)]
    return float(told[-1]) if told else math.nan


class WorkersPeak:
    """Watches the workers of a running Everycore, in a thread, for the most memory one held."""

    def __init__(self, pid: int) -> None:
        self._program = psutil.Process(pid)
        self._peaks: dict[int, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> float:
        """Stop watching; return the megabytes, not a number where the system tells none."""
        self._is_over.set()
        self._thread.join()
        return max(self._peaks.values(), default=math.nan) / 1000

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            try:
                children = self._program.children(recursive=True)
            except psutil.NoSuchProcess:
                return
            for child in children:
                self._note(child)

    def _note(self, child: psutil.Process) -> None:
        try:
            if _WORKER_MARK in child.cmdline():
                status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
                peaks = [row.split()[1] for row in status.splitlines() if row.startswith("VmHWM")]
                self._peaks[child.pid] = int(peaks[0])
        except (psutil.Error, OSError, IndexError):
            pass  # it has ended, or this is no Linux
