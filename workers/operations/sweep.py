"""Sweeps: a function over the grid product of ranges; its points and their values.

`evaluate` runs in a worker, `blocks` in the engine. Values cross as plain data: numbers, text,
bytes, lists and dicts of them. A point without a value (its function raised, or its worker
died) has a sentence instead and stands as NaN or an empty cell in the output.
"""

import json
import math
from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from workers.error_words import first_line
from workers.errors import JobRefused
from workers.job import Axis, Sweep
from workers.mark import Mark
from workers.messages import RunBlock
from workers.operations.plain_values import PlainValues, UnusableResult, Value as Value, revive
from workers.outcome import Success

# 1e6 points make about 2,000 tasks: few enough that journalling them costs nothing, many enough
# that the last ones end together on 64 cores. A long-running function gets a task a point.
_BLOCKS_WANTED: Final = 2048
_BLOCK_MOST: Final = 8192
# Numbers of one machine word need no second look.
_WORD: Final = 1 << 63
_WORDS: Final = 1 << 64
_NUMBERS: Final = (int, float)
_GAMMA: Final = 0x9E3779B97F4A7C15
# Seeds that follow each other begin far apart.
_SPREAD: Final = 0xD1342543DE82EF95


def axis_length(axis: Axis) -> int:
    """Return how many points the axis has."""
    if axis.values or axis.samples:
        return len(axis.values) or axis.samples
    if axis.step == 0:
        raise JobRefused(f"The step of {axis.name} is 0; it never ends.")
    if all(isinstance(part, int) for part in (axis.start, axis.stop, axis.step)):
        return len(range(int(axis.start), int(axis.stop), int(axis.step)))
    # The last point may miss `stop` by rounding only: 0:1:0.1 has 10 points.
    return max(0, math.ceil((axis.stop - axis.start) / axis.step - 1e-9))


def axis_value(axis: Axis, index: int) -> float | int:
    """Return the argument at a place of the axis, which counts from 0."""
    if axis.values:
        return axis.values[index]
    if axis.samples:
        return axis.start + (axis.stop - axis.start) * _chance(axis.seed, index)
    return axis.start + index * axis.step


def _chance(seed: int, index: int) -> float:
    """Return the number from 0 to below 1 at a place of a seed's sequence, without the others.

    SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014).
    """
    mixed = (seed * _SPREAD + (index + 1) * _GAMMA) % _WORDS
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % _WORDS
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % _WORDS
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def point_count(sweep: Sweep) -> int:
    """Return how many points the sweep has."""
    return math.prod(axis_length(axis) for axis in sweep.axes)


def blocks(sweep: Sweep) -> Iterator[tuple[str, int, int]]:
    """Yield (name, first point, points) of the tasks that cover the sweep."""
    total = point_count(sweep)
    size = min(_BLOCK_MOST, max(1, total // _BLOCKS_WANTED))
    for first in range(0, total, size):
        points = min(size, total - first)
        yield block_name(sweep, first, points), first, points


def block_name(sweep: Sweep, first_point: int, points: int) -> str:
    """Return 'n = 17' for one point, 'n = 17 and 243 more' for a block."""
    name = point_name(sweep, first_point)
    return name if points == 1 else f"{name} and {points - 1} more"


def point_name(sweep: Sweep, point: int) -> str:
    """Return 'n = 17, m = 0.5'."""
    values = coordinates(sweep, point)
    return ", ".join(
        # A sum of floats such as -0.13999999999999990 is the -0.14 that was asked for.
        f"{axis.name} = {value:.12g}" if isinstance(value, float) else f"{axis.name} = {value}"
        for axis, value in zip(sweep.axes, values, strict=True)
    )


def coordinates(sweep: Sweep, point: int) -> tuple[float | int, ...]:
    """Return the arguments of one point, in the order of the axes."""
    values: list[float | int] = []
    for axis in reversed(sweep.axes):
        point, index = divmod(point, axis_length(axis))
        values.append(axis_value(axis, index))
    return tuple(reversed(values))


def evaluate(sweep: Sweep, trusted: Collection[str], block: RunBlock, mark: Mark) -> Success:
    """Run the function on each point of a block; `mark` tells which one runs."""
    from workers.operations.user_function import load_function

    function = load_function(sweep.file, sweep.function, trusted)
    values: list[Value] = []
    failures: dict[int, str] = {}
    plain = PlainValues()
    names = tuple(axis.name for axis in sweep.axes)
    move = mark.move
    for offset, arguments in enumerate(arguments_of(sweep, block.first_point, block.points)):
        move(offset)
        if offset in block.left_out:
            values.append(None)
            failures[offset] = block.left_out[offset]
            continue
        try:
            value = function(**dict(zip(names, arguments, strict=True)))
            is_number = type(value) is float or (type(value) is int and -_WORD < value < _WORD)
            values.append(value if is_number else plain.of(value))
        except UnusableResult as error:
            values.append(None)
            failures[offset] = f"Result not usable: {error}."
        except BaseException as error:  # noqa: BLE001  # a point's own code fails that point alone
            values.append(None)
            failures[offset] = first_line(error)
    packed = pack(values, failures)
    return Success(
        values=packed,
        failed_points=len(failures),
        warning=failure_words(sweep, block.first_point, failures),
    )


def failure_words(sweep: Sweep, first_point: int, failures: dict[int, str]) -> str:
    """Return 'n = 17: ValueError: why (and 3 more)', or nothing without a failure."""
    if not failures:
        return ""
    offset = min(failures)
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    return f"{point_name(sweep, first_point + offset)}: {failures[offset]}{more}"


def arguments_of(sweep: Sweep, first: int, points: int) -> Iterator[tuple[float | int, ...]]:
    """Yield the arguments of `points` points from `first` on, in the order of the axes."""
    if len(sweep.axes) == 1:
        axis = sweep.axes[0]
        if axis.values or axis.samples:
            yield from ((axis_value(axis, index),) for index in range(first, first + points))
        else:
            yield from ((axis.start + i * axis.step,) for i in range(first, first + points))
        return
    for point in range(first, first + points):
        yield coordinates(sweep, point)


def pack(values: Sequence[Value], failures: dict[int, str]) -> bytes:
    """Return the values of a block as bytes: msgpack, or JSON for integers above 64 bits."""
    import msgspec

    try:
        return b"m" + msgspec.msgpack.encode((values, failures))
    except OverflowError:
        return b"j" + json.dumps((values, failures)).encode()


def numbers_of(data: bytes) -> "array[float]":
    """Return a block's values as numbers, NaN for what is none."""
    values, _ = unpack(data)
    return array("d", [value if type(value) in _NUMBERS else math.nan for value in values])


def unpack(data: bytes) -> tuple[list[Value], dict[int, str]]:
    """Return (values, failures by offset in the block)."""
    import msgspec

    if data[:1] == b"j":
        values, failures = json.loads(data[1:])
        return values, {int(offset): text for offset, text in failures.items()}
    values, failures = msgspec.msgpack.decode(
        data[1:], type=tuple[list[Any], dict[int, str]], ext_hook=revive
    )
    return values, failures
