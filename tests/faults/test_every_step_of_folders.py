"""A folder of outputs: whatever step of the disk fails or is the last one, no file is partial."""

import errno
import os
from pathlib import Path

import pytest

from tests.faults.publishing import BEFORE_NS, JOB, OLD, at_step, counted, died_at_each
from tests.faults.publishing_folder import FILES, SCENES, Scene
from workers import disk
from workers.folder_publishing import Published
from workers.outcome import Failure
from workers.output import Staging

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def prepared(scene: Scene, place: Path) -> None:
    scene.set_up(place)
    if scene.before == OLD:
        os.utime(scene.final(place) / "DE.csv", ns=(BEFORE_NS, BEFORE_NS))


def check_nothing_lost(scene: Scene, place: Path) -> None:
    found = {file.name: file.read_bytes() for file in scene.final(place).glob("*")}
    assert set(found.values()) <= {*FILES.values(), OLD}  # nothing partial
    if scene.before == OLD:
        assert found["DE.csv"] == OLD
    if not scene.before:  # all of it or nothing
        assert found in ({}, FILES)


def check_it_goes_on(scene: Scene, place: Path) -> None:
    assert isinstance(scene.publish(place, attempt=2), Published)
    found = {file.name: file.read_bytes() for file in scene.final(place).iterdir()}
    if scene.before == OLD:
        assert found.pop("DE.csv") == OLD
        assert {content for name, content in found.items() if name.startswith("DE (")} == {
            FILES["DE.csv"]
        }
        assert found["FR.csv"] == FILES["FR.csv"]
    else:
        assert found == FILES
    Staging(place / "out", JOB).remove()
    assert [file.name for file in (place / "out").iterdir()] == ["orders"]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_death_or_refusal_at_any_step_leaves_whole_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    prepared(scene, tmp_path / "undisturbed")
    steps = counted(lambda: scene.publish(tmp_path / "undisturbed"))
    assert {"open", "sync", "folder", "move"} <= set(steps)
    for number in range(1, len(steps) + 1):
        prepared(scene, tmp_path / f"{number}")
    died_at_each("tests.faults.publishing_folder", tmp_path, scene.name, len(steps))
    for number in range(1, len(steps) + 1):
        check_nothing_lost(scene, tmp_path / f"{number}")
        check_it_goes_on(scene, tmp_path / f"{number}")

    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for number in range(1, len(steps) + 1):
        place = tmp_path / f"refused {number}"
        prepared(scene, place)
        monkeypatch.setattr(disk, "failpoint", at_step(number, refuse))
        result = scene.publish(place)
        # What cannot be deleted is left for the job's end.
        assert isinstance(result, Failure) or steps[number - 1] == "remove"
        check_nothing_lost(scene, place)
        monkeypatch.setattr(disk, "failpoint", lambda _step: None)
        check_it_goes_on(scene, place)
