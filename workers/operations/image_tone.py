"""Steps that change what pixels are worth, as values; their pixels are in image_toned.py. Pure."""

from dataclasses import dataclass

from workers.operations.image_geometry import PictureStep, Reach, Size
from workers.typed import override


@dataclass(frozen=True, slots=True)
class Adjust(PictureStep):
    """The values of one `images.adjust` step, in percent but for gamma."""

    brightness: float
    contrast: float
    saturation: float
    gamma: float

    @override
    def is_idle(self, size: Size) -> bool:
        return not (self.brightness or self.contrast or self.saturation) and self.gamma == 1


@dataclass(frozen=True, slots=True)
class ColourProfile(PictureStep):
    """The value of one `images.colour_profile` step."""

    mode: str

    @property
    @override
    def reach(self) -> Reach:
        return Reach.PIXEL

    @override
    def is_idle(self, size: Size) -> bool:
        return self.mode == "keep"


@dataclass(frozen=True, slots=True)
class Grayscale(PictureStep):
    """One `images.grayscale` step."""


@dataclass(frozen=True, slots=True)
class AutoLevels(PictureStep):
    """The value of one `images.auto_levels` step, in percent."""

    clipped: float

    @property
    @override
    def reach(self) -> Reach:
        return Reach.WHOLE


@dataclass(frozen=True, slots=True)
class Sharpen(PictureStep):
    """The values of one `images.sharpen` step; the radius in pixels."""

    amount: float
    radius: float

    @override
    def is_idle(self, size: Size) -> bool:
        return self.amount == 0


@dataclass(frozen=True, slots=True)
class Blur(PictureStep):
    """The value of one `images.blur` step, in pixels."""

    radius: float


@dataclass(frozen=True, slots=True)
class Denoise(PictureStep):
    """The value of one `images.denoise` step, in pixels."""

    size: str
