"""Tables read and written: delimiter, encoding and ragged rows found out, never guessed silently.

Runs in a worker.
"""

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# One thread a worker; read once by polars when it is imported.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl
from polars.exceptions import PanicException as PanicException, PolarsError

from workers.operations.input_file import InputFile
from workers.outcome import Failure, FailureKind
from workers.wording import count_words, size_words

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_LINES: Final = 50
_SAMPLE_BYTES: Final = 1 << 16
# polars holds a table in memory whole; text grows several times over when it is parsed.
_SIZE_LIMIT: Final = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Table:
    """The values of a file, and a sentence about what was not as it should be, or ""."""

    values: pl.DataFrame
    warning: str = ""


def read_table(source: InputFile) -> Table | Failure:
    """Read a CSV, TSV or Parquet file; what cannot be read is a Failure with a sentence."""
    if source.size > _SIZE_LIMIT:
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            f"The table has {size_words(source.size)}; "
            f"tables up to {size_words(_SIZE_LIMIT)} are read.",
        )
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    if content.startswith(b"PAR1"):
        return _read_parquet(content)
    if source.suffix in (".parquet", ".pq"):
        return _bad("Not a readable Parquet file (its first bytes are not Parquet's).", "")
    return _read_csv(content, source.suffix)


def write_table(values: pl.DataFrame, target: Path, delimiter: str) -> None:
    """Write the values in the format of the suffix; raises OSError when the disk is full."""
    # Written by ourselves: polars turns a full disk into an error without a number.
    encoded = io.BytesIO()
    if target.suffix == ".parquet":
        values.write_parquet(encoded, compression="zstd")
    else:
        _flat(values).write_csv(encoded, separator=delimiter)
    with target.open("xb") as stream:
        stream.write(encoded.getbuffer())


def _flat(values: pl.DataFrame) -> pl.DataFrame:
    """Write lists and structures as JSON text, which a CSV cell can hold."""
    nested = [name for name, kind in values.schema.items() if kind.is_nested()]
    if not nested:
        return values
    return values.with_columns(
        pl.struct(pl.col(name)).struct.json_encode().alias(name) for name in nested
    )


def _read_parquet(content: bytes) -> Table | Failure:
    try:
        return Table(pl.read_parquet(io.BytesIO(content)))
    except (PolarsError, PanicException) as error:
        return _damaged_parquet(content, str(error))


def _damaged_parquet(content: bytes, detail: str) -> Failure:
    ends_early = not content.endswith((b"PAR1", b"PARE"))
    reason = "file ends early" if ends_early else "its content is damaged"
    return _bad(f"Not a readable Parquet file ({reason}).", detail)


def _read_csv(content: bytes, suffix: str) -> Table | Failure:
    text, encoding_warning = _decoded(content)
    if text is None:
        return _bad("Not a readable table (it holds binary content, not text).", "")
    if not text.strip():
        return _bad("The table is empty.", "")
    delimiter = _delimiter(text, suffix)
    values = _parsed(text, delimiter)
    if isinstance(values, Failure):
        return values
    warnings = [encoding_warning, _ragged_warning(text, delimiter, values.width)]
    return Table(values, " ".join(warning for warning in warnings if warning))


def _parsed(text: str, delimiter: str) -> pl.DataFrame | Failure:
    content = text.encode()
    try:
        return pl.read_csv(
            content,
            separator=delimiter,
            truncate_ragged_lines=True,
            infer_schema_length=None,
            try_parse_dates=True,
        )
    except (PolarsError, PanicException) as error:
        return _bad("Not a readable table (its rows cannot be told apart).", str(error))


def _decoded(content: bytes) -> tuple[str | None, str]:
    """Return the text and a warning; None for the text when the content is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), ""
    if b"\x00" in content[:_SAMPLE_BYTES]:
        return None, ""
    try:
        return _with_newlines(content.decode("utf-8-sig")), ""
    except UnicodeDecodeError:
        pass
    try:
        text, name = content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        text, name = content.decode("latin-1"), "Latin-1"
    return _with_newlines(text), f"The text is not UTF-8; it was read as {name}."


def _with_newlines(text: str) -> str:
    """Old Macintosh files end their lines with a carriage return alone."""
    return text if "\n" in text else text.replace("\r", "\n")


def _delimiter(text: str, suffix: str) -> str:
    """Return the character that splits most lines into the same number of fields."""
    if suffix in (".tsv", ".tab"):
        return "\t"
    lines = _unquoted(text[:_SAMPLE_BYTES]).splitlines()[:_SAMPLE_LINES]
    lines = [line for line in lines if line.strip()]
    return max(_DELIMITERS, key=lambda delimiter: _agreement(lines, delimiter))


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    header = lines[0].count(delimiter)
    agreeing = sum(line.count(delimiter) == header for line in lines) if header else 0
    return agreeing, header


def _unquoted(text: str) -> str:
    """Replace quoted fields, which may hold delimiters and line ends."""
    return re.sub(r'"(?:[^"]|"")*"', "_", text)


def _ragged_warning(text: str, delimiter: str, width: int) -> str:
    plain = _unquoted(text) if '"' in text else text
    counts = [line.count(delimiter) + 1 for line in plain.splitlines() if line]
    longer = sum(count > width for count in counts)
    shorter = sum(count < width for count in counts)
    parts = []
    if longer:
        rows = count_words(longer, "row has", "rows have")
        parts.append(f"{rows} values beyond the last column, which were left out")
    if shorter:
        rows = count_words(shorter, "row is", "rows are")
        parts.append(f"{rows} too short and filled with missing values")
    return "; ".join(parts) + "." if parts else ""


def _bad(message: str, detail: str) -> Failure:
    return Failure(FailureKind.BAD_INPUT, message, detail)
