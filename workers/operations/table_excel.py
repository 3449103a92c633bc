"""A table written as a workbook of Excel: one sheet, its first row the names. Runs in a worker.

Every cell is what its column is, whatever it looks like: text never becomes a formula, a link or a
number. What a cell cannot hold as it is (Excel computes with 15 digits, and knows no date before
1900) is written as text, with a sentence.
"""

import datetime as dt
import io
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from workers.operations.table_parts import pl
from workers.outcome import Failure, FailureKind
from workers.typed import override
from workers.wording import count_words, printable

_ROWS_MOST: Final = 1_048_576 - 1  # below the names
_COLUMNS_MOST: Final = 16_384
_LETTERS_MOST: Final = 32_767  # counted as UTF-16
_EXACT_BELOW: Final = 10**15
_DIGITS: Final = 15
_ROWS_A_PIECE: Final = 1 << 12
_NAMED_MOST: Final = 5
# Excel counts days from here, right from March 1900 on: it takes 1900 for a leap year.
_DAY_NULL: Final = dt.date(1899, 12, 30)
_FIRST_DAY: Final = dt.date(1900, 3, 1)
_LAST_DAY: Final = dt.date(9999, 12, 31)
_UNIX_DAY: Final = (dt.date(1970, 1, 1) - _DAY_NULL).days
_DAY_US: Final = 86_400_000_000
_DATE: Final = "yyyy-mm-dd"
_MOMENT: Final = "yyyy-mm-dd hh:mm:ss.000"
_TIME: Final = "hh:mm:ss.000"
_SPAN: Final = "[h]:mm:ss.000"
# The same table is the same file, whenever it was written.
_CREATED: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class _Column(NamedTuple):
    """A column as it is written: text, flags or numbers, shown by a format of Excel."""

    values: pl.Series
    shown: str = ""
    as_text: str = ""


class _Exact(float):
    """A number that the writer writes with all its digits: it asks for 16, and some need 17."""

    __slots__ = ()

    def __format__(self, _asked: str) -> str:  # type: ignore[explicit-override]  # of object
        return repr(float(self))


class _Content(io.BytesIO):
    """Stays open: an archive that a full disk cut off ends itself when it is forgotten."""

    @override
    def close(self) -> None:
        pass


def excel(table: pl.DataFrame, folder: Path) -> tuple[memoryview, str] | Failure:
    """Return the workbook's content and a sentence about what was written as text, or "".

    A sheet that is being written lies in `folder`. Raises OSError when the disk does not take it.
    """
    if (failure := _unfit(table)) is not None:
        return failure
    columns = [_column(values) for values in table]
    for column in columns:
        if (failure := _too_long(column.values)) is not None:
            return failure
    content = _Content()
    options = {"constant_memory": True, "tmpdir": str(folder)}
    book = Workbook(content, options)
    book.use_zip64()  # where it must be
    book.set_properties({"created": _CREATED})
    try:
        endless = _write_rows(book, columns)
    finally:
        _close(book)
    return content.getbuffer(), _words(columns, endless)


def _unfit(table: pl.DataFrame) -> Failure | None:
    said = ""
    if table.height > _ROWS_MOST:
        said = f"{count_words(table.height, 'row')}; a sheet of Excel has room for {_ROWS_MOST:,}"
    if table.width > _COLUMNS_MOST:
        said = f"{table.width:,} columns; a sheet of Excel has room for {_COLUMNS_MOST:,}"
    if not said:
        return None
    sentence = f"The table has {said}. Filter or split it, or choose another format."
    return Failure(FailureKind.OPERATION_FAILED, sentence)


