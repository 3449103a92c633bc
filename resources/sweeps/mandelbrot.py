"""The Mandelbrot set: how soon z = z * z + c leaves the circle of radius 2, for c = x + yi."""

STEPS = 200


def mandelbrot(y: float, x: float) -> int:
    """Return after how many steps it has left, STEPS when it has not."""
    c = complex(x, y)
    z = 0j
    for step in range(STEPS):
        if z.real * z.real + z.imag * z.imag > 4:
            return step
        z = z * z + c
    return STEPS
