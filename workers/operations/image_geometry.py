"""Steps that change a picture's size or place, as values that foretell sizes. Pure, no pixels."""

import enum
import math
import re
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from workers.typed import override

GRAVITIES: Final = (
    *("centre", "north", "south", "east", "west"),
    *("north_west", "north_east", "south_west", "south_east"),
)
ATTENTION: Final = "attention"
RATIO: Final = r"\d{1,5}(\.\d{1,4})?:\d{1,5}(\.\d{1,4})?"


class Size(Struct, frozen=True):
    """Width and height in pixels, of the upright picture."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Return the number of pixels."""
        return self.width * self.height


class Reach(enum.Enum):
    """What a step must see of the picture to make one pixel."""

    PIXEL = "the same pixel"
    ROWS = "rows near it"
    WHOLE = "the whole picture"


class PictureStep:
    """One step between decoding and encoding; a step overrides what is special about it."""

    __slots__ = ()

    @property
    def reach(self) -> Reach:
        """Return what the step must see; a WHOLE picture is held in memory for it."""
        return Reach.ROWS

    def after(self, size: Size) -> Size:
        """Return the size it makes of a size; the largest possible where the pixels decide."""
        return size

    def largest(self, size: Size) -> Size:
        """Return the largest size that a picture has within the step."""
        return self.after(size)

    def held(self, size: Size) -> Size:
        """Return the size of what the step holds in memory."""
        return size if self.reach is Reach.WHOLE else Size(0, 0)

    def carried(self, size: Size) -> int:
        """Return the bytes that the step holds besides the picture until that is saved."""
        return 0

    def is_idle(self, size: Size) -> bool:
        """Say whether the step changes nothing of a picture with that size."""
        return False

    def problem(self, size: Size) -> str:
        """Return the sentence that says why it cannot be done with that size, or ""."""
        return ""


class Geometry(Struct, frozen=True):
    """Scale to `scaled`, then cut `cropped` out of it."""

    scaled: Size
    cropped: Size


@dataclass(frozen=True, slots=True)
class Resize(PictureStep):
    """The values of one `images.resize` step."""

    mode: str
    width: int
    height: int
    percent: float
    edge: int
    never_enlarge: bool
    gravity: str = "centre"
    megapixels: float = 1.0

    def geometry(self, size: Size) -> Geometry:
        """Return what becomes of a picture of that size."""
        if self.mode == "exact":
            wanted = Size(self.width, self.height)
            return Geometry(wanted, wanted)
        scale = self._scale(size)
        if self.never_enlarge:
            scale = min(1.0, scale)
        scaled = Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        if self.mode != "fill":
            return Geometry(scaled, scaled)
        cropped = Size(min(self.width, scaled.width), min(self.height, scaled.height))
        return Geometry(scaled, cropped)

    @property
    @override
    def reach(self) -> Reach:
        is_searching = self.mode == "fill" and self.gravity == ATTENTION
        return Reach.WHOLE if is_searching else Reach.ROWS

    @override
    def after(self, size: Size) -> Size:
        return self.geometry(size).cropped

    @override
    def largest(self, size: Size) -> Size:
        return self.geometry(size).scaled

    @override
    def held(self, size: Size) -> Size:
        return self.geometry(size).scaled if self.reach is Reach.WHOLE else Size(0, 0)

    @override
    def is_idle(self, size: Size) -> bool:
        return self.after(size) == size

    def _scale(self, size: Size) -> float:
        if self.mode == "percent":
            return self.percent / 100
        if self.mode == "long_edge":
            return self.edge / max(size.width, size.height)
        if self.mode == "short_edge":
            return self.edge / min(size.width, size.height)
        if self.mode == "megapixels":
            return math.sqrt(self.megapixels * 1e6 / size.area)
        ratios = self.width / size.width, self.height / size.height
        return max(ratios) if self.mode == "fill" else min(ratios)


@dataclass(frozen=True, slots=True)
class Crop(PictureStep):
    """The values of one `images.crop` step; the edges are in `unit`."""

    mode: str
    left: float
    top: float
    right: float
    bottom: float
    unit: str
    ratio: str
    gravity: str
    tolerance: float

    @property
    @override
    def reach(self) -> Reach:
        return Reach.WHOLE if self.mode == "trim" else Reach.ROWS

    @override
    def after(self, size: Size) -> Size:
        if self.mode == "trim":
            return size
        _left, _top, width, height = self.area(size)
        return Size(max(0, width), max(0, height))

    @override
    def is_idle(self, size: Size) -> bool:
        return self.mode != "trim" and self.after(size) == size

    @override
    def problem(self, size: Size) -> str:
        if self.after(size).area > 0:
            return ""
        return f"Cutting these edges leaves nothing of {size.width:,} x {size.height:,} pixels."

    def area(self, size: Size) -> tuple[int, int, int, int]:
        """Return left, top, width and height of what stays, for edges and ratio."""
        if self.mode == "ratio":
            inner = _widest(size, proportion(self.ratio))
            return *placed(size, inner, self.gravity), inner.width, inner.height
        left, top, right, bottom = _edges(self, size)
        return left, top, size.width - left - right, size.height - top - bottom


