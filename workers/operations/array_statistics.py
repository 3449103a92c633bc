"""Statistics of an array, taken block by block; quantiles. Runs in a worker."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from workers.operations.array_values import Values, give_back
from workers.outcome import Failure, FailureKind
from workers.wording import printable

_BLOCK: Final = 1 << 20


def write_statistics(values: Values, shares: Sequence[float], target: Path) -> str:
    """Write the statistics as .csv or .json; return a warning sentence or ""."""
    entries = statistics(values) | quantiles(values, shares)
    if target.suffix == ".json":
        text = json.dumps(entries, indent=2, allow_nan=False) + "\n"
    else:
        text = _csv(entries)
    with target.open("xb") as stream:
        stream.write(text.encode())
    is_complex = np.iscomplexobj(values)
    return "The numbers are complex; the statistics are of their magnitude." if is_complex else ""


def statistics(values: Values) -> dict[str, object]:
    """Return the statistics; NaN counts as missing, the deviation is the population's."""
    count, missing, mean, squares = 0, 0, 0.0, 0.0
    low: object = None
    high: object = None
    for start in range(0, values.size, _BLOCK):
        present, absent = _block(values, start)
        give_back(values)
        missing += absent
        if not present.size:
            continue
        wide = present.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are told, not warned of
            block_mean = float(wide.mean())
            block_squares = float(np.square(wide - block_mean).sum())
        total = count + present.size
        # Two means are merged as they were taken over blocks (Chan, Golub, LeVeque).
        apart = block_mean - mean
        squares += block_squares + apart * apart * count * present.size / total
        mean += apart * present.size / total
        count = total
        low = _least(low, present.min().item())
        high = _greatest(high, present.max().item())
    return {
        "shape": "x".join(map(str, values.shape)) or "scalar",
        "dtype": str(values.dtype),
        "count": count,
        "mean": _finite(mean) if count else None,
        "std": _finite(math.sqrt(squares / count)) if count else None,
        "min": _finite(low),
        "max": _finite(high),
        "nan": missing,
    }


def parsed_shares(text: str) -> tuple[float, ...] | Failure:
    """Return the shares of a text such as "0.25, 0.5, 0.75"."""
    try:
        shares = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        shares = (math.nan,)
    if all(0.0 <= share <= 1.0 for share in shares):
        return shares
    return Failure(
        FailureKind.OPERATION_FAILED,
        f"quantiles takes shares from 0 to 1 with commas between, not {printable(text)!r}.",
    )


def quantiles(values: Values, shares: Sequence[float]) -> dict[str, object]:
    """Return the quantiles by name: q25 is the number that a quarter of all do not exceed.

    Between two numbers of the array it is interpolated on a straight line (definition 7 of
    Hyndman and Fan, 1996). NaN is left out; without a number there is none.
    """
    if not shares:
        return {}
    present = np.abs(values) if np.iscomplexobj(values) else values.reshape(-1, order="A")
    if present.dtype.kind == "f":
        present = present[~np.isnan(present)]
    names = [f"q{100 * share:g}" for share in shares]
    if not present.size:
        return dict.fromkeys(names)
    wide = present.astype(np.float64)
    with np.errstate(invalid="ignore"):  # between two infinities there is nothing
        found = np.quantile(wide, shares, overwrite_input=True)
    return {name: _finite(float(value)) for name, value in zip(names, found, strict=True)}


def _block(values: Values, start: int) -> tuple[Values, int]:
    block: Values = values.flat[start : start + _BLOCK]
    if np.iscomplexobj(block):
        block = np.abs(block)
    if not np.issubdtype(block.dtype, np.floating):
        return block, 0
    is_missing = np.isnan(block)
    return block[~is_missing], int(is_missing.sum())


def _least(known: object, value: float) -> object:
    return value if not isinstance(known, (int, float)) else min(known, value)


def _greatest(known: object, value: float) -> object:
    return value if not isinstance(known, (int, float)) else max(known, value)


def _finite(value: object) -> object:
    """Return infinities as text: JSON has no word for them."""
    is_infinite = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_infinite else value


def _csv(entries: dict[str, object]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(entries)
    writer.writerow("" if value is None else value for value in entries.values())
    return stream.getvalue()
