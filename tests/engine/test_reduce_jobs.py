"""Jobs whose last step makes one file of all inputs."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Running
from workers.command_line.events import task_line
from workers.commands import (
    AddInputs,
    CancelJob,
    ContinueJob,
    PauseJob,
    RetryTasks,
    RunAgain,
    StartJob,
    UndoJob,
)
from workers.discarding import forget
from workers.job import JobSpec, JobState, OnExisting, Pipeline, Step, TaskState
from workers.journal import JournalReader, journal_path
from workers.operations.user_function import digest
from workers.partials import partials_folder
from workers.report import SUFFIXES, write_report
from workers.snapshot import RowQuery

MERGE = Pipeline("Merge", (Step("tables.merge", {"file_column": "file"}),))
NEEDS_MENDED = """
def process(path, output):
    if path.stem == "b" and not (path.parent.parent / "mended").exists():
        raise ValueError("not yet")
    output.write_bytes(path.read_bytes())
"""
# In its place, one file waits for the other to be mended.
HELD_UNTIL_MENDED = """
import threading
def process(path, output):
    mended = path.parent.parent / "mended"
    if path.stem == "b" and not mended.exists():
        raise ValueError("not yet")
    while not mended.exists():
        threading.Event().wait(0.01)
    output.write_bytes(path.read_bytes())
"""
# Waits for somebody to make the file `gate`, which nobody does.
WAITS = """
import threading
def process(path, output):
    threading.Event().wait(60)
