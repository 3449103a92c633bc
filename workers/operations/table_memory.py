"""The memory a table needs, from a sample of its text or what its directory says. Runs in a worker.

Light to import. The factors were measured with polars 2.1 on files of 2 to 135 MB
(benchmarks/memory.py), workbooks up to 18 MB.
"""

import heapq
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from workers.operations.input_file import InputFile, open_input
from workers.operations.table_format import ARROW_SUFFIXES, EXCEL_SUFFIX, PARQUET_SUFFIXES
from workers.operations.table_weight import Weight, weight_of

# The same table took 64 or 76 MB, as the allocator of polars had it.
_FIXED: Final = 24 * 2**20
_MARGIN: Final = 1.1
# Bytes a row beside the rows themselves: places in the old table, hash tables that double.
_SORTED: Final = 80
_DRAWN: Final = 48
_HASHED: Final = 330
# Steps that hold the old table beside a new one, and the bytes a row that they take besides.
_COPYING: Final = {
    "tables.select": 0,
    "tables.rename": 0,
    "tables.filter": 8,
    "tables.sort": _SORTED,
    "tables.sample": _DRAWN,
    "tables.deduplicate": _HASHED,
    "tables.group": _HASHED,
    "tables.sql": _HASHED,
    "tables.split": _SORTED,
}
# Of many tables the largest few are looked at; so many are in hand while Parquet is written.
_WEIGHED: Final = 8
_AT_ONCE: Final = 3
_BATCH: Final = 64 * 2**20  # small ones of 4 MB in all, unpacked
_PACKED: Final = (*PARQUET_SUFFIXES, *ARROW_SUFFIXES, EXCEL_SUFFIX)
# Its writer itself, and the rows that it holds as objects.
_EXCEL: Final = 20 * 2**20
_SUMMARY: Final = "tables.summary"


def table_need(source: InputFile, *, operations: Collection[str], suffix: str) -> int:
    """Return the bytes that reading, the steps and writing to that suffix take at their peak."""
    try:
        weight = weight_of(source)
    except OSError:  # the disk refuses to give the content; the run will say so
        return 0
    if weight is None:
        return 0
    sums_up = _SUMMARY in operations
    beside = [weight.reading]
    if sums_up:
        beside.append(weight.summed)
    else:
        beside.append(_written(weight, suffix))
    copying = [name for name in operations if name in _COPYING]
    beside.extend(_copied(weight, name) + _COPYING[name] * weight.rows for name in copying)
    return int(_FIXED + weight.held + _MARGIN * weight.values + max(beside))


def _copied(weight: Weight, name: str) -> float:
    """Return the bytes of the new table; choosing and renaming columns copies none."""
    return 0.0 if name in ("tables.select", "tables.rename") else weight.values


def _written(weight: Weight, suffix: str) -> float:
    """Return the bytes of the output that are held at once; text goes out in pieces."""
    extra = _EXCEL if suffix.endswith(EXCEL_SUFFIX) else 0
    return extra + (weight.values / 2 if suffix.endswith(_PACKED) else 0.0)


def merge_need(tables: Sequence[Path], *, is_csv: bool) -> int:
    """Return the bytes that putting tables together takes at its peak; the largest of them count.

    One table is held at a time for a CSV file, a few for a Parquet file.
    """
    largest = heapq.nlargest(_WEIGHED, tables, key=lambda table: table.stat().st_size)
    weights = [weight for table in largest if (weight := _weight_at(table)) is not None]
    peaks = [weight.held + weight.values + weight.reading for weight in weights]
    peak = _MARGIN * max(peaks, default=0)
    return int(2 * _FIXED + (peak if is_csv else _BATCH + _AT_ONCE * peak))


def _weight_at(table: Path) -> Weight | None:
    opened = open_input(table)
    if not isinstance(opened, InputFile):
        return None
    with opened:
        return weight_of(opened)
