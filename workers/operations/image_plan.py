"""What a run of image steps asks for, worked out before a pixel is read. Pure, light to import."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from workers.job import ParameterValue, Step
from workers.operations.exif_block import ARTIST, COPYRIGHT
from workers.operations.image_geometry import Crop, Flip, Pad, PictureStep, Resize, Rotate
from workers.operations.image_reading import AS_USUAL, OPEN, Reading, reading_of
from workers.operations.image_tone import (
    Adjust,
    AutoLevels,
    Blur,
    ColourProfile,
    Denoise,
    Grayscale,
    Sharpen,
)
from workers.operations.image_watermark import PictureWatermark, TextWatermark
from workers.operations.kinds import ImageFormat, format_of_suffix

CONVERTED: Final = {
    "jpeg": ".jpg",
    "png": ".png",
    "webp": ".webp",
    "tiff": ".tif",
    "avif": ".avif",
    "gif": ".gif",
    "jxl": ".jxl",
}
"""The formats that pictures can be converted to, with the suffixes of their files."""

WITH_QUALITY: Final = ("jpeg", "webp", "avif", "jxl")
"""Those of them that can do with fewer bytes by losing more."""

_KILOBYTE: Final = 1000  # as the sizes of files are told everywhere
_WRITABLE: Final = frozenset(
    {
        ImageFormat.JPEG,
        ImageFormat.PNG,
        ImageFormat.WEBP,
        ImageFormat.TIFF,
        ImageFormat.AVIF,
        ImageFormat.GIF,
        ImageFormat.JXL,
    }
)
# What cannot be written itself becomes the format of photos; other pictures become PNG.
_PHOTOS: Final = (ImageFormat.HEIC, ImageFormat.RAW)
# A picture saved again in its own format should not visibly lose; converting has its own default.
_OWN_FORMAT_QUALITY: Final = 90
# Code tables made to measure save 5 % of a JPEG's bytes by a second pass over all its coefficients.
# At a megapixel that is 8 ms; at 12 it doubles the time to save (0.13 s) and holds 85 MB
# (benchmarks/images.py).
_MOST_PIXELS_MEASURED: Final = 4 * 2**20
_METADATA_MODES: Final = ("keep", "strip_location", "strip")
# Each class has the operation's parameters as its fields.
_STEPS: Final[Mapping[str, Callable[..., PictureStep]]] = {
    "images.resize": Resize,
    "images.crop": Crop,
    "images.rotate": Rotate,
    "images.flip": Flip,
    "images.pad": Pad,
    "images.adjust": Adjust,
    "images.colour_profile": ColourProfile,
    "images.grayscale": Grayscale,
    "images.auto_levels": AutoLevels,
    "images.sharpen": Sharpen,
    "images.blur": Blur,
    "images.denoise": Denoise,
    "images.watermark_text": TextWatermark,
    "images.watermark_image": PictureWatermark,
}
_TEXTS: Final = {"copyright": COPYRIGHT, "artist": ARTIST}


class Encoding(Struct, frozen=True):
    """How the picture is saved; in at most `most_bytes`, where they are not 0."""

    quality: int = _OWN_FORMAT_QUALITY
    is_lossless: bool = False
    is_progressive: bool = False
    most_bytes: int = 0
    is_smallest: bool = False

    def has_own_codes(self, pixels: int) -> bool:
        """Say whether a JPEG of so many pixels gets code tables of its own, not the usual ones."""
        return self.is_progressive or self.is_smallest or pixels <= _MOST_PIXELS_MEASURED


class ImagePlan(Struct, frozen=True):
    """All steps between one decode and one encode, in their order.

    `metadata` is keep, strip_location or strip; `names_metadata` says that a step asked for it,
    rather than that nobody said anything. `texts` are written into EXIF, by their tags.
    """

    steps: tuple[PictureStep, ...]
    encoding: Encoding
    metadata: str
    names_metadata: bool
    is_metadata_only: bool
    reading: Reading = AS_USUAL
    texts: Mapping[int, str] = field(default_factory=dict)


def plan_steps(steps: Sequence[Step]) -> ImagePlan:
    """Combine checked steps: pixels in order, the last conversion, the strictest metadata."""
    applied: list[PictureStep] = []
    encoding, metadata, reading = Encoding(), 0, AS_USUAL
    texts: dict[int, str] = {}
    for step in steps:
        values = step.parameters
        if step.operation in _STEPS:
            applied.append(_STEPS[step.operation](**values))
        elif step.operation == "images.convert":
            encoding = _encoding(values)
        elif step.operation == OPEN:
            reading = reading_of(values)
        elif step.operation == "images.metadata":
            metadata = max(metadata, _METADATA_MODES.index(str(values["mode"])))
            texts |= {tag: str(values[name]) for name, tag in _TEXTS.items() if values[name]}
    are_metadata = [step.operation == "images.metadata" for step in steps]
    return ImagePlan(
        tuple(applied),
        encoding,
        _METADATA_MODES[metadata],
        names_metadata=any(are_metadata),
        is_metadata_only=all(are_metadata),
        texts=texts,
        reading=reading,
    )


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return the last conversion's suffix, else the input's own where we write that format.

    Else photos (HEIC, RAW) become JPEG, other pictures PNG.
    """
    for step in reversed(steps):
        if step.operation == "images.convert":
            return CONVERTED[str(step.parameters.get("format", "jpeg"))]
    known = format_of_suffix(suffix)
    if known in _WRITABLE:
        return suffix.lower()
    return CONVERTED["jpeg"] if known in _PHOTOS else CONVERTED["png"]


def suffix_of(format_word: str) -> str:
    """Return the suffix of files of a format that pictures can be converted to."""
    return CONVERTED[format_word]


def format_word(format_id: str) -> str:
    """Return the word people know a format by."""
    known = format_of_suffix(CONVERTED[format_id])
    assert known is not None
    return known.value


def _encoding(values: Mapping[str, ParameterValue]) -> Encoding:
    is_limited = values["format"] in WITH_QUALITY
    return Encoding(
        int(values["quality"]),
        bool(values["lossless"]),
        bool(values["progressive"]),
        int(values["max_kilobytes"]) * _KILOBYTE if is_limited else 0,
        bool(values["smallest"]),
    )
