"""The table operations on real files, checked against the standard library."""

import csv
import io
import statistics
from pathlib import Path

import polars as pl
import pytest

from workers import Failure, FailureKind, Step
from workers.operations import tables
from workers.operations.input_file import InputFile, open_input

CONVERT_CSV = Step("tables.convert", {"format": "csv"})
CONVERT_PARQUET = Step("tables.convert", {"format": "parquet"})
SUMMARY = Step("tables.summary", {"format": "csv"})


def run(source: Path, *steps: Step) -> tuple[Failure | str, Path]:
    opened = open_input(source)
    assert isinstance(opened, InputFile)
    with opened:
        target = source.parent / f"staged{tables.output_suffix(steps, opened.suffix)}"
        return tables.run(steps, opened, target), target


def succeeded(source: Path, *steps: Step, warning: str = "") -> Path:
    answer, target = run(source, *steps)
    assert answer == warning
    return target


def failed(source: Path, *steps: Step) -> Failure:
    answer, _target = run(source, *steps)
    assert isinstance(answer, Failure)
    return answer


def written(folder: Path, content: bytes, name: str = "table.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def rows(file: Path, delimiter: str = ",") -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream, delimiter=delimiter))


TEXT = 'name,pieces,price\n"Tea, green",3,1.5\nCafé,,20.25\n"say ""hi""",-7,0.125\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_are_found(tmp_path: Path, delimiter: str, end: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(
        csv.reader(TEXT.splitlines())
    )
    file = written(tmp_path, stream.getvalue().encode())
    found = rows(succeeded(file, CONVERT_CSV))
    assert found == list(csv.reader(TEXT.splitlines()))


def test_commas_inside_quotes_do_not_decide_the_delimiter(tmp_path: Path) -> None:
    file = written(tmp_path, b'a;b\n"1,2,3,4";5\n"6,7,8,9";10\n')
    assert rows(succeeded(file, CONVERT_CSV)) == [["a", "b"], ["1,2,3,4", "5"], ["6,7,8,9", "10"]]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    assert rows(succeeded(written(tmp_path, b"a\n1\n2\n"), CONVERT_CSV)) == [["a"], ["1"], ["2"]]


@pytest.mark.parametrize(
    ("encoding", "warning"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("cp1252", "The text is not UTF-8; it was read as Windows-1252."),
    ],
)
def test_the_encoding_is_found_and_a_guess_is_said(
    tmp_path: Path, encoding: str, warning: str
) -> None:
    file = written(tmp_path, "köpfe,zahl\nCafé,1\n".encode(encoding))
    target = succeeded(file, CONVERT_CSV, warning=warning)
    assert rows(target) == [["köpfe", "zahl"], ["Café", "1"]]


def test_bytes_unknown_to_windows_are_read_as_latin_1(tmp_path: Path) -> None:
    file = written(tmp_path, b"a\n\x81\xe9\n")
    succeeded(file, CONVERT_CSV, warning="The text is not UTF-8; it was read as Latin-1.")


def test_tables_survive_the_way_to_parquet_and_back(tmp_path: Path) -> None:
    parquet = succeeded(written(tmp_path, TEXT.encode()), CONVERT_PARQUET)
    frame = pl.read_parquet(parquet)
    assert frame.schema == {"name": pl.String, "pieces": pl.Int64, "price": pl.Float64}
    back = succeeded(parquet.rename(tmp_path / "back.parquet"), CONVERT_CSV)
    assert rows(back) == list(csv.reader(TEXT.splitlines()))


def test_the_chosen_delimiter_is_written(tmp_path: Path) -> None:
    step = Step("tables.convert", {"format": "csv", "delimiter": "semicolon"})
    target = succeeded(written(tmp_path, TEXT.encode()), step)
    assert rows(target, ";") == list(csv.reader(TEXT.splitlines()))


def test_a_word_after_many_numbers_makes_the_column_text(tmp_path: Path) -> None:
    content = "a\n" + "1\n" * 5_000 + "x\n"
    assert rows(succeeded(written(tmp_path, content.encode()), CONVERT_CSV))[-1] == ["x"]


def test_dates_become_dates(tmp_path: Path) -> None:
    target = succeeded(written(tmp_path, b"day\n2024-02-29\n"), CONVERT_PARQUET)
    assert pl.read_parquet(target).schema["day"] == pl.Date


def test_lists_in_parquet_become_text_in_csv(tmp_path: Path) -> None:
    pl.DataFrame({"a": [[1, 2], [3]], "b": [1, 2]}).write_parquet(tmp_path / "lists.parquet")
    found = rows(succeeded(tmp_path / "lists.parquet", CONVERT_CSV))
    assert found[0] == ["a", "b"]
    assert found[1][1] == "1"
    assert "[1,2]" in found[1][0].replace(" ", "")


def test_ragged_rows_are_told_with_their_number(tmp_path: Path) -> None:
    file = written(tmp_path, b"a,b\n1,2\n3,4,5\n6\n7,8,9,10\n")
    target = succeeded(
        file,
        CONVERT_CSV,
        warning="2 rows have values beyond the last column, which were left out; "
        "1 row is too short and filled with missing values.",
    )
    assert rows(target) == [["a", "b"], ["1", "2"], ["3", "4"], ["6", ""], ["7", "8"]]


