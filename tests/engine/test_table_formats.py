"""Every format that tables are read from and written in, and files that are not what they say."""

import gzip
import struct
import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from tests.engine.tables import Rows, made, open_document, refused, run, workbook, workbook_of
from workers import Failure, FailureKind, Step
from workers.operations.table_values import encoded
from workers.operations.tables import output_suffix

NOTHING = Step("tables.select", {})
TO_PARQUET = Step("tables.convert", {"format": "parquet"})
VALUES = pl.DataFrame(
    {
        "name": ["Tea, green", "Café", 'say "hi"', None],
        "pieces": [3, None, -7, 2**60],
        "price": [1.5, 20.25, 0.125, None],
    }
)
SHEET: Rows = [["name", "pieces", "price"], ["Tea", 3, 1.5], ["Café", None, 20.25]]


def write(file: Path, values: pl.DataFrame = VALUES) -> Path:
    match file.suffix:
        case ".csv":
            values.write_csv(file)
        case ".tsv":
            values.write_csv(file, separator="\t")
        case ".parquet" | ".pq":
            values.write_parquet(file)
        case ".jsonl" | ".ndjson":
            values.write_ndjson(file)
        case ".arrow" | ".feather":
            values.write_ipc(file, compression="lz4")
        case _:
            values.write_ipc_stream(file)
    return file


def to(word: str) -> Step:
    return Step("tables.convert", {"format": word})


ALL = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson", ".arrow", ".feather", ".ipc")


@pytest.mark.parametrize("word", ["csv", "parquet", "jsonl", "arrow"])
@pytest.mark.parametrize("suffix", ALL)
def test_every_format_becomes_every_other(tmp_path: Path, suffix: str, word: str) -> None:
    assert made(write(tmp_path / f"a{suffix}"), to(word)).equals(VALUES)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".arrow", ".feather"])
def test_a_step_without_a_format_keeps_that_of_the_input(tmp_path: Path, suffix: str) -> None:
    assert output_suffix([NOTHING], suffix) == suffix
    assert made(write(tmp_path / f"a{suffix}"), NOTHING).equals(VALUES)


