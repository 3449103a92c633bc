"""What a run of image steps asks for, worked out before a pixel is read. Pure, light to import."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workers.job import ParameterValue, Step
from workers.operations.kinds import ImageFormat, format_of_suffix

_CONVERTED: Final = {
    "jpeg": ".jpg",
    "png": ".png",
    "webp": ".webp",
    "tiff": ".tif",
    "avif": ".avif",
}
_WRITABLE: Final = frozenset(
    {
        ImageFormat.JPEG,
        ImageFormat.PNG,
        ImageFormat.WEBP,
        ImageFormat.TIFF,
        ImageFormat.AVIF,
        ImageFormat.GIF,
    }
)
# A picture saved again in its own format should not visibly lose; converting has its own default.
_OWN_FORMAT_QUALITY: Final = 90
# Code tables made to measure save 5 % of a JPEG's bytes by a second pass over all its coefficients.
# At a megapixel that is 8 ms; at 12 it doubles the time to save (0.13 s) and holds 85 MB
# (benchmarks/images.py).
_MOST_PIXELS_MEASURED: Final = 4 * 2**20
_METADATA_MODES: Final = ("keep", "strip_location", "strip")


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, of the upright picture."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """Scale to `scaled`, then cut `cropped` out of the middle."""

    scaled: Size
    cropped: Size


@dataclass(frozen=True, slots=True)
class Resize:
    """The values of one `images.resize` step."""

    mode: str
    width: int
    height: int
    percent: float
    edge: int
    never_enlarge: bool

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

    def _scale(self, size: Size) -> float:
        if self.mode == "percent":
            return self.percent / 100
        if self.mode == "long_edge":
            return self.edge / max(size.width, size.height)
        ratios = self.width / size.width, self.height / size.height
        return max(ratios) if self.mode == "fill" else min(ratios)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the picture is saved."""

    quality: int = _OWN_FORMAT_QUALITY
    is_lossless: bool = False
    is_progressive: bool = False

    def has_own_codes(self, pixels: int) -> bool:
        """Say whether a JPEG of so many pixels gets code tables of its own, not the usual ones."""
        return self.is_progressive or pixels <= _MOST_PIXELS_MEASURED


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """All steps as one decode and one encode; `metadata` is keep, strip_location or strip.

    `names_metadata` says that a step asked for it, rather than that nobody said anything.
    """

    resizes: tuple[Resize, ...]
    encoding: Encoding
    metadata: str
    names_metadata: bool
    is_metadata_only: bool


def plan_steps(steps: Sequence[Step]) -> ImagePlan:
    """Combine checked steps: resizes in order, the last conversion, the strictest metadata."""
    resizes: list[Resize] = []
    encoding, metadata = Encoding(), 0
    for step in steps:
        values = step.parameters
        if step.operation == "images.resize":
            resizes.append(_resize(step))
        elif step.operation == "images.convert":
            encoding = Encoding(
                _whole(values["quality"]), bool(values["lossless"]), bool(values["progressive"])
            )
        elif step.operation == "images.metadata":
            metadata = max(metadata, _METADATA_MODES.index(str(values["mode"])))
    are_metadata = [step.operation == "images.metadata" for step in steps]
    return ImagePlan(
        tuple(resizes), encoding, _METADATA_MODES[metadata], any(are_metadata), all(are_metadata)
    )


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return the last conversion's suffix, else the input's own where we write that format."""
    for step in reversed(steps):
        if step.operation == "images.convert":
            return _CONVERTED[str(step.parameters.get("format", "jpeg"))]
    return suffix.lower() if format_of_suffix(suffix) in _WRITABLE else ".png"


def suffix_of(format_word: str) -> str:
    """Return the suffix of files of a format that pictures can be converted to."""
    return _CONVERTED[format_word]


def _resize(step: Step) -> Resize:
    values = step.parameters
    return Resize(
        mode=str(values["mode"]),
        width=_whole(values["width"]),
        height=_whole(values["height"]),
        percent=float(values["percent"]),
        edge=_whole(values["edge"]),
        never_enlarge=bool(values["never_enlarge"]),
    )


def _whole(value: ParameterValue) -> int:
    return int(value)
