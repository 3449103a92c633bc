"""The journal in a real SQLite file: what the engine tells it is what it says again."""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from workers.errors import JournalError
from workers.found_files import FoundFile
from workers.job import (
    Axis,
    InputFilter,
    JobSpec,
    JobState,
    Kind,
    OnExisting,
    Pipeline,
    Step,
    Sweep,
    TaskId,
    TaskState,
    WorkerId,
)
from workers.journal import Journal, JournalReader, journal_path
from workers.outcome import Failure, FailureKind, Outcome, OutputCheck, Skip, Success
from workers.snapshot import Counts, RowQuery

ROOT = Path("/in/Holiday")
WORKER = WorkerId(1)
BAD = Failure(FailureKind.BAD_INPUT, "Not a readable JPEG (file ends early).", "Traceback")

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no UTF-8")


def file(name: str, *, size: int = 100, problem: str = "", root: Path = ROOT) -> FoundFile:
    return FoundFile(root, name, size, 1_700_000_000, Kind.IMAGE, problem)


def files(count: int) -> list[FoundFile]:
    return [file(f"{number}.jpg", size=number) for number in range(1, count + 1)]


def end(journal: Journal, task: int, outcome: Outcome | None, seconds: float = 0.5) -> bool:
    return journal.ended(TaskId(task), outcome, 1, seconds, WORKER)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path, "Holiday in Málaga")) as journal:
        yield journal


def reopened(journal: Journal) -> closing[Journal]:
    journal.close()
    return closing(Journal.open(journal.path))


def test_a_job_id_sorts_by_time_and_is_a_plain_file_name(journal: Journal, tmp_path: Path) -> None:
    assert journal.job.isascii()
    assert "holiday-in-m-laga" in journal.job
    assert journal.path == journal_path(tmp_path, journal.job)


def test_what_a_job_does_is_read_back_as_it_was(journal: Journal) -> None:
    step = Step("images.resize", {"width": 800, "is_sharp": True, "blur": 0.5, "mode": "fit"})
    own = Step("user.process", {}, Path(os.fsdecode(b"/code/caf\xe9.py")))
    spec = JobSpec(
        Path("/out"),
        Pipeline("Shrink", (step, own), "Sentence.", "shrink"),
        on_existing=OnExisting.RENAME,
        timeout_s=1.5,
        trusted=("ab",),
    )
    paths = (Path("/in"), Path(os.fsdecode(b"/in/\xff")))
    journal.set_spec(spec)
    journal.set_inputs(paths, InputFilter(include=("*.jpg",)))
    journal.set_elapsed(12.5)
    journal.set_discovered(True)
    journal.set_state(JobState.PAUSED)
    journal.rename("New name")

    with reopened(journal) as again:
        assert again.spec() == spec
        assert again.inputs() == (paths, InputFilter(include=("*.jpg",)))
        assert (again.elapsed(), again.is_discovered()) == (12.5, True)
        assert again.state() is JobState.PAUSED
        assert again.name == "New name"


def test_a_sweep_keeps_whole_numbers_whole(journal: Journal) -> None:
    spec = JobSpec(
        Path("/out.csv"),
        sweep=Sweep(Path("/f.py"), "f", (Axis("a", 0, 10), Axis("b", 0.0, 1.0, 0.5))),
    )
    journal.set_spec(spec)

    with reopened(journal) as again:
        found = again.spec()

    assert found == spec
    assert found is not None
    assert found.sweep is not None
    assert [type(axis.stop) for axis in found.sweep.axes] == [int, float]


def test_a_journal_knows_when_its_job_was_made(tmp_path: Path) -> None:
    before = time.time_ns()
    with closing(Journal.create(tmp_path, "Now")) as journal:
        assert before - 1_000 <= journal.created_ns <= time.time_ns() + 1_000
    with reopened(journal) as again:
        assert again.created_ns <= time.time_ns()


def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert (journal.state(), journal.spec(), journal.counts()) == (JobState.EMPTY, None, Counts())
    assert journal.inputs() == ((), InputFilter())
    assert journal.waiting(TaskId(0), 10) == []


def test_waiting_tasks_come_by_id_and_only_once_asked(journal: Journal) -> None:
    journal.add_files(files(5))
    journal.dispatched(TaskId(2), 1)

    first = journal.waiting(TaskId(0), 2)
    rest = journal.waiting(first[-1].task, 10)

    assert [task.task for task in (*first, *rest)] == [1, 3, 4, 5]
    assert first[0].path == ROOT / "1.jpg"
    assert (first[0].root, first[0].relative) == (ROOT, Path("1.jpg"))
    assert (first[0].size, first[0].mtime_ns, first[0].kind) == (1, 1_700_000_000, Kind.IMAGE)
    assert not first[0].was_dispatched


