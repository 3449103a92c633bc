"""Reads `NAME=START:STOP[:STEP]` and `FILE.py:FUNCTION` of `everycore map`."""

import math
from pathlib import Path
from typing import Final

from workers.errors import UsageError
from workers.job import Axis

# All results stand in memory before the output is written: 8 GB for the numbers alone.
_MOST_POINTS: Final = 1_000_000_000
_SHAPE: Final = "NAME=START:STOP or NAME=START:STOP:STEP"


def parse_axis(text: str) -> Axis:
    """Return the axis; ints stay ints, one float makes all three floats; raise UsageError."""
    name, equals, points = text.partition("=")
    parts = points.split(":")
    if not equals or len(parts) not in (2, 3):
        raise UsageError(f"--over takes {_SHAPE}; {text!r} is not that.")
    if not name.isidentifier():
        raise UsageError(f"--over {text!r}: {name!r} cannot be a parameter's name.")
    numbers = [_number(part, text) for part in parts]
    if any(isinstance(number, float) for number in numbers):
        numbers = [float(number) for number in numbers]
    axis = Axis(name, *numbers)
    if axis.step == 0:
        raise UsageError(f"--over {text!r}: a step of 0 never ends.")
    if axis.start == axis.stop or (axis.start < axis.stop) is not (axis.step > 0):
        raise UsageError(f"--over {text!r} has no point: no step from START comes nearer to STOP.")
    return axis


def parse_axes(texts: list[str]) -> tuple[Axis, ...]:
    """Return the axes in their order; raise UsageError where a name comes twice."""
    axes = tuple(parse_axis(text) for text in texts)
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--over names {name!r} twice.")
    if _points(axes) > _MOST_POINTS:
        raise UsageError(f"--over asks for too many points; {_MOST_POINTS:,} are the most.")
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
        return math.prod((axis.stop - axis.start) / axis.step for axis in axes)
    except OverflowError:
        return math.inf


def _number(part: str, text: str) -> int | float:
    try:
        return int(part)
    except ValueError:
        pass  # not a whole number; a float is tried next
    try:
        number = float(part)
    except ValueError:
        raise UsageError(f"--over {text!r}: {part!r} is not a number.") from None
    if not math.isfinite(number):
        raise UsageError(f"--over {text!r}: {part!r} has no end.")
    return number
