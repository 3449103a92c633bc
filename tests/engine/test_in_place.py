"""Jobs whose outputs take the places of their inputs."""

import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace
from PIL import Image

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import busy_workers, fill
from workers.commands import (
    AddInputs,
    CancelJob,
    ClearInputs,
    Command,
    ContinueJob,
    DiscardJob,
    OpenJob,
    StartJob,
    UndoJob,
)
from workers.job import JobState, Pipeline, Step, TaskState
from workers.journal import JournalReader, journal_path
from workers.output import STAGING_PREFIX
from workers.snapshot import JobSnapshot, RowQuery

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]

LOUDER = """
def process(path, output):
    output.write_text(path.read_text().upper() + "!")
"""
LOUDER_WHEN_TOLD = """
import time
def process(path, output):
    (path.parent.parent / f"began-{path.stem}").touch()
    while not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_text(path.read_text() + "!")
"""


def in_place(inputs: Path, pipeline: Pipeline, *, only_smaller: bool = False) -> list[Command]:
    """Return the commands that run a pipeline over a folder, in place."""
    added, start = job_of(inputs, inputs, pipeline)
    assert isinstance(start, StartJob)
    return [added, StartJob(replace(start.spec, is_in_place=True, only_smaller=only_smaller))]


def until_settled(running: Running) -> JobSnapshot:
    """Drive the engine until the job has ended and its originals are where they belong."""
    end = running.until_ended()
    running.until(lambda _: not running.engine.is_busy)
    return end


def contents(folder: Path) -> dict[str, str]:
    """Return all that stands in a folder, hidden things too."""
    return {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*") if f.is_file()}


def trashed(trash: Path) -> dict[Path, str]:
    """Return the content of each file in the trash, by the path noted there."""
    found = {}
    for note in (trash / "info").glob("*.trashinfo"):
        if not (trash / "files" / note.stem).exists():
            continue  # the note comes first
        path = note.read_text().splitlines()[1].removeprefix("Path=")
        found[Path(unquote(path))] = (trash / "files" / note.stem).read_text()
    return found


def test_output_takes_the_place_of_its_input_which_goes_to_the_trash(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "deep er").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "deep er" / "ü.txt").write_text("b")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    end = until_settled(running)
    assert end.counts.succeeded == 2
    assert contents(folder) == {"a.txt": "A!", "deep er/ü.txt": "B!"}
    assert trashed(trash) == {folder / "a.txt": "a", folder / "deep er" / "ü.txt": "b"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "deep er"]


def test_files_dropped_from_two_folders_are_replaced_where_they_lie(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (folder / "a.txt").write_text("a")
    (other / "a.txt").write_text("b")
    (other / "bystander.txt").write_text("c")
    _, start = in_place(folder, own_code(tmp_path, LOUDER))
    running.post(AddInputs((folder, other / "a.txt")), start)
    assert until_settled(running).counts.succeeded == 2
    assert contents(folder) == {"a.txt": "A!"}
    assert contents(other) == {"a.txt": "B!", "bystander.txt": "c"}
    assert trashed(trash) == {folder / "a.txt": "a", other / "a.txt": "b"}


def test_output_of_another_name_stands_beside_and_collides_with_nobody(
    running: Running, folder: Path, trash: Path
) -> None:
    Image.new("RGB", (40, 30), "red").save(folder / "a.png")
    Image.new("RGB", (40, 30), "blue").save(folder / "a.bmp")
    Image.new("RGB", (40, 30), "green").save(folder / "a.webp", lossless=True)
    webp = Step("images.convert", {"format": "webp"})
    running.post(*in_place(folder, Pipeline("WebP", (webp,))))
    end = until_settled(running)
    assert end.counts.succeeded == 3, running.ended
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) == 3
    assert "a.webp" in names
    assert all(name.endswith(".webp") for name in names)
    shown = {Image.open(folder / name).convert("RGB").getpixel((5, 5)) for name in names}
    assert len(shown) == 3  # nobody's output has been written over
    assert {note.stem for note in (trash / "info").iterdir()} == {"a.png", "a.bmp", "a.webp"}


def test_picture_keeps_its_name_where_only_its_suffix_is_spelt_otherwise(
    running: Running, folder: Path
) -> None:
    for name in ("a.JPEG", "b.Jpg"):
        Image.new("RGB", (40, 30), "red").save(folder / name, format="jpeg")
    jpeg = Step("images.convert", {"format": "jpeg", "quality": 40})
    running.post(*in_place(folder, Pipeline("JPEG", (jpeg,))))
    assert until_settled(running).counts.succeeded == 2
    assert sorted(file.name for file in folder.iterdir()) == ["a.JPEG", "b.Jpg"]


