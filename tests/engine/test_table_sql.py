"""Conditions and queries in SQL: what they tell, what they refuse, and that no file is opened."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from tests.engine.tables import made, refused, run
from workers import Failure, FailureKind, Step
from workers.errors import PipelineError
from workers.operations import table_arguments, table_sql
from workers.operations.table_arguments import query_problem
from workers.operations.table_sql import filtered, queried

TEXT = (
    "city,price,day,read_count\nBonn,5,2024-01-05,1\nBonn,20,2024-02-05,2\n"
    "Ulm,30,2024-03-05,3\nJena,,2024-04-05,4\n"
)
NOT_THAT_WAY = "The table cannot be changed that way:"
SECRET = "a secret word"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(TEXT)
    return tmp_path / "a.csv"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.csv"
    file.write_text(f"word,n\n{SECRET},1\n")
    return file


def kept(table: Path, condition: str) -> list[int]:
    found = made(table, Step("tables.filter", {"condition": condition}))
    (table.parent / "staged.csv").unlink()
    return found["read_count"].to_list()


def test_a_condition_keeps_the_rows_of_pandas(table: Path) -> None:
    frame = pd.read_csv(table)
    both = frame[(frame["price"] > 10) & (frame["city"] == "Bonn")]
    assert kept(table, "price > 10 AND city = 'Bonn'") == list(both["read_count"])
    assert kept(table, "price BETWEEN 5 AND 20") == [1, 2]
    assert kept(table, "price IS NULL") == [4]
    assert kept(table, "city LIKE 'B%' OR city IN ('Jena')") == [1, 2, 4]
    assert kept(table, "day > '2024-02-01'") == [2, 3, 4]
    assert kept(table, "read_count IN (1, 2) -- the first two") == [1, 2]
    assert kept(table, "city = 'it''s; (' OR price = 30") == [3]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("prise > 1", "There is no column 'prise'. Did you mean 'price'?"),
        ("foo(price) > 1", "There is no function 'foo' in this SQL."),
        ("price", NOT_THAT_WAY),
        ("city > 5", NOT_THAT_WAY),
        ("price > 10 garbage", NOT_THAT_WAY),
        ("price >", "The condition is not complete or no SQL: price >. Such as: price > 10."),
        ("1 = 1) OR (1 = 1", NOT_THAT_WAY),
        (
            "1 = 1) UNION ALL SELECT * FROM input WHERE (1 = 1",
            NOT_THAT_WAY,
        ),
    ],
)
def test_a_condition_that_does_not_fit_is_told(table: Path, condition: str, sentence: str) -> None:
    answer, _target = run(table, Step("tables.filter", {"condition": condition}))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.OPERATION_FAILED
    assert answer.message.startswith(sentence)
    assert "\n" not in answer.message
    assert len(answer.message) < 250
    assert answer.detail


def query(table: Path, text: str) -> pl.DataFrame:
    return made(table, Step("tables.sql", {"query": text}))


def test_a_query_tells_what_pandas_does(table: Path) -> None:
    found = query(
        table,
        "SELECT city, SUM(price) AS total, COUNT(*) AS n FROM input "
        "WHERE price IS NOT NULL GROUP BY city ORDER BY city;",
    )
    grouped = pd.read_csv(table).dropna().groupby("city")["price"]
    assert found["total"].to_list() == list(grouped.sum())
    assert found["n"].to_list() == list(grouped.size())


@pytest.mark.parametrize(
    "text",
    [
        "WITH dear AS (SELECT * FROM input WHERE price > 10) SELECT * FROM dear",
        "SELECT * FROM input WHERE price > (SELECT 10) -- only these",
        "SELECT a.* FROM input a JOIN input b ON a.read_count = b.read_count WHERE a.price > 10",
        "(SELECT * FROM input WHERE price > 10)",
    ],
)
def test_a_query_may_be_more_than_a_plain_one(table: Path, text: str) -> None:
    assert query(table, text)["read_count"].to_list() == [2, 3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT prise FROM input", "There is no column 'prise'. Did you mean 'price'?"),
        (
            "SELECT * FROM other",
            "There is no table 'other'; the table of the input is called input.",
        ),
        ("SELECT foo(price) FROM input", "There is no function 'foo' in this SQL."),
        (
            "SELECT price frm input",
            f"{NOT_THAT_WAY} Expected: end of statement, found: input at Line: 1, Column: 18.",
        ),
    ],
)
def test_a_query_that_does_not_fit_is_told(table: Path, text: str, sentence: str) -> None:
    assert refused(table, Step("tables.sql", {"query": text})) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DROP TABLE input",
        "CREATE TABLE x AS SELECT 1",
        "DELETE FROM input",
        "SELECT 1; SELECT 2",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM input",
        "-- SELECT\nTRUNCATE TABLE input",
    ],
)
def test_only_one_select_is_a_query(text: str) -> None:
    assert query_problem(text)


READING = [
    "SELECT * FROM read_csv('{}')",
    "SELECT * FROM READ_CSV ('{}')",
    "SELECT * FROM \"read_csv\"('{}')",
    "SELECT * FROM `read_csv`\n('{}')",
    "SELECT * FROM read_csv/**/('{}')",
    "SELECT * FROM read_csv -- it reads\n('{}')",
    "SELECT * FROM input, read_csv('{}')",
    "SELECT * FROM input WHERE city IN (SELECT word FROM read_csv('{}'))",
    "WITH t AS (SELECT * FROM read_csv('{}')) SELECT * FROM t",
    "SELECT 'x''' AS a, '''' AS b FROM read_csv('{}')",
    "SELECT '\\' AS a FROM read_csv('{}') --'",
    "SELECT E'\\'' AS a FROM read_csv('{}') --'",
    "SELECT $$'$$ AS a FROM read_csv('{}') --'",
    "SELECT /* /* */ word FROM read_csv('{}') /* */ */",
    "SELECT * FROM input UNION ALL SELECT * FROM read_csv('{}')",
    "SELECT * FROM read_ipc('{}')",
    "SELECT * FROM read_json('{}')",
    "SELECT * FROM read_ndjson('{}')",
    "SELECT * FROM read_parquet('{}')",
    "SELECT * FROM scan_csv('{}')",
]


@pytest.mark.parametrize("text", READING)
def test_no_query_opens_a_file(table: Path, secret: Path, text: str) -> None:
    step = Step("tables.sql", {"query": text.format(secret)})
    with pytest.raises(PipelineError):
        run(table, step)
    assert not (table.parent / "staged.csv").exists()


def test_no_condition_opens_a_file(table: Path, secret: Path) -> None:
    for text in (f"city IN (SELECT word FROM read_csv('{secret}'))", f"read_csv('{secret}')"):
        with pytest.raises(PipelineError):
            run(table, Step("tables.filter", {"condition": text}))


@pytest.mark.parametrize("text", [f"SELECT * FROM '{name}'" for name in ("{}", "file://{}")])
def test_a_path_is_no_table(table: Path, secret: Path, text: str) -> None:
    message = refused(table, Step("tables.sql", {"query": text.format(secret)}))
    assert "There is no table" in message


@pytest.mark.parametrize("text", READING)
def test_the_plan_is_looked_at_where_the_text_was_believed(
    secret: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_sql, "query_problem", lambda said: "")
    monkeypatch.setattr(table_sql, "condition_problem", lambda said: "")
    values = pl.DataFrame({"city": ["Bonn"], "price": [1]})
    found = queried(values, text.format(secret))
    assert isinstance(found, Failure)
    assert SECRET not in found.message
    inner = f"city IN (SELECT word FROM read_csv('{secret}'))"
    assert isinstance(filtered(values, inner), Failure)


def test_files_of_other_words_are_columns() -> None:
    for text in ("SELECT read_count, COUNT(read_count) FROM input", "SELECT 1 AS spread"):
        assert table_arguments.query_problem(text) == ""
