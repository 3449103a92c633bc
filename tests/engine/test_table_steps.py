"""The steps on rows and columns, against pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.engine.tables import made, refused, run
from workers import ParameterValue, Step
from workers.errors import PipelineError
from workers.operations import find_operation
from workers.pipeline import parse_pipeline

ROWS = 500


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "city": rng.choice(["Bonn", "Köln", "Ulm", "Jena"], ROWS),
            "pieces": rng.integers(0, 9, ROWS),
            "price": rng.normal(size=ROWS).round(3),
            "key, full": [f"k{number}" for number in range(ROWS)],
        }
    )


@pytest.fixture
def table(tmp_path: Path, frame: pd.DataFrame) -> Path:
    pl.DataFrame(frame.to_dict("list")).write_parquet(tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def step(name: str, **values: ParameterValue) -> Step:
    return Step(f"tables.{name}", values)


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(frame.itertuples(index=False, name=None))


def test_named_columns_are_kept_in_that_order(table: Path, frame: pd.DataFrame) -> None:
    found = made(table, step("select", columns='price, "key, full"'))
    assert found.columns == ["price", "key, full"]
    assert found.rows() == rows(frame[["price", "key, full"]])


def test_named_columns_are_dropped(table: Path, frame: pd.DataFrame) -> None:
    found = made(table, step("select", mode="drop", columns="price,city"))
    assert found.rows() == rows(frame.drop(columns=["price", "city"]))


def test_columns_get_new_names(table: Path, frame: pd.DataFrame) -> None:
    found = made(table, step("rename", names='price=cost, "key, full" = "the key, whole"'))
    named = frame.rename(columns={"price": "cost", "key, full": "the key, whole"})
    assert found.columns == list(named.columns)
    assert found.rows() == rows(named)


def test_two_columns_can_swap_their_names(table: Path) -> None:
    found = made(table, step("rename", names="price=pieces,pieces=price"))
    assert found.columns == ["city", "price", "pieces", "key, full"]


@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_and_equal_ones_keep_their_order(
    table: Path, frame: pd.DataFrame, descending: bool
) -> None:
    found = made(table, step("sort", columns="city, pieces", descending=descending))
    ordered = frame.sort_values(["city", "pieces"], ascending=not descending, kind="stable")
    assert found.rows() == rows(ordered)


@pytest.mark.parametrize("descending", [False, True])
def test_missing_values_come_last(tmp_path: Path, descending: bool) -> None:
    pl.DataFrame({"n": [None, 2, 1, None, 3]}).write_parquet(tmp_path / "n.parquet")
    found = made(tmp_path / "n.parquet", step("sort", columns="n", descending=descending))
    assert found["n"].to_list() == ([3, 2, 1] if descending else [1, 2, 3]) + [None, None]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_one_of_equal_rows_stays(table: Path, frame: pd.DataFrame, keep: str) -> None:
    found = made(table, step("deduplicate", columns="city,pieces", keep=keep))
    assert keep == "first" or keep == "last"
    assert found.rows() == rows(frame.drop_duplicates(["city", "pieces"], keep=keep))


def test_whole_rows_are_compared_where_no_column_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, 2, 1, 1], "b": [1, 1, 1, 2]}).write_csv(tmp_path / "d.csv")
    assert made(tmp_path / "d.csv", step("deduplicate")).rows() == [(1, 1), (2, 1), (1, 2)]


def test_a_sample_is_the_same_for_the_same_seed(table: Path, frame: pd.DataFrame) -> None:
    samples = []
    for seed in (3, 3, 4):
        samples.append(made(table, step("sample", rows=20, seed=seed))["key, full"].to_list())
        (table.parent / "staged.parquet").unlink()
    assert samples[0] == samples[1] != samples[2]
    assert len(set(samples[0])) == 20
    order = {key: number for number, key in enumerate(frame["key, full"])}
    assert samples[0] == sorted(samples[0], key=lambda key: order[key])


@pytest.mark.parametrize(("percent", "count"), [(0, 0), (10, 50), (33.3, 166), (100, 500)])
def test_a_share_is_sampled(table: Path, percent: float, count: int) -> None:
    assert made(table, step("sample", mode="percent", percent=percent)).height == count


def test_all_rows_stay_where_more_are_wanted(table: Path, frame: pd.DataFrame) -> None:
    assert made(table, step("sample", rows=10_000)).rows() == rows(frame)


def test_groups_are_those_of_pandas(table: Path, frame: pd.DataFrame) -> None:
    told = (
        "sum(price), mean(price), median(price), min(price), max(price), std(price), "
        "first(pieces), last(pieces), distinct(pieces), count(price) as n, count()"
    )
    found = made(table, step("group", columns="city", aggregates=told))
    grouped = frame.groupby("city", sort=False)
    wanted = grouped["price"].agg(["sum", "mean", "median", "min", "max", "std"])
    pieces = grouped["pieces"].agg(["first", "last", "nunique"])
    assert found["city"].to_list() == list(wanted.index)
    for name in ("sum", "mean", "median", "min", "max", "std"):
        assert found[f"{name}_price"].to_list() == pytest.approx(list(wanted[name]))
    assert found["first_pieces"].to_list() == list(pieces["first"])
    assert found["last_pieces"].to_list() == list(pieces["last"])
    assert found["distinct_pieces"].to_list() == list(pieces["nunique"])
    assert found["n"].to_list() == found["count"].to_list() == list(grouped.size())


def test_all_rows_are_one_group_where_no_column_is_named(table: Path, frame: pd.DataFrame) -> None:
    assert made(table, step("group", aggregates="sum(pieces)")).rows() == [(frame["pieces"].sum(),)]


def test_groups_are_counted_where_nothing_else_is_asked(table: Path) -> None:
    found = made(table, step("group", columns="city"))
    assert found.columns == ["city", "count"]
    assert found["count"].sum() == ROWS


def test_a_chain_is_read_once_and_written_once(table: Path, frame: pd.DataFrame) -> None:
    found = made(
        table,
        step("filter", condition="pieces >= 4"),
        step("rename", names="price=cost"),
        step("group", columns="city", aggregates="sum(cost) as total"),
        step("sort", columns="total", descending=True),
        step("convert", format="csv"),
    )
    kept = frame[frame["pieces"] >= 4].groupby("city")["price"].sum()
    assert found["total"].to_list() == pytest.approx(list(kept.sort_values(ascending=False)))
    assert [file.name for file in sorted(table.parent.iterdir())] == ["a.parquet", "staged.csv"]


@pytest.mark.parametrize(
    "name",
    ["convert", "select", "rename", "filter", "sql", "sort", "deduplicate", "sample"],
)
def test_a_step_that_was_told_nothing_keeps_the_table(
    table: Path, frame: pd.DataFrame, name: str
) -> None:
    assert made(table, step(name)).rows() == rows(frame)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (step("select", columns="Pric"), "There is no column 'Pric'. Did you mean 'price'?"),
        (
            step("select", columns="weight"),
            "There is no column 'weight'. There are city, pieces, price, key, full.",
        ),
        (step("select", columns="PRICE"), "There is no column 'PRICE'. Did you mean 'price'?"),
        (
            step("select", mode="drop", columns='city,pieces,price,"key, full"'),
            "No column would be left.",
        ),
        (step("rename", names="prise=x"), "There is no column 'prise'. Did you mean 'price'?"),
        (step("rename", names="price=city"), "Two columns would be called 'city'."),
        (step("sort", columns="citty"), "There is no column 'citty'. Did you mean 'city'?"),
        (
            step("deduplicate", columns="piece"),
            "There is no column 'piece'. Did you mean 'pieces'?",
        ),
        (
            step("group", columns="city", aggregates="sum(prce)"),
            "There is no column 'prce'. Did you mean 'price'?",
        ),
        (
            step("group", columns="pieces", aggregates="mean(city)"),
            "mean() needs numbers, which 'city' does not hold.",
        ),
        (
            step("group", columns="city", aggregates="sum(price) as city"),
            "Two columns would be called 'city'.",
        ),
    ],
)
def test_what_does_not_fit_the_table_is_told(table: Path, wrong: Step, sentence: str) -> None:
    assert refused(table, wrong) == sentence


@pytest.mark.parametrize(
    ("operation", "name", "text", "reason"),
    [
        ("select", "columns", "a, b, a", "'a' stands there twice."),
        ("select", "columns", 'a, "b', "a double quote is not closed in 'a, \"b'."),
        ("rename", "names", "old", "'old' is not of the form old=new."),
        ("rename", "names", "old=", "'old=' is not of the form old=new."),
        ("rename", "names", "a=b, a=c", "'a' is renamed twice."),
        ("rename", "names", "a=c, b=c", "two columns would be called 'c'."),
        ("group", "aggregates", "price", "'price' is not of the form sum(column)."),
        (
            "group",
            "aggregates",
            "meen(price)",
            "there is no aggregate 'meen'. Did you mean 'mean'?",
        ),
        ("group", "aggregates", "sum()", "sum() names a column."),
        ("group", "aggregates", "sum(a), sum(a)", "two columns would be called 'sum_a'."),
        ("filter", "condition", "price > 'x", "a quote (') is not closed."),
        ("filter", "condition", "(price > 1", "its brackets do not match."),
        (
            "filter",
            "condition",
            "SELECT * FROM input",
            "a condition has no SELECT, it is like price > 10.",
        ),
        ("sql", "query", "DROP TABLE input", "it is a SELECT, such as SELECT * FROM input."),
        (
            "sql",
            "query",
            "SELCT * FROM input",
            "it is a SELECT, such as SELECT * FROM input. Did you mean 'SELECT'?",
        ),
    ],
)
def test_a_pipeline_is_refused_when_it_is_loaded(
    operation: str, name: str, text: str, reason: str
) -> None:
    quoted = "'''" + text + "'''" if "'''" not in text else text
    written = f"[[steps]]\noperation = 'tables.{operation}'\n{name} = {quoted}\n"
    with pytest.raises(PipelineError) as caught:
        parse_pipeline(written, "mine.toml")
    assert str(caught.value) == f"mine.toml, line 3, step 1, field '{name}': {name}: {reason}"


BROKEN = ('"', "(", ")", "=", "a(b))(", "sum(a", "count(*) as", "\0")


@pytest.mark.parametrize("text", BROKEN)
def test_no_broken_text_passes_for_aggregates(text: str) -> None:
    with pytest.raises(PipelineError):
        find_operation("tables.group").complete({"aggregates": text})


def test_hostile_names_are_shown_harmless(tmp_path: Path) -> None:
    pl.DataFrame({"\x1b[2J": [1]}).write_parquet(tmp_path / "e.parquet")
    assert "\x1b" not in refused(tmp_path / "e.parquet", step("select", columns="x"))


def test_an_empty_table_goes_through_every_step(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    for one in (
        step("filter", condition="a IS NOT NULL"),
        step("sort", columns="a"),
        step("deduplicate"),
        step("sample", rows=3),
        step("sample", mode="percent"),
        step("group", columns="a", aggregates="count()"),
        step("sql"),
    ):
        answer, target = run(tmp_path / "a.csv", one)
        assert answer == ""
        target.unlink()


def test_json_lines_without_a_row_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    said = refused(tmp_path / "a.jsonl", step("filter", condition="a > 1"))
    assert said.startswith("No row is left, and JSON Lines without a row is an empty file;")


def test_the_summary_is_that_of_pandas(table: Path, frame: pd.DataFrame) -> None:
    found = made(table, step("summary"))
    told = dict(zip(found["column"], found.iter_rows(named=True), strict=True))
    names = {"mean": "mean", "std": "std", "q25": "25%", "median": "50%", "q75": "75%"}
    for column in ("pieces", "price"):
        wanted = frame[column].describe()
        for ours, theirs in names.items():
            assert told[column][ours] == pytest.approx(wanted[theirs])
        assert float(told[column]["min"]) == wanted["min"]
        assert float(told[column]["max"]) == wanted["max"]
        assert told[column]["distinct"] == frame[column].nunique()
    assert told["city"]["distinct"] == 4


@pytest.mark.parametrize(
    ("values", "mean", "median", "distinct"),
    [
        (pl.Series(["1.50", "2.25", None]).cast(pl.Decimal(10, 2)), 1.875, 1.875, 2),
        (pl.Series([1, 2**60, 1], dtype=pl.Int128), (2 + 2**60) / 3, 1.0, 2),
        (pl.Series([True, None, False]), None, None, 2),
        (pl.Series([b"a", b"\xff", None]), None, None, 2),
        (pl.Series([[1], None]), None, None, None),
        (pl.Series([None, None]), None, None, 0),
    ],
)
def test_columns_of_every_type_are_summed_up(
    tmp_path: Path, values: pl.Series, mean: float, median: float, distinct: int
) -> None:
    pl.DataFrame({"v": values}).write_ipc(tmp_path / "v.arrow")
    line = made(tmp_path / "v.arrow", step("summary", format="parquet")).row(0, named=True)
    assert (line["mean"], line["median"], line["distinct"]) == (mean, median, distinct)
    assert line["count"] + line["missing"] == len(values)
