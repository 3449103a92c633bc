"""Array steps of NumPy alone: normalising and the discrete Fourier transform. Runs in a worker."""

from typing import Final, Literal

import numpy as np

from workers.operations.array_lines import (
    Lines,
    along,
    axis_failure,
    complex_failure,
    has_such,
    memory_failure,
)
from workers.operations.array_values import Values
from workers.outcome import Failure, FailureKind

_WIDE: Final = 8


def transform_bytes(count: int, kind: np.dtype[np.generic]) -> int:
    """Return what a transform holds: the input, a complex copy and the result."""
    return count * (kind.itemsize + 16 + 8)


def fft_magnitude(values: Values, axis: int) -> Values | Failure:
    """Return the magnitude of the discrete Fourier transform along the axis, same shape."""
    refused = axis_failure(values, axis) or memory_failure(
        transform_bytes(values.size, values.dtype), "transform"
    )
    return refused or np.abs(np.fft.fft(values, axis=axis))


def normalise(values: Values, method: str, axis: int | None) -> Values | Failure:
    """Return the numbers on a common scale, as 64-bit floats of the same shape.

    `method`: "range" maps the least to 0 and the greatest to 1; "z-score" subtracts the mean and
    divides by the population's standard deviation; "norm" divides by the Euclidean norm; "peak"
    by the greatest magnitude. Of each line along the axis, or (None) of all numbers together.
    Equal numbers, which have no scale, become 0 by the first two. NaN stays and counts nowhere.
    """
    refused = complex_failure(values) or memory_failure(values.size * _WIDE, "result")
    if refused is None and axis is not None:
        refused = axis_failure(values, axis)
    if refused is None and has_such(values, np.isinf):
        refused = Failure(
            FailureKind.BAD_INPUT, "The array has infinite numbers, beyond any scale."
        )
    if refused is not None:
        return refused
    if not values.size:
        return values.astype(np.float64)
    if axis is not None:
        return along(values, axis, values.shape[axis], lambda lines: _scaled(lines, method))
    is_fortran = values.flags.f_contiguous and not values.flags.c_contiguous
    order: Literal["C", "F"] = "F" if is_fortran else "C"
    flat = _scaled(values.reshape(1, -1, order=order), method)
    return flat.reshape(values.shape, order=order)


def _scaled(numbers: Values, method: str) -> Lines:
    lines = numbers.astype(np.float64)
    present = ~np.isnan(lines)
    peak = np.maximum(
        np.fmax.reduce(lines, axis=-1, keepdims=True, initial=0.0),
        -np.fmin.reduce(lines, axis=-1, keepdims=True, initial=0.0),
    )
    # By a power of two, which rounds nothing: squares and spans then stay within bounds.
    np.ldexp(lines, -np.frexp(peak)[1], out=lines)
    if method in ("norm", "peak"):
        squares = np.sum(np.square(lines), axis=-1, keepdims=True, where=present)
        scale = np.sqrt(squares) if method == "norm" else np.frexp(peak)[0]
    elif method == "range":
        low = np.fmin.reduce(lines, axis=-1, keepdims=True)
        lines -= low
        scale = np.fmax.reduce(lines, axis=-1, keepdims=True)
    else:
        count = np.maximum(1, present.sum(axis=-1, keepdims=True))
        lines -= np.sum(lines, axis=-1, keepdims=True, where=present) / count
        squares = np.sum(np.square(lines), axis=-1, keepdims=True, where=present)
        scale = np.sqrt(squares / count)
    lines /= np.where(scale > 0, scale, 1.0)
    return lines
