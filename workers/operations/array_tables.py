"""Histograms and spectra of arrays as CSV. Runs in a worker."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from workers.operations.array_lines import Lines, complex_failure
from workers.operations.array_values import Values, give_back
from workers.outcome import Failure, FailureKind
from workers.wording import count_words

_BLOCK: Final = 1 << 20


def write_histogram(
    values: Values, bins: int, limits: tuple[float, float] | None, target: Path
) -> Failure | str:
    """Write how many numbers each of the equally wide bins has; return a warning or "".

    Columns: low, high, count. A bin holds its low edge, the last one its high edge as well.
    Without limits the bins reach from the least number to the greatest; what is missing,
    infinite or outside is left out and told of.
    """
    if (refused := complex_failure(values)) is not None:
        return refused
    found = limits or _range(values)
    if found is None:
        return Failure(FailureKind.BAD_INPUT, "The array has no finite number to count.")
    low, high = found
    if limits is not None and not low < high:
        sentence = f"The upper limit of {high:g} is not above the lower one, {low:g}."
        return Failure(FailureKind.OPERATION_FAILED, sentence)
    if not np.isfinite(high - low):
        return Failure(FailureKind.BAD_INPUT, "The numbers lie too far apart for equal bins.")
    counts = np.zeros(bins, np.int64)
    try:
        edges = np.histogram_bin_edges(np.empty(0), bins, (low, high))
    except ValueError:  # no two numbers of the machine lie so close
        sentence = f"The numbers lie too close together for {count_words(bins, 'bin')}."
        return Failure(FailureKind.BAD_INPUT, sentence)
    for block in _finite_blocks(values):
        counts += np.histogram(block, bins, (low, high))[0]
    rows = zip(edges[:-1], edges[1:], counts, strict=True)
    lines = (f"{float(start)!r},{float(end)!r},{int(count)}\n" for start, end, count in rows)
    _write("low,high,count\n", lines, target)
    left = values.size - int(counts.sum())
    return f"{count_words(left, 'number')} missing, infinite or outside left out." if left else ""


def _range(values: Values) -> tuple[float, float] | None:
    ends = [(float(b.min()), float(b.max())) for b in _finite_blocks(values) if b.size]
    if not ends:
        return None
    return min(low for low, _ in ends), max(high for _, high in ends)


def _finite_blocks(values: Values) -> Iterable[Lines]:
    for start in range(0, values.size, _BLOCK):
        block = values.flat[start : start + _BLOCK].astype(np.float64)
        give_back(values)
        yield block[np.isfinite(block)]


def write_spectrum(table: Lines, target: Path) -> None:
    """Write frequencies and densities as CSV; several signals have a number each, from 1."""
    signals = table.shape[1] - 1
    names = ["density"] if signals == 1 else [f"density_{n}" for n in range(1, signals + 1)]
    lines = (",".join(map(repr, row.tolist())) + "\n" for row in table)
    _write(",".join(["frequency_hz", *names]) + "\n", lines, target)


def _write(heading: str, lines: Iterable[str], target: Path) -> None:
    with target.open("x", encoding="utf-8", newline="") as stream:
        stream.write(heading)
        stream.writelines(lines)
