"""Reads the ranges of a sweep as a person writes them, and `FILE.py:FUNCTION`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from workers.errors import UsageError
from workers.job import Axis

# All results stand in memory before the output is written: 8 GB for the numbers alone.
_MOST_POINTS: Final = 1_000_000_000
_OPTION: Final = "--over"
_RANDOM: Final = "random"
_SHAPE: Final = (
    "NAME=START:STOP, NAME=START:STOP:STEP, NAME=VALUE,VALUE,... or "
    "NAME=START:STOP:random:COUNT[:SEED]"
)


def parse_axis(text: str, where: str = _OPTION) -> Axis:
    """Return the axis; ints stay ints, one float makes all floats; raise UsageError.

    `NAME=START:STOP[:STEP]`, `NAME=VALUE,VALUE...` or `NAME=START:STOP:random:COUNT[:SEED]`;
    `where` says in errors where it was written.
    """
    name, equals, points = text.partition("=")
    if not equals:
        raise UsageError(f"{where} takes {_SHAPE}; {text!r} is not that.")
    if not name.isidentifier():
        raise UsageError(f"{where} {text!r}: {name!r} cannot be a parameter's name.")
    if "," in points:
        return Axis(
            name, values=_numbers([part for part in points.split(",") if part], text, where)
        )
    parts = points.split(":")
    if len(parts) in (4, 5) and parts[2] == _RANDOM:
        return _random_axis(name, parts, text, where)
    if len(parts) not in (2, 3):
        raise UsageError(f"{where} takes {_SHAPE}; {text!r} is not that.")
    start, stop, *step = _numbers(parts, text, where)
    axis = Axis(name, start, stop, step[0] if step else 1)
    if axis.step == 0:
        raise UsageError(f"{where} {text!r}: a step of 0 never ends.")
    if axis.start == axis.stop or (axis.start < axis.stop) is not (axis.step > 0):
        raise UsageError(f"{where} {text!r} has no point: no step from START comes nearer to STOP.")
    return axis


def _random_axis(name: str, parts: list[str], text: str, where: str) -> Axis:
    start, stop = (float(number) for number in _numbers(parts[:2], text, where))
    counts = [_number(part, text, where) for part in parts[3:]]
    if not all(isinstance(count, int) and count >= 0 for count in counts) or not counts[0]:
        raise UsageError(f"{where} {text!r}: COUNT and SEED are whole numbers, COUNT at least 1.")
    return Axis(name, start, stop, samples=int(counts[0]), seed=int((counts[1:] or [0])[0]))


def _numbers(parts: list[str], text: str, where: str) -> tuple[int | float, ...]:
    numbers = tuple(_number(part, text, where) for part in parts)
    if any(isinstance(number, float) for number in numbers):
        return tuple(map(float, numbers))
    return numbers


def range_words(axis: Axis) -> str:
    """Return an axis's range as `parse_axis` reads it."""
    if axis.values:
        return ", ".join(map(str, axis.values)) + ("," if len(axis.values) == 1 else "")
    if axis.samples:
        return f"{axis.start}:{axis.stop}:{_RANDOM}:{axis.samples}:{axis.seed}"
    step = "" if axis.step == 1 else f":{axis.step}"
    return f"{axis.start}:{axis.stop}{step}"


def parse_axes(texts: Sequence[str], where: str = _OPTION) -> tuple[Axis, ...]:
    """Return the axes in their order; raise UsageError where a name comes twice."""
    axes = tuple(parse_axis(text, where) for text in texts)
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where} names {name!r} twice.")
    if _points(axes) > _MOST_POINTS:
        raise UsageError(f"{where} asks for too many points; {_MOST_POINTS:,} are the most.")
    return axes


def parse_target(text: str) -> tuple[Path, str]:
    """Return file and function of `FILE.py:FUNCTION`; raise UsageError."""
    # From the right: a Windows path has a colon of its own.
    file, colon, function = text.rpartition(":")
    if not colon or not file.lower().endswith(".py") or not function.isidentifier():
        raise UsageError(f"map takes FILE.py:FUNCTION; {text!r} is not that.")
    return Path(file), function


def _points(axes: tuple[Axis, ...]) -> float:
    """Return about how many points the axes span."""
    try:
        return math.prod(_length(axis) for axis in axes)
    except OverflowError:
        return math.inf


def _length(axis: Axis) -> float:
    return len(axis.values) or axis.samples or (axis.stop - axis.start) / axis.step


def _number(part: str, text: str, where: str) -> int | float:
    try:
        return int(part)
    except ValueError:
        pass  # not a whole number; a float is tried next
    try:
        number = float(part)
    except ValueError:
        raise UsageError(f"{where} {text!r}: {part!r} is not a number.") from None
    if not math.isfinite(number):
        raise UsageError(f"{where} {text!r}: {part!r} has no end.")
    return number
