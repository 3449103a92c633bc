"""What somebody has edited is theirs: no run of the job again writes over it."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, busy_workers, fill, outputs_of
from tests.engine.test_run_again import run_again
from tests.engine.test_watching import QUICK
from tests.engine.test_watching_jobs import watching_job
from workers import searches
from workers.commands import (
    AddInputs,
    CancelJob,
    ClearInputs,
    ContinueJob,
    OpenJob,
    RunAgain,
    StartJob,
)
from workers.errors import JobRefused
from workers.job import JobState, OnExisting, TaskState

BAD_WHEN_BAD = """
def process(path, output):
    if path.read_text() == "bad":
        raise ValueError("bad")
    output.write_bytes(path.read_bytes())
"""


@pytest.fixture(autouse=True)
def _quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "PACE", QUICK)


@pytest.mark.parametrize("on_existing", OnExisting)
def test_edited_output_of_a_changed_input_is_not_written_over(
    running: Running, folder: Path, tmp_path: Path, trash: Path, on_existing: OnExisting
) -> None:
    fill(folder, 3)
    added, start = job_of(folder, tmp_path / "out", own_code(tmp_path, COPY))
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, on_existing=on_existing)))
    running.until_ended()
    (tmp_path / "out" / "001.txt").write_text("retouched by hand")
    (folder / "001.txt").write_text("changed")
    assert run_again(running) == ["001.txt"]
    outputs = outputs_of(tmp_path / "out")
    trashed = [file.read_text() for file in (trash / "files").glob("*")]
    match on_existing:
        case OnExisting.SKIP:
            assert outputs["001.txt"] == "retouched by hand"
        case OnExisting.RENAME:
            assert outputs["001.txt"] == "retouched by hand"
            assert outputs["001 (2).txt"] == "changed"
        case OnExisting.REPLACE:
            assert outputs["001.txt"] == "changed"
            assert trashed == ["retouched by hand"]


def test_edited_output_is_left_alone_when_a_stopped_job_goes_on(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 40)
    slow = "import time\n" + COPY.replace("output.write", "time.sleep(0.05); output.write")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, slow)))
    job = running.until(lambda now: now.counts.succeeded >= 4).job
    assert job is not None
    running.post(ClearInputs())
    running.until(lambda now: now.job is None)
    (tmp_path / "out" / "000.txt").write_text("retouched by hand")
    running.post(OpenJob(job), ContinueJob())
    assert running.until_ended().counts.succeeded == 40
    assert outputs_of(tmp_path / "out")["000.txt"] == "retouched by hand"


def test_output_is_made_anew_after_an_attempt_in_between_has_failed(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    """With the date of its input, an output cannot be told as the job's own by its time."""
    fill(folder, 2)
    added, start = job_of(folder, tmp_path / "out", own_code(tmp_path, BAD_WHEN_BAD))
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, keeps_dates=True)))
    running.until_ended()
    (folder / "001.txt").write_text("bad")
    run_again(running)
    assert running.last.counts.failed == 1
    (folder / "001.txt").write_text("good again")
    os.utime(folder / "001.txt", ns=(10**9, 10**9))
    run_again(running)
    assert running.last.counts.failed == 0
    assert outputs_of(tmp_path / "out")["001.txt"] == "good again"


def test_folder_dropped_into_a_job_in_place_brings_no_file_twice(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "sub").mkdir()
    fill(folder / "sub", 2)
    fill(folder, 6)
    code = """
import time
def process(path, output):
    while path.stem == "005" and not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_text(path.read_text() + "!")
"""
    added, start = job_of(folder, folder, own_code(tmp_path, code))
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, is_in_place=True)))
    running.until(lambda now: now.counts.succeeded == 7)
    running.post(AddInputs((folder / "sub",)))
    running.until(lambda now: now.is_discovering)
    running.until(lambda now: not now.is_discovering)
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.total == end.counts.succeeded == 8
    running.until(lambda _: not running.engine.is_busy)
    assert (folder / "sub" / "000.txt").read_text() == "000.txt!"


def test_refused_start_of_a_watch_leaves_a_draft_that_can_be_started(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    added, start = watching_job(folder, blocked / "out")
    running.post(added, start)
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.state is JobState.DRAFT
    running.until(lambda _: not running.engine._searches)
    assert isinstance(start, StartJob)
    running.post(StartJob(replace(start.spec, output=tmp_path / "out", is_watching=False)))
    running.until(lambda now: now.state is JobState.RUNNING or now.state.is_ended)
    assert running.until_ended().counts.succeeded == 2


def test_watch_that_cannot_be_begun_again_says_so_and_the_job_ends(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 2)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(lambda now: now.is_resting and now.counts.succeeded == 2)

    def refuse(*_arguments: object, **_choices: object) -> None:
        raise JobRefused("No search can be started: no memory.")

    monkeypatch.setattr(searches.Searches, "begin", refuse)
    for search in running.engine._searches._running:
        assert search._process is not None
        search._process.kill()
    end = running.until_ended()
    assert end.state is JobState.FINISHED
    assert end.notice == "The search for files ended before its time. Retry goes on with it."


def test_cancelled_watch_leaves_nothing_waiting(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    held = """
import time
def process(path, output):
    (path.parent.parent / "began").touch()
    while True:
        time.sleep(0.01)
"""
    running.post(*watching_job(folder, tmp_path / "out", held))
    running.until(lambda now: busy_workers(now) == 1 and (tmp_path / "began").exists())
    (folder / "000.txt").write_text("changed while it runs")
    job = running.engine._job
    assert job is not None
    running.until(lambda _: bool(job._changed))
    running.post(CancelJob())
    running.until_ended()
    settled = running.until(lambda now: not now.lanes)
    assert (settled.state, settled.counts.cancelled) == (JobState.CANCELLED, 1)
    assert settled.counts.waiting == 0


def test_job_runs_again_once_its_originals_are_in_the_trash(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    fill(folder, 3)
    louder = COPY + "    output.write_text(output.read_text() + '!')\n"
    added, start = job_of(folder, folder, own_code(tmp_path, louder))
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, is_in_place=True)))
    ended = running.until_ended()
    assert running.engine.is_busy
    running.post(RunAgain())
    running.until(lambda now: now.notice == "Nothing is new or has changed since.")
    assert ended.counts.succeeded == 3
    assert len(list((trash / "files").iterdir())) == 3
    assert all(row.state is TaskState.SUCCEEDED for row in running.ended)