"""


def fill(folder: Path, **rows: str) -> None:
    for name, row in rows.items():
        (folder / f"{name}.csv").write_text(f"n\n{row}\n")


def merge(running: Running, folder: Path, output: Path, code: str = "", **choices: object) -> None:
    """Start a job that merges the tables of a folder, after own code where there is some."""
    pipeline, trusted = MERGE, tuple[str, ...]()
    if code:
        file = folder.parent / "own_code.py"
        file.write_text(code)
        own = Step("user.process", {"output_suffix": ".csv"}, file)
        pipeline, trusted = Pipeline("Merge", (own, *MERGE.steps)), (digest(file),)
    spec = JobSpec(output, pipeline, trusted=trusted, **choices)  # type: ignore[arg-type]  # theirs
    running.post(AddInputs((folder,)), StartJob(spec))


def again(running: Running) -> None:
    """Run the job again and wait for its end."""
    running.ended.clear()
    running.post(RunAgain())
    running.until(lambda now: now.state is JobState.RUNNING or bool(now.refusal))
    running.until_ended()


def last_row(running: Running) -> tuple[TaskState, str]:
    row = running.ended[-1]
    assert row.name == "merged.csv"
    assert row.path is None
    return row.state, row.message


def test_tables_are_merged_in_their_order_and_failed_ones_are_named(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b10="2", b9="3")
    (folder / "deep").mkdir()
    fill(folder / "deep", a="4")
    (folder / "broken.parquet").write_bytes(b"PAR1 no table")
    (folder / "readme.txt").write_text("no table")
    (folder / "photo.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    merge(running, folder, tmp_path / "out")
    counts = running.until_ended().counts
    merged = (tmp_path / "out" / "merged.csv").read_text()
    assert merged == "file,n\na.csv,1\nb9.csv,3\nb10.csv,2\ndeep/a.csv,4\n"
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["merged.csv"]
    assert (counts.succeeded, counts.failed) == (5, 1)
    assert counts.total == len({row.task for row in running.ended}) == len(running.ended) == 8
    words = "Left out, since they failed: broken.parquet (1 file)."
    assert last_row(running) == (TaskState.SUCCEEDED, words)
    assert running.last.bytes_out == len(merged)


def test_no_report_or_event_lists_what_is_left_of_an_input_alone(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out")
    job = running.until_ended().job
    assert job is not None
    merged = tmp_path / "out" / "merged.csv"
    events = [json.loads(task_line(row))["outputs"] for row in running.ended]
    assert events == [[], [], [str(merged)]]
    journals = running.engine._journals
    with closing(JournalReader(journal_path(journals, job))) as reader:
        rows = reader.rows(RowQuery(0, 10)).rows
        assert reader.tasks([row.task for row in rows]) == rows
        assert [row.outputs for row in rows] == [(), (), (merged,)]
        for suffix in SUFFIXES:
            write_report(reader.entry(), rows, tmp_path / f"report{suffix}")
            assert str(journals) not in (tmp_path / f"report{suffix}").read_text()


def test_new_changed_and_mended_files_make_the_one_output_anew(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2", c="3")
    merge(running, folder, tmp_path / "out", NEEDS_MENDED)
    running.until_ended()
    assert (tmp_path / "out" / "merged.csv").read_text() == "file,n\na.csv,1\nc.csv,3\n"
    (tmp_path / "mended").touch()
    fill(folder, a="edited", aa="new")
    again(running)
    wanted = "file,n\na.csv,edited\naa.csv,new\nb.csv,2\nc.csv,3\n"
    assert (tmp_path / "out" / "merged.csv").read_text() == wanted
    assert sorted(row.name for row in running.ended) == ["a.csv", "aa.csv", "b.csv", "merged.csv"]
    assert running.last.counts.succeeded == running.last.counts.total == 5
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["merged.csv"]


def test_a_retried_file_joins_the_output(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out", NEEDS_MENDED)
    running.until_ended()
    (tmp_path / "mended").touch()
    running.post(RetryTasks(()))
    running.until(lambda now: now.state is JobState.RUNNING)
    running.until_ended()
    assert (tmp_path / "out" / "merged.csv").read_text() == "file,n\na.csv,1\nb.csv,2\n"
    assert last_row(running) == (TaskState.SUCCEEDED, "")


def test_a_file_retried_while_others_run_is_waited_for(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out", HELD_UNTIL_MENDED)
    running.until(lambda now: now.counts.failed == 1 and now.counts.total == 3)
    (failed,) = running.ended
    running.post(RetryTasks((failed.task,)))
    running.until(lambda now: not now.counts.failed)
    (tmp_path / "mended").touch()
    running.until_ended()
    assert (tmp_path / "out" / "merged.csv").read_text() == "file,n\na.csv,1\nb.csv,2\n"
    assert last_row(running) == (TaskState.SUCCEEDED, "")


def test_a_later_job_reads_only_what_is_new_or_changed(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out")
    first = running.until_ended().job
    merge(running, folder, tmp_path / "out")
    running.until(lambda now: now.job not in (None, first))
    assert running.until_ended().counts.skipped == 3
    assert last_row(running)[0] is TaskState.SKIPPED
    again(running)  # the output is still that of the first job, not to be undone with this one
    assert last_row(running)[0] is TaskState.SKIPPED
    fill(folder, a="edited")
    second = running.last.job
    merge(running, folder, tmp_path / "out")
    running.until(lambda now: now.job not in (None, first, second))
    counts = running.until_ended().counts
    assert (counts.succeeded, counts.skipped) == (2, 1)
    assert (tmp_path / "out" / "merged.csv").read_text() == "file,n\na.csv,edited\nb.csv,2\n"
    # What was read is forgotten with the last job that can use it.
    journals = running.engine._journals
    for job in (first, second):
        assert job is not None
        forget(journals, job)
    assert len(list(journals.glob("partials/*/*.parquet"))) == 2
    assert running.last.job is not None
    running.engine.close()
    forget(journals, running.last.job)
    assert not list(journals.glob("partials/*"))


@pytest.mark.skipif(os.name == "nt", reason="needs a pipe with a name")
def test_the_engine_goes_on_while_the_list_of_partials_is_written(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2")
    spec = JobSpec(tmp_path / "out", MERGE)
    running.post(AddInputs((folder,)))
    job = running.until(lambda now: now.counts.total == 2 and not now.is_discovering).job
    assert job is not None
    place = partials_folder(running.engine._journals, job, spec)
    assert place is not None
    place.mkdir(parents=True)
    held = place / f".{job}-list"
    os.mkfifo(held)  # the list is not written before somebody reads it
    running.post(StartJob(spec))
    running.until(lambda now: (now.counts.succeeded, now.counts.total) == (2, 3))
    running.post(PauseJob())
    running.until(lambda now: now.state is JobState.PAUSED)
    assert len(held.read_bytes()) > 100
    held.unlink()  # a list that is lost is written again
    running.post(ContinueJob())
    running.until_ended()
    assert (tmp_path / "out" / "merged.csv").read_text() == "file,n\na.csv,1\nb.csv,2\n"
    assert not held.exists()


@pytest.mark.parametrize(
    ("on_existing", "wanted"),
    [
        (OnExisting.SKIP, {"merged.csv": "theirs"}),
        (OnExisting.RENAME, {"merged.csv": "theirs", "merged (2).csv": "file,n\na.csv,1\n"}),
        (OnExisting.REPLACE, {"merged.csv": "file,n\na.csv,1\n"}),
    ],
)
def test_a_file_of_before_is_dealt_with_as_chosen(
    running: Running,
    folder: Path,
    tmp_path: Path,
    trash: Path,
    on_existing: OnExisting,
    wanted: dict[str, str],
) -> None:
    fill(folder, a="1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "merged.csv").write_text("theirs")
    merge(running, folder, tmp_path / "out", on_existing=on_existing)
    running.until_ended()
    found = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert found == wanted


def test_an_output_that_somebody_edited_is_theirs(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1")
    merge(running, folder, tmp_path / "out")
    running.until_ended()
    (tmp_path / "out" / "merged.csv").write_text("edited")
    fill(folder, b="2")
    again(running)
    words = "An output with this name was there already; it was kept."
    assert last_row(running) == (TaskState.SKIPPED, words)
    assert (tmp_path / "out" / "merged.csv").read_text() == "edited"


def test_a_cancelled_job_makes_nothing_until_it_is_retried(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out", WAITS)
    running.until(lambda now: now.counts.running == 2)
    running.post(CancelJob())
    assert running.until_ended().counts.succeeded == 0
    assert not list((tmp_path / "out").iterdir())
    assert not [row for row in running.ended if row.state is not TaskState.CANCELLED]


def test_an_undone_job_leaves_nothing(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    fill(folder, a="1", b="2")
    merge(running, folder, tmp_path / "out")
    job = running.until_ended().job
    assert job is not None
    running.post(UndoJob(job))
    undone = running.until(lambda now: now.state is JobState.CANCELLED)
    assert undone.notice == "1 output moved to the trash."
    assert undone.counts.cancelled == 3
    assert not list((tmp_path / "out").iterdir())
    assert not list(running.engine._journals.glob("partials/*/*.parquet"))


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"is_in_place": True}, "Merge tables makes one file of all"),
        ({"is_watching": True}, "Merge tables needs all files before it begins"),
        ({"names": "{name}"}, "Merge tables names its file itself"),
    ],
)
def test_what_cannot_be_with_one_output_is_refused(
    running: Running, folder: Path, tmp_path: Path, choices: dict[str, Any], words: str
) -> None:
    fill(folder, a="1")
    merge(running, folder, tmp_path / "out", **choices)
    assert running.until_ended().refusal.startswith(words)
    assert not (tmp_path / "out").exists()


def test_when_every_file_fails_nothing_is_made(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.csv").touch()
    merge(running, folder, tmp_path / "out")
    running.until_ended()
    words = "There is nothing to put together: no file could be used."
    assert last_row(running) == (TaskState.SKIPPED, words)
    assert not list((tmp_path / "out").iterdir())
