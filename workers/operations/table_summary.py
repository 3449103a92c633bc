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
    present = column.drop_nulls()
    numbers = _numbers(present)
    quartiles = [
        None if numbers is None else numbers.quantile(share, interpolation="linear")
        for share in (0.25, 0.5, 0.75)
    ]
    return (
        column.name,
        str(column.dtype),
        len(present),
        column.null_count(),
        None if numbers is None else numbers.mean(),
        None if numbers is None else numbers.std(),
        _extreme(present, is_high=False),
        *quartiles,
        _extreme(present, is_high=True),
        None if column.dtype.is_nested() else present.n_unique(),
    )


def _numbers(present: pl.Series) -> pl.Series | None:
    is_number = present.dtype.is_numeric() and len(present) > 0
    return present.cast(pl.Float64) if is_number else None


def _extreme(present: pl.Series, *, is_high: bool) -> str | None:
    """Return the least or greatest value as text, since columns differ in type."""
    if len(present) == 0 or present.dtype.is_nested():
        return None
    value = present.max() if is_high else present.min()
    return None if value is None else str(value)
