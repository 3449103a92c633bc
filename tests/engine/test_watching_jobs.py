"""Jobs that watch their folders, on a real engine with real workers and a real watch."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, HELD, fill
from tests.engine.test_watching import QUICK, write
from workers.commands import (
    AddInputs,
    CancelJob,
    Command,
    ContinueJob,
    OpenJob,
    PauseJob,
    RetryTasks,
    StartJob,
    StopWatching,
)
from workers.engine import Engine
from workers.job import JobState, OnExisting, TaskState
from workers.journal import list_jobs
from workers.snapshot import JobSnapshot

FAIL_ON_BAD = """
def process(path, output):
    if path.read_text() == "bad": raise ValueError("a bad file")
    output.write_bytes(path.read_bytes())
"""


@pytest.fixture(autouse=True)
def _quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.searches.PACE", QUICK)


def watching_job(
    folder: Path, output: Path, pipeline_source: str = COPY, **changes: object
) -> list[Command]:
    """Return the commands that run own code over a folder and watch it."""
    code = folder.parent  # never in the watched folder
    adding, start = job_of(folder, output, own_code(code, pipeline_source))
    assert isinstance(start, StartJob)
    spec = replace(start.spec, is_watching=True, **changes)
    return [adding, StartJob(spec)]


def made_in(output: Path) -> dict[str, str]:
    """Return the outputs; the staging folder stands beside them while the job is open."""
    return {file.name: file.read_text() for file in output.glob("*.txt")}


def rests(done: int) -> Callable[[JobSnapshot], bool]:
    """Return the claim that so many tasks have ended and the job waits for more."""

    def claim(now: JobSnapshot) -> bool:
        is_watching = now.is_watching and not now.is_discovering
        return is_watching and now.counts.ended == now.counts.total == done

    return claim


def test_watching_job_stays_open_and_takes_what_comes(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    running.post(*watching_job(folder, tmp_path / "out"))
    assert running.until(rests(3)).state is JobState.RUNNING
    write(folder / "new.txt", "new")
    now = running.until(rests(4))
    assert (now.state, now.counts.succeeded) == (JobState.RUNNING, 4)
    assert made_in(tmp_path / "out")["new.txt"] == "new"


def test_clock_stands_and_nothing_is_promised_while_the_job_only_watches(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(3))
    before = running.until(rests(3))
    words = running.last.sequence + 20
    after = running.until(lambda now: now.sequence > words)
    assert after.elapsed_s == before.elapsed_s
    assert (after.remaining_s, after.tasks_per_s, after.bytes_per_s) == (None, 0.0, 0.0)


def test_journal_tells_all_as_soon_as_the_job_only_watches(
    running: Running, journals: Path, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(3))
    (entry,) = list_jobs(journals)  # nothing follows that would make a reader look again
    assert entry.counts.succeeded == 3


@pytest.mark.parametrize("on_existing", OnExisting)
@pytest.mark.parametrize("keeps_dates", [False, True])
def test_changed_file_is_run_again_and_replaces_its_own_output(
    running: Running, folder: Path, tmp_path: Path, on_existing: OnExisting, keeps_dates: bool
) -> None:
    write(folder / "a.txt", "first", age_s=60)
    output = tmp_path / "out"
    running.post(*watching_job(folder, output, on_existing=on_existing, keeps_dates=keeps_dates))
    running.until(rests(1))
    write(folder / "a.txt", "second time", age_s=30)
    running.until(lambda now: len(running.ended) > 1)
    now = running.until(rests(1))
    assert made_in(output) == {"a.txt": "second time"}
    assert (now.counts.succeeded, now.bytes_total, now.bytes_out) == (1, 11, 11)


def test_changed_file_replaces_an_output_that_had_to_take_a_number(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    write(output / "a.txt", "was there", age_s=60)
    write(folder / "a.txt", "first", age_s=60)
    running.post(*watching_job(folder, output, on_existing=OnExisting.RENAME))
    running.until(rests(1))
    write(folder / "a.txt", "second time")
    running.until(lambda now: len(running.ended) > 1)
    running.until(rests(1))
    assert made_in(output) == {"a.txt": "was there", "a (2).txt": "second time"}


def test_file_that_changes_while_it_is_worked_on_is_run_again_after_that(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    write(folder / "a.txt", "first", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out", HELD))
    running.until(lambda now: any(tmp_path.glob("began-a-*")) and not now.is_discovering)
    write(folder / "a.txt", "second time")
    running.until(lambda now: has_heard_of_a_change(running.engine))
    (tmp_path / "go").touch()
    running.until(lambda now: len(running.ended) > 1)
    running.until(rests(1))
    assert made_in(tmp_path / "out") == {"a.txt": "second time"}


def has_heard_of_a_change(engine: Engine) -> bool:
    return engine._job is not None and bool(engine._job._changed)


def test_file_that_changes_while_it_waits_is_run_once_as_it_is_then(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):  # two workers: one waits
        write(folder / name, "first", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out", HELD))
    running.until(lambda now: len(list(tmp_path.glob("began-*"))) == 2 and not now.is_discovering)
    write(folder / "c.txt", "second time")
    running.until(lambda now: now.bytes_total == 5 + 5 + 11)
    (tmp_path / "go").touch()
    running.until(rests(3))
    assert made_in(tmp_path / "out")["c.txt"] == "second time"
    assert sorted(row.name for row in running.ended) == ["a.txt", "b.txt", "c.txt"]
    assert {row.size for row in running.ended if row.name == "c.txt"} == {11}


def test_new_file_with_the_inode_of_a_known_one_is_run(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(1))
    (folder / "000.txt").rename(folder / "renamed.txt")
    running.until(rests(2))
    assert sorted(made_in(tmp_path / "out")) == ["000.txt", "renamed.txt"]


def test_deleted_file_keeps_its_output_and_its_row(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(2))
    (folder / "000.txt").unlink()
    write(folder / "new.txt", "new")
    now = running.until(rests(3))
    assert (now.counts.succeeded, len(made_in(tmp_path / "out"))) == (3, 3)


def test_outputs_below_the_watched_folder_are_no_inputs(running: Running, folder: Path) -> None:
    fill(folder, 3)
    running.post(*watching_job(folder, folder / "out"))
    running.until(rests(3))
    write(folder / "new.txt", "new")
    write(folder / "out" / "somebody's.txt", "not an output, but among them")
    running.until(rests(4))
    write(folder / "last.txt", "last")  # by now the output of the one before has settled
    now = running.until(rests(5))
    assert now.counts.succeeded == 5


def test_outputs_in_the_watched_folder_itself_are_no_inputs(running: Running, folder: Path) -> None:
    fill(folder, 3)
    running.post(*watching_job(folder, folder, names="{name}-made"))
    for number, name in enumerate(("new.txt", "next.txt", "last.txt"), 3):
        running.until(rests(number))
        write(folder / name, "new")
    assert running.until(rests(6)).counts.succeeded == 6
    assert len(list(folder.glob("*-made.txt"))) == 6


def test_stop_watching_lets_the_job_finish(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 2)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(2))
    running.post(StopWatching())
    end = running.until_ended()
    assert (end.state, end.is_watching, end.counts.succeeded) == (JobState.FINISHED, False, 2)


def test_stop_watching_before_all_was_found_still_finds_all(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 30)
    running.post(*watching_job(folder, tmp_path / "out"), StopWatching())
    end = running.until_ended()
    assert (end.state, end.counts.succeeded) == (JobState.FINISHED, 30)


def test_stop_watching_is_refused_where_nothing_is_watched(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)), StopWatching())
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "This job does not watch for files."


def test_failures_retried_after_the_watch_has_ended_end_the_job_again(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    write(folder / "a.txt", "bad", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out", FAIL_ON_BAD))
    assert running.until(rests(1)).counts.failed == 1
    running.post(StopWatching())
    running.until_ended()
    write(folder / "a.txt", "good")
    running.post(RetryTasks())
    end = running.until(lambda now: now.counts.succeeded == 1 and now.state.is_ended)
    assert end.state is JobState.FINISHED


def test_file_that_failed_is_run_again_once_it_was_mended(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    write(folder / "a.txt", "bad", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out", FAIL_ON_BAD))
    assert running.until(rests(1)).counts.failed == 1
    write(folder / "a.txt", "good")
    now = running.until(lambda now: now.counts.succeeded == 1)
    assert (now.counts.failed, now.counts.total) == (0, 1)


def test_cancel_ends_a_watching_job(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 2)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(2))
    running.post(CancelJob())
    end = running.until_ended()
    assert (end.state, end.is_watching, end.notice) == (JobState.CANCELLED, False, "")


def test_paused_watching_job_lists_what_comes_and_runs_it_later(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(1))
    running.post(PauseJob())
    write(folder / "new.txt", "new")
    paused = running.until(lambda now: now.counts.waiting == 1)
    assert paused.state is JobState.PAUSED
    running.post(ContinueJob())
    running.until(rests(2))


def test_folder_that_is_added_while_the_job_watches_is_watched_too(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    other = tmp_path / "other"
    write(other / "there.txt", "there", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(2))
    running.post(AddInputs((other,)))
    running.until(rests(3))
    write(other / "new.txt", "new")
    write(folder / "deep" / "new.txt", "new")
    running.until(rests(5))
    running.post(AddInputs((folder / "deep",)))  # is watched already
    running.until(lambda now: now.is_discovering)
    write(folder / "deep" / "last.txt", "last")
    running.until(rests(6))
    assert len(running.ended) == 6


def test_what_came_and_changed_while_the_job_was_stopped_is_found_when_it_goes_on(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    for name in ("changed.txt", "same.txt"):
        write(folder / name, "first", age_s=60)
    before = Running(journals, workers=2)
    before.post(*watching_job(folder, tmp_path / "out"))
    before.until(rests(2))
    before.engine.close()
    write(folder / "changed.txt", "second time", age_s=30)
    write(folder / "new.txt", "new", age_s=30)
    (entry,) = list_jobs(journals)
    assert entry.state is JobState.STOPPED
    again = Running(journals, workers=2)
    again.post(OpenJob(entry.job), ContinueJob())
    again.until(lambda now: rests(3)(now) and len(again.ended) == 2)
    assert sorted(row.name for row in again.ended) == ["changed.txt", "new.txt"]
    assert made_in(tmp_path / "out")["changed.txt"] == "second time"
    write(folder / "later.txt", "later")
    again.until(rests(4))
    again.engine.close()


def test_watch_that_is_killed_begins_again_and_finds_what_changed_meanwhile(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    write(folder / "a.txt", "first", age_s=60)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(1))
    (watch,) = [
        child for child in psutil.Process().children() if "search_program" in str(child.cmdline())
    ]
    os.kill(watch.pid, signal.SIGSTOP)
    write(folder / "a.txt", "second time")
    write(folder / "new.txt", "new")
    watch.kill()
    running.until(rests(2))
    running.until(lambda now: made_in(tmp_path / "out").get("a.txt") == "second time")


def test_watched_folder_that_went_is_named_and_the_job_goes_on_when_it_is_back(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(1))
    unplugged = folder.rename(tmp_path / "unplugged")
    running.until(lambda now: now.notice == "inputs is not there. The job waits for it.")
    write(unplugged / "new.txt", "new")
    unplugged.rename(folder)
    now = running.until(rests(2))
    assert (now.notice, now.counts.succeeded) == ("", 2)


def test_workers_without_work_are_let_go_and_come_again(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.active_job.REST_AFTER_S", 0.2)
    fill(folder, 4)
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(lambda now: rests(4)(now) and not now.lanes)
    write(folder / "new.txt", "new")
    now = running.until(rests(5))
    assert now.counts.succeeded == 5


def test_unfinished_download_is_run_under_its_last_name_only(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    running.post(*watching_job(folder, tmp_path / "out"))
    running.until(rests(0))
    part = write(folder / "photo.txt.part", "half")
    write(part, "half and half").rename(folder / "photo.txt")
    now = running.until(rests(1))
    assert made_in(tmp_path / "out") == {"photo.txt": "half and half"}
    assert {row.state for row in running.ended} == {TaskState.SUCCEEDED}
    assert now.counts.total == 1


def test_outputs_that_took_their_inputs_places_are_not_run_again_until_somebody_saves(
    running: Running, folder: Path
) -> None:
    write(folder / "a.txt", "once", age_s=60)
    source = "def process(path, output): output.write_text(path.read_text() + ' more')"
    running.post(*watching_job(folder, folder, source, is_in_place=True))
    running.until(rests(1))
    write(folder / "new.txt", "new")
    running.until(rests(2))
    write(folder / "last.txt", "last")  # by then the outputs have settled
    running.until(rests(3))
    assert made_in(folder) == {"a.txt": "once more", "new.txt": "new more", "last.txt": "last more"}
    write(folder / "a.txt", "saved")
    running.until(lambda now: len(running.ended) > 3)
    running.until(rests(3))
    write(folder / "end.txt", "end")
    running.until(rests(4))
    assert made_in(folder)["a.txt"] == "saved more"
    assert len(running.ended) == 5
