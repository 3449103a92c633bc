"""How alike two pictures look: the structural similarity of their greys (Wang et al., 2004)."""

from pathlib import Path
from typing import Any, Final

_DEVIATION: Final = 1.5
# The window of the paper is eleven pixels wide.
_TRUNCATED_AT: Final = 3.5
_SMALL_MEAN: Final = (0.01 * 255) ** 2
_SMALL_VARIANCE: Final = (0.03 * 255) ** 2
# The middle of a large picture tells as much as the whole.
_MOST_PIXELS: Final = 1024


def likeness(one: Path, other: Path) -> float:
    """Return the mean similarity, 1 for equal pictures, 0 for those of different size."""
    left, right = _grey(one), _grey(other)
    return ssim(left, right) if left.shape == right.shape else 0.0


def ssim(left: Any, right: Any) -> float:  # noqa: ANN401 - NumPy is loaded by who needs it
    """Return the mean structural similarity of two grey pictures, 0 to 255, as floats."""
    mean_left, mean_right = _smooth(left), _smooth(right)
    variance_left = _smooth(left * left) - mean_left**2
    variance_right = _smooth(right * right) - mean_right**2
    shared = _smooth(left * right) - mean_left * mean_right
    above = (2 * mean_left * mean_right + _SMALL_MEAN) * (2 * shared + _SMALL_VARIANCE)
    below = (mean_left**2 + mean_right**2 + _SMALL_MEAN) * (
        variance_left + variance_right + _SMALL_VARIANCE
    )
    return float((above / below).mean())


def _smooth(values: Any) -> Any:  # noqa: ANN401 - as above
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, _DEVIATION, truncate=_TRUNCATED_AT)


def _grey(file: Path) -> Any:  # noqa: ANN401 - as above
    import numpy as np
    from PIL import Image

    with Image.open(file) as picture:
        left, top = (max(0, (side - _MOST_PIXELS) // 2) for side in picture.size)
        box = (left, top, picture.width - left, picture.height - top)
        return np.asarray(picture.convert("L").crop(box), np.float64)
