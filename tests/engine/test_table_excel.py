"""Tables written as workbooks of Excel, read back by another reader (openpyxl)."""

import errno
import os
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from tests.engine.tables import run
from workers import Failure, Step
from workers.operations import table_excel
from workers.operations.reopening import reopens

TO_EXCEL = Step("tables.convert", {"format": "xlsx"})
TEXTS = [
    "=1+1",
    "+SUM(A1:A9)",
    '@HYPERLINK("http://x")',
    "{=1}",
    "-1",
    "http://example.org",
    "mailto:a@b.c",
    "007",
    "1e5",
    " two  spaces ",
    "a\nb",
    "<r><t>&</t></r>",
    "<b>&amp;",
    "𝔘nicode",
    "x" * 32_767,
]


def convert(tmp_path: Path, table: pl.DataFrame, *steps: Step) -> tuple[Failure | str, Path]:
    table.write_parquet(tmp_path / "a.parquet")
    return run(tmp_path / "a.parquet", *(steps or (TO_EXCEL,)))


def read_back(file: Path) -> tuple[list[str], list[list[object]], list[list[str]]]:
    """Return the names, the values by column, and the types of the cells by column."""
    sheet = openpyxl.load_workbook(file).active
    names, *rows = list(sheet.iter_rows())
    columns = list(zip(*rows, strict=True))
    return (
        [cell.value for cell in names],
        [[cell.value for cell in column] for column in columns],
        [[cell.data_type for cell in column] for column in columns],
    )


def test_text_stays_text_whatever_it_looks_like(tmp_path: Path) -> None:
    answer, target = convert(tmp_path, pl.DataFrame({"=A1": TEXTS}))
    assert answer == ""
    assert reopens(target)
    names, (values,), (kinds,) = read_back(target)
    assert names == ["=A1"]
    assert values == TEXTS
    assert set(kinds) <= {"s", "inlineStr"}
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name in parts if "rels" in name and b"example.org" in parts[name]]
    assert b"<f>" not in parts["xl/worksheets/sheet1.xml"]


def test_numbers_flags_dates_and_what_is_missing_are_what_they_were(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "n": [1, -(10**15) + 1, None],
            "x": [0.1 + 0.2, -1e-300, 1.7976931348623157e308],
            "flag": [True, False, None],
            "day": [date(1900, 3, 1), date(2024, 2, 29), date(9999, 12, 31)],
            "when": [datetime(2024, 2, 29, 23, 59, 59, 999_000), None, datetime(1999, 1, 1)],  # noqa: DTZ001  # without a zone on purpose
            "clock": [time(0, 0, 1), time(23, 59, 59), None],
            "span": [timedelta(hours=30), timedelta(seconds=1), None],
            "price": [Decimal("12.34"), Decimal("-0.01"), None],
            "none": [None, None, None],
        },
        schema_overrides={"price": pl.Decimal(10, 2)},
    )
    answer, target = convert(tmp_path, table)
    assert answer == ""
    names, found, _ = read_back(target)
    assert names == table.columns
    columns = dict(zip(names, found, strict=True))
    for name in ("n", "x", "flag", "clock", "span", "none"):
        assert columns[name] == table[name].to_list(), name
    assert [value.date() for value in columns["day"]] == table["day"].to_list()  # type: ignore[attr-defined]  # read as datetimes
    assert columns["when"] == table["when"].to_list()
    assert columns["price"] == [12.34, -0.01, None]
    # By our own reader as well.
    assert run(target, Step("tables.convert", {"format": "csv"}))[0] == ""


def test_what_a_cell_cannot_hold_is_text_and_told(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "id": [9_007_199_254_740_993, 1],
            "born": [date(1899, 12, 31), date(2000, 1, 1)],
            "zoned": [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)] * 2,
            "exact": [Decimal("12345678901234567890.12"), Decimal("1.00")],
            "list": [[1, 2], []],
            "raw": [b"\x00\xff", b""],
            "x": [float("nan"), float("inf")],
        },
        schema_overrides={"exact": pl.Decimal(38, 2)},
    )
    answer, target = convert(tmp_path, table)
    assert answer == (
        "Written as text: 'id' (more than 15 digits), 'born' (dates before March 1900 or after "
        "9999), 'zoned' (times with a zone), 'exact' (more than 15 digits). "
        "2 values that are no numbers (NaN, infinite) left empty."
    )
    names, found, _ = read_back(target)
    columns = dict(zip(names, found, strict=True))
    assert columns["id"] == ["9007199254740993", "1"]
    assert columns["born"] == ["1899-12-31", "2000-01-01"]
    assert str(columns["zoned"][0]).startswith("2024-01-02T03:04:05")
    assert columns["exact"] == ["12345678901234567890.12", "1.00"]
    assert columns["list"] == ['{"list":[1,2]}', '{"list":[]}'] or columns["list"] == [
        "[1,2]",
        "[]",
    ]
    assert columns["raw"][0] == "00ff"
    assert columns["x"] == [None, None]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (pl.DataFrame({"n": pl.int_range(1_048_576, eager=True)}), "1,048,576 rows; a sheet"),
        (pl.DataFrame({str(n): [1] for n in range(16_385)}), "16,385 columns; a sheet"),
        (pl.DataFrame({"t": ["x" * 32_768]}), "'t' has 32,768 letters; a cell"),
        (pl.DataFrame({"t": ["𝔘" * 16_384]}), "has 32,768 letters"),
        (pl.DataFrame({"t" * 40_000: [1]}), "has 40,000 letters"),
    ],
    ids=["rows", "columns", "text", "pairs", "name"],
)
def test_what_a_sheet_has_no_room_for_is_refused_in_a_sentence(
    tmp_path: Path, table: pl.DataFrame, sentence: str
) -> None:
    answer, target = convert(tmp_path, table)
    assert isinstance(answer, Failure)
    assert sentence in answer.message
    assert not target.exists()


def test_the_same_table_is_the_same_file_also_without_rows_and_split(tmp_path: Path) -> None:
    table = pl.DataFrame({"k": ["a", "b"], "n": [1, 2]})
    _, first = convert(tmp_path, table)
    content = first.read_bytes()
    first.unlink()
    assert convert(tmp_path, table)[1].read_bytes() == content
    first.unlink()
    answer, target = convert(tmp_path, table.clear())
    assert answer == ""
    assert [cell.value for cell in openpyxl.load_workbook(target).active[1]] == ["k", "n"]
    target.unlink()
    convert(tmp_path, table, TO_EXCEL, Step("tables.split", {"column": "k"}))
    assert sorted(file.name for file in (tmp_path / "staged").iterdir()) == ["a.xlsx", "b.xlsx"]
    assert read_back(tmp_path / "staged" / "b.xlsx")[1] == [["b"], [2]]


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(OSError) as told:
        table_excel.excel(pl.DataFrame({"n": [1]}), tmp_path)
    assert told.value.errno == errno.ENOSPC
