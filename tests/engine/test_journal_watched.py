"""Files that a watch tells of, against the journal: new, changed, made by the job itself."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.test_journal import ROOT, end, file, files, reopened
from workers.job import TaskId
from workers.journal import Changed, Journal, JournalReader
from workers.outcome import Failure, FailureKind, OutputCheck, Skip, Success
from workers.snapshot import Counts

OUTPUT = Path("/out/1.webp")
CHECK = OutputCheck(40, 9, "f" * 64)
MADE = Success((OUTPUT,), 40, checks=(CHECK,))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path, "Holiday")) as journal:
        journal.prepare_comparing()
        yield journal


def test_files_are_new_once_and_changed_by_size_or_time(journal: Journal) -> None:
    seen = [file("a.jpg"), file("b.jpg"), file("tab\t.jpg"), file("c.jpg", problem="A link.")]
    assert journal.compare([*seen, seen[0]]) == (seen, [])
    journal.add_files(seen)
    assert journal.compare(seen) == ([], [])
    longer, later = seen[0]._replace(size=101), seen[2]._replace(mtime_ns=5)
    elsewhere = file("a.jpg", root=ROOT / "other")
    assert journal.compare([longer, seen[1], later, elsewhere]) == (
        [elsewhere],
        [Changed(TaskId(1), 101, seen[0].mtime_ns), Changed(TaskId(3), 100, 5)],
    )
    mended = file("c.jpg", size=7)
    assert journal.compare([mended])[1] == [Changed(TaskId(4), 7, mended.mtime_ns)]


def test_file_that_cannot_be_a_task_any_more_changes_none(journal: Journal) -> None:
    journal.add_files([file("a.jpg")])
    assert journal.compare([file("a.jpg", size=0, problem="A link.")]) == ([], [])


def test_renewed_tasks_wait_with_what_their_files_are_and_the_sums_are_right(
    journal: Journal,
) -> None:
    journal.add_files([*files(4), file("link.jpg", problem="A link.")])
    end(journal, 1, replace(MADE, warning="Odd."))
    end(journal, 2, Failure(FailureKind.BAD_INPUT, "Bad."))
    end(journal, 3, Skip("Kept."))
    changes = [Changed(TaskId(task), 1000 * task, 77) for task in range(1, 6)]
    journal.renew(changes)
    assert journal.counts() == Counts(waiting=5)
    assert journal.totals() == (15_000, 0, 0, 0)
    waiting = journal.waiting(TaskId(0), 9)
    assert [(each.size, each.mtime_ns) for each in waiting] == [
        (1000 * task, 77) for task in range(1, 6)
    ]
    assert (waiting[0].outputs, waiting[0].checks) == ((OUTPUT,), (CHECK,))
    end(journal, 4, Success((), 3))
    assert journal.totals() == (15_000, 4000, 3, 0)
    with reopened(journal) as again:
        counts = Counts(waiting=4, succeeded=1)
        assert (again.counts(), again.totals()) == (counts, (15_000, 4000, 3, 0))
        end(again, 5, Success((), 3))
        assert again.totals() == (15_000, 9000, 6, 0)


def test_outputs_of_a_file_that_has_changed_are_not_told_as_made_of_it(journal: Journal) -> None:
    journal.add_files(files(1))
    end(journal, 1, MADE)
    journal.commit()
    with closing(JournalReader(journal.path)) as reader:
        assert len(list(reader.made_outputs())) == 1
        journal.renew([Changed(TaskId(1), 5, 5)])
        assert list(reader.made_outputs()) == []


def test_each_of_several_outputs_is_known_as_made_also_when_the_job_goes_on(
    journal: Journal,
) -> None:
    journal.add_files(files(1))
    small = OUTPUT.with_name("1-small.webp")
    checks = (CHECK, replace(CHECK, size=4))
    end(journal, 1, Success((OUTPUT, small), 44, checks=checks))
    there = [
        file(output.name, size=size, root=output.parent)._replace(mtime_ns=9)
        for output, size in ((OUTPUT, 40), (small, 4))
    ]
    assert all(map(journal.is_made, there))
    with reopened(journal) as again:
        again.prepare_comparing()
        assert all(map(again.is_made, there))
        assert not any(again.is_made(each._replace(mtime_ns=10)) for each in there)


def test_output_is_known_as_made_while_it_is_as_it_was(journal: Journal) -> None:
    journal.add_files(files(1))
    end(journal, 1, MADE)
    output = file(OUTPUT.name, size=40, root=OUTPUT.parent)._replace(mtime_ns=9)
    assert journal.is_made(output)
    assert not journal.is_made(output._replace(size=41))
    assert not journal.is_made(output._replace(mtime_ns=10))
    assert not journal.is_made(output._replace(relative="2.webp"))


@pytest.mark.skipif(os.name == "nt", reason="needs names that are no UTF-8")
def test_names_that_are_no_text_are_known_again(journal: Journal) -> None:
    odd = file(os.fsdecode(b"\xff.jpg"))
    journal.add_files([odd])
    assert journal.compare([odd]) == ([], [])
    assert journal.compare([odd._replace(size=1)])[1][0].task == 1
