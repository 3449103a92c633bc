"""Memory that runs out, workers that leak, crash each time or never get ready."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code, sweep_of
from tests.engine.test_engine import COPY, fill, outputs_of
from workers import job_course, job_workers, load, memory
from workers.circuit_breaker import CRASHES_IN_A_ROW
from workers.commands import ContinueJob
from workers.job import Axis, JobState, Pipeline, Step, TaskState
from workers.memory_budget import MemoryBudget
from workers.outcome import FailureKind
from workers.pool import WorkerPool
from workers.snapshot import MarkerKind

MB = 1 << 20
TAKES_MUCH = """
def process(path, output):
    if path.stem == "001":
        held = bytearray(600 << 20)
        held[::4096] = b"x" * len(held[::4096])
        while True: pass
    output.write_bytes(path.read_bytes())
"""
LEAKS = """
import os
leaked = []
def process(path, output):
    leaked.append(bytearray(b"x") * (30 << 20))
    output.write_text(str(os.getpid()))
"""
CRASHES = """
import os
def process(path, output):
    os.abort()
"""
HANGS_AT_IMPORT = """
while True: pass
def process(path, output): ...
"""
HOSTILE_RESULT = """
from pathlib import Path
class Hostile:
    def __reduce__(self):
        return Path.touch, (Path(__file__).with_name("PWNED"),)
def f(n):
    return Hostile() if n == 1 else n
