"""Old workbooks (.xls): real ones read, damaged ones refused before they take the memory."""

import datetime as dt
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.tables import Cell, Rows, made, old_workbook, run
from workers import Failure, FailureKind, Step

TO_PARQUET = Step("tables.convert", {"format": "parquet"})
ROWS: Rows = [
    ["n", "share", "word", "day", "flag"],
    [1, 0.5, "007", dt.date(2024, 2, 29), True],
    [2, None, "Köln", dt.date(1999, 12, 31), False],
    [-3, 1e-9, "=1+1", None, None],
]


def test_a_real_one_is_read_with_its_types(tmp_path: Path) -> None:
    table = made(old_workbook(tmp_path / "a.xls", ROWS), TO_PARQUET)
    assert table.columns == ["n", "share", "word", "day", "flag"]
    assert table["n"].to_list() == [1, 2, -3]
    assert table["share"].to_list() == [0.5, None, 1e-9]
    assert table["word"].to_list() == ["007", "Köln", "=1+1"]
    assert table["day"].dt.date().to_list() == [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None]
    assert table["flag"].to_list() == [True, False, None]


def test_one_of_thousands_of_rows_is_read_whole(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["n", "word"]]
    rows += [[number, f"w{number % 7}"] for number in range(20_000)]
    file = old_workbook(tmp_path / "a.xls", rows)
    assert file.stat().st_size > 109 * 512 * 4  # its table has more than one sector
    table = made(file.rename(tmp_path / "b.csv"), TO_PARQUET)
    assert table.rows() == [tuple(row) for row in rows[1:]]


def _with(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def _dimensions(content: bytes) -> int:
    return content.index(struct.pack("<HHIIHH", 0x200, 14, 0, 4, 0, 5)) + 4


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "sectors of the table": lambda content: _with(content, 47, b"\x71"),
    "sectors of the small table": lambda content: _with(content, 67, b"\xe6"),
    "size of a sector": lambda content: _with(content, 30, b"\x20"),
    "last row": lambda content: _with(content, _dimensions(content) + 6, b"\xff"),
    "first row": lambda content: _with(content, _dimensions(content) + 2, b"\xff"),
    "last column": lambda content: _with(content, _dimensions(content) + 11, b"\xff"),
    "place of a cell": lambda content: _with(
        content, content.index(struct.pack("<HHHH", 0xFD, 10, 1, 2)) + 7, b"\xff"
    ),
    "a circle": lambda content: _with(
        content, 512 * (1 + struct.unpack_from("<I", content, 76)[0]), bytes(512)
    ),
    "half of it": lambda content: content[: len(content) // 2],
    "its first bytes": lambda content: content[:40],
    "its end": lambda content: content[:-300],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_refused_and_ends_no_process(tmp_path: Path, damage: str) -> None:
    file = old_workbook(tmp_path / "a.xls", ROWS)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    answer, _ = run(file, TO_PARQUET)
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.BAD_INPUT
    assert answer.message == "Not a readable workbook (its content is damaged)."


def test_a_document_of_another_kind_is_told_as_such(tmp_path: Path) -> None:
    file = old_workbook(tmp_path / "a.xls", ROWS)
    name = "Workbook".encode("utf-16-le")
    file.write_bytes(file.read_bytes().replace(name, "WordDocu".encode("utf-16-le")))
    answer, _ = run(file, TO_PARQUET)
    assert isinstance(answer, Failure)
    assert answer.message == "Not a workbook (the file is a document of another kind)."