def test_a_step_keeps_the_delimiter_of_the_input(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a;b\n1;2\n")
    answer, target = run(file, NOTHING)
    assert answer == ""
    assert target.read_text() == "a;b\n1;2\n"


def test_the_last_format_of_a_chain_is_written(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv")
    answer, target = run(file, to("parquet"), NOTHING, to("jsonl"), NOTHING)
    assert (answer, target.name) == ("", "staged.jsonl")


def test_pandas_reads_what_is_written(tmp_path: Path) -> None:
    _answer, target = run(write(tmp_path / "a.parquet"), to("jsonl"))
    read = pd.read_json(target, lines=True)
    assert list(read["name"][:3]) == VALUES["name"].to_list()[:3]
    assert list(read["price"][:3]) == VALUES["price"].to_list()[:3]


def test_a_workbook_of_excel_is_read(tmp_path: Path) -> None:
    table = made(workbook(tmp_path / "a.xlsx", {"One": SHEET}), TO_PARQUET)
    assert table.schema == {"name": pl.String, "pieces": pl.Int64, "price": pl.Float64}
    assert table.rows() == [("Tea", 3, 1.5), ("Café", None, 20.25)]


def test_a_workbook_of_libre_office_is_read(tmp_path: Path) -> None:
    table = made(open_document(tmp_path / "a.ods", SHEET, rows_repeated=3), TO_PARQUET)
    assert table.rows() == [("Tea", 3, 1.5), *[("Café", None, 20.25)] * 3]


def test_a_workbook_becomes_csv_where_no_format_is_chosen(tmp_path: Path) -> None:
    answer, target = run(workbook(tmp_path / "a.xlsx", {"One": SHEET}), NOTHING)
    assert answer == ""
    assert target.name == "staged.csv"
    assert target.read_text() == "name,pieces,price\nTea,3,1.5\nCafé,,20.25\n"


def test_the_sheet_that_was_taken_is_told_where_there_are_several(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", {"Tea": SHEET, "Cups": [["n"], [1]]})
    made(file, TO_PARQUET, warning="The workbook has 2 sheets; 'Tea' was read.")
    (tmp_path / "staged.parquet").unlink()
    named = Step("tables.convert", {"format": "parquet", "sheet": "Cups"})
    assert made(file, NOTHING, named).rows() == [(1,)]


def test_a_sheet_that_is_not_there_is_named_with_its_like(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", {"Sales": SHEET, "Cups": SHEET})
    named = Step("tables.convert", {"sheet": "Sles"})
    assert refused(file, named) == "The workbook has no sheet 'Sles'. Did you mean 'Sales'?"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
@pytest.mark.parametrize("real", [".parquet", ".arrow", ".ipc", ".jsonl"])
def test_content_decides_where_the_suffix_is_wrong(tmp_path: Path, suffix: str, real: str) -> None:
    file = write(tmp_path / f"a{real}").rename(tmp_path / f"wrong{suffix}")
    assert made(file, TO_PARQUET).equals(VALUES)


def test_a_workbook_named_csv_is_read_as_what_it_is(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", {"One": SHEET}).rename(tmp_path / "a.csv")
    assert made(file, TO_PARQUET).height == 2


def failed(file: Path) -> tuple[FailureKind, str]:
    answer, target = run(file, TO_PARQUET)
    assert isinstance(answer, Failure)
    assert not target.exists()
    return answer.kind, answer.message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.arrow", b"a,b\n1,2\n", "Not a readable Arrow file (its first bytes are not Arrow's)."),
        ("a.xlsx", b"a,b\n1,2\n", "Not a readable Excel file (its first bytes are not Excel's)."),
        ("a.xls", b"<html>", "Not a readable Excel file (its first bytes are not Excel's)."),
        ("a.jsonl", b'[{"a":1}]', "Not readable JSON Lines (line 1 is not a JSON object)."),
        ("a.jsonl", b'{"a":1}\n\n2\n', "Not readable JSON Lines (line 3 is not a JSON object)."),
        ("a.jsonl", b'{"a":1}\n{"a":', "Not readable JSON Lines (line 2 is not a JSON object)."),
        (
            "a.jsonl",
            b'{"a":{"b":1}}\n{"a":2}\n',
            "Not readable JSON Lines (a value has another type in one line than in others).",
        ),
        ("a.jsonl", b" \n\n", "The table is empty."),
        ("a.jsonl", b"{}\n{}\n", "The table is empty."),
        ("a.csv", gzip.compress(b"a\n1\n", mtime=0), "The file is compressed; unpack it first."),
        (
            "a.xlsx",
            b"PK\x03\x04" + bytes(90),
            "Not a readable workbook (its content is damaged).",
        ),
        (
            "a.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "Not a readable workbook (its content is damaged).",
        ),
        (
            "a.arrow",
            b"ARROW1\0\0" + bytes(90) + b"ARROW1",
            "Not a readable Arrow file (its content is damaged).",
        ),
        ("a.arrow", b"ARROW1\0\0" + bytes(90), "Not a readable Arrow file (file ends early)."),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert failed(tmp_path / name) == (FailureKind.BAD_INPUT, message)


def test_an_archive_of_another_kind_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    kind, message = failed(tmp_path / "a.xlsx")
    assert kind is FailureKind.BAD_INPUT
    assert message == "Not a workbook (the file is an archive of another kind)."


def test_a_workbook_without_a_value_is_empty(tmp_path: Path) -> None:
    file = workbook_of(tmp_path / "a.xlsx", {"One": "<sheetData/>"})
    assert failed(file) == (FailureKind.BAD_INPUT, "The sheet 'One' is empty.")


FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="{0}"><c s="1" r="{1}{0}"><v>2</v></c></row>'


@pytest.mark.parametrize("head", ["", '<dimension ref="A1:A2"/>'])
def test_two_cells_far_apart_do_not_fill_the_memory(tmp_path: Path, head: str) -> None:
    sheet = f"{head}<sheetData>{FAR.format(1_048_576, 'XFD')}</sheetData>"
    kind, message = failed(workbook_of(tmp_path / "a.xlsx", {"One": sheet}))
    assert kind is FailureKind.OUT_OF_MEMORY
    assert message == ("A sheet of the workbook spans 17,179,869,184 cells, too many to read.")


def test_cells_without_a_place_are_counted_as_well(tmp_path: Path) -> None:
    cells = "<c><v>1</v></c>" * 16_000
    sheet = f'<sheetData><row>{cells}</row><row r="1048576"><c><v>1</v></c></row></sheetData>'
    assert failed(workbook_of(tmp_path / "a.xlsx", {"One": sheet}))[0] is FailureKind.OUT_OF_MEMORY


def test_styled_cells_without_a_value_take_no_place(tmp_path: Path) -> None:
    sheet = (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    )
    file = workbook_of(tmp_path / "a.xlsx", {"One": f"<sheetData>{sheet}</sheetData>"})
    assert made(file, TO_PARQUET).columns == ["1"]


def test_repeated_rows_do_not_fill_the_memory(tmp_path: Path) -> None:
    wide: Rows = [[f"c{number}" for number in range(1000)], [1.0] * 1000]
    file = open_document(tmp_path / "a.ods", wide, rows_repeated=1_000_000)
    assert failed(file)[0] is FailureKind.OUT_OF_MEMORY


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", {"One": SHEET})
    content = bytearray(file.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 3 * 10**9)  # bytes unpacked
    file.write_bytes(content)
    kind, message = failed(file)
    assert kind is FailureKind.OUT_OF_MEMORY
    assert message == "The workbook unpacks to 3.0 GB; up to 2.0 GB are read."


def test_a_workbook_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", {"One": [["n"], *([number] for number in range(999))]})
    content = bytearray(file.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 99)
    file.write_bytes(content)
    assert failed(file)[1] == "Not a readable workbook (its content is damaged)."


@pytest.mark.parametrize("suffix", [".arrow", ".ipc", ".jsonl", ".xlsx", ".ods"])
def test_no_flipped_byte_ends_the_process(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".xlsx":
        workbook(whole, {"One": SHEET})
    elif suffix == ".ods":
        open_document(whole, SHEET)
    else:
        write(whole)
    content = whole.read_bytes()
    file = tmp_path / f"a{suffix}"
    for place in range(0, len(content), max(1, len(content) // 60)):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        file.write_bytes(changed)
        answer, target = run(file, TO_PARQUET)
        assert isinstance(answer, str) or answer.message.endswith(".")
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("word", ["csv", "jsonl"])
def test_text_goes_out_in_pieces_that_make_one_table(tmp_path: Path, word: str) -> None:
    values = pl.DataFrame({"n": range(40_000), "word": ["a,b", "c", None, "d"] * 10_000})
    assert made(write(tmp_path / "a.parquet", values), to(word)).equals(values)


def test_a_word_for_a_million_rows_is_never_held_as_text(tmp_path: Path) -> None:
    word = pl.repeat("w" * 1000, 100_000, eager=True)
    file = write(tmp_path / "a.parquet", pl.DataFrame({"word": word}))
    sizes = [len(piece) for piece in encoded(pl.read_parquet(file), ".csv", ",")]
    assert sum(sizes) > 100_000_000
    assert max(sizes) < 20_000_000


def test_lines_that_each_name_other_columns_are_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(f'{{"column-{number}":1}}\n' for number in range(60_000)))
    kind, message = failed(file)
    assert kind is FailureKind.OUT_OF_MEMORY
    assert message.startswith("The table would take ")
    assert message.endswith(" GB of memory; tables up to 16.0 GB are read.")


def test_a_column_of_billions_of_rows_is_refused_unread(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", pl.DataFrame({"n": [7] * 1000}))
    content = file.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    rows = b"\x16\xd0\x0f"  # 1,000 of the file, of its group, of its column
    assert content[start:].count(rows) == 3
    footer = content[start:-8].replace(rows, b"\x16\x80\xc0\xa8\xca\x9a\x3a")  # 10**12
    file.write_bytes(content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert failed(file)[0] is FailureKind.OUT_OF_MEMORY
