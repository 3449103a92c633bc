"""Originals on their way: hidden beside their outputs, into the trash or back; what gets between."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.faults.replacing import NEW, SCENES, Scene
from workers import disk
from workers.in_place import kept_in, originals_folder
from workers.job import JobId
from workers.outcome import Success

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