def test_replaced_file_keeps_its_permissions(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("a")
    (folder / "a.txt").chmod(0o640)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    until_settled(running)
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o640


def test_same_pipeline_in_place_again_leaves_its_own_results_alone(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    pipeline = own_code(tmp_path, LOUDER)
    running.post(*in_place(folder, pipeline))
    until_settled(running)
    (folder / "new.txt").write_text("n")
    running.post(ClearInputs(), *in_place(tmp_path / "inputs", pipeline))
    end = until_settled(running)
    assert (end.counts.succeeded, end.counts.skipped) == (1, 1)
    assert contents(folder) == {"a.txt": "A!", "new.txt": "N!"}
    skipped = [row for row in running.ended if row.state is TaskState.SKIPPED]
    assert [row.message for row in skipped] == ["It is the result of this pipeline already."]
    (folder / "a.txt").write_text("edited")
    running.post(ClearInputs(), *in_place(folder, pipeline))
    assert until_settled(running).counts.succeeded == 1
    assert contents(folder) == {"a.txt": "EDITED!", "new.txt": "N!"}


def test_result_that_is_the_original_leaves_it_untouched(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    before = (folder / "a.txt").stat()
    copy = "def process(path, output):\n    output.write_bytes(path.read_bytes())\n"
    running.post(*in_place(folder, own_code(tmp_path, copy)))
    assert until_settled(running).counts.skipped == 1
    assert running.ended[0].message == "The result is the same as the original."
    after = (folder / "a.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not (trash / "files").is_dir() or not list((trash / "files").iterdir())


def test_failed_and_cancelled_inputs_are_as_they_were(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    names = fill(folder, 6)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER_WHEN_TOLD)))
    running.until(lambda now: busy_workers(now) == 2)
    running.post(CancelJob())
    end = until_settled(running)
    assert end.counts.cancelled == 6
    assert contents(folder) == {name: name for name in names}
    assert sorted(file.name for file in folder.iterdir()) == names


def test_summary_never_takes_the_place_of_what_it_is_of(running: Running, folder: Path) -> None:
    (folder / "a.csv").write_text("x,y\n1,2\n3,4\n")
    running.post(*in_place(folder, Pipeline("Summary", (Step("tables.summary"),))))
    assert until_settled(running).counts.skipped == 1
    assert running.ended[0].message.startswith("The pipeline writes a summary")
    assert contents(folder) == {"a.csv": "x,y\n1,2\n3,4\n"}


def test_undo_gives_originals_their_places_back(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    names = fill(folder, 8)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    job = until_settled(running).job
    assert job is not None
    (folder / "003.txt").write_text("edited since")
    running.post(ClearInputs(), UndoJob(job))
    undone = running.until(lambda now: now.state is JobState.CANCELLED)
    assert "7 replaced files put back." in undone.notice
    assert "1 output edited since, left alone." in undone.notice
    expected = {name: name for name in names} | {"003.txt": "edited since"}
    assert contents(folder) == expected


def test_undo_leaves_an_output_whose_original_is_no_longer_in_the_trash(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    job = until_settled(running).job
    assert job is not None
    (trash / "files" / "a.txt").unlink()
    (trash / "info" / "a.txt.trashinfo").unlink()
    running.post(ClearInputs(), UndoJob(job))
    undone = running.until(lambda now: now.state is JobState.CANCELLED)
    assert undone.notice.endswith("1 output left: the original is no longer in the trash.")
    assert contents(folder) == {"a.txt": "A!"}


def test_originals_stay_beside_their_outputs_where_there_is_no_trash(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    trash.write_text("no folder")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    until_settled(running)
    assert contents(folder) == {"a.txt": "A!", "a (before Everycore).txt": "a"}
    assert running.last.notice.startswith("There is no trash here: each original is kept beside")


def test_file_saved_while_it_is_worked_on_is_worked_on_as_it_is_then(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER_WHEN_TOLD)))
    running.until(lambda _: (tmp_path / "began-a").exists())
    (folder / "a.txt").write_text("saved meanwhile")
    (tmp_path / "go").touch()
    assert until_settled(running).counts.succeeded == 1
    assert contents(folder) == {"a.txt": "saved meanwhile!"}
    assert trashed(trash) == {folder / "a.txt": "saved meanwhile"}


def test_job_whose_folder_is_gone_is_refused_and_makes_none(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("a")
    added, start = in_place(folder, own_code(tmp_path, LOUDER))
    running.post(added)
    running.until(lambda now: now.counts.total == 1 and not now.is_discovering)
    (folder / "a.txt").unlink()
    folder.rmdir()
    running.post(start)
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == f"The folder {folder} is gone."
    assert not folder.exists()


def test_forgotten_unfinished_job_leaves_no_original_hidden(
    running: Running, folder: Path, tmp_path: Path, journals: Path
) -> None:
    """As after kill -9 between the exchange and the journal."""
    fill(folder, 3)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER_WHEN_TOLD)))
    job = running.until(lambda now: busy_workers(now) == 2).job
    assert job is not None
    running.post(ClearInputs())
    running.until(lambda now: now.job is None)
    exchange_as_if_killed(folder, job, journals)
    running.post(DiscardJob(job))
    running.until(lambda _: not journal_path(journals, job).exists())
    assert contents(folder) == {"000.txt": "000.txt", "001.txt": "001.txt", "002.txt": "002.txt"}


def test_attempt_after_a_killed_one_finds_its_output_standing(
    running: Running, folder: Path, tmp_path: Path, journals: Path, trash: Path
) -> None:
    fill(folder, 3)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER_WHEN_TOLD)))
    job = running.until(lambda now: busy_workers(now) == 2).job
    assert job is not None
    running.post(ClearInputs())
    running.until(lambda now: now.job is None)
    exchange_as_if_killed(folder, job, journals)
    (tmp_path / "go").touch()
    for began in tmp_path.glob("began-*"):
        began.unlink()
    running.post(OpenJob(job), ContinueJob())
    end = until_settled(running)
    assert end.counts.succeeded == 3
    assert not (tmp_path / "began-000").exists()  # it was not run again
    assert contents(folder) == {f"00{n}.txt": f"00{n}.txt!" for n in range(3)}
    assert trashed(trash) == {folder / f"00{n}.txt": f"00{n}.txt" for n in range(3)}


