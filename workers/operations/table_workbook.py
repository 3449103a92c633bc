"""Workbooks of Excel and LibreOffice read, one sheet each. Runs in a worker."""

import difflib
import logging

import fastexcel

from workers.operations.old_workbook import Damaged, NoWorkbook, check_old_workbook
from workers.operations.sheet_extent import refusal
from workers.operations.table_parts import Table, bad_table, beyond_memory, pl
from workers.outcome import Failure, FailureKind
from workers.wording import count_words, printable

# It writes a line for every column without values; these columns are text, as in a CSV file.
logging.getLogger("fastexcel").setLevel(logging.ERROR)
_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0"
_DAMAGED = "Not a readable workbook (its content is damaged)."


def read_workbook(content: bytes, sheet: str) -> Table | Failure:
    """Read the named sheet, or the first; the warning tells when there were others."""
    if content.startswith(_ZIP) and (said := refusal(content)) is not None:
        return bad_table(said.message) if said.is_damage else beyond_memory(said.message)
    if content.startswith(_COMPOUND) and (old := _old_problem(content)):
        return bad_table(old)
    try:
        reader = fastexcel.read_excel(content)
        names = list(reader.sheet_names)
        if not names or (sheet and sheet not in names):
            return _no_sheet(sheet, names)
        chosen = sheet or names[0]
        loaded = reader.load_sheet(chosen, schema_sample_rows=None)
        values: pl.DataFrame = loaded.to_polars()
    except BaseException as error:
        if not (isinstance(error, fastexcel.FastExcelError) or _is_panic(error)):
            raise
        return bad_table(_DAMAGED, str(error))
    if not values.columns:
        return bad_table(f"The sheet {printable(chosen)!r} is empty.")
    return Table(_narrowed(values), _warning(names, chosen, is_named=bool(sheet)))


def _old_problem(content: bytes) -> str:
    try:
        check_old_workbook(content)
    except Damaged:
        return _DAMAGED
    except NoWorkbook:
        return "Not a workbook (the file is a document of another kind)."
    return ""


def _is_panic(error: BaseException) -> bool:
    """Say whether the reader stumbled over a damaged file: by a class that cannot be imported."""
    return type(error).__name__ == "PanicException"


def _narrowed(values: pl.DataFrame) -> pl.DataFrame:
    """Make whole numbers integers, since a workbook knows floats alone; without values, text."""
    columns = []
    for column in values:
        if column.dtype == pl.Null:
            columns.append(column.cast(pl.String))
        elif column.dtype == pl.Float64 and len(column) and _is_whole(column):
            columns.append(column.cast(pl.Int64))
        else:
            columns.append(column)
    return pl.DataFrame(columns)


def _is_whole(column: pl.Series) -> bool:
    # Beyond 2 ** 53 a float does not tell one whole number from the next.
    is_exact = column.is_finite() & (column.abs() < 2.0**53) & (column == column.round())
    return bool(is_exact.all(ignore_nulls=True))


def _warning(names: list[str], chosen: str, *, is_named: bool) -> str:
    if is_named or len(names) == 1:
        return ""
    return f"The workbook has {count_words(len(names), 'sheet')}; {printable(chosen)!r} was read."


def _no_sheet(sheet: str, names: list[str]) -> Failure:
    if not names:
        return bad_table("The workbook has no sheet.")
    near = difflib.get_close_matches(sheet, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(names[:5])}."
    message = f"The workbook has no sheet {printable(sheet)!r}. {printable(hint)}"
    return Failure(FailureKind.OPERATION_FAILED, message)
