"""Originals on their way into the trash, or back to where they were, and what gets between."""

import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.conftest import Running, own_code
from tests.engine.test_in_place import LOUDER, contents, in_place, until_settled
from tests.faults.replacing import NEW, OLD, SCENES, TASK, Scene
from workers import disk
from workers.errors import JournalError
from workers.in_place import CHANGED, kept_in, originals_folder, standing
from workers.job import JobId, JobState, WorkerId
from workers.journal import Journal, JournalReader, journal_path
from workers.originals import give_back_unfinished, put_away
from workers.outcome import Failure, Success

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]

EXCHANGED = next(scene for scene in SCENES if scene.name == "exchanged")
BESIDE = next(scene for scene in SCENES if scene.name == "beside")
JOB = JobId("job")


def test_original_that_leaves_while_the_others_are_looked_at_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the thread takes one to the trash while a worker looks for another."""
    originals = originals_folder(tmp_path, JOB)
    for task in (1, 2):
        (originals / f"0000000{task}-1-ab").mkdir(parents=True)
        (originals / f"0000000{task}-1-ab" / f"{task}.txt").touch()
    leaving = originals / "00000001-1-ab"
    listed = os.listdir

    def list_and_leave(folder: Path) -> list[str]:
        names = listed(folder)
        if Path(folder) == originals:
            shutil.rmtree(leaving)
        return names

    monkeypatch.setattr(os, "listdir", list_and_leave)
    assert [kept.task for kept in kept_in(originals)] == [2]


@pytest.mark.parametrize("scene", [EXCHANGED, BESIDE], ids=lambda scene: scene.name)
def test_folder_of_originals_that_is_cleared_away_in_between_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    """As when the thread takes the last one to the trash while a worker brings another."""
    journal = scene.set_up(tmp_path / "place")
    originals = originals_folder(scene.folder(tmp_path / "place"), journal.job)
    made = disk.make_folder
    cleared: list[Path] = []

    def make_and_clear(folder: Path, mode: int = 0o777) -> None:
        made(folder, mode)
        if folder == originals and not cleared:
            folder.rmdir()
            cleared.append(folder)

    monkeypatch.setattr(disk, "make_folder", make_and_clear)
    assert isinstance(scene.run(tmp_path / "place", journal), Success)
    journal.close()
    assert cleared
    assert scene.final(tmp_path / "place").read_bytes() == NEW


def attempted(scene: Scene, place: Path, *, is_recorded: bool = True) -> Journal:
    """Let the task's attempt do all it does; nothing is put away yet."""
    journal = scene.set_up(place)
    outcome = scene.attempt(place, journal, 1)
    assert isinstance(outcome, Success)
    journal.dispatched(TASK, 1)
    if is_recorded:
        assert journal.ended(TASK, outcome, 1, 0.0, WorkerId(1))
    journal.commit()
    return journal


