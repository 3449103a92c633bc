"""Rows and the list of jobs, read beside the journal's writer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from workers.errors import JournalError
from workers.found_files import FoundFile
from workers.job import (
    JobSpec,
    JobState,
    Kind,
    Pipeline,
    TaskId,
    TaskState,
    WorkerId,
)
from workers.journal import Journal, JournalReader, discard, discard_drafts, list_jobs
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.snapshot import RowQuery, RowSort

ROOT = Path("/in/Holiday")
WORKER = WorkerId(1)
BAD = Failure(FailureKind.BAD_INPUT, "Not a readable JPEG (file ends early).", "Traceback")


def file(name: str, *, size: int = 100, problem: str = "", root: Path = ROOT) -> FoundFile:
    return FoundFile(root, name, size, 1_700_000_000, Kind.IMAGE, problem)


def end(journal: Journal, task: int, outcome: Outcome | None, seconds: float = 0.5) -> bool:
    return journal.ended(TaskId(task), outcome, 1, seconds, WORKER)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path, "Holiday in Málaga")) as journal:
        yield journal


@pytest.fixture
def mixed(journal: Journal) -> Journal:
    """Return ten tasks: 2 and 5 failed, 3 skipped, 7 runs, 9 succeeded, the rest waits."""
    names = ["b", "a", "C", "d", "e_1", "e%2", "ÉTÉ", "h", "i", "j"]
    journal.add_files([file(f"{name}.jpg", size=100 - n) for n, name in enumerate(names)])
    for task in (2, 5):
        end(journal, task, BAD, seconds=task)
    end(journal, 3, Skip("No."))
    journal.dispatched(TaskId(7), 1)
    end(journal, 9, Success((Path("/out/i.jpg"),), 50))
    journal.commit()
    return journal


def ids(journal: Journal, query: RowQuery) -> list[int]:
    """Return the ids of a page, asked twice: the second answer comes from the kept order."""
    with closing(JournalReader(journal.path)) as reader:
        first, second = reader.rows(query), reader.rows(query)
    assert first == second
    return [row.task for row in first.rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (RowQuery(0, 100), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (RowQuery(3, 2), [4, 5]),
        (RowQuery(8, 5), [9, 10]),
        (RowQuery(20, 5), []),
        (RowQuery(0, 3, is_descending=True), [10, 9, 8]),
        (RowQuery(8, 5, is_descending=True), [2, 1]),
        (RowQuery(0, 9, (TaskState.FAILED,)), [2, 5]),
        (RowQuery(1, 9, (TaskState.FAILED, TaskState.SKIPPED)), [3, 5]),
        (RowQuery(0, 9, text="E"), [5, 6]),
        (RowQuery(0, 9, text="e_"), [5]),
        (RowQuery(0, 9, text="%"), [6]),
        (RowQuery(0, 9, text="été"), [7]),
        (RowQuery(0, 9, text="\udce9"), []),
        (RowQuery(0, 9, (TaskState.WAITING,), "e"), [6]),
        (RowQuery(0, 4, sort=RowSort.NAME), [2, 1, 3, 4]),
        (RowQuery(0, 2, sort=RowSort.SIZE), [10, 9]),
        (RowQuery(0, 2, sort=RowSort.SIZE, is_descending=True), [1, 2]),
        (RowQuery(0, 1, sort=RowSort.BYTES_OUT, is_descending=True), [9]),
        (RowQuery(0, 2, sort=RowSort.SECONDS, is_descending=True), [5, 2]),
        (RowQuery(0, 100, sort=RowSort.PROBLEMS_FIRST), [2, 5, 3, 1, 4, 6, 7, 8, 9, 10]),
        (RowQuery(1, 4, sort=RowSort.PROBLEMS_FIRST), [5, 3, 1, 4]),
        (RowQuery(4, 3, sort=RowSort.PROBLEMS_FIRST), [4, 6, 7]),
        (RowQuery(0, 3, text="e", sort=RowSort.PROBLEMS_FIRST), [5, 6]),
    ],
)
def test_a_page_holds_the_rows_that_match_in_order(
    mixed: Journal, query: RowQuery, expected: list[int]
) -> None:
    assert ids(mixed, query) == expected


def test_a_page_counts_all_rows_that_match(mixed: Journal) -> None:
    with closing(JournalReader(mixed.path)) as reader:
        for _ in range(2):
            assert reader.rows(RowQuery(0, 2)).matches == 10
            assert reader.rows(RowQuery(0, 1, (TaskState.FAILED,))).matches == 2
            assert reader.rows(RowQuery(5, 1, sort=RowSort.PROBLEMS_FIRST)).matches == 10


def test_every_page_of_every_order_together_holds_each_row_once(mixed: Journal) -> None:
    for sort in RowSort:
        for is_descending in (False, True):
            pages = [
                task
                for first in range(0, 12, 3)
                for task in ids(mixed, RowQuery(first, 3, (), "", sort, is_descending))
            ]
            assert Counter(pages) == Counter(range(1, 11))


def test_a_reader_sees_what_is_committed_while_the_job_runs(mixed: Journal) -> None:
    with closing(JournalReader(mixed.path)) as reader:
        query = RowQuery(0, 9, (TaskState.FAILED,))
        for _ in range(3):
            assert reader.rows(query).matches == 2
        end(mixed, 7, BAD)
        mixed.add_files([file("new.jpg", root=Path("/other"))])
        mixed.commit()

        assert reader.rows(query).matches == 3
        assert reader.rows(RowQuery(10, 1)).rows[0].path == Path("/other/new.jpg")
        assert reader.entry().counts == mixed.counts()


def test_a_reader_writes_nothing(mixed: Journal) -> None:
    mixed.close()
    before = mixed.path.read_bytes()

    with closing(JournalReader(mixed.path)) as reader:
        reader.rows(RowQuery(0, 5, sort=RowSort.NAME))
        reader.entry()

    assert mixed.path.read_bytes() == before
    Journal.open(mixed.path).close()


def test_jobs_are_listed_newest_first_and_what_nobody_runs_is_stopped(tmp_path: Path) -> None:
    first, second = Journal.create(tmp_path, "First"), Journal.create(tmp_path, "Second")
    first.set_spec(JobSpec(Path("/out"), Pipeline("Shrink", ())))
    for journal in (first, second):
        journal.set_state(JobState.RUNNING)
    first.close()
    (tmp_path / "stray.sqlite").write_bytes(b"no journal")

    entries = list_jobs(tmp_path)

    assert [(entry.name, entry.state) for entry in entries] == [
        ("Second", JobState.RUNNING),
        ("First", JobState.STOPPED),
    ]
    assert (entries[1].pipeline_name, entries[1].output) == ("Shrink", Path("/out"))
    second.close()


def test_a_discarded_job_leaves_no_file(journal: Journal) -> None:
    folder = journal.path.parent
    with pytest.raises(JournalError, match="open already"):
        discard(folder, journal.job)
    journal.close()
    JournalReader(journal.path).close()

    discard(folder, journal.job)

    assert [path.name for path in folder.iterdir() if str(journal.job) in path.name] == []
    assert list_jobs(folder) == ()


def test_timeline_counts_ends_over_the_time_of_the_job(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "timed")
    journal.add_files([file(f"{number}.jpg") for number in range(4)])
    for task, ended_s in enumerate((0.0, 59.0, 60.0), 1):
        journal.ended(TaskId(task), Success((), 1), 1, 0.05, WORKER, ended_s)
    journal.ended(TaskId(4), Failure(FailureKind.BAD_INPUT, "bad"), 1, 7.0, WORKER, 30.0)
    journal.close()
    with closing(JournalReader(journal.path)) as reader:
        timeline = reader.timeline()
    assert timeline.seconds == 60.0
    assert (timeline.done[0], timeline.done[-1], sum(timeline.done)) == (1, 2, 3)
    assert (timeline.others[30], sum(timeline.others)) == (1, 1)
    assert (timeline.durations[4], timeline.durations[8], sum(timeline.durations)) == (3, 1, 4)


def test_draft_that_another_process_has_started_since_it_was_listed_stays(tmp_path: Path) -> None:
    left, started = (Journal.create(tmp_path, name) for name in ("left", "started"))
    for journal in (left, started):
        journal.set_state(JobState.DRAFT)
        journal.close()
    listed = list_jobs(tmp_path)
    with closing(Journal.open(started.path)) as journal:
        journal.set_state(JobState.RUNNING)
    discard_drafts(tmp_path, listed)
    assert [entry.job for entry in list_jobs(tmp_path)] == [started.job]
