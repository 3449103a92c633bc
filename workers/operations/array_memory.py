"""What array steps take in memory, from the header alone. Runs in a worker.

The numbers are measured: benchmarks/memory.py shows them beside what is taken.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from workers.job import Step
from workers.operations.array_scaling import transform_bytes
from workers.operations.array_signals import RATIO_MOST
from workers.operations.array_steps import resampling
from workers.operations.array_values import MEMORY_BUDGET, read_header
from workers.operations.input_file import InputFile
from workers.outcome import Failure

_BLOCK: Final = 1 << 20
# A block as wide floats, their differences and squares; copies of it as it came.
_BLOCKS: Final = 32 * 2**20
_BLOCK_COPIES: Final = 3
# NumPy transforms a complex copy of real numbers (16 bytes) into another (16); then the magnitude
# (8) stands beside the result. A long axis takes a plan and a buffer of its own.
_TRANSFORMED_REAL: Final = 33
_TRANSFORMED_COMPLEX: Final = 25
_TRANSFORM_PLAN: Final = 40
_WIDE: Final = 8
# A copy of what is present, and the wide one in which quantiles are sought.
_QUANTILE: Final = 2
# Of each number of a line, beside the result: lines are taken whole, several at a time.
_NORMALISED: Final = 18
_FILTERED: Final = 44
_RESAMPLED_FROM: Final = 20
_RESAMPLED_TO: Final = 16
_SEGMENTED: Final = 80
_TAP: Final = 44
_TAPS: Final = 20


class _Array(Struct, frozen=True):
    """An array on its way: its shape, its type, the bytes held by it."""

    shape: tuple[int, ...]
    kind: np.dtype[np.generic]
    held: int

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def array_need(steps: Sequence[Step], source: InputFile, name: str) -> int:
    """Return the bytes that the steps, whose parameters are complete, take at their peak.

    0 for what cannot be read or is refused: it fails at once. Only the header is read.
    """
    header = read_header(source, name)
    if isinstance(header, Failure):
        return 0
    array = _Array(header.shape, header.kind, header.held)
    # The pages of a mapped file that is gone through in its order are given back.
    if header.is_mapped and not header.is_fortran and _is_gone_through(steps[0]):
        array = _Array(header.shape, header.kind, 0)
    need = array.held
    for step in steps:
        beside, array_made = _taken(array, step)
        if array_made.held > MEMORY_BUDGET:
            return need  # refused as the step begins
        need = max(need, array.held + beside)
        array = array_made
    return need


def _is_gone_through(step: Step) -> bool:
    """Say whether a step reads its array in the order of the file, and gives the pages back."""
    is_plain = step.operation == "arrays.statistics" and not step.parameters["quantiles"]
    return is_plain or step.operation == "arrays.histogram"


def _taken(array: _Array, step: Step) -> tuple[int, _Array]:
    """Return the bytes a step takes at its peak beside its array, and what it makes of that."""
    chosen, count = step.parameters, array.count
    same = _made(array.shape)
    blocks = _BLOCKS + _BLOCK_COPIES * _BLOCK * array.kind.itemsize
    match step.operation:
        case "arrays.fft_magnitude":
            if transform_bytes(count, array.kind) > MEMORY_BUDGET:
                return 0, _Array(array.shape, array.kind, MEMORY_BUDGET + 1)
            per_value = _TRANSFORMED_COMPLEX if array.kind.kind == "c" else _TRANSFORMED_REAL
            return count * per_value + max(array.shape, default=0) * _TRANSFORM_PLAN, same
        case "arrays.statistics":
            wanted = count if chosen["quantiles"] else 0
            return blocks + wanted * (array.kind.itemsize + _WIDE * _QUANTILE), same
        case "arrays.histogram":
            return blocks, same
        case "arrays.normalise" if chosen["over"] == "all":
            return same.held + count * _NORMALISED, same
        case "arrays.normalise":
            return same.held + _at_once(array, step) * (_WIDE + _NORMALISED), same
        case "arrays.filter":
            return same.held + _at_once(array, step) * _FILTERED, same
        case "arrays.resample":
            return _resampling(array, step)
        case "arrays.power_spectral_density":
            return _density(array, step)
        case _:
            return 0, array


def _made(shape: tuple[int, ...]) -> _Array:
    return _Array(shape, np.dtype(np.float64), math.prod(shape) * _WIDE)


def _length(array: _Array, step: Step) -> int:
    """Return how long the lines along the step's axis are; 0 for an axis that is not there."""
    axis = int(step.parameters["axis"])
    return array.shape[axis] if -len(array.shape) <= axis < len(array.shape) else 0


def _at_once(array: _Array, step: Step) -> int:
    """Return how many numbers of whole lines are worked on at once."""
    return min(array.count, max(_BLOCK, _length(array, step)))


def _density(array: _Array, step: Step) -> tuple[int, _Array]:
    length, segment = _length(array, step), int(step.parameters["segment"])
    if length < segment:
        return 0, array
    bins, signals = segment // 2 + 1, array.count // length
    lines = max(1, _BLOCK // length) if signals > 1 else 1
    made = _made((bins, signals + 1))
    part = min(length, max(_BLOCK // 4, segment))
    return 2 * made.held + min(signals, lines) * part * _SEGMENTED, made


def _resampling(array: _Array, step: Step) -> tuple[int, _Array]:
    length = _length(array, step)
    if not length:
        return 0, array
    ratio = resampling(step.parameters, length)
    widest = max(ratio.numerator, ratio.denominator)
    if widest > RATIO_MOST:
        return 0, array
    axis, shape = int(step.parameters["axis"]), list(array.shape)
    shape[axis] = math.ceil(length * ratio)
    made, lines = _made(tuple(shape)), _at_once(array, step)
    filtering = _TAPS * widest * _TAP
    beside = lines * _RESAMPLED_FROM + int(lines * ratio) * _RESAMPLED_TO
    return made.held + beside + filtering, made
