"""Which types the columns of delimited text have, and their values. Runs in a worker.

polars can find the types out itself, but looks at every value in a dozen ways (2 MB: 570 ms, of
which the reading is 8). So types are told by a sample, and widened where a value says otherwise.
"""

import re
from typing import Final

from msgspec import Struct
from polars.exceptions import PanicException, PolarsError

from workers.operations.table_parts import bad_table, pl
from workers.outcome import Failure

# The second is for tables where many columns become something else behind the first.
_SAMPLES_BYTES: Final = (1 << 13, 1 << 20)
_WIDENINGS_MOST: Final = 12
_CUTS_MOST: Final = 64
_SAMPLED_VALUES: Final = 16
# Values that only come behind the sample are told by more of them.
_LATE_VALUES: Final = 1000
# A text column can be one of dates or times where its first value begins like one.
_DATE_LIKE: Final = re.compile(r"\s*\d{1,4}[-/.:]\d")
_UNPARSED: Final = re.compile(
    r"could not parse `(.*?)` as dtype .*? at column '(.*?)' \(", re.DOTALL
)
_LONGER_ROW: Final = "found more fields than defined"
_WHOLE_NUMBER: Final = re.compile(r"\s*[+-]?\d+\s*")

Types = dict[str, pl.DataType]


class Parsed(Struct, frozen=True):
    """The values of a text, and whether none of its rows has more fields than the header."""

    values: pl.DataFrame
    has_no_longer_row: bool


def parsed(text: bytes, delimiter: str) -> Parsed | Failure:
    """Return the table that the UTF-8 text holds."""
    try:
        for size in _SAMPLES_BYTES:
            if (found := _by_sample(text, delimiter, size)) is not None:
                return found
        return Parsed(_inferred(text, delimiter), has_no_longer_row=False)
    except (PolarsError, PanicException) as error:
        return bad_table("Not a readable table (its rows cannot be told apart).", str(error))


def _by_sample(text: bytes, delimiter: str, size: int) -> Parsed | None:
    """Read with the types of the first lines; None where these tell nothing."""
    try:
        first = _inferred(_start(text, size), delimiter, dates=False)
    except (PolarsError, PanicException):
        return None
    if not first.height:
        return None
    found = _with_types(text, delimiter, {column.name: _dated(column) for column in first})
    if found is None:
        return None
    untold = [column.name for column in first if column.null_count() == first.height]
    values = found.values
    late = {
        name: _type_of(values[name].drop_nulls().head(_LATE_VALUES))
        for name in untold
        if values[name].null_count() < values.height
    }
    return _with_types(text, delimiter, dict(values.schema) | late) if late else found


def _start(text: bytes, size: int) -> bytes:
    """Return the first lines, whole: an open quote would go on in a line that is cut off."""
    if len(text) <= size:
        return text
    start = text[:size]
    for _ in range(_CUTS_MOST):
        start = start[: start.rfind(b"\n", 0, -1) + 1]
        if start.count(b'"') % 2 == 0:
            break
    return start


def _inferred(text: bytes, delimiter: str, *, dates: bool = True) -> pl.DataFrame:
    return pl.read_csv(
        text,
        separator=delimiter,
        truncate_ragged_lines=True,
        infer_schema_length=None,
        try_parse_dates=dates,
    )


def _dated(column: pl.Series) -> pl.DataType:
    """Return the type of the column; that of dates and times where its text is such."""
    present = column.drop_nulls() if column.dtype == pl.String else column.head(0)
    if not len(present) or not _DATE_LIKE.match(str(present[0])):
        return column.dtype
    return _type_of(present.head(_SAMPLED_VALUES))


def _type_of(values: pl.Series) -> pl.DataType:
    """Return the type that these texts are of."""
    quoted = ('"' + str(value).replace('"', '""') + '"' for value in values)
    return _inferred("\n".join(("value", *quoted)).encode(), ",").dtypes[0]


def _with_types(text: bytes, delimiter: str, types: Types) -> Parsed | None:
    """Read with these types, wider where a value further down asks for it; None: all unlike."""
    wanted, truncates = dict(types), False
    for _ in range(_WIDENINGS_MOST):
        try:
            values = pl.read_csv(
                text,
                separator=delimiter,
                truncate_ragged_lines=truncates,
                infer_schema_length=0,
                schema_overrides=wanted,
            )
        except PolarsError as error:
            if not truncates and _LONGER_ROW in str(error):
                truncates = True
            elif not _widen(wanted, str(error)):
                return None
        else:
            return Parsed(values, not truncates)
    return None


def _widen(wanted: Types, said: str) -> bool:
    """Give the column that polars complains of a wider type; False where it is another matter."""
    unparsed = _UNPARSED.search(said)
    if unparsed is None or unparsed[2] not in wanted:
        return False
    if _WHOLE_NUMBER.fullmatch(unparsed[1]):  # one of more than 64 bits
        return False
    is_whole = wanted[unparsed[2]] == pl.Int64
    wanted[unparsed[2]] = pl.Float64() if is_whole else pl.String()
    return True
