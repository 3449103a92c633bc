"""The summary of a table: one line a column. Runs in a worker."""

import polars as pl

COLUMNS = (
    "column",
    "type",
    "count",
    "missing",
    "mean",
    "std",
    "min",
    "q25",
    "median",
    "q75",
    "max",
    "distinct",
)


def summarize(values: pl.DataFrame) -> pl.DataFrame:
    """Return one line a column; numbers have moments and quartiles, all have min and max."""
    lines = [_line(values[name]) for name in values.columns]
    schema = {name: _kind(name) for name in COLUMNS}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _kind(name: str) -> type[pl.DataType]:
    if name in ("column", "type", "min", "max"):
        return pl.String
    return pl.Int64 if name in ("count", "missing", "distinct") else pl.Float64


def _line(column: pl.Series) -> tuple[object, ...]:
    missing = column.null_count()
    present = column.drop_nulls() if missing else column
    is_number = present.dtype.is_numeric() and len(present) > 0
    # Sorted once: quartiles and distinct values are then read off, in a third of the time.
    ordered = present.sort() if is_number else present
    return (
        column.name,
        str(column.dtype),
        len(present),
        missing,
        present.mean() if is_number else None,
        present.std() if is_number else None,
        _extreme(present, is_high=False),
        *(_quantile(ordered, quarter) if is_number else None for quarter in (1, 2, 3)),
        _extreme(present, is_high=True),
        None if column.dtype.is_nested() else ordered.n_unique(),
    )


def _quantile(ordered: pl.Series, quarter: int) -> float:
    """Return the quartile of sorted numbers, on the line between the two it falls between."""
    place, rest = divmod((len(ordered) - 1) * quarter, 4)
    low = float(ordered[place])
    if not rest:
        return low
    return low + (float(ordered[place + 1]) - low) * rest / 4


def _extreme(present: pl.Series, *, is_high: bool) -> str | None:
    """Return the least or greatest value as text, since columns differ in type."""
    if len(present) == 0 or present.dtype.is_nested():
        return None
    value = present.max() if is_high else present.min()
    return None if value is None else str(value)