"""


def test_task_over_the_memory_of_one_worker_fails_after_a_second_try_alone(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        job_course, "memory_budget", lambda *_: MemoryBudget(900 * MB, 400 * MB, 900 * MB)
    )
    names = fill(folder, 6)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, TAKES_MUCH)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (5, 1)
    (row,) = [row for row in running.ended if row.failure is not None]
    assert (row.failure, row.attempts) == (FailureKind.OUT_OF_MEMORY, 2)
    assert row.message.startswith("Needs more memory than one worker may take: it had ")
    assert len(outputs_of(tmp_path / "out")) == len(names) - 1


def test_joins_that_outgrow_what_was_predicted_end_alone_and_in_a_sentence(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        job_course, "memory_budget", lambda *_: MemoryBudget(900 * MB, 600 * MB, 900 * MB)
    )
    held: list[int] = []
    monkeypatch.setattr(memory, "resident_bytes", _noting(memory.resident_bytes, held))
    for name, keys in (("a", 2), ("b", 2), ("small", 1000)):
        rows = "".join(f"{number % keys},{number}\n" for number in range(30_000))
        (folder / f"{name}.csv").write_text(f"k,v\n{rows}")
    query = "SELECT x.v, y.v AS w FROM input x JOIN input y ON x.k = y.k"
    pipeline = Pipeline("Join", (Step("tables.sql", {"query": query}),))
    running.post(*job_of(folder, tmp_path / "out", pipeline))
    running.until_ended()
    rows_of = {row.name: row for row in running.ended}
    for name in ("a.csv", "b.csv"):
        assert rows_of[name].failure is FailureKind.OUT_OF_MEMORY
        assert rows_of[name].message.startswith("Needs more memory than one worker may take: ")
    assert rows_of["small.csv"].state is TaskState.SUCCEEDED
    assert max(held) < 2000 * MB


def _noting(resident: Callable[..., int], held: list[int]) -> Callable[..., int]:
    def noted(pid: int | None = None) -> int:
        held.append(resident(pid))
        return held[-1]

    return noted


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_worker_that_the_system_ends_for_memory_is_told_as_such(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = iter(range(1, 1000))  # the kernel's counter has risen each time it is read
    monkeypatch.setattr(job_workers, "oom_kills", lambda: next(kills))
    source = (
        "import os, signal\n"
        "def process(path, output):\n"
        "    if path.stem == '001': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    output.write_bytes(path.read_bytes())\n"
    )
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (3, 1)
    (row,) = [row for row in running.ended if row.failure is not None]
    assert row.failure is FailureKind.OUT_OF_MEMORY
    assert row.message == "The system ended the worker because memory had run out."


def test_leaking_worker_is_replaced_and_nobody_notices(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        job_course, "memory_budget", lambda *_: MemoryBudget(4000 * MB, 4000 * MB, 150 * MB)
    )
    fill(folder, 20)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, LEAKS)))
    end = running.until_ended()
    assert end.counts.succeeded == 20
    assert end.notice == ""
    assert not any(marker.kind is MarkerKind.CRASHED for marker in running.markers)
    pids = set(outputs_of(tmp_path / "out").values())
    assert len(pids) > 2


def test_memory_that_others_take_lets_one_task_run_at_a_time(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1 * MB]
    monkeypatch.setattr(load, "available_bytes", lambda: free[0])
    monkeypatch.setattr(load, "READ_EVERY_S", 0.0)
    fill(folder, 12)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    low = running.until(lambda snapshot: "Memory is low" in snapshot.notice)
    assert low.counts.running <= 1
    free[0] = 64 << 30
    end = running.until_ended()
    assert end.counts.succeeded == 12


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGABRT")
def test_code_that_crashes_every_time_pauses_the_job_with_one_sentence(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 60)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, CRASHES)))
    paused = running.until(lambda snapshot: snapshot.state is JobState.PAUSED)
    assert paused.pause_reason.startswith(f"The last {CRASHES_IN_A_ROW} attempts all crashed")
    assert "SIGABRT" in paused.pause_reason
    assert paused.counts.failed <= CRASHES_IN_A_ROW
    crashes = [marker for marker in running.markers if marker.kind is MarkerKind.CRASHED]
    assert len(crashes) <= 2 * CRASHES_IN_A_ROW


def test_code_that_hangs_at_its_import_pauses_the_job_and_the_engine_answers(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = functools.partial(WorkerPool, start_patience_s=1.0)
    monkeypatch.setattr(job_workers, "WorkerPool", quick)
    impatient = Running(tmp_path / "journals", workers=2)
    try:
        (tmp_path / "journals").mkdir()
        fill(folder, 4)
        impatient.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HANGS_AT_IMPORT)))
        paused = impatient.until(lambda snapshot: snapshot.state is JobState.PAUSED)
        assert paused.pause_reason == "Workers do not get ready within 1 s."
        (tmp_path / "own_code.py").write_text(HANGS_AT_IMPORT)
        impatient.post(ContinueJob())
        impatient.until(lambda snapshot: snapshot.state is JobState.RUNNING)
    finally:
        impatient.engine.close()


def test_hostile_result_is_never_put_together_in_the_engine(
    running: Running, tmp_path: Path
) -> None:
    running.post(sweep_of(tmp_path, HOSTILE_RESULT, tmp_path / "out.csv", Axis("n", 0, 4, 1)))
    running.until_ended()
    assert not (tmp_path / "PWNED").exists()
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[2] == '1,,"Result not usable: Hostile is not a number, text or a list."'


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows has no SIGSTOP")
def test_limit_does_not_fire_for_the_time_a_worker_and_its_engine_were_stopped(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine does not turn while it is stopped: here it simply is not driven."""
    source = (
        "import time\n"
        "from pathlib import Path\n"
        "def process(path, output):\n"
        "    (path.parent.parent / 'began').touch()\n"
        "    give_up = time.monotonic() + 60\n"
        "    while not (path.parent.parent / 'go').exists() and time.monotonic() < give_up:\n"
        "        time.sleep(0.005)\n"
        "    output.write_bytes(path.read_bytes())\n"
    )
    fill(folder, 1)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source), timeout_s=4.0))
    snapshot = running.until(lambda snapshot: (tmp_path / "began").exists())
    pid = snapshot.lanes[0].pid
    os.kill(pid, signal.SIGSTOP)
    clock = running.engine._pool._pool._clock
    monkeypatch.setattr(clock, "_monotonic", _later(clock._monotonic, 3600.0))
    running.engine.turn(0.0)
    os.kill(pid, signal.SIGCONT)
    (tmp_path / "go").touch()
    assert running.until_ended().counts.succeeded == 1


def _later(clock: object, seconds: float) -> object:
    def now() -> float:
        told: float = clock()  # type: ignore[operator]  # the clock of the pool
        return told + seconds

    return now
