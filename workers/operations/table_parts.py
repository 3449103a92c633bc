"""What readers of tables return: the table, or a failure in one sentence. Runs in a worker."""

import os

from msgspec import Struct

# One thread a worker; read once by polars when it is imported.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl

from workers.outcome import Failure, FailureKind

__all__ = ["Table", "bad_table", "beyond_memory", "pl"]


class Table(Struct, frozen=True):
    """The values of a file, and a sentence about what was not as it should be, or "".

    `delimiter` is what stood between two values in the file.
    """

    values: pl.DataFrame
    warning: str = ""
    delimiter: str = ","


def bad_table(message: str, detail: str = "") -> Failure:
    """Return the failure of a file that is no readable table."""
    return Failure(FailureKind.BAD_INPUT, message, detail)


def beyond_memory(message: str) -> Failure:
    """Return the failure of a file that holds more than is read."""
    return Failure(FailureKind.OUT_OF_MEMORY, message, is_limit=True)
