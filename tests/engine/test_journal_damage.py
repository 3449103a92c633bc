"""Journals that are locked, newer, damaged, or whose writer was killed."""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from workers.errors import JournalError
from workers.found_files import FoundFile
from workers.job import (
    JobId,
    JobState,
    Kind,
    TaskId,
    TaskState,
)
from workers.journal import Changed, Journal, JournalReader, journal_path, list_jobs
from workers.journal_lock import is_held, lock_path
from workers.snapshot import Counts

ROOT = Path("/in/Holiday")


def file(name: str, *, size: int = 100, problem: str = "", root: Path = ROOT) -> FoundFile:
    return FoundFile(root, name, size, 1_700_000_000, Kind.IMAGE, problem)


def files(count: int) -> list[FoundFile]:
    return [file(f"{number}.jpg", size=number) for number in range(1, count + 1)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path, "Holiday in Málaga")) as journal:
        yield journal


def test_a_job_is_open_once(journal: Journal) -> None:
    with pytest.raises(JournalError, match="open already"):
        Journal.open(journal.path)

    journal.close()
    Journal.open(journal.path).close()


def test_a_lock_of_a_process_that_is_gone_is_taken_over(journal: Journal) -> None:
    journal.close()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock_path(journal.path).write_text(f"{gone.pid}\nsome start\n", encoding="ascii")

    assert not is_held(journal.path)
    Journal.open(journal.path).close()


def test_a_lock_of_an_earlier_process_with_our_id_is_taken_over(journal: Journal) -> None:
    journal.close()
    lock_path(journal.path).write_text(f"{os.getpid()}\nanother start\n", encoding="ascii")

    assert not is_held(journal.path)
    Journal.open(journal.path).close()


@pytest.mark.parametrize("content", ["", "garbage", "-1\n\n", "\0\0\0"])
def test_a_damaged_lock_holds_nobody_up(journal: Journal, content: str) -> None:
    journal.close()
    lock_path(journal.path).write_text(content, encoding="ascii")

    assert not is_held(journal.path)
    Journal.open(journal.path).close()


def test_a_missing_journal_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no record"):
        Journal.open(tmp_path / "none.sqlite")

    assert list(tmp_path.glob("none*")) == []


def test_a_newer_journal_is_left_alone(journal: Journal) -> None:
    journal.close()
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = journal.path.read_bytes()

    for _ in range(2):
        with pytest.raises(JournalError, match="newer"):
            Journal.open(journal.path)

    assert journal.path.read_bytes() == before
    assert list_jobs(journal.path.parent) == ()


@pytest.mark.parametrize("damage", ["header", "middle", "empty", "text", "table"])
def test_a_damaged_journal_is_kept_under_another_name(journal: Journal, damage: str) -> None:
    journal.add_files(files(3_000))
    journal.close()
    content = bytearray(journal.path.read_bytes())
    if damage == "header":
        content[:50] = b"\xff" * 50
    elif damage == "middle":
        content[5_000:-5_000] = b"\xa5" * (len(content) - 10_000)
    elif damage == "empty":
        content.clear()
    elif damage == "text":
        content[:] = b"not a database, but a shopping list\n" * 100
    journal.path.write_bytes(content)
    if damage == "table":
        with closing(sqlite3.connect(journal.path)) as connection:
            connection.execute("DROP TABLE task")
        content = bytearray(journal.path.read_bytes())

    with pytest.raises(JournalError, match="damaged"):
        Journal.open(journal.path)

    kept = journal.path.with_name(f"{journal.path.name}.bak")
    assert kept.exists()
    assert not journal.path.exists()
    assert list_jobs(journal.path.parent) == ()


def test_flipped_bytes_are_met_as_damage_or_not_at_all(tmp_path: Path) -> None:
    whole = Journal.create(tmp_path, "Flipped")
    whole.add_files(files(500))
    whole.close()
    content = whole.path.read_bytes()
    chance = random.Random(3)
    for number in range(60):
        flipped = bytearray(content)
        for _ in range(20):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(flipped)
        with contextlib.suppress(JournalError):
            Journal.open(path).close()
        assert not is_held(path)


