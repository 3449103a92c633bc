"""`everycore run --in-place`, then undone; `everycore retry --changed`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.everycore_program import Everycore, digests, everycore_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")

COUNT = 5


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


def test_originals_are_replaced_verified_and_put_back(everycore: Everycore, tables: Path) -> None:
    originals = digests(tables)
    ended = everycore.run("run", "csv-to-parquet", tables, "--in-place")
    assert ended.returncode == 0, ended.stderr
    job = str(everycore.newest_job()["job"])
    assert f"In place; to put the originals back: everycore undo {job}" in ended.stdout
    assert sorted(digests(tables)) == [f"{number} =ä.parquet" for number in range(COUNT)]
    assert "5 outputs, all as made." in everycore.run("verify", tables).stdout
    undone = everycore.run("undo", job)
    assert undone.stdout == "5 outputs moved to the trash.\n5 replaced files put back.\n"
    assert digests(tables) == originals


@pytest.mark.parametrize(
    "more", [("--output", "out"), ("--name", "{name}"), ("--on-existing", "rename")]
)
def test_in_place_goes_with_no_other_place_for_outputs(
    everycore: Everycore, tables: Path, more: tuple[str, ...]
) -> None:
    refused = everycore.run("run", "csv-to-parquet", tables, "--in-place", *more)
    assert refused.returncode == 2
    assert f"--in-place takes no {more[0]}" in refused.stderr
    assert len(digests(tables)) == COUNT


def test_changed_and_new_files_of_an_ended_job_are_run(everycore: Everycore, tables: Path) -> None:
    ended = everycore.run("run", "csv-to-parquet", tables, "--output", "out")
    assert ended.returncode == 0, ended.stderr
    before = digests(everycore.folder / "out")
    job = str(everycore.newest_job()["job"])
    (tables / "2 =ä.csv").write_text("a\n222\n")
    (tables / "new.csv").write_text("a\n7\n")
    again = everycore.run("retry", job, "--changed", "--json")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count('"event": "task_finished"') == 2
    after = digests(everycore.folder / "out")
    assert {name for name in after if after[name] != before.get(name)} == {
        "2 =ä.parquet",
        "new.parquet",
    }
