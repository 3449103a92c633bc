"""Which format a table's file has: by its first bytes, and by its suffix where these prove nothing.

Light to import; pure.
"""

import enum
from typing import Final


class TableFormat(enum.Enum):
    """A format that tables are read from; the value is the word people know it by."""

    CSV = "CSV"
    JSON_LINES = "JSON Lines"
    PARQUET = "Parquet"
    ARROW = "Arrow"
    ARROW_STREAM = "Arrow stream"
    WORKBOOK = "Excel"
    PACKED = "packed"


PARQUET_SUFFIXES: Final = (".parquet", ".pq")
ARROW_SUFFIXES: Final = (".arrow", ".feather", ".ipc")
JSON_SUFFIXES: Final = (".jsonl", ".ndjson")
TAB_SUFFIXES: Final = (".tsv", ".tab")
EXCEL_SUFFIX: Final = ".xlsx"
"""The one format of workbooks that is written, too."""

_WORKBOOK_SUFFIXES: Final = (EXCEL_SUFFIX, ".xls", ".ods")
_KEPT_SUFFIXES: Final = (
    ".csv",
    *TAB_SUFFIXES,
    *PARQUET_SUFFIXES,
    *ARROW_SUFFIXES,
    *JSON_SUFFIXES,
)
_PROMISES: Final = {
    **dict.fromkeys(PARQUET_SUFFIXES, TableFormat.PARQUET),
    **dict.fromkeys(ARROW_SUFFIXES, TableFormat.ARROW),
    **dict.fromkeys(_WORKBOOK_SUFFIXES, TableFormat.WORKBOOK),
    **dict.fromkeys(JSON_SUFFIXES, TableFormat.JSON_LINES),
}
_MAGIC: Final = (
    (b"PAR1", TableFormat.PARQUET),
    (b"ARROW1\x00\x00", TableFormat.ARROW),
    (b"\xff\xff\xff\xff", TableFormat.ARROW_STREAM),
    (b"PK\x03\x04", TableFormat.WORKBOOK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", TableFormat.WORKBOOK),
    # gzip, zstd and zlib, which polars would unpack unasked to whatever they hold.
    (b"\x1f\x8b", TableFormat.PACKED),
    (b"\x28\xb5\x2f\xfd", TableFormat.PACKED),
    (b"x\x01", TableFormat.PACKED),
    (b"x\x9c", TableFormat.PACKED),
)
_BOM: Final = b"\xef\xbb\xbf"


def found_format(head: bytes) -> TableFormat:
    """Return the format that the first bytes are of; text is CSV unless it is JSON objects."""
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    text = head.removeprefix(_BOM).lstrip()
    is_object = text.startswith(b"{") and text[1:].lstrip()[:1] in (b'"', b"}")
    return TableFormat.JSON_LINES if is_object else TableFormat.CSV


def promised_format(suffix: str) -> TableFormat:
    """Return the format that a lower case suffix promises."""
    return _PROMISES.get(suffix, TableFormat.CSV)


def kept_suffix(suffix: str) -> str:
    """Return the suffix of an output that no step gives another format: CSV for workbooks."""
    return suffix if suffix in _KEPT_SUFFIXES else ".csv"
