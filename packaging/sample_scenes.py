"""Draws the sample pictures: landscapes, marbles, posters and lights, from numbers alone.

A generator of our own makes the numbers, so that every NumPy draws the same pictures.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Plane = NDArray[np.float64]

_PALETTES: Final = (
    ((26, 42, 108), (253, 187, 45), (34, 60, 52)),
    ((94, 146, 196), (238, 222, 196), (44, 82, 70)),
    ((54, 30, 74), (240, 120, 96), (28, 24, 50)),
    ((120, 170, 190), (244, 244, 236), (70, 92, 60)),
    ((16, 52, 66), (132, 214, 196), (12, 30, 44)),
)


class Numbers:
    """A stream of numbers in [0, 1) that depends on the seed alone (a 64-bit xorshift)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + 0x1234567) & 0xFFFFFFFFFFFFFFFF or 1

    def one(self) -> float:
        """Return the next number."""
        state = self._state
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        self._state = state
        return (state >> 11) / 2**53

    def between(self, low: float, high: float) -> float:
        """Return the next number, scaled."""
        return low + (high - low) * self.one()

    def many(self, count: int) -> Plane:
        """Return the next `count` numbers."""
        return np.array([self.one() for _ in range(count)])


def landscape(width: int, height: int, numbers: Numbers) -> Image.Image:
    """Draw a sky with a sun above rows of hills."""
    sky, glow, ground = _palette(numbers)
    y = np.linspace(0, 1, height)[:, None] * np.ones((1, width))
    x = np.linspace(0, 1, width)[None, :] * np.ones((height, 1))
    sun_x, sun_y = numbers.between(0.2, 0.8), numbers.between(0.25, 0.5)
    distance = np.hypot((x - sun_x) * width / height, y - sun_y)
    light = np.clip(1 - y * 1.1, 0, 1) ** 1.5
    picture = _mixed(glow, sky, light + 0.06 * noise(width, height, 4, numbers))
    picture = _blended(picture, (255, 244, 214), np.clip((0.075 - distance) * 60, 0, 1))
    for row in range(4):
        line = 0.5 + row * 0.12 + 0.16 * (_ridge(width, 3 + row * 2, numbers) - 0.5)
        shade = tuple(channel * (1.25 - row * 0.24) for channel in ground)
        covered = np.clip((y - line[None, :]) * height, 0, 1)
        picture = _blended(picture, shade, covered * (0.72 + 0.09 * row))
    return _image(picture)


def marble(width: int, height: int, numbers: Numbers) -> Image.Image:
    """Draw veins by bending stripes with noise."""
    first, second, _third = _palette(numbers)
    x = np.linspace(0, numbers.between(3, 7), width)[None, :]
    y = np.linspace(0, numbers.between(1, 4), height)[:, None]
    bent = np.sin(x + y + 5 * noise(width, height, 4, numbers))
    return _image(_mixed(first, second, 0.5 + 0.5 * bent))


def poster(width: int, height: int, numbers: Numbers) -> Image.Image:
    """Draw flat shapes in few colours."""
    colours = _palette(numbers)
    picture = Image.new("RGB", (width, height), colours[1])
    pen = ImageDraw.Draw(picture)
    size = min(width, height)
    for number in range(9):
        left, top = numbers.between(-0.1, 0.9) * width, numbers.between(-0.1, 0.9) * height
        edge = numbers.between(0.12, 0.45) * size
        box = (left, top, left + edge, top + edge)
        colour = colours[0] if number % 2 else colours[2]
        if number % 3 == 0:
            pen.ellipse(box, fill=colour)
        elif number % 3 == 1:
            pen.rounded_rectangle(box, radius=edge / 6, fill=colour)
        else:
            pen.regular_polygon((left, top, edge / 2), 3 + number % 4, fill=colour)
    return picture


def lights(width: int, height: int, numbers: Numbers) -> Image.Image:
    """Draw soft discs of light, as a lens does out of focus."""
    dark, bright, _third = _palette(numbers)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    glow = 0.1 * noise(width, height, 2, numbers)
    for _ in range(14):
        middle = numbers.one() * width, numbers.one() * height
        radius = numbers.between(0.03, 0.13) * min(width, height)
        edge = radius - np.hypot(x - middle[0], y - middle[1])
        glow += np.clip(edge / 3, 0, 1) * numbers.between(0.15, 0.5)
    return _image(_mixed(dark, bright, glow))


SCENES: Final[dict[str, Callable[[int, int, Numbers], Image.Image]]] = {
    "landscape": landscape,
    "marble": marble,
    "poster": poster,
    "lights": lights,
}


def draw_arrow(picture: Image.Image) -> None:
    """Draw an arrow that points up, in the upper left corner."""
    size = min(picture.size) / 4
    pen = ImageDraw.Draw(picture)
    left, top = size * 0.3, size * 0.3
    head = [(left + size / 2, top), (left, top + size / 2), (left + size, top + size / 2)]
    pen.rectangle((left - 8, top - 8, left + size + 8, top + size + 8), fill=(255, 255, 255))
    pen.polygon(head, fill=(200, 30, 30))
    shaft = (left + size * 0.36, top + size / 2, left + size * 0.64, top + size)
    pen.rectangle(shaft, fill=(200, 30, 30))


def noise(width: int, height: int, octaves: int, numbers: Numbers) -> Plane:
    """Return value noise in about [-1, 1]: random lattices, smoothed, finer and fainter."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        cells = 3 * 2**octave
        lattice = numbers.many((cells + 2) ** 2).reshape(cells + 2, cells + 2) * 2 - 1
        total += _stretched(lattice, width, height, cells) / 2**octave
    return total / 2


def _stretched(lattice: Plane, width: int, height: int, cells: int) -> Plane:
    row, down = _cells(height, cells)
    column, right = _cells(width, cells)
    upper = lattice[row][:, column] * (1 - right) + lattice[row][:, column + 1] * right
    lower = lattice[row + 1][:, column] * (1 - right) + lattice[row + 1][:, column + 1] * right
    faded: Plane = upper * (1 - down[:, None]) + lower * down[:, None]
    return faded


def _cells(length: int, cells: int) -> tuple[NDArray[np.int64], Plane]:
    place = np.linspace(0, cells, length, endpoint=False)
    whole = place.astype(np.int64)
    part = place - whole
    return whole, part * part * (3 - 2 * part)


def _ridge(width: int, waves: int, numbers: Numbers) -> Plane:
    x = np.linspace(0, 1, width)
    line: Plane = np.full(width, 0.5)
    for octave in range(4):
        phase = numbers.between(0, 2 * math.pi)
        line += 0.3 / 2**octave * np.sin(2 * math.pi * waves * 2**octave / 3 * x + phase)
    return line


def _palette(numbers: Numbers) -> tuple[tuple[int, int, int], ...]:
    return _PALETTES[int(numbers.one() * len(_PALETTES))]


def _mixed(first: tuple[int, ...], second: tuple[int, ...], share: Plane) -> Plane:
    part = np.clip(share, 0, 1)[..., None]
    mixed: Plane = np.array(first) * (1 - part) + np.array(second) * part
    return mixed


def _blended(picture: Plane, colour: tuple[float, ...], cover: Plane) -> Plane:
    part = cover[..., None]
    blended: Plane = picture * (1 - part) + np.array(colour) * part
    return blended


def _image(picture: Plane) -> Image.Image:
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
