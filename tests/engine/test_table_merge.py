"""Tables put together: rows in order, columns by name, types that differ."""

import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.engine.reduced import Reducing
from workers.job import ParameterValue, Step
from workers.operations import table_merge
from workers.operations.reopening import reopens
from workers.outcome import Failure, FailureKind

MIXED = (
    "2 columns differ in type from file to file: 'x' (numbers, text), 'when' (text, times); {kept}."
)


def merging(folder: Path, output: Path, **values: ParameterValue) -> Reducing:
    return Reducing(folder, output, Step("tables.merge", values))


@pytest.fixture
def mixed(folder: Path) -> Path:
    """Return a folder of tables that differ in columns and in types."""
    pl.DataFrame({"x": [1, 2], "when": [date(2024, 2, 29), None]}).write_parquet(folder / "1.pq")
    (folder / "2.csv").write_text("x,n,empty\nlots,2.5,\n,3,\n")
    pl.DataFrame({"n": [7], "when": ["soon"], "tags": [["a", "b"]]}).write_ndjson(
        folder / "3.jsonl"
    )
    return folder


def test_csv_holds_each_value_as_its_file_has_it(mixed: Path, tmp_path: Path) -> None:
    kept = "each value is as its file has it"
    made = merging(mixed, tmp_path / "out").made(warning=MIXED.format(kept=kept))
    assert made.read_text().splitlines() == [
        "x,when,n,empty,tags",
        "1,2024-02-29,,,",
        "2,,,,",
        "lots,,2.5,,",
        ",,3.0,,",
        ',soon,7,,"{""tags"":[""a"",""b""]}"',
    ]


@pytest.mark.parametrize("batch_bytes", [0, 2**20])
def test_parquet_has_one_type_a_column(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    monkeypatch.setattr(table_merge, "_BATCH_BYTES", batch_bytes)  # each alone, all at once
    merged = merging(mixed, tmp_path / "out", format="parquet", file_column="from", name="all")
    made = merged.made(warning=MIXED.format(kept="such values became text"))
    assert made.name == "all.parquet"
    assert reopens(made)
    table = pl.read_parquet(made)
    assert table.schema == {
        "from": pl.String,
        "x": pl.String,
        "when": pl.String,
        "n": pl.Float64,
        "empty": pl.String,
        "tags": pl.List(pl.String),
    }
    assert table["from"].to_list() == ["1.pq", "1.pq", "2.csv", "2.csv", "3.jsonl"]
    assert table["x"].to_list() == ["1", "2", "lots", None, None]
    assert table["n"].to_list() == [None, None, 2.5, 3.0, 7.0]
    assert table["tags"].to_list()[-1] == ["a", "b"]
    assert [each.name for each in (tmp_path / "out").rglob("*") if each.is_file()] == [made.name]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_without_rows_and_whole_numbers_stay_what_they_are(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    (folder / "1.csv").write_text("a,b\n")
    (folder / "2.csv").write_text("a,b\n9007199254740993,x\n")
    (folder / "3.csv").write_text("a\n-1\n")
    made = merging(folder, tmp_path / "out", format=kind).made()
    table = pl.read_csv(made) if kind == "csv" else pl.read_parquet(made)
    assert table.to_dict(as_series=False) == {"a": [9007199254740993, -1], "b": ["x", None]}


def test_whole_numbers_that_a_float_cannot_hold_become_text(folder: Path, tmp_path: Path) -> None:
    (folder / "1.csv").write_text("a\n9007199254740993\n")
    (folder / "2.csv").write_text("a\n0.5\n")
    made = merging(folder, tmp_path / "out", format="parquet").made(
        warning="1 column holds whole numbers too large beside fractions: 'a'; they became text."
    )
    assert pl.read_parquet(made)["a"].to_list() == ["9007199254740993", "0.5"]


def test_column_of_names_that_tables_have_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "1.csv").write_text("file\nx\n")
    assert merging(folder, tmp_path / "out", file_column="file").refused() == (
        "The tables have a column 'file' themselves; choose another name for the column of names."
    )


def test_partial_that_is_gone_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "1.csv").write_text("a\n1\n")
    merged = merging(folder, tmp_path / "out")
    for partial in (tmp_path / "out partials").glob("*.parquet"):
        partial.unlink()
    assert merged.refused().startswith("What was made of 1.csv is gone")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit for files")
@pytest.mark.parametrize(("kind", "batch_bytes"), [("csv", 0), ("parquet", 0), ("parquet", 2**20)])
def test_disk_that_takes_no_more_fails_the_output_with_its_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, batch_bytes: int
) -> None:
    import resource

    monkeypatch.setattr(table_merge, "_BATCH_BYTES", batch_bytes)
    for name in "ab":
        rows = "".join(f"{n * n % 9973},{name}{n}\n" for n in range(5_000))
        (folder / f"{name}.csv").write_text(f"x,y\n{rows}")
    merged = merging(folder, tmp_path / "out", format=kind)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        outcome = merged.reduce()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.OUTPUT_FAILED
    assert outcome.message.startswith("The output is too large for the disk")
