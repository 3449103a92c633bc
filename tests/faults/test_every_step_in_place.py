"""Whatever step fails, or is the last one: the original or the whole output has the name."""

import errno
import os
from pathlib import Path

import pytest

from tests.faults.publishing import at_step, counted, died_at_each
from tests.faults.replacing import NEW, OLD, SCENES, Scene
from workers import disk, no_clobber
from workers.journal import Journal
from workers.outcome import Failure, Success

ROOT = Path(__file__).parents[2]
ERRORS = [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EXDEV, errno.EDQUOT, errno.EROFS]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


@pytest.fixture(autouse=True)
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test a trash, and put back what a scene takes from the disk."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(no_clobber, "_swapping", no_clobber._swapping)
    monkeypatch.setattr(os, "link", os.link)
    monkeypatch.setattr(disk, "failpoint", lambda _step: None)
    return tmp_path / "Trash"


def everywhere(scene: Scene, place: Path, trash: Path) -> list[bytes]:
    """Return what stands in the folder, hidden or not, and in the trash."""
    files = (*scene.folder(place).rglob("*"), *(trash / "files").rglob("*"))
    return [file.read_bytes() for file in files if file.is_file()]


def check_nothing_lost(scene: Scene, place: Path, trash: Path, journal: Journal) -> None:
    assert OLD in everywhere(scene, place, trash)
    if scene.original(place).exists():
        assert scene.original(place).read_bytes() in (OLD, NEW)
    else:  # it left for the trash: its output, of another name, has been recorded
        assert scene.is_recorded(journal)
    if scene.is_recorded(journal):
        assert scene.final(place).read_bytes() == NEW


def check_it_goes_on(scene: Scene, place: Path, trash: Path, journal: Journal) -> None:
    """Try again: the output stands there, the original lies in the trash once, and that is all."""
    if not scene.is_recorded(journal):
        assert isinstance(scene.run(place, journal, attempt=2), Success)
    else:
        from workers.originals import put_away

        put_away(journal.path, is_over=True)
    journal.close()
    shown = {
        str(file.relative_to(scene.folder(place))): file.read_bytes()
        for file in scene.folder(place).rglob("*")
        if file.is_file()
    }
    beside = [name for name, content in shown.items() if content == OLD]
    in_trash = [file.read_bytes() for file in (trash / "files").rglob("*")]
    assert [OLD for _ in beside] + in_trash == [OLD]  # beside only where the trash refused it
    assert {name: content for name, content in shown.items() if name not in beside} == {
        scene.output: NEW
    }


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
def test_refused_step_leaves_the_original_or_the_whole_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene, code: int
) -> None:
    scene.restrict()
    place = tmp_path / "undisturbed"
    monkeypatch.setenv("XDG_DATA_HOME", str(place))
    journal = scene.set_up(place)
    steps = counted(lambda: scene.run(place, journal))
    check_it_goes_on(scene, place, place / "Trash", journal)
    assert {"open", "sync", "attributes", "folder", "trash", "remove"} <= set(steps)

    def refuse() -> None:
        raise OSError(code, os.strerror(code))

    for number in range(1, len(steps) + 1):
        place = tmp_path / f"{number}"
        monkeypatch.setenv("XDG_DATA_HOME", str(place))
        journal = scene.set_up(place)
        monkeypatch.setattr(disk, "failpoint", at_step(number, refuse))
        try:
            outcome = scene.run(place, journal)
        except OSError:  # while originals were put away: the next look does it
            outcome = None
        monkeypatch.setattr(disk, "failpoint", lambda _step: None)
        assert outcome is None or isinstance(outcome, Failure | Success), steps[number - 1]
        check_nothing_lost(scene, place, place / "Trash", journal)
        check_it_goes_on(scene, place, place / "Trash", journal)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_death_at_any_step_leaves_the_original_or_the_whole_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    scene.restrict()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "undisturbed"))
    journal = scene.set_up(tmp_path / "undisturbed")
    steps = counted(lambda: scene.run(tmp_path / "undisturbed", journal))
    journal.close()
    died_at_each("tests.faults.replacing", tmp_path, scene.name, len(steps))
    for number in range(1, len(steps) + 1):
        place = tmp_path / f"{number}"
        monkeypatch.setenv("XDG_DATA_HOME", str(place))
        journal = Journal.open(next((place / "jobs").glob("*.sqlite")))
        check_nothing_lost(scene, place, place / "Trash", journal)
        assert scene.original(place).exists() or scene.final(place).exists()
        check_it_goes_on(scene, place, place / "Trash", journal)
