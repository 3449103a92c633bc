"""Jobs on a real engine with real worker processes."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import Running, job_of, own_code
from workers.commands import (
    AddInputs,
    CancelJob,
    ContinueJob,
    OpenJob,
    PauseJob,
    ResizeWorkers,
    RetryTasks,
    StartJob,
)
from workers.engine import Engine
from workers.job import InputFilter, JobSpec, JobState, OnExisting, TaskState
from workers.journal import Journal, list_jobs
from workers.outcome import FailureKind
from workers.snapshot import AttemptEnd, JobSnapshot, MarkerKind, WorkerState

COPY = """
def process(path, output):
    output.write_bytes(path.read_bytes())
"""

# Runs until the file beside the inputs says go; each attempt leaves its process id.
HELD = """
import os, time
def process(path, output):
    (path.parent.parent / f"began-{path.stem}-{os.getpid()}").touch()
    while not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_bytes(path.read_bytes())
"""


def fill(folder: Path, count: int) -> list[str]:
    names = [f"{number:03}.txt" for number in range(count)]
    for name in names:
        (folder / name).write_text(name)
    return names


def outputs_of(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_every_input_ends_once_and_its_output_stands(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 40)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 40
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
    assert sorted(row.name for row in running.ended) == names


def test_crashing_and_raising_inputs_fail_alone(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 20)
    source = """
import os, signal
def process(path, output):
    if path.stem == "003": os.kill(os.getpid(), signal.SIGSEGV)
    if path.stem == "007": os._exit(5)
    if path.stem == "011": raise ValueError("eleven is odd")
    output.write_bytes(path.read_bytes())
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    end = running.until_ended()
    failed = {row.name: row for row in running.ended if row.state is TaskState.FAILED}
    assert end.counts.succeeded == 17
    assert {name: row.failure for name, row in failed.items()} == {
        "003.txt": FailureKind.WORKER_LOST,
        "007.txt": FailureKind.WORKER_LOST,
        "011.txt": FailureKind.OPERATION_FAILED,
    }
    assert "SIGSEGV" in failed["003.txt"].message
    assert "exit 5" in failed["007.txt"].message
    assert failed["011.txt"].message == "ValueError: eleven is odd (own_code.py, line 6)"
    assert "own_code.py" in failed["011.txt"].detail
    assert failed["003.txt"].attempts == 2


def test_killed_worker_costs_nothing_but_a_second_attempt(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 12)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: len(list(tmp_path.glob("began-*"))) == 2)
    victim = next(tmp_path.glob("began-*")).name.rpartition("-")[2]
    os.kill(int(victim), signal.SIGKILL)
    running.until(lambda snapshot: any(m.kind is MarkerKind.CRASHED for m in running.markers))
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.succeeded == 12
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
    assert sorted(row.attempts for row in running.ended) == [1] * 11 + [2]


def test_crash_is_drawn_on_the_lane_that_the_replacement_takes_over(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 6)
    source = """
import os
def process(path, output):
    if path.stem == "002": os._exit(1)
    output.write_bytes(path.read_bytes())
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    ends = [segment.end for segment in running.segments]
    assert ends.count(AttemptEnd.CRASHED) >= 1
    assert {lane.worker for lane in running.last.lanes} <= {1, 2}


def test_task_over_its_deadline_fails_and_the_rest_goes_on(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 6)
    source = """
import time
def process(path, output):
    while path.stem == "002": time.sleep(0.01)
    output.write_bytes(path.read_bytes())
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source), timeout_s=1.5))
    end = running.until_ended()
    late = next(row for row in running.ended if row.state is TaskState.FAILED)
    assert (late.name, late.failure) == ("002.txt", FailureKind.TIMED_OUT)
    assert late.message == "Took longer than 1.5 s."
    assert end.counts.succeeded == 5


def busy_workers(snapshot: JobSnapshot) -> int:
    return sum(lane.state is WorkerState.RUNNING for lane in snapshot.lanes)


def test_resize_takes_effect_while_the_job_runs(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 12)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(ResizeWorkers(4))
    running.until(lambda snapshot: busy_workers(snapshot) == 4)
    running.post(ResizeWorkers(1))
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.succeeded == 12
    texts = [m.text for m in running.markers if m.kind is MarkerKind.RESIZED]
    assert texts == ["2 → 4 workers", "4 → 1 workers"]


