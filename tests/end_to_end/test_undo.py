"""`everycore undo` with real files and a trash of the test's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.everycore_program import Everycore, digests, everycore_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")

COUNT = 6


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        program.environment["HOME"] = str(tmp_path)
        program.environment["XDG_DATA_HOME"] = str(tmp_path / "share")
        yield program


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number} =ä.csv").write_text(f"a\n{number}\n")
    return folder


def run(everycore: Everycore, tables: Path, *more: str) -> str:
    """Convert the tables into "out"; return the job."""
    ended = everycore.run("run", "csv-to-parquet", tables, "--output", "out", *more)
    assert ended.returncode == 0, ended.stderr
    return str(everycore.newest_job()["job"])


def outputs(everycore: Everycore) -> dict[str, str]:
    return digests(everycore.folder / "out")


def test_undo_moves_outputs_to_the_trash_and_puts_back_what_they_replaced(
    everycore: Everycore, tables: Path
) -> None:
    out = everycore.folder / "out"
    out.mkdir()
    (out / "2 =ä.parquet").write_text("mine")
    (out / "other.txt").write_text("not of this job")
    before = outputs(everycore)
    job = run(everycore, tables, "--on-existing", "replace")
    assert len(outputs(everycore)) == COUNT + 1
    originals = digests(tables)
    undone = everycore.run("undo", job)
    assert undone.stdout == f"{COUNT} outputs moved to the trash.\n1 replaced file put back.\n"
    assert outputs(everycore) == before
    assert digests(tables) == originals
    assert len(list((everycore.folder / "share/Trash/files").iterdir())) == COUNT
    assert "0 outputs moved to the trash." in everycore.run("undo", job).stdout


def test_undo_leaves_what_was_edited_and_what_is_the_last_copy(
    everycore: Everycore, tables: Path
) -> None:
    job = run(everycore, tables)
    out = everycore.folder / "out"
    (out / "0 =ä.parquet").write_bytes(b"edited")
    (out / "1 =ä.parquet").unlink()
    (tables / "2 =ä.csv").unlink()
    told = everycore.run("undo", job).stdout.splitlines()
    assert told == [
        f"{COUNT - 3} outputs moved to the trash.",
        "1 output no longer there.",
        "1 output edited since, left alone.",
        "1 output left: the input is gone.",
    ]
    assert set(outputs(everycore)) == {"0 =ä.parquet", "2 =ä.parquet"}


def test_undone_job_can_be_run_again(everycore: Everycore, tables: Path) -> None:
    job = run(everycore, tables)
    made = outputs(everycore)
    everycore.run("undo", job)
    assert everycore.newest_job()["state"] == "cancelled"
    assert everycore.run("retry", job).returncode == 0
    assert outputs(everycore) == made
    everycore.run("undo", job)
    run(everycore, tables)
    assert outputs(everycore) == made


def test_undo_refuses_what_it_does_not_know(everycore: Everycore, tables: Path) -> None:
    told = everycore.run("undo", "nothing")
    assert (told.returncode, told.stdout) == (2, "")
    assert "There is no job 'nothing'" in told.stderr
    assert not (tables.parent / "out").exists()
