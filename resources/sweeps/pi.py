"""Pi, from the share of 20,000 random points of a square that lie in its quarter circle."""

import random

POINTS = 20_000


def pi(seed: int) -> float:
    """Return what the points of one seed come to."""
    chance = random.Random(seed).random
    inside = sum(chance() ** 2 + chance() ** 2 < 1 for _ in range(POINTS))
    return 4 * inside / POINTS