@dataclass(frozen=True, slots=True)
class Rotate(PictureStep):
    """The values of one `images.rotate` step; `degrees` go clockwise."""

    turn: str
    degrees: float
    background: str

    @property
    def quarters(self) -> int | None:
        """Return how many quarter turns it is; None for any other angle."""
        angle = self.degrees if self.turn == "free" else float(self.turn)
        return int(angle // 90) % 4 if angle % 90 == 0 else None

    @property
    @override
    def reach(self) -> Reach:
        return Reach.WHOLE

    @override
    def after(self, size: Size) -> Size:
        quarters = self.quarters
        if quarters is not None:
            return Size(size.height, size.width) if quarters % 2 else size
        angle = math.radians(self.degrees)
        cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
        width = size.width * cosine + size.height * sine
        height = size.width * sine + size.height * cosine
        return Size(max(1, round(width)), max(1, round(height)))

    @override
    def is_idle(self, size: Size) -> bool:
        return self.quarters == 0


@dataclass(frozen=True, slots=True)
class Flip(PictureStep):
    """The value of one `images.flip` step."""

    direction: str

    @property
    @override
    def reach(self) -> Reach:
        return Reach.WHOLE if self.direction == "vertical" else Reach.ROWS


@dataclass(frozen=True, slots=True)
class Pad(PictureStep):
    """The values of one `images.pad` step; the edges are in `unit`."""

    mode: str
    width: int
    height: int
    ratio: str
    gravity: str
    left: float
    top: float
    right: float
    bottom: float
    unit: str
    background: str

    @override
    def after(self, size: Size) -> Size:
        if self.mode == "margin":
            left, top, right, bottom = _edges(self, size)
            return Size(size.width + left + right, size.height + top + bottom)
        if self.mode == "ratio":
            wanted = proportion(self.ratio)
            width = max(size.width, round(size.height * wanted))
            return Size(width, max(size.height, round(size.width / wanted)))
        return Size(max(self.width, size.width), max(self.height, size.height))

    @override
    def is_idle(self, size: Size) -> bool:
        return self.after(size) == size

    def place(self, size: Size) -> tuple[int, int]:
        """Return where the picture's left upper corner comes to lie."""
        if self.mode == "margin":
            left, top, _right, _bottom = _edges(self, size)
            return left, top
        return placed(self.after(size), size, self.gravity)


def placed(outer: Size, inner: Size, gravity: str) -> tuple[int, int]:
    """Return left and top of an inner size that is drawn to a side or corner of an outer one."""
    width, height = outer.width - inner.width, outer.height - inner.height
    left = 0 if "west" in gravity else width if "east" in gravity else width // 2
    top = 0 if "north" in gravity else height if "south" in gravity else height // 2
    return left, top


def proportion(ratio: str) -> float:
    """Return width by height of a text such as 16:9; 1 where a side is 0."""
    width, _, height = ratio.partition(":")
    is_whole = bool(re.fullmatch(RATIO, ratio)) and float(width) > 0 and float(height) > 0
    return float(width) / float(height) if is_whole else 1.0


def _widest(size: Size, wanted: float) -> Size:
    """Return the largest size within another that has that proportion."""
    if size.width > size.height * wanted:
        return Size(max(1, round(size.height * wanted)), size.height)
    return Size(size.width, max(1, min(size.height, round(size.width / wanted))))


def _edges(step: Crop | Pad, size: Size) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels."""
    across, down = (size.width, size.height) if step.unit == "percent" else (100, 100)
    return (
        round(step.left * across / 100),
        round(step.top * down / 100),
        round(step.right * across / 100),
        round(step.bottom * down / 100),
    )


def active(size: Size, steps: tuple[PictureStep, ...]) -> list[tuple[PictureStep, Size]]:
    """Return the steps that change a picture of that size, each with the size it meets."""
    found: list[tuple[PictureStep, Size]] = []
    for step in steps:
        if not step.is_idle(size):
            found.append((step, size))
            size = step.after(size)
    return found
