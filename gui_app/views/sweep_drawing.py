"""Numbers to what is painted of them: a picture, the points of a curve, bars. No widgets.

NumPy is loaded by the first call; it is there already once the throughput chart is.
"""

import math
from array import array
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from PySide6.QtGui import QColor, QImage

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

BINS: Final = 48
_CROWDED: Final = 0.15
_SPREAD: Final = 100.0
# Dark to bright, each step about as much brighter as the last: read alike by all eyes.
_RAMP: Final = ("#1B1440", "#3B2A8C", "#2F6DB5", "#23A6A1", "#7CCB5E", "#F4E65A")


class Statistics(Struct, frozen=True):
    """What the numbers that are there come to."""

    count: int
    mean: float
    deviation: float
    least: float
    greatest: float


def statistics(numbers: "array[float]") -> Statistics | None:
    """Return them; None while there is no number."""
    finite = _finite(numbers)
    if not finite.size:
        return None
    return Statistics(
        int(finite.size),
        float(finite.mean()),
        float(finite.std()),
        float(finite.min()),
        float(finite.max()),
    )


def picture(numbers: "array[float]", rows: int, columns: int) -> QImage:
    """Return a picture of a grid, its first row at the bottom; transparent where nothing is yet."""
    import numpy as np

    grid = np.frombuffer(numbers, dtype=np.float64).reshape(rows, columns)[::-1]
    is_there = np.isfinite(grid)
    shades = np.zeros(grid.shape, dtype=np.uint8)
    if is_there.any():
        least, greatest = float(grid[is_there].min()), float(grid[is_there].max())
        places = (grid[is_there] - least) / (greatest - least or 1.0)
        if np.median(places) < _CROWDED:
            # Nearly all are small: so that they can be told apart, equal ratios look alike.
            places = np.log1p(_SPREAD * places) / math.log1p(_SPREAD)
        shades[is_there] = 1 + np.round(places * 254).astype(np.uint8)
    shades = np.ascontiguousarray(shades)
    image = QImage(shades.data, columns, rows, columns, QImage.Format.Format_Indexed8)
    image.setColorTable(_colours())
    return image.copy()


def curve(numbers: "array[float]", columns: int) -> list[tuple[float, float, float]]:
    """Return (place from 0 to 1, least, greatest) for each column of pixels that has a number."""
    import numpy as np

    values = np.frombuffer(numbers, dtype=np.float64)
    if not values.size:
        return []
    edges = np.unique(np.linspace(0, values.size, min(columns, values.size) + 1).astype(int))
    points = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[first:last]
        part = part[np.isfinite(part)]
        if part.size:
            place = (first + last - 1) / 2 / max(1, values.size - 1)
            points.append((place, float(part.min()), float(part.max())))
    return points


def histogram(numbers: "array[float]") -> tuple[list[int], float, float]:
    """Return the counts of equal bins, and where the first begins and the last ends."""
    import numpy as np

    finite = _finite(numbers)
    if not finite.size:
        return [], 0.0, 0.0
    counts, edges = np.histogram(finite, bins=BINS)
    return counts.tolist(), float(edges[0]), float(edges[-1])


def _finite(numbers: "array[float]") -> "Numbers":
    import numpy as np

    values = np.frombuffer(numbers, dtype=np.float64)
    return values[np.isfinite(values)]


def _colours() -> list[int]:
    """Return 256 colours: the first is transparent, the others go along the ramp."""
    stops = [QColor(word) for word in _RAMP]
    colours = [0]
    for shade in range(255):
        place = shade / 254 * (len(stops) - 1)
        lower = min(int(place), len(stops) - 2)
        share = place - lower
        low, high = stops[lower], stops[lower + 1]
        mixed = QColor(
            *(
                round(math.fsum((a * (1 - share), b * share)))
                for a, b in (
                    (low.red(), high.red()),
                    (low.green(), high.green()),
                    (low.blue(), high.blue()),
                )
            )
        )
        colours.append(mixed.rgba())
    return colours
