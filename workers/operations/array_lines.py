"""Steps that work line by line along one axis of an array, block by block. Runs in a worker."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.operations.array_values import MEMORY_BUDGET, Values
from workers.outcome import Failure, FailureKind
from workers.wording import count_words, size_words

_BLOCK: Final = 1 << 20

Lines = NDArray[np.float64]


def along(values: Values, axis: int, length: int, compute: Callable[[Values], Lines]) -> Lines:
    """Return what `compute` makes of all lines along the axis, in the same place.

    It gets some lines at a time, shaped (lines, numbers), and returns (lines, `length`).
    """
    moved = np.moveaxis(values, axis, -1)
    lead = moved.shape[:-1]
    shape = list(values.shape)
    shape[axis] = length
    made = np.empty(shape)
    room = np.moveaxis(made, axis, -1)
    if not lead:
        room[...] = compute(moved[np.newaxis])[0]
        return made
    lines = math.prod(lead)
    step = max(1, _BLOCK // max(1, moved.shape[-1]))
    for start in range(0, lines, step):
        places = np.unravel_index(np.arange(start, min(lines, start + step)), lead)
        room[places] = compute(moved[places])
    return made


def axis_failure(values: Values, axis: int) -> Failure | None:
    """Return why there is nothing along an axis, or None."""
    if not -values.ndim <= axis < values.ndim:
        return Failure(
            FailureKind.BAD_INPUT,
            f"The array has {count_words(values.ndim, 'axis', 'axes')}; there is no axis {axis}.",
        )
    if values.shape[axis] == 0:
        return Failure(FailureKind.BAD_INPUT, "The array is empty along that axis.")
    return None


def signal_failure(values: Values, axis: int) -> Failure | None:
    """Return why the lines along an axis are no signals, or None."""
    if (refused := axis_failure(values, axis)) is not None:
        return refused
    if (refused := complex_failure(values)) is not None:
        return refused
    if has_such(values, lambda block: ~np.isfinite(block)):
        return Failure(
            FailureKind.BAD_INPUT,
            "The array has missing or infinite numbers, which would spread over the result.",
        )
    return None


def complex_failure(values: Values) -> Failure | None:
    """Return why complex numbers are not taken, or None for real ones."""
    if not np.iscomplexobj(values):
        return None
    return Failure(FailureKind.BAD_INPUT, "The numbers are complex; this step takes real ones.")


def has_such(values: Values, sought: Callable[[Values], NDArray[np.bool_]]) -> bool:
    """Say whether one number is such; only numbers with a fraction can be missing or infinite."""
    if values.dtype.kind != "f":
        return False
    blocks = range(0, values.size, _BLOCK)
    return any(bool(sought(values.flat[start : start + _BLOCK]).any()) for start in blocks)


def memory_failure(need: int, what: str) -> Failure | None:
    """Return why a step that makes so many bytes is not run, or None."""
    if need <= MEMORY_BUDGET:
        return None
    return Failure(
        FailureKind.OUT_OF_MEMORY,
        f"The {what} needs {size_words(need)}; one array may take {size_words(MEMORY_BUDGET)}.",
        is_limit=True,
    )
