"""Whatever step of the disk fails, or is the last one: nothing is lost, partial or falsely done."""

import errno
import os
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import fill, outputs_of
from tests.faults.publishing import JOB, NEW, OLD, SCENES, Scene, at_step, counted, died_at_each
from workers import disk
from workers.commands import ContinueJob
from workers.job import JobState, OnExisting
from workers.outcome import Failure, FailureKind, Skip
from workers.output import STAGING_PREFIX, Staging, stops_job

ROOT = Path(__file__).parents[2]
ERRORS = [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EXDEV, errno.EDQUOT, errno.EROFS]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX files"),
    pytest.mark.usefixtures("trash"),
]


def contents(place: Path, trash: Path) -> list[bytes]:
    """Return what stands under final names and in the trash."""
    shown = [file for file in (place / "out").rglob("*") if STAGING_PREFIX not in str(file)]
    trashed = (trash / "files").rglob("*")
    return [file.read_bytes() for file in (*shown, *trashed) if file.is_file()]


def check_nothing_lost(scene: Scene, place: Path, trash: Path) -> None:
    found = contents(place, trash)
    assert set(found) <= {OLD, NEW}  # nothing partial
    assert found.count(OLD) == (1 if scene.is_taken else found.count(OLD))
    if scene.is_retry:  # its own earlier output, or the newer one in its place
        assert scene.final(place).read_bytes() in (OLD, NEW)


def check_it_goes_on(scene: Scene, place: Path, trash: Path) -> None:
    """Try again: the output stands there once, unless an older file keeps its place."""
    again = scene.publish(place, attempt=2)
    if scene.on_existing is OnExisting.SKIP and scene.is_taken:
        assert isinstance(again, Skip)
        assert NEW not in contents(place, trash)
    else:
        assert isinstance(again, Path)
        assert again.read_bytes() == NEW
    Staging(place / "out", JOB).remove()  # as at the end of the job
    assert [file.name for file in (place / "out").iterdir()] == ["folder"]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
def test_refused_step_fails_the_output_and_loses_nothing(
    tmp_path: Path, trash: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene, code: int
) -> None:
    place = tmp_path / "undisturbed"
    scene.set_up(place)
    steps = counted(lambda: scene.publish(place))
    assert {"open", "sync", "folder", "move", "remove"} <= set(steps)

    def refuse() -> None:
        raise OSError(code, os.strerror(code))

    for number in range(1, len(steps) + 1):
        place = tmp_path / f"{number}"
        scene.set_up(place)
        monkeypatch.setenv("XDG_DATA_HOME", str(place))
        trashed = place / "Trash"
        monkeypatch.setattr(disk, "failpoint", at_step(number, refuse))
        result = scene.publish(place)
        check_nothing_lost(scene, place, trashed)
        match result:
            case Path():
                assert result.read_bytes() == NEW
            case Failure(kind, _, _):
                assert kind is FailureKind.OUTPUT_FAILED
                assert NEW not in contents(place, trashed)
                assert stops_job(result) == (code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
            case Skip():
                assert scene.name == "kept"
        monkeypatch.setattr(disk, "failpoint", lambda _step: None)
        check_it_goes_on(scene, place, trashed)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_death_at_any_step_loses_nothing(tmp_path: Path, trash: Path, scene: Scene) -> None:
    place = tmp_path / "undisturbed"
    scene.set_up(place)
    steps = counted(lambda: scene.publish(place))
    for number in range(1, len(steps) + 1):
        scene.set_up(tmp_path / f"{number}")
    died_at_each("tests.faults.publishing", tmp_path, scene.name, len(steps))
    for number in range(1, len(steps) + 1):
        place = tmp_path / f"{number}"
        check_nothing_lost(scene, place, place / "Trash")
        check_it_goes_on(scene, place, place / "Trash")


IN_A_WORKER = """
import errno, os, pathlib, signal
from workers import disk
HERE = pathlib.Path({folder!r})
def process(path, output):
    output.write_bytes(path.read_bytes())
    if path.stem == "003" and not (HERE / "struck").exists():
        (HERE / "struck").touch()
        steps = []
        def failpoint(step):
            steps.append(step)
            if len(steps) == {number}:
                {act}
        disk.failpoint = failpoint
"""
STEPS = 7  # open, status, mode, sync, folder, move, remove


@pytest.mark.parametrize("number", range(1, STEPS))  # the last one cannot fail a job
def test_full_disk_at_any_step_pauses_the_job_and_nothing_is_lost(
    running: Running, folder: Path, tmp_path: Path, number: int
) -> None:
    names = fill(folder, 8)
    act = "raise OSError(errno.ENOSPC, 'No space left on device')"
    code = own_code(tmp_path, IN_A_WORKER.format(folder=str(tmp_path), number=number, act=act))
    running.post(*job_of(folder, tmp_path / "out", code))
    paused = running.until(lambda now: now.state is JobState.PAUSED)
    assert paused.pause_reason.startswith("Disk full: ")
    assert paused.counts.failed == 0
    running.post(ContinueJob())
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (8, 0)
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


@pytest.mark.parametrize("number", range(1, STEPS + 1))
def test_worker_killed_at_any_step_costs_a_second_attempt_only(
    running: Running, folder: Path, tmp_path: Path, number: int
) -> None:
    names = fill(folder, 8)
    act = "os.kill(os.getpid(), signal.SIGKILL)"
    code = own_code(tmp_path, IN_A_WORKER.format(folder=str(tmp_path), number=number, act=act))
    running.post(*job_of(folder, tmp_path / "out", code))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (8, 0)
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
    assert sorted(row.attempts for row in running.ended) == [1] * 7 + [2]


def held_by_a_scanner() -> OSError:
    error = PermissionError(errno.EACCES, "The process cannot access the file")
    error.winerror = 32  # type: ignore[attr-defined]  # set on Windows only
    return error


@pytest.mark.parametrize("step", ["move", "replace"])
def test_file_that_a_scanner_holds_for_a_moment_is_moved_once_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    scene = next(scene for scene in SCENES if scene.name == "own")
    scene.set_up(tmp_path)
    refusals = [held_by_a_scanner() for _ in range(3)]

    def failpoint(reached: str) -> None:
        if reached == step and refusals:
            raise refusals.pop()

    monkeypatch.setattr(disk, "failpoint", failpoint)
    published = scene.publish(tmp_path)
    assert isinstance(published, Path)
    assert published.read_bytes() == NEW
    assert refusals == []


def test_file_that_is_never_let_go_fails_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = SCENES[0]
    scene.set_up(tmp_path)

    def failpoint(reached: str) -> None:
        if reached == "move":
            raise held_by_a_scanner()

    monkeypatch.setattr(disk, "failpoint", failpoint)
    monkeypatch.setattr(disk, "PATIENCE_S", 0.2)
    published = scene.publish(tmp_path)
    assert isinstance(published, Failure)
    assert published.message.startswith("No permission to write to ")
