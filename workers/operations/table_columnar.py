"""Parquet and Arrow read: formats that keep each column apart. Runs in a worker."""

import io

from polars.exceptions import PanicException, PolarsError

from workers.operations.table_parts import Table, bad_table, pl
from workers.outcome import Failure

_PARQUET_ENDS = (b"PAR1", b"PARE")
_ARROW_END = b"ARROW1"


def read_parquet(content: bytes) -> Table | Failure:
    """Read a Parquet file."""
    try:
        return Table(pl.read_parquet(io.BytesIO(content)))
    except (PolarsError, PanicException, OSError) as error:
        return _damaged("Parquet", ends_early=not content.endswith(_PARQUET_ENDS), error=error)


def read_arrow(content: bytes) -> Table | Failure:
    """Read an Arrow file, which Feather files of today are as well."""
    try:
        return Table(pl.read_ipc(io.BytesIO(content)))
    except (PolarsError, PanicException, OSError) as error:
        return _damaged("Arrow", ends_early=not content.endswith(_ARROW_END), error=error)


def read_arrow_stream(content: bytes) -> Table | Failure:
    """Read an Arrow stream: messages one after the other, without a footer."""
    try:
        return Table(pl.read_ipc_stream(io.BytesIO(content)))
    except (PolarsError, PanicException, OSError) as error:
        return _damaged("Arrow", ends_early=False, error=error)


def _damaged(name: str, *, ends_early: bool, error: BaseException) -> Failure:
    reason = "file ends early" if ends_early else "its content is damaged"
    return bad_table(f"Not a readable {name} file ({reason}).", str(error))
