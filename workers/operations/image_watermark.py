"""Watermarks as values: how large they are and where they lie. Pure, no pixels."""

from dataclasses import dataclass
from typing import Final

from workers.operations.image_geometry import PictureStep, Reach, Size, placed
from workers.typed import override

# Red, green, blue and how opaque, and as much again while one is made of another.
_MADE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Watermark(PictureStep):
    """What both watermarks have; `size`, `margin` and `opacity` are in percent.

    A watermark fits into `size` of the picture's width and of its height. The margin is a share of
    the picture's shorter side; between the copies of a tiled watermark it is the gap.
    """

    size: float
    position: str
    margin: float
    opacity: float
    tile: bool

    @property
    @override
    def reach(self) -> Reach:
        return Reach.PIXEL

    @override
    def is_idle(self, size: Size) -> bool:
        return self.opacity == 0

    @override
    def carried(self, size: Size) -> int:
        return self.box(size).area * _MADE_BYTES

    def box(self, size: Size) -> Size:
        """Return what the watermark has to fit into, in pixels."""
        return Size(self._within(size.width, size), self._within(size.height, size))

    def gap(self, size: Size) -> int:
        """Return the margin in pixels."""
        return round(min(size.width, size.height) * self.margin / 100)

    def place(self, size: Size, watermark: Size) -> tuple[int, int]:
        """Return where the left upper corner of a watermark comes to lie."""
        gap = self.gap(size)
        left, top = placed(
            Size(size.width - 2 * gap, size.height - 2 * gap), watermark, self.position
        )
        return left + gap, top + gap

    def _within(self, length: int, size: Size) -> int:
        most = length if self.tile else length - 2 * self.gap(size)
        return max(1, min(most, round(length * self.size / 100)))


@dataclass(frozen=True, slots=True)
class TextWatermark(Watermark):
    """The values of one `images.watermark_text` step."""

    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class PictureWatermark(Watermark):
    """The values of one `images.watermark_image` step; `picture` is the path of the watermark."""

    picture: str