def refuse_at(step: str, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(passed: str) -> None:
        if passed == step:
            raise error

    monkeypatch.setattr(disk, "failpoint", reached)


def in_trash(trash: Path) -> list[bytes]:
    """Return what lies in the trash."""
    folder = trash / "files"
    return [file.read_bytes() for file in folder.iterdir()] if folder.is_dir() else []


def hidden(scene: Scene, place: Path) -> list[str]:
    """Return what of ours is left in the folder."""
    return [file.name for file in scene.folder(place).glob(".everycore-*")]


@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link"])
def test_original_whose_name_something_else_has_goes_to_the_trash(
    tmp_path: Path, trash: Path, *, is_link: bool
) -> None:
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    name = EXCHANGED.original(tmp_path)
    name.unlink()
    if is_link:
        name.symlink_to("nowhere")
    else:
        name.mkdir()
    put_away(journal.path, is_over=True)
    journal.close()
    assert in_trash(trash) == [OLD]
    assert not hidden(EXCHANGED, tmp_path)
    assert name.is_symlink() if is_link else name.is_dir()


def test_original_that_the_disk_refuses_keeps_none_of_the_others(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trash: Path
) -> None:
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    refusals = iter([OSError(5, "Input/output error")])

    def refuse_once(step: str) -> None:
        if step == "remove" and (trash / "info").is_dir() and (error := next(refusals, None)):
            raise error

    monkeypatch.setattr(disk, "failpoint", refuse_once)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    until_settled(running)
    assert sorted(in_trash(trash)) == [b"a", b"b", b"c"]


def test_original_that_may_not_be_removed_stays_beside_its_output(
    tmp_path: Path, trash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = attempted(BESIDE, tmp_path)
    refuse_at("move", PermissionError(1, "Operation not permitted"), monkeypatch)
    told = put_away(journal.path, is_over=False)
    journal.close()
    assert told == "a.jpg may not be removed: it stays beside its output."
    shown = {file.name: file.read_bytes() for file in BESIDE.folder(tmp_path).iterdir()}
    assert shown == {"a.jpg": OLD, "a.webp": NEW}
    assert not in_trash(trash)


def test_what_somebody_wrote_into_an_original_before_it_went_stays(
    tmp_path: Path, trash: Path
) -> None:
    journal = attempted(BESIDE, tmp_path)
    BESIDE.original(tmp_path).write_bytes(b"saved")
    put_away(journal.path, is_over=True)
    journal.close()
    assert BESIDE.original(tmp_path).read_bytes() == b"saved"
    assert not in_trash(trash)
    assert not hidden(BESIDE, tmp_path)


def test_file_saved_before_it_got_its_second_name_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = BESIDE.set_up(tmp_path)

    def save(step: str) -> None:
        if step == "keep":
            BESIDE.original(tmp_path).write_bytes(b"saved")

    monkeypatch.setattr(disk, "failpoint", save)
    assert BESIDE.attempt(tmp_path, journal, 1) == CHANGED
    journal.close()
    shown = {file.name: file.read_bytes() for file in BESIDE.folder(tmp_path).rglob("*")}
    assert shown == {"a.jpg": b"saved"}


@pytest.mark.parametrize("scene", [EXCHANGED, BESIDE], ids=lambda scene: scene.name)
def test_original_waits_for_room_in_the_trash(
    tmp_path: Path, trash: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    journal = attempted(scene, tmp_path)
    refuse_at("trash", OSError(28, "No space left on device"), monkeypatch)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            put_away(journal.path, is_over=False)
    monkeypatch.setattr(disk, "failpoint", lambda _step: None)
    put_away(journal.path, is_over=False)
    journal.close()
    assert in_trash(trash) == [OLD]
    assert [file.name for file in scene.folder(tmp_path).iterdir()] == [scene.output]


def test_job_whose_originals_cannot_be_put_back_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    journal.close()
    refuse_at("exchange", OSError(5, "Input/output error"), monkeypatch)
    with pytest.raises(JournalError, match="cannot be put back: Input/output error"):
        give_back_unfinished(journal.path.parent, journal.job)
    monkeypatch.setattr(disk, "failpoint", lambda _step: None)
    give_back_unfinished(journal.path.parent, journal.job)
    assert EXCHANGED.original(tmp_path).read_bytes() == OLD


def test_job_is_over_in_its_record_once_its_originals_are_put_away(
    running: Running,
    folder: Path,
    tmp_path: Path,
    journals: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else one that is killed in between could not go on, and they lay hidden for good."""
    (folder / "a.txt").write_text("a")
    gate = threading.Event()

    def wait(step: str) -> None:
        if step == "trash":
            gate.wait()

    monkeypatch.setattr(disk, "failpoint", wait)
    running.post(*in_place(folder, own_code(tmp_path, LOUDER)))
    job = running.until_ended().job
    assert job is not None
    running.until(lambda _: True)
    reader = JournalReader(journal_path(journals, job))
    before = reader.entry().state
    gate.set()
    running.until(lambda _: not running.engine.is_busy and reader.entry().state.is_ended)
    assert (before, reader.entry().state) == (JobState.RUNNING, JobState.FINISHED)
    reader.close()
    assert contents(folder) == {"a.txt": "A!"}


def test_mark_that_may_not_be_set_keeps_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, output = tmp_path / "original", tmp_path / "output"
    original.touch()
    output.touch()
    try:
        for name in ("user.first", "user.second"):
            os.setxattr(original, name, b"x")
    except OSError:
        pytest.skip("this disk knows no marks")
    refused = os.listxattr(original)[0]
    mark = os.setxattr

    def refuse(file: int, name: str, value: bytes) -> None:
        if name == refused:
            raise PermissionError(1, "Operation not permitted")
        mark(file, name, value)

    monkeypatch.setattr(os, "setxattr", refuse)
    with original.open("rb") as old, output.open("rb+") as new:
        disk.take_after(new.fileno(), old.fileno())
    assert {*os.listxattr(output), refused} == {"user.first", "user.second"}


@pytest.mark.parametrize(
    ("planned", "taken", "expected"),
    [
        ("a.webp", "", "a.webp"),
        ("a.webp", "a.webp", "a (2).webp"),
        ("a (2).webp", "a (2).webp", "a (2) (2).webp"),
    ],
)
def test_attempt_after_a_killed_one_finds_the_output_beside_its_input(
    tmp_path: Path, planned: str, taken: str, expected: str
) -> None:
    """Own code may make another one each time: then both would stand there."""
    scene = replace(BESIDE, output=planned)
    journal = scene.set_up(tmp_path)
    if taken:
        (scene.folder(tmp_path) / taken).write_bytes(b"somebody's")
    first = scene.attempt(tmp_path, journal, 1)
    assert isinstance(first, Success)
    again = standing(scene.folder(tmp_path), journal.job, TASK, scene.original(tmp_path))
    journal.close()
    assert again == (first.outputs[0], first.checks[0])
    assert first.outputs[0].name == expected


def test_output_beside_its_input_is_made_again_where_that_was_saved_since(tmp_path: Path) -> None:
    journal = attempted(BESIDE, tmp_path, is_recorded=False)
    journal.close()
    BESIDE.original(tmp_path).write_bytes(b"saved")
    original = BESIDE.original(tmp_path)
    assert standing(BESIDE.folder(tmp_path), journal.job, TASK, original) is None
    assert [file.name for file in BESIDE.folder(tmp_path).iterdir()] == ["a.jpg"]


def test_forgotten_job_leaves_no_output_that_was_not_recorded(tmp_path: Path) -> None:
    journal = attempted(BESIDE, tmp_path, is_recorded=False)
    journal.close()
    give_back_unfinished(journal.path.parent, journal.job)
    shown = {file.name: file.read_bytes() for file in BESIDE.folder(tmp_path).iterdir()}
    assert shown == {"a.jpg": OLD}


def test_forgotten_job_leaves_an_output_that_somebody_gave_another_name(tmp_path: Path) -> None:
    journal = attempted(BESIDE, tmp_path, is_recorded=False)
    journal.close()
    BESIDE.final(tmp_path).rename(BESIDE.folder(tmp_path) / "a holiday.webp")
    give_back_unfinished(journal.path.parent, journal.job)
    shown = {file.name: file.read_bytes() for file in BESIDE.folder(tmp_path).iterdir()}
    assert shown == {"a.jpg": OLD, "a holiday.webp": NEW}


def test_folder_that_somebody_else_made_in_advance_gets_no_originals(tmp_path: Path) -> None:
    """Whoever it belongs to could take them away; a link to a folder is theirs as well."""
    journal = EXCHANGED.set_up(tmp_path)
    (tmp_path / "theirs").mkdir()
    originals = originals_folder(EXCHANGED.folder(tmp_path), journal.job)
    originals.symlink_to(tmp_path / "theirs")
    refused = EXCHANGED.attempt(tmp_path, journal, 1)
    assert isinstance(refused, Failure)
    if os.getuid() == 0:
        originals.unlink()
        originals.mkdir()
        os.chown(originals, 65534, 65534)
        assert EXCHANGED.attempt(tmp_path, journal, 2) == refused
        assert not list(originals.iterdir())
    journal.close()
    assert EXCHANGED.original(tmp_path).read_bytes() == OLD
    assert not list((tmp_path / "theirs").iterdir())
