"""Types of CSV columns: told by a sample, right for the whole."""

from pathlib import Path

import polars as pl
import pytest

from tests.engine.tables import made
from workers import Step
from workers.operations.csv_types import Parsed, parsed

MANY = 2500
TO_PARQUET = Step("tables.convert", {"format": "parquet"})


def slowly(text: bytes) -> pl.DataFrame:
    return pl.read_csv(
        text, truncate_ragged_lines=True, infer_schema_length=None, try_parse_dates=True
    )


def quickly(text: bytes) -> pl.DataFrame:
    found = parsed(text, ",")
    assert isinstance(found, Parsed)
    return found.values


# What stands in a column first, many times, and what comes behind the sample.
TURNS = {
    "whole, then broken": ("7", "1.5"),
    "whole, then text": ("7", "word"),
    "whole, then greater than 64 bits": ("7", "99999999999999999999"),
    "whole, then quoted": ("7", '"8"'),
    "broken, then whole": ("1.5", "7"),
    "broken, then text": ("1.5", "1,5".replace(",", ".") + "x"),
    "true, then a number": ("true", "1"),
    "a date, then text": ("2024-01-31", "tomorrow"),
    "a date, then a time": ("2024-01-31", "2024-01-31T10:00:00"),
    "a date that is none": ("2024-01-31", "2024-13-45"),
    "days first, then months": ("01/02/2024", "01/13/2024"),
    "text, then a date": ("word", "2024-01-31"),
    "a moment": ("2024-01-31 10:00:00", "2024-01-31 10:00:01.5"),
    "a time": ("10:00:00", "11:30:00"),
    "missing, then whole": ("", "7"),
    "missing, then broken": ("", "1.5"),
    "missing, then a date": ("", "2024-01-31"),
    "missing, then text": ("", '"a ""word"""'),
    "missing for ever": ("", ""),
    "several lines": ('"a\nb"', "word"),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_types_are_those_of_the_whole_text(turn: tuple[str, str]) -> None:
    first, last = turn
    lines = [f"{number},{first},w{number}" for number in range(MANY)]
    text = "\n".join(["n,turn,word", *lines, f"1,{last},end", f"2,{first},end"]).encode()
    found = quickly(text)
    assert found.schema == slowly(text).schema
    assert found.equals(slowly(text))


def test_many_columns_that_turn_are_right_as_well() -> None:
    names = [f"c{number}" for number in range(40)]
    lines = [",".join(["7"] * 40)] * MANY + [",".join(["1.5"] * 40)]
    text = "\n".join([",".join(names), *lines]).encode()
    assert set(quickly(text).dtypes) == {pl.Float64}


def test_the_whole_text_is_looked_at_once_where_a_sample_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    original = pl.read_csv

    def counted(text: bytes, **options: object) -> pl.DataFrame:
        read.append(len(text))
        return original(text, **options)  # type: ignore[arg-type]  # options of read_csv

    monkeypatch.setattr(pl, "read_csv", counted)
    text = b"n,word,day\n" + b"1,a,2024-01-31\n" * 100_000
    quickly(text)
    assert read.count(len(text)) == 1
    assert sum(read) < 1.1 * len(text)


@pytest.mark.parametrize("quote", ["", '"'])
def test_uneven_rows_far_down_are_counted(tmp_path: Path, quote: str) -> None:
    row = f"{quote}a{quote},1\n"
    file = tmp_path / "a.csv"
    file.write_text("name,n\n" + row * MANY + "b,2,3\n" + "c\n" + row)
    warning = (
        "1 row has values beyond the last column, which were left out; "
        "1 row is too short and filled with missing values."
    )
    assert made(file, TO_PARQUET, warning=warning).height == MANY + 3


def test_a_longer_and_a_shorter_row_do_not_hide_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2,3\n4\n")
    warning = (
        "1 row has values beyond the last column, which were left out; "
        "1 row is too short and filled with missing values."
    )
    assert made(tmp_path / "a.csv", TO_PARQUET, warning=warning).rows() == [(1, 2), (4, None)]
