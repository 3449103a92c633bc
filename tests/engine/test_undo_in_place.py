"""Which of the files that left a name is the one that an output took the place of."""

import os
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import Running, own_code
from tests.engine.test_in_place import LOUDER, contents, in_place, until_settled
from workers.commands import ClearInputs, UndoJob
from workers.job import JobId, JobState

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]
QUIETER = LOUDER.replace("upper", "lower")


def replaced(running: Running, folder: Path, tmp_path: Path, source: str = LOUDER) -> JobId:
    """Run a job in place over the folder; return it."""
    running.post(ClearInputs(), *in_place(folder, own_code(tmp_path, source)))
    job = until_settled(running).job
    assert job is not None
    return job


def undo(running: Running, job: JobId) -> None:
    running.post(ClearInputs(), UndoJob(job))
    running.until(lambda now: now.state is JobState.CANCELLED)


def redated(trash: Path, when: str) -> None:
    """Let all in the trash have gone there at that time."""
    for note in (trash / "info").iterdir():
        lines = note.read_text().splitlines()
        note.write_text("\n".join((*lines[:2], f"DeletionDate={when}", "")))


@pytest.mark.parametrize("when", ["2001-01-01T00:00:00", "2999-01-01T00:00:00"])
def test_undo_knows_the_input_whatever_the_clock_says(
    running: Running, folder: Path, tmp_path: Path, trash: Path, when: str
) -> None:
    """As when the clock was set, or another job had the file in the same second."""
    (folder / "a.txt").write_text("a")
    replaced(running, folder, tmp_path)
    job = replaced(running, folder, tmp_path, QUIETER)
    assert contents(folder) == {"a.txt": "a!!"}
    redated(trash, when)
    undo(running, job)
    assert contents(folder) == {"a.txt": "A!"}


def test_undo_passes_over_a_note_without_a_file(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    """As whoever was killed between a note and its file leaves it."""
    (folder / "a.txt").write_text("a")
    job = replaced(running, folder, tmp_path)
    note = trash / "info" / "a.txt.trashinfo"
    (trash / "files" / "a.txt").rename(trash / "files" / "a (2).txt")
    redated(trash, "2999-01-01T00:00:00")
    note.rename(trash / "info" / "a (2).txt.trashinfo")
    note.write_text(f"[Trash Info]\nPath={folder / 'a.txt'}\nDeletionDate=2998-01-01T00:00:00\n")
    os.utime(trash / "files" / "a (2).txt")  # it was saved before the job came to it
    undo(running, job)
    assert contents(folder) == {"a.txt": "a"}


def test_undo_takes_what_was_set_beside_last_where_there_is_no_trash_for_it(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    trash.write_text("no folder")
    (folder / "a.txt").write_text("a")
    replaced(running, folder, tmp_path)
    (folder / "a (before Everycore).txt").rename(tmp_path / "first")
    job = replaced(running, folder, tmp_path, QUIETER)
    (folder / "a (before Everycore).txt").rename(folder / "a (before Everycore) (2).txt")
    (tmp_path / "first").rename(folder / "a (before Everycore).txt")
    trash.unlink()  # by now there is one
    undo(running, job)
    beside = {"a (before Everycore).txt": "a"}
    assert contents(folder) == {"a.txt": "A!"} | beside
