"""CSV and its like read: delimiter, encoding and ragged rows found out, never guessed silently.

Works on bytes throughout: a loop over lines in Python would take longer than polars does for all
the rest. Runs in a worker.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from polars.exceptions import PanicException, PolarsError

from workers.operations.table_format import TAB_SUFFIXES
from workers.operations.table_parts import Table, bad_table, pl
from workers.outcome import Failure
from workers.wording import count_words

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_LINES: Final = 50
_SAMPLE_BYTES: Final = 1 << 16
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_QUOTED: Final = re.compile(rb'"(?:[^"]|"")*"')
_EVERY_BYTE: Final = bytes(range(256))
_UNPARSED: Final = re.compile(
    r"could not parse `(.*?)` as dtype .*? at column '(.*?)' \(", re.DOTALL
)
_WHOLE_NUMBER: Final = re.compile(r"\s*[+-]?\d+\s*")


def read_csv(content: bytes, suffix: str) -> Table | Failure:
    """Read delimited text; the table's warning tells of its encoding and of ragged rows."""
    text, encoding_warning = _as_utf8(content)
    if text is None:
        return bad_table("Not a readable table (it holds binary content, not text).")
    if not text.strip():
        return bad_table("The table is empty.")
    delimiter = _delimiter(text, suffix)
    values = _parsed(text, delimiter)
    if isinstance(values, Failure):
        return values
    warnings = [encoding_warning, ragged_warning(text, delimiter, values.width)]
    return Table(values, " ".join(warning for warning in warnings if warning), delimiter)


def _parsed(text: bytes, delimiter: str) -> pl.DataFrame | Failure:
    types = _sampled_types(text, delimiter)
    try:
        if types is not None and (values := _with_types(text, delimiter, types)) is not None:
            return values
        # Looks at every value several times, some thirty times slower (2 MB: 570 ms).
        return pl.read_csv(
            text,
            separator=delimiter,
            truncate_ragged_lines=True,
            infer_schema_length=None,
            try_parse_dates=True,
        )
    except (PolarsError, PanicException) as error:
        return bad_table("Not a readable table (its rows cannot be told apart).", str(error))


def _sampled_types(text: bytes, delimiter: str) -> dict[str, pl.DataType] | None:
    """Return the types of the columns by the first lines; None when these do not tell."""
    sample = text[:_SAMPLE_BYTES]
    if len(sample) < len(text):
        sample = sample[: sample.rfind(b"\n") + 1]
    try:
        first = pl.read_csv(
            sample,
            separator=delimiter,
            truncate_ragged_lines=True,
            infer_schema_length=None,
            try_parse_dates=True,
        )
    except (PolarsError, PanicException):  # such as a quoted field that goes on behind the sample
        return None
    is_told = all(first[name].null_count() < first.height for name in first.columns)
    return dict(first.schema) if is_told and first.height else None


def _with_types(
    text: bytes, delimiter: str, types: Mapping[str, pl.DataType]
) -> pl.DataFrame | None:
    """Read with these types, wider where a value further down asks for it; None: all unlike."""
    wanted = dict(types)
    for _ in range(2 * len(wanted) + 1):
        try:
            return pl.read_csv(
                text,
                separator=delimiter,
                truncate_ragged_lines=True,
                infer_schema_length=0,
                schema_overrides=wanted,
            )
        except PolarsError as error:
            unparsed = _UNPARSED.search(str(error))
            if unparsed is None or unparsed[2] not in wanted:
                return None
            if _WHOLE_NUMBER.fullmatch(unparsed[1]):  # one of more than 64 bits
                return None
            is_whole = wanted[unparsed[2]] == pl.Int64
            wanted[unparsed[2]] = pl.Float64() if is_whole else pl.String()
    return None


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


def ragged_warning(text: bytes, delimiter: str, width: int) -> str:
    """Return "" or how many rows have more or fewer fields than the table has columns."""
    if _is_even(text, delimiter.encode(), width):
        return ""
    longer, shorter = _uneven_rows(text, delimiter.encode(), width)
    parts = []
    if longer:
        rows = count_words(longer, "row has", "rows have")
        parts.append(f"{rows} values beyond the last column, which were left out")
    if shorter:
        rows = count_words(shorter, "row is", "rows are")
        parts.append(f"{rows} too short and filled with missing values")
    return "; ".join(parts) + "." if parts else ""


def _is_even(text: bytes, delimiter: bytes, width: int) -> bool:
    """Say whether nothing but delimiters and line ends, in their order, makes a perfect grid."""
    marks = b'"\n' + delimiter
    skeleton = text.translate(None, _EVERY_BYTE.translate(None, marks))
    if b'"' in skeleton:
        skeleton = re.sub(rb'"[^"]*"', b"", skeleton)
    row = delimiter * (width - 1) + b"\n"
    skeleton = skeleton.rstrip(b"\n") + b"\n" if width > 1 else skeleton
    return skeleton == row * (len(skeleton) // len(row))


def _uneven_rows(text: bytes, delimiter: bytes, width: int) -> tuple[int, int]:
    """Count the rows with more and with fewer fields than the width; empty lines are none."""
    import numpy as np

    plain = _QUOTED.sub(b"_", text) if b'"' in text else text
    letters = np.frombuffer(plain.replace(b"\r", b"") + b"\n", np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    delimiters = np.flatnonzero(letters == ord(delimiter))
    fields = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
    fields = fields[np.diff(ends, prepend=-1) > 1]
    return int((fields > width).sum()), int((fields < width).sum())
