"""Outputs in place of their inputs, on disks with a trash of their own."""

import sys
import time
from pathlib import Path

import pytest

from tests.engine.conftest import Running, own_code
from tests.engine.test_in_place import LOUDER, contents, in_place, until_settled
from workers import blockage
from workers.commands import AddInputs, ClearInputs, UndoJob
from workers.job import InputFilter, JobState
from workers.snapshot import MarkerKind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")


def trashed(disk: Path) -> list[str]:
    """Return what lies in the trash of that disk."""
    (folder,) = disk.glob(".Trash-*/files")
    return sorted(file.read_text() for file in folder.iterdir())


def test_original_reached_through_a_link_goes_to_the_trash_of_its_disk_and_comes_back(
    running: Running, small_disk: Path, tmp_path: Path
) -> None:
    (small_disk / "photos").mkdir()
    (small_disk / "photos" / "a.txt").write_text("a")
    (tmp_path / "link").symlink_to(small_disk)
    running.post(*in_place(tmp_path / "link" / "photos", own_code(tmp_path, LOUDER)))
    job = until_settled(running).job
    assert job is not None
    assert contents(small_disk / "photos") == {"a.txt": "A!"}
    assert trashed(small_disk) == ["a"]
    running.post(ClearInputs(), UndoJob(job))
    running.until(lambda now: now.state is JobState.CANCELLED)
    assert contents(small_disk / "photos") == {"a.txt": "a"}


def test_file_on_a_drive_below_the_dropped_folder_is_left_and_the_drives_are_named(
    running: Running, small_disk: Path, tmp_path: Path
) -> None:
    (small_disk / "a.txt").write_text("a")
    _, start = in_place(tmp_path, own_code(tmp_path, LOUDER))
    running.post(AddInputs((tmp_path,), InputFilter(include=("a.txt",))), start)
    until_settled(running)
    told = next(row.message for row in running.ended if row.name == "disk/a.txt")
    assert told == f"It lies on another drive than {tmp_path}. Drop a folder of that drive itself."
    assert contents(small_disk) == {"a.txt": "a"}


def test_second_drive_that_is_away_pauses_the_job_until_it_is_back(
    running: Running, folder: Path, tmp_path: Path, trash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blockage, "LOOK_EVERY_S", 0.05)
    drive, away = tmp_path / "drive", tmp_path / "away"
    drive.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(name)
        (drive / f"{name}.txt").write_text(name)
    _, start = in_place(folder, own_code(tmp_path, LOUDER))
    running.post(AddInputs((folder, drive)))
    running.until(lambda now: now.counts.total == 6 and not now.is_discovering)
    drive.rename(away)
    running.post(start)
    paused = running.until(lambda now: now.state is JobState.PAUSED)
    assert paused.pause_reason == f"The output folder {drive} is gone."
    still = time.monotonic() + 0.5  # many looks
    running.until(lambda _now: time.monotonic() > still)
    away.rename(drive)
    end = until_settled(running)
    assert (end.counts.succeeded, end.counts.failed) == (6, 0)
    assert len([mark for mark in running.markers if mark.kind is MarkerKind.PAUSED]) == 1
    assert contents(folder) == contents(drive) == {"a.txt": "A!", "b.txt": "B!", "c.txt": "C!"}
