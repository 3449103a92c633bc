"""Where the ticks of the throughput plot and the texts of its markers go; pure, no Qt."""

import math
from collections.abc import Sequence
from typing import Final

# Top of the scale and the step of its ticks, for one power of ten.
_TOPS: Final = ((1.0, 0.5), (1.5, 0.5), (2.0, 1.0), (3.0, 1.0), (4.0, 2.0), (6.0, 2.0), (8.0, 4.0))
_FIRST_TOP: Final = 10.0
# Neighbouring tops are at most a factor of 1.5 apart: what has just grown is never shrunk again
# by a peak that trembles.
_SHRINKS_BELOW: Final = 0.55
_HEADROOM: Final = 1.05
_LABEL_GAP: Final = 4.0
_LABEL_ROWS: Final = 2


class RateScale:
    """The top of the y axis: a round number that stays where it is while it fits."""

    def __init__(self) -> None:
        self.top = _FIRST_TOP

    def fit(self, peak: float) -> bool:
        """Choose the top for that highest value; say whether it changed."""
        if _SHRINKS_BELOW * self.top <= peak <= self.top:
            return False
        top = round_top(peak * _HEADROOM)[0] if peak > 0 else self.top
        is_changed = top != self.top
        self.top = top
        return is_changed

    def ticks(self) -> list[float]:
        """Return the values that get a line and a number, 0 first."""
        step = round_top(self.top)[1]
        return [step * number for number in range(round(self.top / step) + 1)]


def round_top(value: float) -> tuple[float, float]:
    """Return the smallest round number that is not below the value, and its tick step."""
    power = 10.0 ** math.floor(math.log10(value))
    for top, step in _TOPS:
        if value <= top * power * (1 + 1e-9):
            return top * power, step * power
    return 10 * power, 5 * power


def tick_words(value: float) -> str:
    """Return a tick's number, short: 0.5, 40, 1,500, 12k."""
    if value >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,g}"


def place_labels(
    lines: Sequence[float], widths: Sequence[float], left: float, right: float
) -> list[tuple[float, int] | None]:
    """Return left edge and row of each marker's text, None where there is no room.

    The first ones win. A text stands right of its line, else left of it, else a row lower.
    """
    taken: list[tuple[float, float, int]] = []
    placed: list[tuple[float, int] | None] = []
    for line, width in zip(lines, widths, strict=True):
        place = None
        for row in range(_LABEL_ROWS):
            for start in (line + _LABEL_GAP, line - _LABEL_GAP - width):
                is_inside = left <= start and start + width <= right
                if place is None and is_inside and _is_free(taken, start, start + width, row):
                    place = (start, row)
                    taken.append((start, start + width, row))
        placed.append(place)
    return placed


def _is_free(taken: list[tuple[float, float, int]], start: float, end: float, row: int) -> bool:
    return not any(
        other_row == row and start < other_end + _LABEL_GAP and other_start < end + _LABEL_GAP
        for other_start, other_end, other_row in taken
    )
