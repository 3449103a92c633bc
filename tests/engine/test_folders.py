"""Where Everycore's own files go, also where the home folder cannot be written."""

import stat
from pathlib import Path

import pytest

from workers import folders


def test_folders_lie_below_the_home_that_was_named(everycore_home: Path) -> None:
    assert folders.journals_folder() == everycore_home / "jobs"
    assert folders.presets_folder() == everycore_home / "config" / "presets"
    assert stat.S_IMODE(folders.runtime_folder().stat().st_mode) & 0o077 == 0
    assert folders.home_problem() == ""


def test_home_that_cannot_be_written_gives_way_to_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVERYCORE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    journals = folders.journals_folder()
    assert journals.is_dir()
    assert journals.parent.parent == tmp_path
    assert stat.S_IMODE(journals.parent.stat().st_mode) == 0o700
    assert "cannot be written" in folders.home_problem()


def test_temporary_home_that_somebody_else_laid_out_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVERYCORE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "trap"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "trap").mkdir()
    person = folders._temporary()
    person.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="belongs to somebody else"):
        folders.journals_folder()
