"""What somebody saves between a look at an original and the step that follows from it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_originals import BESIDE, EXCHANGED, attempted, hidden, in_trash
from tests.faults.replacing import NEW, OLD, Scene
from workers import disk, no_clobber
from workers.errors import JournalError
from workers.in_place import CHANGED, kept_in, originals_folder
from workers.job import JobState
from workers.originals import give_back_unfinished, put_away

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]
Meanwhile = Callable[..., None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return what lets somebody act before the first, the second ... time a step is taken."""

    def at(step: str, *acts: Callable[[], object]) -> None:
        waiting = list(acts)

        def reached(passed: str) -> None:
            if passed == step and waiting:
                waiting.pop(0)()

        monkeypatch.setattr(disk, "failpoint", reached)

    return at


def save(path: Path, content: bytes = b"saved") -> None:
    """Save a file as most programs do: a new one takes the name."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def nothing() -> None:
    """Let the step pass."""


def refuse() -> None:
    raise OSError(5, "Input/output error")


def shown(scene: Scene, place: Path) -> dict[str, bytes]:
    """Return what stands in the folder, hidden or not."""
    files = scene.folder(place).rglob("*")
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def test_original_stays_where_its_free_name_is_taken_in_this_moment(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile
) -> None:
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    path = EXCHANGED.original(tmp_path)
    path.unlink()
    meanwhile("move", lambda: save(path))
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(EXCHANGED, tmp_path) == {"a.jpg": b"saved"}
    assert in_trash(trash) == [OLD]
    assert not hidden(EXCHANGED, tmp_path)


def test_what_is_saved_while_an_original_gets_its_name_back_keeps_the_name(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile
) -> None:
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    meanwhile("exchange", lambda: save(EXCHANGED.original(tmp_path)))
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(EXCHANGED, tmp_path) == {"a.jpg": b"saved"}
    assert in_trash(trash) == [OLD]
    assert not hidden(EXCHANGED, tmp_path)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("is_killed", [False, True], ids=["", "killed"])
def test_what_is_saved_on_a_disk_without_an_exchange_is_lost_nowhere(
    tmp_path: Path,
    trash: Path,
    meanwhile: Meanwhile,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    *,
    is_killed: bool,
) -> None:
    """The file in the way is moved aside, looked at, and the original moved to its name."""
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    monkeypatch.setattr(no_clobber, "_swapping", lambda: None)
    ends = (refuse,) if is_killed else ()
    before = (nothing,) * step
    meanwhile("move", *before, lambda: save(EXCHANGED.original(tmp_path)), *ends)
    if is_killed and step == 0:
        with pytest.raises(OSError, match="Input/output"):
            put_away(journal.path, is_over=True)
        meanwhile("move")
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(EXCHANGED, tmp_path) == {"a.jpg": b"saved"}
    assert in_trash(trash) == [OLD]
    assert not hidden(EXCHANGED, tmp_path)


def test_what_is_saved_twice_while_an_output_takes_its_place_is_kept(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile
) -> None:
    journal = EXCHANGED.set_up(tmp_path)
    path = EXCHANGED.original(tmp_path)
    meanwhile("exchange", lambda: save(path, b"first"), lambda: save(path, b"second"))
    assert EXCHANGED.attempt(tmp_path, journal, 1) == CHANGED
    meanwhile("exchange")
    put_away(journal.path, is_over=True)
    journal.close()
    assert [*shown(EXCHANGED, tmp_path).values(), *in_trash(trash)] == [b"first", b"second"]
    assert not hidden(EXCHANGED, tmp_path)


@pytest.mark.parametrize("is_killed", [False, True], ids=["", "killed"])
def test_what_is_saved_while_an_original_is_taken_stays(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile, *, is_killed: bool
) -> None:
    """The last link to what the file was goes to the trash, and nowhere else."""
    journal = attempted(BESIDE, tmp_path)
    path = BESIDE.original(tmp_path)
    meanwhile("move", lambda: save(path), refuse if is_killed else nothing)
    if is_killed:
        with pytest.raises(OSError, match="Input/output"):
            put_away(journal.path, is_over=False)
        meanwhile("move")
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(BESIDE, tmp_path) == {"a.jpg": b"saved", "a.webp": NEW}
    assert in_trash(trash) == [OLD]
    assert not hidden(BESIDE, tmp_path)


def test_what_is_written_into_an_original_while_it_is_taken_stays(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile
) -> None:
    journal = attempted(BESIDE, tmp_path)
    path = BESIDE.original(tmp_path)
    meanwhile("move", lambda: path.write_bytes(b"saved"))
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(BESIDE, tmp_path) == {"a.jpg": b"saved", "a.webp": NEW}
    assert not in_trash(trash)
    assert not hidden(BESIDE, tmp_path)


def test_both_are_kept_where_somebody_saves_before_and_after_an_original_is_taken(
    tmp_path: Path, trash: Path, meanwhile: Meanwhile
) -> None:
    journal = attempted(BESIDE, tmp_path)
    path = BESIDE.original(tmp_path)
    meanwhile("move", lambda: save(path, b"first"), lambda: save(path, b"second"))
    put_away(journal.path, is_over=True)
    journal.close()
    assert shown(BESIDE, tmp_path) == {"a.jpg": b"second", "a.webp": NEW}
    assert sorted(in_trash(trash)) == sorted([b"first", OLD])


@pytest.mark.parametrize("is_again", [False, True], ids=["once", "twice"])
def test_what_is_saved_over_an_output_that_is_withdrawn_stays(
    tmp_path: Path, meanwhile: Meanwhile, *, is_again: bool
) -> None:
    journal = attempted(BESIDE, tmp_path, is_recorded=False)
    journal.close()
    output = BESIDE.final(tmp_path)
    again = (lambda: save(output, b"again"),) if is_again else ()
    meanwhile("move", lambda: save(output), *again)
    give_back_unfinished(journal.path.parent, journal.job)
    saved = {"a.webp": b"saved"}
    if is_again:
        saved = {"a.webp": b"again", "a (before Everycore).webp": b"saved"}
    assert shown(BESIDE, tmp_path) == {"a.jpg": OLD, **saved}
    assert not hidden(BESIDE, tmp_path)


@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "late"])
def test_original_that_is_written_to_after_it_was_read_is_told_of(
    tmp_path: Path, trash: Path, *, is_late: bool
) -> None:
    """As by a recorder that goes on, with the file open, wherever that is moved."""
    journal = attempted(EXCHANGED, tmp_path)
    (kept,) = EXCHANGED.folder(tmp_path).glob(".everycore-*-originals/*/a.jpg")
    if is_late:
        with kept.open("ab") as recorder:
            recorder.write(b"more")
    told = put_away(journal.path, is_over=False)
    journal.close()
    late = (
        "a.jpg was still being written to when it was read; what was written later lies in the"
        " trash."
    )
    assert told == (late if is_late else "")
    assert in_trash(trash) == [OLD + b"more" if is_late else OLD]


def test_job_whose_drive_is_away_is_not_forgotten(tmp_path: Path) -> None:
    journal = attempted(EXCHANGED, tmp_path, is_recorded=False)
    journal.close()
    folder, away = EXCHANGED.folder(tmp_path), tmp_path / "away"
    folder.rename(away)
    with pytest.raises(JournalError, match=r"photos is not there: originals of this job may still"):
        give_back_unfinished(journal.path.parent, journal.job)
    away.rename(folder)
    give_back_unfinished(journal.path.parent, journal.job)
    assert shown(EXCHANGED, tmp_path) == {"a.jpg": OLD}


def test_ended_job_can_be_forgotten_while_its_drive_is_away(tmp_path: Path) -> None:
    journal = attempted(EXCHANGED, tmp_path)
    put_away(journal.path, is_over=True)
    journal.set_state(JobState.FINISHED)
    journal.close()
    EXCHANGED.folder(tmp_path).rename(tmp_path / "away")
    give_back_unfinished(journal.path.parent, journal.job)
    assert not EXCHANGED.folder(tmp_path).exists()


def test_drive_that_is_away_when_the_job_is_over_still_holds_originals(tmp_path: Path) -> None:
    journal = attempted(EXCHANGED, tmp_path / "place")
    folder, away = EXCHANGED.folder(tmp_path / "place"), tmp_path / "away"
    folder.rename(away)
    with pytest.raises(OSError, match="photos is not there"):
        put_away(journal.path, is_over=True)
    put_away(journal.path, is_over=False)  # it may come back while the job runs

    away.rename(folder)
    assert put_away(journal.path, is_over=True) == ""
    journal.close()
    assert not kept_in(originals_folder(folder, journal.job))
    assert EXCHANGED.final(tmp_path / "place").read_bytes() == NEW
