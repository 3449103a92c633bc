"""CSV and its like read: delimiter, encoding and ragged rows found out, never guessed silently.

Works on bytes throughout, without a loop over lines in Python. Runs in a worker.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from workers.operations.csv_types import Parsed, parsed
from workers.operations.table_format import TAB_SUFFIXES
from workers.operations.table_parts import Table, bad_table
from workers.outcome import Failure
from workers.wording import count_words

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_LINES: Final = 50
_SAMPLE_BYTES: Final = 1 << 16
# Rows are counted piece by piece: the places of all delimiters take more than the table.
_PIECE_BYTES: Final = 1 << 22
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_QUOTED: Final = re.compile(rb'"(?:[^"]|"")*"')
_EVERY_BYTE: Final = bytes(range(256))


def read_csv(content: bytes, suffix: str) -> Table | Failure:
    """Read delimited text; the table's warning tells of its encoding and of ragged rows."""
    text, encoding_warning = _as_utf8(content)
    if text is None:
        return bad_table("Not a readable table (it holds binary content, not text).")
    if not text or text.isspace():
        return bad_table("The table is empty.")
    delimiter = _delimiter(text, suffix)
    found = parsed(text, delimiter)
    if isinstance(found, Failure):
        return found
    warnings = [encoding_warning, _ragged_warning(text, delimiter.encode(), found)]
    return Table(found.values, " ".join(warning for warning in warnings if warning), delimiter)


def _as_utf8(content: bytes) -> tuple[bytes | None, str]:
    """Return the text as UTF-8 and a warning; None for the text when the content is none."""
    if content.startswith(_UTF_16):
        return content.decode("utf-16", errors="replace").encode(), ""
    if b"\x00" in content[:_SAMPLE_BYTES]:
        return None, ""
    if not _is_utf8(content):
        text, name = _decoded(content)
        return _with_newlines(text.encode()), f"The text is not UTF-8; it was read as {name}."
    return _with_newlines(content.removeprefix(_BOM)), ""


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(content: bytes) -> tuple[str, str]:
    try:
        return content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def _with_newlines(text: bytes) -> bytes:
    """Old Macintosh files end their lines with a carriage return alone."""
    return text if b"\n" in text else text.replace(b"\r", b"\n")


def _delimiter(text: bytes, suffix: str) -> str:
    """Return the character that splits most lines into the same number of fields."""
    if suffix in TAB_SUFFIXES:
        return "\t"
    lines = _QUOTED.sub(b"_", text[:_SAMPLE_BYTES]).splitlines()[:_SAMPLE_LINES]
    lines = [line for line in lines if line.strip()]
    return max(_DELIMITERS, key=lambda delimiter: _agreement(lines, delimiter.encode()))


def _agreement(lines: Sequence[bytes], delimiter: bytes) -> tuple[int, int]:
    header = lines[0].count(delimiter)
    agreeing = sum(line.count(delimiter) == header for line in lines) if header else 0
    return agreeing, header


def _ragged_warning(text: bytes, delimiter: bytes, found: Parsed) -> str:
    """Return "" or how many rows have more or fewer fields than the table has columns."""
    if _is_even(text, delimiter, found):
        return ""
    longer, shorter = _uneven_rows(text, delimiter, found.values.width)
    parts = []
    if longer:
        rows = count_words(longer, "row has", "rows have")
        parts.append(f"{rows} values beyond the last column, which were left out")
    if shorter:
        rows = count_words(shorter, "row is", "rows are")
        parts.append(f"{rows} too short and filled with missing values")
    return "; ".join(parts) + "." if parts else ""


def _is_even(text: bytes, delimiter: bytes, found: Parsed) -> bool:
    """Say, quickly, whether all rows have as many fields as there are columns."""
    import numpy as np

    width = found.values.width
    if b'"' not in text:
        # Where no row is longer, none is shorter if there are as many delimiters as there must be.
        delimiters = np.count_nonzero(np.frombuffer(text, np.uint8) == delimiter[0])
        return found.has_no_longer_row and delimiters == (found.values.height + 1) * (width - 1)
    # Nothing but delimiters and line ends, in their order, must make a perfect grid.
    skeleton = text.translate(None, _EVERY_BYTE.translate(None, b'"\n' + delimiter))
    skeleton = re.sub(rb'"[^"]*"', b"", skeleton)
    row = delimiter * (width - 1) + b"\n"
    skeleton = skeleton.rstrip(b"\n") + b"\n" if width > 1 else skeleton
    return skeleton == row * (len(skeleton) // len(row))


def _uneven_rows(text: bytes, delimiter: bytes, width: int) -> tuple[int, int]:
    """Count the rows with more and with fewer fields than the width; empty lines are none."""
    import numpy as np

    longer = shorter = 0
    for piece in _line_pieces(text):
        plain = _QUOTED.sub(b"_", piece) if b'"' in piece else piece
        letters = np.frombuffer(plain.replace(b"\r", b"") + b"\n", np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        delimiters = np.flatnonzero(letters == delimiter[0])
        fields = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
        fields = fields[np.diff(ends, prepend=-1) > 1]
        longer += int((fields > width).sum())
        shorter += int((fields < width).sum())
    return longer, shorter


def _line_pieces(text: bytes) -> Iterator[bytes]:
    """Yield the text in pieces of whole lines; a field in quotes is not cut."""
    start = 0
    while start < len(text):
        end, quotes, counted = start, 1, start
        while quotes % 2 and end < len(text):
            end = text.find(b"\n", end + _PIECE_BYTES) + 1 or len(text)
            quotes = (0 if counted == start else quotes) + text.count(b'"', counted, end)
            counted = end
        yield text[start:end]
        start = end
