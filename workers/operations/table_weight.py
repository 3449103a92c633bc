"""What a table weighs: told by a sample, a footer or a directory, before it is read.

Light to import; runs in a worker.
"""

import os
import re
from typing import Final

from msgspec import Struct

from workers.operations import arrow_buffers
from workers.operations.input_file import InputFile
from workers.operations.parquet_footer import (
    FOOTER_LIMIT,
    ColumnChunk,
    row_groups,
    rows_and_columns,
)
from workers.operations.sheet_extent import claim_of
from workers.operations.table_format import TableFormat, found_format

_SAMPLE_BYTES: Final = 1 << 16
_DELIMITERS: Final = (b",", b";", b"\t", b"|")
_NUMBER: Final = 8
# A column without a value (a process that read 200,000 of them held 510 MB in all).
_COLUMN: Final = 2_500
# polars holds the text twice over while it parses it.
_PARSING: Final = 2.3
# What the cell of a workbook takes in the grid of its reader, then in the table.
_CELL: Final = 72
_CELL_VALUE: Final = 16
_UNPACKED_SHARE: Final = 0.5
_OLD_WORKBOOK: Final = 14  # .xls, whose cells are packed in records of 6 to 18 bytes
_PARQUET_MARK: Final = b"PAR1"
_TAIL: Final = 8
# A footer or a list of buffers too long to be read here: zstd packs some ten to one.
_UNREAD: Final = 12
# A column as floats, sorted for quartiles, and its distinct values, of which text takes more.
_SUMMED_NUMBER: Final = 24
_SUMMED_TEXT: Final = 90
_KEY: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')


class Weight(Struct, frozen=True):
    """Bytes of a table: `values` in memory, `held` of its file throughout.

    `reading` is what reading takes besides, `summed` what the summary of its greatest column does.
    """

    rows: float
    values: float
    held: float
    reading: float
    summed: float


def weight_of(source: InputFile) -> Weight | None:
    """Return what the table weighs; None where it is not read. Raises OSError."""
    match found_format(source.head):
        case TableFormat.PARQUET:
            return _of_parquet(source)
        case TableFormat.ARROW | TableFormat.ARROW_STREAM:
            return _of_arrow(source)
        case TableFormat.WORKBOOK:
            return _of_workbook(source)
        case TableFormat.JSON_LINES:
            return _of_json(source)
        case TableFormat.PACKED:
            return None
        case TableFormat.CSV:
            return _of_csv(source)


def _of_csv(source: InputFile) -> Weight:
    start = os.read(source.fileno(), _SAMPLE_BYTES)
    size, lines = source.size, max(1, start.count(b"\n"), start.count(b"\r"))
    rows = size * lines / len(start)
    fields = max(start.count(delimiter) for delimiter in _DELIMITERS) / lines + 1
    is_utf8 = not start.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) and _is_utf8(start)
    # Other encodings are held as they came, as Python's text and as UTF-8.
    reading = _PARSING * size + (0 if is_utf8 else 2 * size)
    # The header may be longer than the sample.
    columns = fields if b"\n" in start or b"\r" in start else fields * size / len(start)
    values = rows * fields * _NUMBER + size + columns * _COLUMN
    return Weight(rows, values, 0, reading, rows * _SUMMED_TEXT)


def _is_utf8(start: bytes) -> bool:
    """Say whether the start of a text is UTF-8, but for a character that is cut off."""
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4
    return True


def _of_json(source: InputFile) -> Weight:
    start = os.read(source.fileno(), _SAMPLE_BYTES)
    size, lines = source.size, max(1, start.count(b"\n"))
    rows = size * lines / len(start)
    keys = _KEY.findall(start)
    columns: float = len(set(keys))
    if columns > 2 * len(keys) / lines:  # each line has others: so will those to come
        columns *= size / len(start)
    values = rows * columns * _NUMBER + size + columns * _COLUMN
    return Weight(rows, values, 0, size, rows * _SUMMED_TEXT)


def _of_arrow(source: InputFile) -> Weight:
    found = arrow_buffers.unpacked(source.fileno(), source.size)
    values = found.size if found is not None else _UNREAD * source.size
    rows = found.rows if found is not None else values / _CELL_VALUE
    return Weight(rows, values, source.size, 0, rows * _SUMMED_TEXT)


def _of_workbook(source: InputFile) -> Weight:
    with os.fdopen(os.dup(source.fileno()), "rb") as stream:
        claim = claim_of(stream)
    if claim is None:
        values = _OLD_WORKBOOK * source.size
        return Weight(values / _CELL, values, source.size, 0, values)
    values = claim.cells * _CELL_VALUE
    reading = claim.cells * (_CELL - _CELL_VALUE) + _UNPACKED_SHARE * claim.unpacked
    rows = claim.cells / 4  # the columns are not told apart here
    return Weight(rows, values, source.size, reading, rows * _SUMMED_TEXT)


def _of_parquet(source: InputFile) -> Weight:
    groups = _footer_groups(source)
    if groups is None:
        values = float(_UNREAD * source.size)
        return Weight(values / _CELL, values, source.size, 0, values)
    chunks = [chunk for group in groups for chunk in group]
    values = (
        sum(chunk.bytes_in_memory for chunk in chunks) + len(groups[:1] and groups[0]) * _COLUMN
    )
    return Weight(
        rows=sum(max((chunk.values for chunk in group), default=0) for group in groups),
        # Nothing is known of the pages where the footer was too long to be read.
        values=values if chunks and chunks[0].unpacked else max(values, _UNREAD * source.size),
        held=source.size,
        reading=sum(chunk.unpacked for chunk in chunks),
        summed=sum(max(map(_summed, group), default=0) for group in groups),
    )


def _summed(chunk: ColumnChunk) -> int:
    return chunk.values * (_SUMMED_TEXT if chunk.is_text else _SUMMED_NUMBER)


def _footer_groups(source: InputFile) -> list[list[ColumnChunk]] | None:
    """Return the chunks by row group; None when the footer is encrypted or damaged."""
    descriptor = source.fileno()
    os.lseek(descriptor, max(0, source.size - _TAIL), os.SEEK_SET)
    tail = os.read(descriptor, _TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _PARQUET_MARK or length > source.size - _TAIL:
        return None
    os.lseek(descriptor, source.size - _TAIL - length, os.SEEK_SET)
    if length > FOOTER_LIMIT:
        columns = rows_and_columns(os.read(descriptor, FOOTER_LIMIT))
        return None if columns is None else [columns]
    return row_groups(os.read(descriptor, length))
