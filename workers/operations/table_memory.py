"""The memory a table needs, from a sample of its text or its Parquet footer. Runs in a worker.

Light to import. The factors were measured with polars 2.1 on tables of 4 to 240 MB
(benchmarks/memory.py). Text is held several times over while its rows are told apart and counted.
"""

import os
from dataclasses import dataclass
from typing import Final

from workers.operations.input_file import InputFile
from workers.operations.parquet_footer import FOOTER_LIMIT, ColumnChunk, row_groups

# The same table took 64 or 76 MB, as the allocator of polars had it.
_FIXED: Final = 24 * 2**20
_MARGIN: Final = 1.1
_SAMPLE_BYTES: Final = 1 << 16
_DELIMITERS: Final = (b",", b";", b"\t", b"|")

# polars holds two and a half times the text besides the table itself while it parses.
_PARSING: Final = 2.6
_NUMBER: Final = 8
# A line as a Python string and its place in two lists; each quoted field cuts a line in pieces.
_LINE: Final = 80
_QUOTED_FIELD: Final = 150

# A buffer is some eighth larger than what was written to it.
_GROWING: Final = 1.3
_PARQUET_MARK: Final = b"PAR1"
_TAIL: Final = 8
# A footer too long to be read here: dictionaries and zstd pack some ten to one.
_UNREAD_FOOTER: Final = 12
# A column as floats, sorted for quartiles, and its distinct values, of which text takes more.
_SUMMED_NUMBER: Final = 24
_SUMMED_TEXT: Final = 90


def table_need(source: InputFile, *, writes_csv: bool, sums_up: bool) -> int:
    """Return the bytes that reading, the steps and writing take at their peak."""
    try:
        if source.head.startswith(_PARQUET_MARK):
            return _parquet_need(source, writes_csv=writes_csv, sums_up=sums_up)
        return _text_need(source)
    except OSError:  # the disk refuses to give the content; the run will say so
        return 0


@dataclass(frozen=True, slots=True)
class _Sample:
    """What the first 64 kB say of all lines."""

    line_bytes: float
    fields: float
    quoted_fields: float
    text_factor: int


def _text_need(source: InputFile) -> int:
    """Return the greater of two peaks: telling the rows apart, and counting ragged ones."""
    sample = _sampled(os.read(source.fileno(), _SAMPLE_BYTES))
    size, text = source.size, source.size * sample.text_factor
    lines = size / sample.line_bytes
    values = lines * sample.fields * _NUMBER + size
    parsing = 2 * size + text + _PARSING * size + values
    is_quoted = sample.quoted_fields > 0  # then a copy without the quoted fields is counted
    listed = lines * _LINE + (2 * text if is_quoted else text)
    cut = lines * sample.quoted_fields * _QUOTED_FIELD + text
    counting = size + text + values + max(listed, cut if is_quoted else 0)
    return int(_FIXED + _MARGIN * max(parsing, counting))


def _sampled(start: bytes) -> _Sample:
    lines = max(1, start.count(b"\n"), start.count(b"\r"))
    delimiters = max(start.count(delimiter) for delimiter in _DELIMITERS)
    return _Sample(
        line_bytes=max(1.0, len(start) / lines),
        fields=delimiters / lines + 1,
        # Two in a row stand for one inside the field.
        quoted_fields=max(0, start.count(b'"') / 2 - start.count(b'""')) / lines,
        text_factor=_text_factor(start),
    )


def _text_factor(start: bytes) -> int:
    """Return how much a Python string grows over its bytes: its widest character decides."""
    widest = max(start.decode("utf-8", errors="ignore"), default="")
    return 1 if widest <= "\xff" else 2 if widest <= "\uffff" else 4


def _parquet_need(source: InputFile, *, writes_csv: bool, sums_up: bool) -> int:
    groups = _footer_groups(source)
    if groups is None:
        return _FIXED + _UNREAD_FOOTER * source.size
    chunks = [chunk for group in groups for chunk in group]
    values = sum(chunk.bytes_in_memory for chunk in chunks)
    beside: float = sum(chunk.unpacked for chunk in chunks)  # at first the pages, then the output
    if sums_up:
        beside = max(beside, sum(max(map(_summed, group), default=0) for group in groups))
    elif writes_csv:
        beside = max(beside, _GROWING * sum(chunk.bytes_as_text for chunk in chunks))
    return int(_FIXED + source.size + _MARGIN * values + beside)


def _summed(chunk: ColumnChunk) -> int:
    return chunk.values * (_SUMMED_TEXT if chunk.is_text else _SUMMED_NUMBER)


def _footer_groups(source: InputFile) -> list[list[ColumnChunk]] | None:
    """Return the chunks by row group; None when the footer is long, encrypted or damaged."""
    descriptor = source.fileno()
    os.lseek(descriptor, max(0, source.size - _TAIL), os.SEEK_SET)
    tail = os.read(descriptor, _TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _PARQUET_MARK or length > min(FOOTER_LIMIT, source.size - _TAIL):
        return None
    os.lseek(descriptor, source.size - _TAIL - length, os.SEEK_SET)
    return row_groups(os.read(descriptor, length))