def exchange_as_if_killed(folder: Path, job: str, journals: Path) -> None:
    """Do what a worker does to the first file, up to the moment before the journal has it."""
    import hashlib

    from workers.in_place import originals_folder
    from workers.job import JobId

    reader = JournalReader(journal_path(journals, JobId(job)))
    row = reader.rows(RowQuery(0, 1)).rows[0]
    reader.close()
    assert row.path == folder / "000.txt"
    assert row.state in (TaskState.WAITING, TaskState.RUNNING)
    output = b"000.txt!"
    sha256 = hashlib.sha256(output).hexdigest()
    kept = originals_folder(folder, JobId(job)) / f"{row.task:08d}-1-{sha256}" / "000.txt"
    kept.parent.mkdir(parents=True)
    row.path.rename(kept)
    row.path.write_bytes(output)


def test_nothing_of_the_job_is_taken_for_an_input(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / f"{STAGING_PREFIX}old-originals" / "00000001-1-00").mkdir(parents=True)
    (folder / f"{STAGING_PREFIX}old-originals" / "00000001-1-00" / "b.txt").write_text("b")
    (folder / "a.txt").write_text("a")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    end = until_settled(running)
    assert end.counts.total == 1


def test_original_stays_where_the_output_would_not_be_smaller(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    (folder / "a.txt").write_text("a")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER), only_smaller=True))
    assert until_settled(running).counts.skipped == 1
    expected = "The result would not be smaller (2 B instead of 1 B); the original was kept."
    assert running.ended[0].message == expected
    assert contents(folder) == {"a.txt": "a"}


def test_copy_of_the_original_is_the_output_where_the_result_would_not_be_smaller(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    shorter = """
def process(path, output):
    text = path.read_text()
    output.write_text(text[:4] if len(text) > 5 else text * 3)
"""
    (folder / "short.txt").write_text("abc")
    (folder / "long.txt").write_text("abcdefgh")
    added, start = job_of(folder, tmp_path / "out", own_code(tmp_path, shorter))
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, only_smaller=True)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.warnings) == (2, 1)
    assert contents(tmp_path / "out") == {"short.txt": "abc", "long.txt": "abcd"}
    row = next(row for row in running.ended if row.name == "short.txt")
    assert row.has_warning
    assert row.message.endswith("(9 B instead of 3 B); the original was kept.")


def test_longest_name_there_is_goes_to_the_trash_and_comes_back(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    """A note in the trash has a longer name than its file."""
    name = "ä" * 125 + ".text"
    (folder / name).write_text("a")
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    job = until_settled(running).job
    assert job is not None
    assert trashed(trash) == {folder / name: "a"}
    running.post(ClearInputs(), UndoJob(job))
    running.until(lambda now: now.state is JobState.CANCELLED)
    assert contents(folder) == {name: "a"}
