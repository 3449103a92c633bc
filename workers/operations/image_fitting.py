"""The best quality at which a picture takes no more than so many bytes. Pure."""

import math
from collections.abc import Callable
from typing import Final

LOWEST: Final = 10
"""Below this quality no picture is worth having."""

# So near to the limit, another try would win nothing that can be seen.
_NEAR: Final = 0.95
_TRIES_BETWEEN: Final = 5


def fitted(encoded: Callable[[int], bytes], quality: int, most: int) -> bytes | int:
    """Return the file at the best quality up to `quality` that is found within `most` bytes.

    Where even the lowest is larger, return its bytes' number. Encodes seven times at most: the size
    grows about by the same factor with each step of quality, so between two tries a straight line
    through the logarithms of their sizes is followed.
    """
    content = encoded(quality)
    if len(content) <= most:
        return content
    low, high = min(LOWEST, quality), quality
    best = content if low == high else encoded(low)
    if len(best) > most:
        return len(best)
    above, is_halved = len(content), False
    for _ in range(_TRIES_BETWEEN):
        between = high - low
        if between <= 1 or len(best) >= _NEAR * most:
            break
        share = math.log(most / len(best)) / math.log(above / len(best))
        tried = low + (between // 2 if is_halved else int(share * between))
        tried = min(max(tried, low + 1), high - 1)
        content = encoded(tried)
        if len(content) <= most:
            best, low = content, tried
        else:
            above, high = len(content), tried
        # Where the line led astray (JPEG's size leaps at 90), the middle does not.
        is_halved = high - low > between // 2
    return best
