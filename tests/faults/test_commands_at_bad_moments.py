"""Commands that come when nobody expects them: twice, too early, or for a job that runs."""

from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code, sweep_of
from tests.engine.test_engine import COPY, HELD, busy_workers, fill, outputs_of
from tests.faults.held_search import hold
from workers.commands import (
    AddInputs,
    CancelJob,
    ContinueJob,
    OpenJob,
    ResizeWorkers,
    RetryTasks,
)
from workers.job import Axis, JobId, JobState

HELD_SWEEP = """
import time
from pathlib import Path
def f(n):
    while not Path(__file__).with_name("go").exists():
        time.sleep(0.005)
    return n
"""


def test_inputs_added_to_a_running_job_are_waited_for(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 2)
    later = tmp_path / "later"
    later.mkdir()
    (later / "late.txt").write_text("late")
    hold(monkeypatch, later, tmp_path / "open")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(AddInputs((later,)))
    running.until(lambda snapshot: snapshot.is_discovering)
    (tmp_path / "go").touch()
    snapshot = running.until(lambda snapshot: snapshot.counts.succeeded == 2)
    state = snapshot.state
    (tmp_path / "open").touch()
    assert state is JobState.RUNNING
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 3


def test_refused_job_goes_on_with_all_its_inputs_once_the_cause_is_gone(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = fill(folder, 6)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{tmp_path}")
    source = "import comes_later\n" + COPY
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    assert "comes_later" in running.until_ended().refusal
    (tmp_path / "comes_later.py").touch()
    running.post(ContinueJob())
    end = running.until(lambda snapshot: snapshot.state.is_ended)
    assert end.refusal == ""
    assert end.counts.succeeded == end.counts.total == 6
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


def test_opening_the_running_job_lets_it_run(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    snapshot = running.until(lambda snapshot: busy_workers(snapshot) == 2)
    assert snapshot.job is not None
    running.post(OpenJob(snapshot.job))
    running.engine.turn(0.0)
    assert running.engine.snapshot().state is JobState.RUNNING


def test_job_that_cannot_be_opened_leaves_the_open_one_alone(
    running: Running, folder: Path
) -> None:
    fill(folder, 3)
    running.post(AddInputs((folder,)))
    running.until(lambda snapshot: snapshot.counts.waiting == 3)
    running.post(OpenJob(JobId("never-was")))
    snapshot = running.until(lambda snapshot: bool(snapshot.refusal))
    assert (snapshot.state, snapshot.counts.waiting) == (JobState.DRAFT, 3)


def test_second_start_of_a_running_sweep_is_refused(running: Running, tmp_path: Path) -> None:
    start = sweep_of(tmp_path, HELD_SWEEP, tmp_path / "out.csv", Axis("n", 0, 4))
    running.post(start)
    first = running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(start)
    second = running.until(lambda snapshot: bool(snapshot.refusal))
    assert (second.job, second.state) == (first.job, JobState.RUNNING)


def test_sweep_started_over_dropped_files_is_a_job_of_its_own(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    running.post(AddInputs((folder,)))
    running.until(lambda snapshot: snapshot.counts.waiting == 3)
    source = "def f(n): return n"
    running.post(sweep_of(tmp_path, source, tmp_path / "out.csv", Axis("n", 0, 4)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.total) == (4, 4)


def test_files_are_not_added_to_a_sweep(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 3)
    running.post(sweep_of(tmp_path, HELD_SWEEP, tmp_path / "out.csv", Axis("n", 0, 4)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(AddInputs((folder,)))
    refused = running.until(lambda snapshot: bool(snapshot.refusal) or snapshot.counts.total > 4)
    assert refused.counts.total == 4


def test_job_cancelled_and_retried_while_workers_start_is_not_paused(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 10)
    running.post(ResizeWorkers(4))
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    for _ in range(4):
        running.until(lambda snapshot: len(snapshot.lanes) >= 4)
        for view in running.engine._pool.views():  # as a system short of memory would
            running.engine._pool.kill(view.worker)
        running.post(CancelJob(), RetryTasks())
    end = running.until(lambda snapshot: snapshot.state in (JobState.FINISHED, JobState.PAUSED))
    assert end.pause_reason == ""
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