def test_paused_job_starts_nothing_until_it_is_continued(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 8)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(PauseJob())
    running.until(lambda snapshot: snapshot.state is JobState.PAUSED)
    (tmp_path / "go").touch()
    still = running.until(lambda snapshot: snapshot.counts.running == 0)
    assert still.counts.ended == 2
    assert still.state is JobState.PAUSED
    running.post(ContinueJob())
    assert running.until_ended().counts.succeeded == 8


def test_cancelled_job_leaves_every_input_with_a_state_and_no_temporary_file(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 30)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(CancelJob())
    end = running.until_ended()
    assert end.state is JobState.CANCELLED
    assert end.counts.cancelled == end.counts.total == 30
    assert list((tmp_path / "out").iterdir()) == []


def test_retry_runs_the_failed_inputs_again(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 5)
    source = """
def process(path, output):
    if not (path.parent.parent / "go").exists():
        raise OSError("not yet")
    output.write_bytes(path.read_bytes())
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    assert running.until_ended().counts.failed == 5
    (tmp_path / "go").touch()
    running.post(RetryTasks())
    end = running.until(lambda snapshot: snapshot.counts.succeeded == 5)
    assert end.counts.failed == 0


def test_failed_input_can_be_retried_while_the_others_run(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    source = """
import time
def process(path, output):
    fixed = path.parent.parent / "fixed"
    if path.stem == "000" and not fixed.exists():
        raise OSError("not yet")
    while path.stem == "003" and not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_bytes(path.read_bytes())
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until(lambda snapshot: snapshot.counts.failed == 1 and snapshot.counts.succeeded == 2)
    (tmp_path / "fixed").touch()
    failed = next(row for row in running.ended if row.state is TaskState.FAILED)
    running.post(RetryTasks((failed.task,)))
    running.until(lambda snapshot: snapshot.counts.succeeded == 3)
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 4


def test_closed_engine_leaves_a_job_that_another_one_finishes(
    running: Running, journals: Path, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 10)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.engine.close()
    (entry,) = list_jobs(journals)
    assert entry.state is JobState.STOPPED
    (tmp_path / "go").touch()
    later = Running(journals, workers=2)
    later.post(OpenJob(entry.job), ContinueJob())
    end = later.until_ended()
    later.engine.close()
    assert end.counts.succeeded == 10
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


