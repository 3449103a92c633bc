"""A number times itself."""


def square(n: float) -> float:
    """Return the square of a number."""
    return n * n
