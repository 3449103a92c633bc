"""Undoing a job that the engine has open, or opens for it."""

import sys
import threading
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, HELD, busy_workers, fill, outputs_of
from workers import disk
from workers.commands import ClearInputs, ResizeWorkers, RetryTasks, UndoJob
from workers.job import JobState

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]


def test_job_is_undone_step_by_step_and_can_be_run_again(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    names = fill(folder, 50)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    job = running.until_ended().job
    assert job is not None
    running.post(ClearInputs(), UndoJob(job))
    undone = running.until(lambda now: now.state is JobState.CANCELLED)
    assert undone.notice == "50 outputs moved to the trash."
    assert (undone.counts.cancelled, undone.counts.succeeded, undone.bytes_out) == (50, 0, 0)
    assert outputs_of(tmp_path / "out") == {}
    assert len(list((trash / "files").iterdir())) == 50
    running.post(RetryTasks())
    end = running.until(lambda now: now.state is JobState.FINISHED)
    assert end.counts.succeeded == 50
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


def test_job_that_runs_cannot_be_undone(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    job = running.until(lambda now: busy_workers(now) == 2).job
    assert job is not None
    running.post(UndoJob(job))
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "Only a job that is over can be undone."
    assert refused.state is JobState.RUNNING


def test_trash_that_refuses_leaves_the_rest_as_it_is(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    job = running.until_ended().job
    assert job is not None

    def refuse(_step: str) -> None:
        raise PermissionError("no trash on this disk")

    monkeypatch.setattr(disk, "failpoint", refuse)
    running.post(UndoJob(job))
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "The job could not be undone to its end: no trash on this disk"
    assert len(outputs_of(tmp_path / "out")) == 3


def test_trash_that_does_not_answer_holds_nothing_but_the_undoing(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    job = running.until_ended().job
    assert job is not None
    answers, asked = threading.Event(), threading.Event()

    def hang(_step: str) -> None:
        asked.set()
        answers.wait(60.0)

    monkeypatch.setattr(disk, "failpoint", hang)
    running.post(UndoJob(job), ResizeWorkers(1))
    before = running.until(lambda _now: asked.is_set())
    running.until(lambda now: now.sequence > before.sequence + 3)
    assert len(outputs_of(tmp_path / "out")) == 3
    answers.set()
    undone = running.until(lambda now: now.state is JobState.CANCELLED)
    assert undone.notice == "3 outputs moved to the trash."
    running.until(lambda now: now.workers_target == 1)