def test_a_reader_of_a_damaged_journal_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"not a database" * 1000)

    with pytest.raises(JournalError):
        JournalReader(path)
    with pytest.raises(JournalError):
        JournalReader(tmp_path / "none.sqlite")


_WRITER = """
import sys
from pathlib import Path
from workers.found_files import FoundFile
from workers.job import JobState, Kind, TaskId, WorkerId
from workers.journal import Journal
from workers.outcome import Success
root = Path("/in")
def found(number):
    name = f"{number}.jpg"
    return FoundFile(root, name, number, 1, Kind.IMAGE)
journal = Journal.create(Path(sys.argv[1]), "Killed")
journal.set_state(JobState.RUNNING)
print(journal.job, flush=True)
task = 0
for batch in range(10_000):
    journal.add_files([found(batch * 50 + number) for number in range(50)])
    for _ in range(10):
        for _ in range(5):
            task += 1
            journal.dispatched(TaskId(task), 1)
            if task % 7:
                output = (Path(f"/out/{task}.jpg"),)
                journal.ended(TaskId(task), Success(output, task), 1, 0.1, WorkerId(1))
        journal.commit()
        print(task, flush=True)
"""


def test_a_journal_survives_kills_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(10):
        _kill_a_writer(tmp_path, acknowledged_at_least=chance.randrange(1, 150))


def _kill_a_writer(folder: Path, *, acknowledged_at_least: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    path = journal_path(folder, JobId(writer.stdout.readline().decode().strip()))
    lines = [writer.stdout.readline() for _ in range(acknowledged_at_least)]
    with pytest.raises(JournalError, match="open already"):
        Journal.open(path)
    writer.kill()
    lines += writer.stdout.readlines()
    writer.wait()
    writer.stdout.close()
    acknowledged = int(next(line for line in reversed(lines) if line.endswith(b"\n")))

    (entry,) = (entry for entry in list_jobs(folder) if entry.job == path.stem)
    assert entry.state is JobState.STOPPED
    with closing(Journal.open(path)) as journal:
        _check_sums(path, journal.counts())
        for task in range(1, acknowledged + 1):
            state = journal.task(TaskId(task)).state
            assert state is (TaskState.SUCCEEDED if task % 7 else TaskState.RUNNING)
        journal.reopen_running()
        assert journal.counts().running == 0


def _check_sums(path: Path, counts: Counts) -> None:
    """Compare the kept sums with the rows, and let SQLite check the file."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = dict(connection.execute("SELECT state, count(*) FROM task GROUP BY state"))
    assert Counts(*(rows.get(code, 0) for code in range(6))) == counts


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(Journal.state, id="state"),
        pytest.param(lambda journal: journal.task(TaskId(1)), id="task"),
        pytest.param(lambda journal: journal.waiting(TaskId(0), 9), id="waiting"),
        pytest.param(lambda journal: journal.waiting_again([TaskId(1)]), id="waiting again"),
        pytest.param(lambda journal: journal.made(TaskId(0), 9), id="made"),
        pytest.param(Journal.cancel_waiting, id="cancel"),
        pytest.param(lambda journal: journal.retry([TaskId(1)]), id="retry"),
        pytest.param(lambda journal: journal.renew([Changed(TaskId(1), 5, 5)]), id="renew"),
        pytest.param(lambda journal: journal.take_back([TaskId(1)], "Undone."), id="take back"),
    ],
)
def test_a_disk_that_takes_the_tables_away_is_told_of_as_such(
    journal: Journal, ask: Callable[[Journal], object]
) -> None:
    journal.add_files(files(3))
    with closing(sqlite3.connect(journal.path)) as vandal:
        vandal.executescript("DROP TABLE task; DROP TABLE job")
    with pytest.raises(JournalError, match="cannot be written"):
        ask(journal)