def _too_long(values: pl.Series) -> Failure | None:
    """Refuse a text that a cell would cut off."""
    texts = values if values.dtype == pl.String else pl.Series(dtype=pl.String)
    long = [values.name, *texts.filter(texts.str.len_chars() > _LETTERS_MOST // 2)]
    for text in long:
        if (letters := len(text.encode("utf-16-le")) // 2) > _LETTERS_MOST:
            return Failure(
                FailureKind.OPERATION_FAILED,
                f"A text of the column {printable(values.name[:80])!r} has {letters:,} letters; a "
                f"cell of Excel has room for {_LETTERS_MOST:,}. Choose another format.",
            )
    return None


def _column(values: pl.Series) -> _Column:
    kind = values.dtype
    if kind.is_integer():
        is_exact = _reach(values) < _EXACT_BELOW
        return _Column(values) if is_exact else _text(values, f"more than {_DIGITS} digits")
    if isinstance(kind, pl.Decimal):
        is_exact = _reach(values) < 10 ** (_DIGITS - kind.scale)
        return (
            _Column(values.cast(pl.Float64))
            if is_exact
            else _text(values, f"more than {_DIGITS} digits")
        )
    if kind.is_temporal():
        return _moments(values)
    if kind.is_float() or kind in (pl.Boolean, pl.Null):
        return _Column(values)
    if kind.is_nested():
        flat = values.to_frame().select(pl.struct(pl.all()).struct.json_encode())
        return _Column(flat.to_series().alias(values.name))
    return _Column(values.bin.encode("hex") if kind == pl.Binary else values.cast(pl.String))


def _moments(values: pl.Series) -> _Column:
    """Return days as numbers since the turn of 1900, with their format."""
    kind = values.dtype
    if isinstance(kind, pl.Time):
        return _Column(values.to_physical() / (_DAY_US * 1000), _TIME)
    if isinstance(kind, pl.Duration):
        return _Column(values.dt.total_microseconds(fractional=False) / _DAY_US, _SPAN)
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return _text(values.dt.to_string("iso:strict"), "times with a zone")
    days = values.cast(pl.Date)
    first, last = pl.Series([_FIRST_DAY, _LAST_DAY])
    if not bool(days.is_between(first, last).all(ignore_nulls=True)):
        return _text(values.dt.to_string("iso"), "dates before March 1900 or after 9999")
    if kind == pl.Date:
        return _Column(days.to_physical().cast(pl.Int64) + _UNIX_DAY, _DATE)
    return _Column(values.dt.epoch("us") / _DAY_US + _UNIX_DAY, _MOMENT)


def _reach(values: pl.Series) -> Decimal:
    """Return the greatest magnitude of a column of whole or decimal numbers."""
    ends = [end for end in (values.min(), values.max()) if isinstance(end, (int, Decimal))]
    return max((abs(Decimal(end)) for end in ends), default=Decimal(0))


def _text(values: pl.Series, why: str) -> _Column:
    return _Column(values.cast(pl.String), as_text=why)


def _write_rows(book: Workbook, columns: list[_Column]) -> int:
    """Write the names and the rows; return how many numbers were not finite: they stay empty."""
    sheet = book.add_worksheet("Table")
    formats = {"": None} | {
        shown: book.add_format({"num_format": shown})
        for shown in dict.fromkeys(column.shown for column in columns)
        if shown
    }
    for place, column in enumerate(columns):
        _write_text(sheet, 0, place, column.values.name)
    table = pl.DataFrame([column.values.alias(str(n)) for n, column in enumerate(columns)])
    endless = sum(
        int((~column.values.is_finite()).sum())
        for column in columns
        if column.values.dtype.is_float()
    )
    writers = [_writer(column.values.dtype) for column in columns]
    shown_by = [formats[column.shown] for column in columns]
    for start in range(0, table.height, _ROWS_A_PIECE):
        rows = table.slice(start, _ROWS_A_PIECE).iter_rows()
        for number, row in enumerate(rows, start + 1):
            for place, value in enumerate(row):
                if value is not None:
                    writers[place](sheet, number, place, value, shown_by[place])
    return endless


# Of a sheet, a row, a column, a value of the column's type and a format.
_Writer = Callable[..., object]


def _writer(kind: pl.DataType) -> _Writer:
    if kind.is_float():
        return _write_float
    if kind == pl.Boolean:
        return _write_flag
    return _write_whole if kind.is_integer() else _write_text


def _write_whole(sheet: Worksheet, row: int, column: int, value: int, shown: Format | None) -> None:
    sheet.write_number(row, column, value, shown)


def _write_flag(sheet: Worksheet, row: int, column: int, value: bool, shown: Format | None) -> None:
    sheet.write_boolean(row, column, value, shown)


def _write_float(
    sheet: Worksheet, row: int, column: int, value: float, shown: Format | None
) -> None:
    if math.isfinite(value):
        sheet.write_number(row, column, _Exact(value), shown)


def _write_text(
    sheet: Worksheet, row: int, column: int, text: str, _shown: Format | None = None
) -> None:
    if text.startswith("<r>") and text.endswith("</r>"):
        # The writer takes such a text for its own mark-up of several parts; so it gets three.
        sheet.write_rich_string(row, column, text[0], text[1], text[2:])
    else:
        sheet.write_string(row, column, text)


def _close(book: Workbook) -> None:
    try:
        book.close()
    except FileCreateError as error:  # the disk's own error, packed up
        raise error.args[0] from error


def _words(columns: list[_Column], endless: int) -> str:
    texts = [
        f"{printable(column.values.name[:80])!r} ({column.as_text})"
        for column in columns
        if column.as_text
    ]
    more = ", ..." if len(texts) > _NAMED_MOST else ""
    words = [f"Written as text: {', '.join(texts[:_NAMED_MOST])}{more}."] if texts else []
    if endless:
        left = count_words(endless, "value that is no number", "values that are no numbers")
        words.append(f"{left} (NaN, infinite) left empty.")
    return " ".join(words)