def test_a_file_with_a_problem_is_skipped_with_its_sentence(journal: Journal) -> None:
    journal.add_files([file("a.jpg"), file("pipe", problem="Not a regular file.")])

    row = journal.task(TaskId(2))

    assert journal.counts() == Counts(waiting=1, skipped=1)
    assert (row.state, row.message) == (TaskState.SKIPPED, "Not a regular file.")


@needs_linux
def test_names_that_are_no_utf8_come_back_byte_for_byte(journal: Journal) -> None:
    raw = os.fsdecode(b"caf\xe9\n\x1b[31m.jpg")
    looks_alike = "caf\\xe9\\x0a\\x1b[31m.jpg"
    journal.add_files([file(raw), file(looks_alike)])
    journal.plan(TaskId(1), Path("/out") / raw)
    end(journal, 1, Success((Path("/out") / raw,), 5, f"odd {raw}"))

    with reopened(journal) as again:
        first, second = again.task(TaskId(1)), again.task(TaskId(2))
        assert (first.path, second.path) == (ROOT / raw, ROOT / looks_alike)
        assert first.outputs == (Path("/out") / raw,)
        assert list(again.planned()) == [Path("/out") / raw]
        assert first.name == second.name == looks_alike


@pytest.mark.parametrize(
    ("outcome", "state", "message"),
    [
        (Success((Path("/out/1.jpg"),), 40), TaskState.SUCCEEDED, ""),
        (
            Success((Path("/out/1.jpg"),), 40, "Colours were lost."),
            TaskState.SUCCEEDED,
            "Colours were lost.",
        ),
        (BAD, TaskState.FAILED, BAD.message),
        (Skip("It was there."), TaskState.SKIPPED, "It was there."),
        (None, TaskState.CANCELLED, ""),
    ],
)
def test_an_outcome_is_read_back_as_a_row(
    journal: Journal, outcome: Outcome | None, state: TaskState, message: str
) -> None:
    journal.add_files(files(1))
    journal.dispatched(TaskId(1), 1)
    assert journal.ended(TaskId(1), outcome, 2, 0.25, WORKER)

    with reopened(journal) as again:
        row = again.task(TaskId(1))

    assert (row.state, row.message, row.attempts, row.seconds) == (state, message, 2, 0.25)
    if isinstance(outcome, Success):
        assert (row.outputs, row.bytes_out) == (outcome.outputs, 40)
        assert row.has_warning is bool(message)
    if isinstance(outcome, Failure):
        assert (row.failure, row.detail) == (FailureKind.BAD_INPUT, "Traceback")


def test_a_long_detail_is_cut_in_the_middle(journal: Journal) -> None:
    journal.add_files(files(1))
    end(
        journal, 1, Failure(FailureKind.OPERATION_FAILED, "m\udce9", "first" + "x" * 10**6 + "last")
    )

    row = journal.task(TaskId(1))

    assert len(row.detail) < 17_000
    assert row.detail.startswith("first")
    assert row.detail.endswith("last")


def test_a_task_ends_once(journal: Journal) -> None:
    journal.add_files(files(1))

    assert end(journal, 1, BAD)
    assert not end(journal, 1, Success())
    journal.commit()
    assert not end(journal, 1, None)
    journal.requeue(TaskId(1), 1)
    journal.dispatched(TaskId(1), 2)

    assert journal.task(TaskId(1)).state is TaskState.FAILED
    assert journal.counts() == Counts(failed=1)


def test_counts_and_sums_follow_every_change(journal: Journal) -> None:
    journal.add_files(files(5))  # sizes 1 to 5
    for task in (1, 2, 3):
        journal.dispatched(TaskId(task), 1)
    end(journal, 1, Success((), 70, "Careful."))
    end(journal, 2, BAD)
    journal.requeue(TaskId(3), 1)

    assert journal.counts() == Counts(waiting=3, succeeded=1, failed=1)
    assert journal.totals() == (15, 3, 70, 1)
    with reopened(journal) as again:
        assert again.counts() == Counts(waiting=3, succeeded=1, failed=1)
        assert again.totals() == (15, 3, 70, 1)
        assert again.cancel_waiting() == 3
        assert again.counts() == Counts(succeeded=1, failed=1, cancelled=3)
        assert again.totals() == (15, 15, 70, 1)
        assert again.retry(()) == 4
        assert again.counts() == Counts(waiting=4, succeeded=1)
        assert again.totals() == (15, 1, 70, 1)


def test_retried_tasks_wait_as_if_they_had_never_run(journal: Journal) -> None:
    journal.add_files(files(3))
    journal.dispatched(TaskId(1), 1)
    journal.plan(TaskId(1), Path("/out/1.jpg"))
    for task in (1, 2):
        end(journal, task, BAD)
    end(journal, 3, Success())

    assert journal.retry([TaskId(1), TaskId(3)]) == 1

    (again,) = journal.waiting(TaskId(0), 10)
    row = journal.task(TaskId(1))
    assert (again.task, again.attempts, again.planned) == (1, 0, Path("/out/1.jpg"))
    assert again.was_dispatched
    assert (row.message, row.detail, row.failure, row.seconds) == ("", "", None, 0)