def test_existing_output_is_kept_or_renamed_or_replaced_as_said(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    pipeline = own_code(tmp_path, COPY)
    for rule, expected in (
        (OnExisting.SKIP, {"000.txt": "before"}),
        (OnExisting.RENAME, {"000.txt": "before", "000 (2).txt": "000.txt"}),
        (OnExisting.REPLACE, {"000.txt": "000.txt"}),
    ):
        output = tmp_path / rule.value
        output.mkdir()
        (output / "000.txt").write_text("before")
        add, start = job_of(folder, output, pipeline)
        assert isinstance(start, StartJob)
        spec = JobSpec(output, pipeline, on_existing=rule, trusted=start.spec.trusted)
        running = Running(journals, workers=1)
        running.post(add, StartJob(spec))
        running.until_ended()
        running.engine.close()
        assert outputs_of(output) == expected


def test_inputs_that_would_share_an_output_name_are_both_kept(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "A.txt").write_text("upper")
    (folder / "a.txt").write_text("lower")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until_ended()
    assert sorted(outputs_of(tmp_path / "out").values()) == ["lower", "upper"]


def test_own_code_that_was_not_allowed_does_not_run(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    pipeline = own_code(tmp_path, COPY)
    running.post(AddInputs((folder,)), StartJob(JobSpec(tmp_path / "out", pipeline)))
    end = running.until_ended()
    assert end.refusal == "own_code.py has not been allowed to run."
    assert not (tmp_path / "out").exists()


def test_own_code_that_fails_to_import_refuses_the_job_with_its_reason(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    source = "import a_module_that_is_not_there\ndef process(path, output): ...\n"
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    end = running.until_ended()
    assert "a_module_that_is_not_there" in end.refusal
    assert end.counts.failed == 0


def test_output_folder_that_cannot_be_made_refuses_the_job(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    (tmp_path / "out").write_text("a file, not a folder")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    assert str(tmp_path / "out") in running.until_ended().refusal


def test_start_that_was_refused_is_recorded_as_a_draft_and_can_be_made_elsewhere(
    running: Running, journals: Path, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    (tmp_path / "taken").write_text("a file, not a folder")
    running.post(*job_of(folder, tmp_path / "taken", own_code(tmp_path, COPY)))
    running.until_ended()
    running.until(lambda _: list_jobs(journals)[0].state is JobState.DRAFT)
    running.post(job_of(folder, tmp_path / "out", own_code(tmp_path, COPY))[1])
    assert running.until_ended().counts.succeeded == 1


def test_refused_command_leaves_the_engine_in_order(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    running.post(PauseJob())
    running.until(lambda snapshot: snapshot.refusal == "No job is open.")
    fill(folder, 2)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until(lambda snapshot: snapshot.state is JobState.FINISHED)
    assert running.last.refusal == ""


def test_what_a_failing_function_prints_is_in_its_details(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    source = """
import os
def process(path, output):
    print("from print")
    os.write(2, b"from below python\\n")
    input()
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    (row,) = running.ended
    assert row.message.startswith("EOFError")
    assert "from print" in row.detail
    assert "from below python" in row.detail


def test_worker_process_loads_no_qt(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 1)
    source = """
import sys
def process(path, output):
    output.write_text("\\n".join(sorted(sys.modules)))
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    modules = (tmp_path / "out" / "000.txt").read_text().splitlines()
    assert "workers.worker" in modules
    assert [name for name in modules if "PySide6" in name or "shiboken" in name] == []
    assert [name for name in modules if name.startswith("gui_app")] == []


def test_no_process_outlives_the_engine(journals: Path, folder: Path, tmp_path: Path) -> None:
    fill(folder, 4)
    running = Running(journals, workers=2)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    snapshot = running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.engine.close()
    assert not any(psutil.pid_exists(lane.pid) for lane in snapshot.lanes)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_job_goes_on_with_fewer_workers_where_the_system_allows_no_more(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    import resource

    fill(folder, 40)
    used = len(list(Path("/dev/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, hard))
    try:
        running = Running(journals, workers=64)
        running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
        end = running.until_ended()
        running.engine.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert end.counts.succeeded == 40
    assert end.notice == "No more workers can be started: Too many open files."


@pytest.mark.parametrize("workers", [1, 3])
def test_draft_that_was_never_started_leaves_no_record(
    journals: Path, folder: Path, workers: int
) -> None:
    fill(folder, 1)
    engine = Engine(journals, workers=workers)
    engine.post(AddInputs((folder,)))
    while engine.is_busy:
        engine.turn(0.02)
    assert engine.snapshot().counts.waiting == 1
    engine.close()
    assert list(journals.glob("*.sqlite*")) == []


def test_draft_of_a_killed_engine_is_searched_again_when_it_is_opened(
    running: Running, journals: Path, folder: Path
) -> None:
    fill(folder, 3)
    draft = Journal.create(journals, "in")
    draft.set_state(JobState.DRAFT)
    draft.set_inputs((folder,), InputFilter())
    draft.close()
    running.post(OpenJob(draft.job))
    found = running.until(lambda now: now.counts.total == 3 and not now.is_discovering)
    assert (found.state, found.job) == (JobState.DRAFT, draft.job)


def test_retry_after_a_cancel_in_the_middle_of_the_search_finds_the_rest(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.search.BATCHES_AHEAD", 1)  # one batch a turn
    names = fill(folder, 2500)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until(lambda now: now.is_discovering and now.counts.total > 0)
    running.post(CancelJob())
    cancelled = running.until(lambda now: now.state is JobState.CANCELLED)
    assert cancelled.counts.total < len(names)
    assert cancelled.notice == "The search for files was cut short. Retry goes on with it."
    running.post(RetryTasks())
    end = running.until(lambda now: now.state is JobState.FINISHED)
    assert (end.counts.total, end.counts.succeeded) == (len(names), len(names))
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
