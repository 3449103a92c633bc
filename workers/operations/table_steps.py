"""The steps on the columns and rows of a table. Runs in a worker.

Each takes the table and checked parameters and returns the new table, or a Failure whose sentence
names what does not fit the table.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from polars.exceptions import PanicException, PolarsError

from workers.job import ParameterValue
from workers.operations.table_arguments import (
    Aggregate,
    aggregates,
    column_names,
    renames,
    unknown_column,
)
from workers.operations.table_parts import pl
from workers.operations.table_sql import filtered, queried, refused
from workers.outcome import Failure
from workers.wording import printable

Values = Mapping[str, ParameterValue]
TableStep = Callable[[pl.DataFrame, Values], pl.DataFrame | Failure]
_OF_NUMBERS: Final = ("sum", "mean", "median", "std")


def stepped(operation: str, table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    """Run the step of that operation's id on the table."""
    try:
        return _STEPS[operation](table, values)
    except (PolarsError, PanicException) as error:
        return refused(error, table.columns)


def _select(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    names = column_names(str(values["columns"]))
    if (failure := _unknown(names, table)) is not None:
        return failure
    if values["mode"] == "drop":
        if set(names) >= set(table.columns):
            return refused("No column would be left.")
        return table.drop(names)
    return table.select(names) if names else table


def _rename(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    new_names = renames(str(values["names"]))
    if (failure := _unknown(new_names, table)) is not None:
        return failure
    made = [new_names.get(name, name) for name in table.columns]
    twice = [name for name in made if made.count(name) > 1]
    if twice:
        return refused(f"Two columns would be called {printable(twice[0])!r}.")
    return table.rename(new_names)


def _filter(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    return filtered(table, str(values["condition"]))


def _sql(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    return queried(table, str(values["query"]))


def _sort(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    names = column_names(str(values["columns"]))
    if (failure := _unknown(names, table)) is not None:
        return failure
    is_descending = bool(values["descending"])
    # Rows without a value come last either way; equal rows keep their order.
    return (
        table.sort(names, descending=is_descending, nulls_last=True, maintain_order=True)
        if names
        else table
    )


def _deduplicate(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    names = column_names(str(values["columns"]))
    if (failure := _unknown(names, table)) is not None:
        return failure
    subset = names or None
    if values["keep"] == "last":
        return table.unique(subset, keep="last", maintain_order=True)
    return table.unique(subset, keep="first", maintain_order=True)


def _sample(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    if values["mode"] == "rows":
        count = min(int(values["rows"]), table.height)
    else:
        count = round(table.height * float(values["percent"]) / 100)
    rows = pl.int_range(table.height, eager=True).sample(count, seed=int(values["seed"]))
    return table[rows.sort()]  # in their order


def _group(table: pl.DataFrame, values: Values) -> pl.DataFrame | Failure:
    names, wanted = column_names(str(values["columns"])), aggregates(str(values["aggregates"]))
    used = [aggregate.column for aggregate in wanted if aggregate.column]
    if (failure := _unknown([*names, *used], table)) is not None:
        return failure
    for aggregate in wanted:
        if aggregate.name in names:
            return refused(f"Two columns would be called {printable(aggregate.name)!r}.")
        if aggregate.function in _OF_NUMBERS and not _adds_up(table.schema[aggregate.column]):
            column = printable(aggregate.column)
            return refused(f"{aggregate.function}() needs numbers, which {column!r} does not hold.")
    told = [_told(aggregate) for aggregate in wanted] or [pl.len().cast(pl.Int64).alias("count")]
    if names:
        return table.group_by(names, maintain_order=True).agg(told)
    return table.select(told)


def _adds_up(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind in (pl.Boolean, pl.Null)


def _told(aggregate: Aggregate) -> pl.Expr:
    if not aggregate.column:
        return pl.len().cast(pl.Int64).alias(aggregate.name)
    column = pl.col(aggregate.column)
    made: dict[str, Callable[[], pl.Expr]] = {
        "count": lambda: column.count().cast(pl.Int64),
        "sum": column.sum,
        "mean": column.mean,
        "median": column.median,
        "min": column.min,
        "max": column.max,
        "std": column.std,
        "first": column.first,
        "last": column.last,
        "distinct": lambda: column.drop_nulls().n_unique().cast(pl.Int64),
    }
    return made[aggregate.function]().alias(aggregate.name)


def _unknown(names: Iterable[str], table: pl.DataFrame) -> Failure | None:
    for name in names:
        if name not in table.columns:
            return refused(unknown_column(name, table.columns))
    return None


_STEPS: Final[Mapping[str, TableStep]] = {
    "tables.select": _select,
    "tables.rename": _rename,
    "tables.filter": _filter,
    "tables.sql": _sql,
    "tables.sort": _sort,
    "tables.deduplicate": _deduplicate,
    "tables.sample": _sample,
    "tables.group": _group,
}