def test_line_ends_inside_quotes_are_not_ragged(tmp_path: Path) -> None:
    file = written(tmp_path, b'a,b\n"x\ny,z",1\n')
    assert rows(succeeded(file, CONVERT_CSV)) == [["a", "b"], ["x\ny,z", "1"]]


NUMBERS = [3.5, -2.0, 10.25, 0.0, 7.75, 7.75, 1e6]


def summary(folder: Path, content: bytes, name: str = "table.csv") -> dict[str, dict[str, str]]:
    target = succeeded(written(folder, content, name), SUMMARY)
    assert target.name == "staged.summary.csv"
    with target.open(newline="") as stream:
        return {line["column"]: line for line in csv.DictReader(stream)}


def test_the_summary_is_that_of_the_standard_library(tmp_path: Path) -> None:
    lines = [f"{number},{number:.0f},w{number > 0}" for number in NUMBERS]
    found = summary(tmp_path, ("x,n,word\n" + "\n".join(lines) + "\n,,\n").encode())
    low, middle, high = statistics.quantiles(NUMBERS, n=4, method="inclusive")
    line = found["x"]
    assert (line["type"], line["count"], line["missing"]) == ("Float64", "7", "1")
    assert float(line["mean"]) == pytest.approx(statistics.fmean(NUMBERS))
    assert float(line["std"]) == pytest.approx(statistics.stdev(NUMBERS))
    assert [float(line[name]) for name in ("q25", "median", "q75")] == pytest.approx(
        [low, middle, high]
    )
    assert (float(line["min"]), float(line["max"]), line["distinct"]) == (-2.0, 1e6, "6")
    words = found["word"]
    assert (words["mean"], words["min"], words["max"]) == ("", "wFalse", "wTrue")
    assert words["distinct"] == "2"
    assert found["n"]["type"] == "Int64"


def test_a_column_without_values_has_a_line(tmp_path: Path) -> None:
    line = summary(tmp_path, b"a,b\n1,\n2,\n")["b"]
    assert (line["count"], line["missing"], line["mean"], line["max"]) == ("0", "2", "", "")


def test_a_summary_can_be_parquet_and_comes_after_a_conversion(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT.encode())
    target = succeeded(file, CONVERT_CSV, Step("tables.summary", {"format": "parquet"}))
    assert target.name == "staged.summary.parquet"
    assert pl.read_parquet(target)["column"].to_list() == ["name", "pieces", "price"]


def parquet_bytes() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"a": range(1000), "b": ["x"] * 1000}).write_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (parquet_bytes()[:300], "Not a readable Parquet file (file ends early)."),
        (b"PAR1" + bytes(50) + b"PAR1", "Not a readable Parquet file (its content is damaged)."),
        (b"PAR1PAR1", "Not a readable Parquet file (its content is damaged)."),
        (
            b"a,b\n1,2\n",
            "Not a readable Parquet file (its first bytes are not Parquet's).",
        ),
    ],
)
def test_a_broken_parquet_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    failure = failed(written(tmp_path, content, "t.parquet"), CONVERT_CSV)
    assert (failure.kind, failure.message) == (FailureKind.BAD_INPUT, message)


def test_no_flipped_byte_of_a_parquet_file_ends_the_process(tmp_path: Path) -> None:
    whole = parquet_bytes()
    for place in range(4, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 0xFF
        file = written(tmp_path, bytes(content), "t.parquet")
        answer, target = run(file, CONVERT_CSV)
        assert isinstance(answer, str) or answer.kind is FailureKind.BAD_INPUT
        target.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\n  \n", "The table is empty."),
        (b"\xef\xbb\xbf", "The table is empty."),
        (
            b"a,b\n\x00\x01\x02,1\n",
            "Not a readable table (it holds binary content, not text).",
        ),
        (b'a,b\n1,"never closed\n2,3\n', "Not a readable table (its rows cannot be told apart)."),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    failure = failed(written(tmp_path, content), CONVERT_PARQUET)
    assert (failure.kind, failure.message) == (FailureKind.BAD_INPUT, message)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert rows(succeeded(written(tmp_path, b"a,b\n"), CONVERT_CSV)) == [["a", "b"]]


def test_a_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "sparse.csv"
    with file.open("wb") as stream:
        stream.truncate(10 * 10**9)
    failure = failed(file, CONVERT_PARQUET)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message == "The table has 10.0 GB; tables up to 2.0 GB are read."


@pytest.mark.parametrize("step", [CONVERT_CSV, CONVERT_PARQUET])
def test_a_disk_that_takes_no_more_is_an_error_with_its_reason(tmp_path: Path, step: Step) -> None:
    resource = pytest.importorskip("resource", reason="no file size limit on this system")
    file = written(tmp_path, ("a\n" + "\n".join(str(n * 7919) for n in range(5_000))).encode())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            run(file, step)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