def test_what_ran_at_a_crash_waits_again_and_says_so(journal: Journal) -> None:
    journal.add_files(files(3))
    journal.dispatched(TaskId(1), 1)
    journal.dispatched(TaskId(2), 1)
    end(journal, 2, Success())

    with reopened(journal) as again:
        assert again.counts() == Counts(waiting=1, running=1, succeeded=1)
        assert again.reopen_running() == 1
        assert [(task.task, task.was_dispatched) for task in again.waiting(TaskId(0), 9)] == [
            (1, True),
            (3, False),
        ]


def test_a_search_that_starts_again_after_a_resume_adds_no_file_twice(journal: Journal) -> None:
    journal.add_files([file("a.jpg"), file("a.jpg", root=Path("/other"))])

    with reopened(journal) as again:
        added = again.add_files([file("a.jpg"), file("b.jpg"), file("a.jpg", root=Path("/other"))])
        assert list(added) == [file("b.jpg")]
        assert not again.add_files([file("b.jpg")])
        assert again.counts().total == 3
        assert again.roots() == (ROOT, Path("/other"))


def test_a_blocks_points_are_counted_each(journal: Journal) -> None:
    journal.add_blocks([("0 to 9", 0, 10), ("10 to 19", 10, 10), ("20 to 24", 20, 5)])
    end(journal, 1, Success(values=b"abc", failed_points=3))
    end(journal, 2, BAD)
    journal.dispatched(TaskId(3), 1)

    assert journal.counts() == Counts(running=5, succeeded=7, failed=13)
    row = journal.task(TaskId(1))
    assert (row.state, row.points, row.failed_points) == (TaskState.FAILED, 10, 3)
    assert row.message == "3 of 10 points have no result."
    with reopened(journal) as again:
        assert again.counts() == Counts(running=5, succeeded=7, failed=13)


def test_values_come_in_the_order_of_their_points(journal: Journal) -> None:
    journal.add_blocks([("a", 0, 2), ("b", 2, 2), ("c", 4, 2)])
    for task, values in ((3, b"cc"), (1, b"aa"), (2, b"bb")):
        end(journal, task, Success(values=values, failed_points=task == 2))

    assert list(journal.values()) == [(0, 2, b"aa"), (2, 2, b"bb"), (4, 2, b"cc")]
    assert journal.retry(()) == 1
    assert list(journal.values()) == [(0, 2, b"aa"), (4, 2, b"cc")]
    assert journal.counts() == Counts(waiting=2, succeeded=4)
    (again,) = journal.waiting(TaskId(0), 9)
    assert (again.path, again.first_point, again.points) == (None, 2, 2)


def test_a_disk_that_refuses_keeps_what_is_buffered(journal: Journal) -> None:
    journal.add_files(files(2))
    end(journal, 1, BAD)
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as blocker:
        journal._connection.execute("PRAGMA busy_timeout = 0")
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="cannot be written"):
            journal.commit()
        with pytest.raises(JournalError, match="cannot be written"):
            journal.add_files(files(3))
        blocker.execute("ROLLBACK")

    journal.commit()

    with reopened(journal) as again:
        assert again.counts() == Counts(waiting=1, failed=1)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of a file, and reads /proc")
def test_a_journal_that_the_disk_does_not_take_leaves_no_file_open(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(JournalError) as caught:
            Journal.create(tmp_path, "Full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    opened = [file.path for file in psutil.Process().open_files()]
    assert [path for path in opened if Path(path).is_relative_to(tmp_path)] == []
    # Its traceback keeps alive what was forgotten, so that counting references closes nothing.
    assert "cannot be written" in str(caught.value)


def test_journal_of_the_first_format_is_read_and_goes_on(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "old")
    journal.add_files(files(2))
    journal.close()
    with closing(sqlite3.connect(journal.path)) as connection:
        for added in ("task.checks", "task.ended_s", "job.fingerprint", "job.version"):
            table, _, column = added.partition(".")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
    reader = JournalReader(journal.path)
    assert list(reader.made_outputs()) == []
    assert len(reader.rows(RowQuery(0, 10)).rows) == 2
    reader.close()
    again = Journal.open(journal.path)
    check = OutputCheck(3, 4, "5" * 64)
    again.ended(TaskId(1), Success((Path("/out/a"),), 3, checks=(check,)), 1, 0.1, WorkerId(1))
    again.close()
    reader = JournalReader(journal.path)
    (made,) = reader.made_outputs()
    assert (made.output, made.check) == (Path("/out/a"), check)
    reader.close()
