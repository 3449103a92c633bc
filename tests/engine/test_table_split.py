"""One table as a folder of files: what they hold and are called, and how they are published."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of
from workers.commands import ClearInputs, StartJob, UndoJob
from workers.job import JobState, OnExisting, Pipeline, Step, TaskState
from workers.operations import tables
from workers.operations.input_file import InputFile, open_input
from workers.operations.table_split import name_of
from workers.outcome import Failure
from workers.output import STAGING_PREFIX

SPLIT = Step("tables.split", {"column": "land"})
ORDERS = "land,n\nDE,1\nFR,2\nDE,3\n,4\n"
FILES = {
    "orders/DE.csv": "land,n\nDE,1\nDE,3\n",
    "orders/FR.csv": "land,n\nFR,2\n",
    "orders/missing.csv": "land,n\n,4\n",
}


def files_in(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in folder.rglob("*")
        if file.is_file() and STAGING_PREFIX not in str(file)
    }


def split(table: pl.DataFrame, tmp_path: Path, **values: object) -> dict[str, pl.DataFrame] | str:
    """Split the table; return the files by their names, or the sentence why not."""
    table.write_parquet(tmp_path / "a.parquet")
    opened = open_input(tmp_path / "a.parquet")
    assert isinstance(opened, InputFile)
    with opened:
        step = Step("tables.split", {"column": "k", **values})  # type: ignore[dict-item]
        answer = tables.run([step], opened, tmp_path / "made.parquet")
    if isinstance(answer, Failure):
        assert not (tmp_path / "made").exists()
        return answer.message
    return {file.stem: pl.read_parquet(file) for file in (tmp_path / "made").iterdir()}


def test_each_value_has_its_rows_in_their_order(tmp_path: Path) -> None:
    table = pl.DataFrame({"k": ["b", "a", None, "b", "", "a"], "n": range(6)})
    found = split(table, tmp_path)
    assert isinstance(found, dict)
    assert {name: part["n"].to_list() for name, part in found.items()} == {
        "b": [0, 3],
        "a": [1, 5],
        "missing": [2],
        "empty": [4],
    }
    assert pl.concat(found.values()).sort("n").equals(table)
    without = split(table, tmp_path, keeps_column=False)
    assert isinstance(without, dict)
    assert without["b"].columns == ["n"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("../../etc/passwd", "_._.._etc_passwd"),
        ('a\\b:c*?"<>|\n\x00\u202e', "a_b_c_________"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        (" .hidden. ", "_hidden"),
        ("...", "_"),
        ("  ", "_"),
        ("Köln", "Köln"),
        ("Ko\u0308ln", "Köln"),
        ("ü" * 500, "ü" * 40),
        ("\ue0echash\ue0ec", "_hash_"),
        (1.5, "1.5"),
        (-3, "-3"),
        (float("nan"), "nan"),
        (True, "true"),
        (date(2025, 1, 2), "2025-01-02"),
        (datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC), "2025-01-02 03-04-05+00-00"),
        (None, "missing"),
    ],
)
def test_a_value_becomes_a_name_that_every_system_takes(value: object, name: str) -> None:
    assert name_of(value) == name


def test_values_whose_names_meet_are_numbered(tmp_path: Path) -> None:
    values = ["de", "DE", "De", "missing", None, "a/b", "a:b", "x" * 99 + "1", "x" * 99 + "2"]
    found = split(pl.DataFrame({"k": values}), tmp_path)
    assert isinstance(found, dict)
    assert {part["k"][0]: name for name, part in found.items()} == {
        "de": "de",
        "DE": "DE (2)",
        "De": "De (3)",
        "missing": "missing",
        None: "missing (2)",
        "a/b": "a_b",
        "a:b": "a_b (2)",
        values[-2]: "x" * 80,
        values[-1]: "x" * 80 + " (2)",
    }


@pytest.mark.parametrize(
    ("table", "values", "sentence"),
    [
        (pl.DataFrame({"k": range(5)}), {"files_most": 4}, "has 5 values, and files_most allows 4"),
        (pl.DataFrame({"k": [[1]]}), {}, "holds lists or bytes"),
        (pl.DataFrame({"k": [b"x"]}), {}, "holds lists or bytes"),
        (pl.DataFrame({"key": [1]}), {}, "There is no column 'k'. The only one is 'key'."),
        (pl.DataFrame({"k": [1]}), {"column": ""}, "Name the column"),
        (pl.DataFrame({"k": []}), {}, "has no row"),
    ],
)
def test_what_cannot_be_split_is_told_and_nothing_is_written(
    tmp_path: Path, table: pl.DataFrame, values: dict[str, object], sentence: str
) -> None:
    said = split(table, tmp_path, **values)
    assert isinstance(said, str)
    assert sentence in said


def ran(running: Running, folder: Path, *steps: Step, **changes: object) -> Path:
    """Run a job of these steps anew; return its output folder."""
    output = folder.with_name("out")
    added, start = job_of(folder, output, Pipeline("Split", steps or (SPLIT,)))
    assert isinstance(start, StartJob)
    running.ended.clear()
    running.post(ClearInputs(), added, StartJob(replace(start.spec, **changes)))
    running.until_ended()
    return output


def test_a_folder_is_published_recorded_known_again_and_undone(
    running: Running, folder: Path, trash: Path
) -> None:
    (folder / "orders.csv").write_text(ORDERS)
    (folder / "orders.tsv").write_text(ORDERS.replace(",", "\t"))
    (folder / "orders").mkdir()
    (folder / "orders" / "DE.csv").write_text("land\nUS\n")
    output = ran(running, folder)
    found = files_in(output)
    assert {name: text for name, text in found.items() if name in FILES} == FILES
    assert len(found) == 7  # each input has a folder of its own
    assert sorted(text for name, text in found.items() if "US" in name) == ["land\nUS\n"]
    assert sum("\t" in text for text in found.values()) == 3
    rows = {row.name: row for row in running.ended}
    assert [path.name for path in rows["orders.csv"].outputs] == ["DE.csv", "FR.csv", "missing.csv"]
    made = {path.stat().st_mtime_ns for path in output.rglob("*.csv")}
    ran(running, folder)
    assert {row.state for row in running.ended} == {TaskState.SKIPPED}
    assert {path.stat().st_mtime_ns for path in output.rglob("*.csv")} == made
    (folder / "orders.csv").write_text(ORDERS.replace("FR", "US"))
    ran(running, folder)
    (changed,) = (row for row in running.ended if row.state is TaskState.SUCCEEDED)
    assert changed.message == ("1 file of an earlier job left, whose values are no more: FR.csv.")
    assert files_in(output)["orders/US.csv"] == "land,n\nUS,2\n"
    assert running.last.job is not None
    running.post(UndoJob(running.last.job))
    running.until(lambda now: now.state is JobState.CANCELLED and not running.engine.is_busy)
    assert set(files_in(output)) & {"orders/US.csv", "orders/DE.csv"} == set()


@pytest.mark.parametrize("on_existing", OnExisting)
def test_files_of_before_are_treated_as_the_person_chose(
    running: Running, folder: Path, trash: Path, on_existing: OnExisting
) -> None:
    (folder / "orders.csv").write_text(ORDERS)
    own = folder.with_name("out") / "orders" / "DE.csv"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    found = files_in(ran(running, folder, on_existing=on_existing))
    (row,) = running.ended
    assert row.state is TaskState.SUCCEEDED
    wanted = dict(FILES)
    if on_existing is not OnExisting.REPLACE:
        wanted["orders/DE.csv"] = "mine"
    if on_existing is OnExisting.RENAME:
        wanted["orders/DE (2).csv"] = FILES["orders/DE.csv"]
    assert found == wanted
    kept = "1 file of before the job kept: DE.csv."
    assert row.message == (kept if on_existing is OnExisting.SKIP else "")


def test_a_file_that_had_to_take_a_number_keeps_it_when_the_table_changes(
    running: Running, folder: Path
) -> None:
    own = folder.with_name("out") / "orders" / "DE.csv"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    for table in (ORDERS, ORDERS.replace("DE,3", "DE,9")):
        (folder / "orders.csv").write_text(table)
        ran(running, folder, on_existing=OnExisting.RENAME)
        assert running.ended[0].message == ""
    changed = {"orders/DE.csv": "mine", "orders/DE (2).csv": "land,n\nDE,1\nDE,9\n"}
    assert files_in(own.parents[1]) == {**FILES, **changed}


def test_a_split_is_the_last_step_and_takes_no_place_of_an_original(
    running: Running, folder: Path
) -> None:
    (folder / "orders.csv").write_text(ORDERS)
    for steps, changes, words in (
        ((SPLIT, Step("tables.sort", {})), {}, "it is the last step"),
        ((SPLIT,), {"names": "{name}-{hash}"}, "is not named by"),
        ((SPLIT,), {"is_in_place": True, "output": folder}, "makes several files of one"),
    ):
        ran(running, folder, *steps, **changes)
        assert words in running.last.refusal
    assert files_in(folder) == {"orders.csv": ORDERS}
