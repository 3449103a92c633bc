"""Tables read and written, each format by the module that knows it. Runs in a worker."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from polars.exceptions import PanicException as PanicException

from workers.operations.input_file import InputFile
from workers.operations.table_columnar import read_arrow, read_arrow_stream, read_parquet
from workers.operations.table_csv import read_csv
from workers.operations.table_format import (
    ARROW_SUFFIXES,
    EXCEL_SUFFIX,
    JSON_SUFFIXES,
    PARQUET_SUFFIXES,
    TAB_SUFFIXES,
    TableFormat,
    found_format,
    promised_format,
)
from workers.operations.table_json import read_json_lines
from workers.operations.table_parts import Table, bad_table, beyond_memory, pl
from workers.operations.table_weight import weight_of
from workers.operations.table_workbook import read_workbook
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

# polars holds a table in memory whole; text grows several times over when it is parsed.
_SIZE_LIMIT: Final = 2 * 10**9
_MEMORY_LIMIT: Final = 16 * 10**9
_CELLS_A_PIECE: Final = 500_000
_ROWS_A_PIECE: Final = 1 << 14
_NO_ROW: Final = (
    "No row is left, and JSON Lines without a row is an empty file; "
    "CSV and Parquet keep the columns' names."
)


def read_table(source: InputFile, sheet: str = "") -> Table | Failure:
    """Read a table by its content; `sheet` names that of a workbook, else its first is read.

    What cannot be read is a Failure with a sentence.
    """
    if source.size > _SIZE_LIMIT:
        return beyond_memory(
            f"The table has {size_words(source.size)}; "
            f"tables up to {size_words(_SIZE_LIMIT)} are read."
        )
    if (failure := _beyond_memory(source)) is not None:
        return failure
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    match found_format(source.head):
        case TableFormat.PARQUET:
            return read_parquet(content)
        case TableFormat.ARROW:
            return read_arrow(content)
        case TableFormat.ARROW_STREAM:
            return read_arrow_stream(content)
        case TableFormat.WORKBOOK:
            return read_workbook(content, sheet)
        case TableFormat.JSON_LINES:
            return read_json_lines(content)
        case TableFormat.PACKED:
            return bad_table("The file is compressed; unpack it first.")
        case TableFormat.CSV:
            return _read_text(content, source.suffix)


def _beyond_memory(source: InputFile) -> Failure | None:
    """Refuse a small file that would become gigabytes, such as lines that all name new columns."""
    try:
        weight = weight_of(source)
    except OSError:  # the reading will tell
        return None
    if weight is None or weight.values <= _MEMORY_LIMIT:
        return None
    return beyond_memory(
        f"The table would take {size_words(weight.values)} of memory; "
        f"tables up to {size_words(_MEMORY_LIMIT)} are read."
    )


def _read_text(content: bytes, suffix: str) -> Table | Failure:
    """Read text that is not JSON by its first bytes, unless the suffix promises what it is not."""
    promised = promised_format(suffix)
    if promised is TableFormat.CSV:
        return read_csv(content, suffix)
    if promised is TableFormat.JSON_LINES:
        return read_json_lines(content)
    name = promised.value
    return bad_table(f"Not a readable {name} file (its first bytes are not {name}'s).")


def write_table(values: pl.DataFrame, target: Path, delimiter: str) -> Failure | str:
    """Write the values in the format of the suffix; return a warning sentence or "".

    Raises OSError when the disk is full.
    """
    if target.suffix in JSON_SUFFIXES and not values.height:
        return Failure(FailureKind.OPERATION_FAILED, _NO_ROW)
    if target.suffix == EXCEL_SUFFIX:
        return _write_excel(values, target)
    # Written by ourselves: polars turns a full disk into an error without a number.
    with target.open("xb") as stream:
        for piece in encoded(values, target.suffix, delimiter):
            stream.write(piece)
    return ""


def _write_excel(values: pl.DataFrame, target: Path) -> Failure | str:
    from workers.operations.table_excel import excel

    made = excel(values, target.parent)
    if isinstance(made, Failure):
        return made
    content, warning = made
    with target.open("xb") as stream:
        stream.write(content)
    return warning


def encoded(
    values: pl.DataFrame, suffix: str, delimiter: str, *, has_header: bool = True
) -> Iterator[memoryview]:
    """Yield the content of the file; text in pieces, since it can be far longer than the table."""
    encoded = io.BytesIO()
    if suffix in PARQUET_SUFFIXES:
        values.write_parquet(encoded, compression="zstd")
    elif suffix in ARROW_SUFFIXES:
        # The oldest level: other readers do not know polars' own layout of text.
        values.write_ipc(encoded, compression="zstd", compat_level=pl.CompatLevel.oldest())
    else:
        separator = "\t" if suffix in TAB_SUFFIXES else delimiter
        rows = min(_ROWS_A_PIECE, max(1, _CELLS_A_PIECE // max(1, values.width)))
        for start in range(0, max(1, values.height), rows):
            piece = values.slice(start, rows)
            encoded = io.BytesIO()
            if suffix in JSON_SUFFIXES:
                piece.write_ndjson(encoded)
            else:
                is_first = start == 0 and has_header
                _flat(piece).write_csv(encoded, separator=separator, include_header=is_first)
            yield encoded.getbuffer()
        return
    yield encoded.getbuffer()


def _flat(values: pl.DataFrame) -> pl.DataFrame:
    """Write lists and structures as JSON text, which a CSV cell can hold; so with other kinds."""
    made = []
    for name, kind in values.schema.items():
        column = pl.col(name)
        if kind.is_nested():
            made.append(pl.struct(column).struct.json_encode().alias(name))
        elif kind == pl.Duration:
            made.append(column.dt.to_string("iso"))
        elif kind == pl.Binary:
            made.append(column.bin.encode("hex"))
    return values.with_columns(made) if made else values
