"""What is done to the pictures, and what Everycore must reach beside whom."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.pictures import PHOTOS, SCREENS
from workers.errors import PipelineError
from workers.job import ParameterValue
from workers.operations import find_operation
from workers.pipeline import parse_pipeline

Values = Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class Goal:
    """At least so many times the speed of a peer; None: only told.

    `is_whole` compares the seconds from the start of the program to its end, else those of the
    work alone, with the workers there.
    """

    key: str
    peer: str
    bound: float | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work for all peers; an `edge` of 0 keeps the size."""

    name: str
    says: str
    source: str
    suffix: str
    quality: int
    goals: tuple[Goal, ...]
    edge: int = 0
    chain: tuple[tuple[str, Values], ...] = ()

    @property
    def steps(self) -> list[tuple[str, dict[str, ParameterValue]]]:
        """Return the steps of our pipeline; an operation gets the values that it declares."""
        kind = {"jpg": "jpeg", "webp": "webp"}[self.suffix]
        saved: dict[str, ParameterValue] = {"format": kind, "quality": self.quality}
        chain = [(operation, _declared(operation, values)) for operation, values in self.chain]
        return [*chain, *self._resize(), ("images.convert", saved)]

    @property
    def is_plain(self) -> bool:
        """Say whether other programs can be told to do the same."""
        return not self.chain

    def problem(self) -> str:
        """Return why this tree cannot do the work, or ""."""
        try:
            parse_pipeline(self.pipeline(), Path("pipeline.toml"))
        except PipelineError as error:
            return str(error)
        return ""

    def pipeline(self) -> str:
        """Return the text of our pipeline file."""
        lines = ["format = 1", f'name = "{self.name}"']
        for operation, values in self.steps:
            lines += ["", "[[steps]]", f'operation = "{operation}"']
            lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        return "\n".join(lines) + "\n"

    def _resize(self) -> list[tuple[str, dict[str, ParameterValue]]]:
        if not self.edge:
            return []
        box: dict[str, ParameterValue] = {"mode": "fit", "width": self.edge, "height": self.edge}
        return [("images.resize", box)]


def _declared(operation: str, values: Values) -> dict[str, ParameterValue]:
    found: Any = find_operation(operation)
    names = {parameter.name for parameter in found.parameters} if found else set()
    return {name: value for name, value in values.items() if name in names}


# The quickest of these stands in the goals under this name.
BEST_POOL: Final = "best Pool script"
BY_POOL: Final = ("Pillow LANCZOS + Pool", "pyvips + Pool")
_FLOOR: Final = (
    Goal("vs_floor", "floor", 0.97, is_whole=False),
    Goal("vs_floor_whole", "floor"),
)
_ALONE: Final = (
    Goal("vs_vipsthumbnail", "vipsthumbnail"),
    Goal("vs_vipsthumbnail_parallel", "vipsthumbnail + parallel"),
)
_EVERY_WORK: Final = (
    Work(
        "fit_jpeg",
        "12 MP JPEG, fit 1024 px, JPEG quality 82",
        PHOTOS,
        "jpg",
        82,
        (
            *_FLOOR,
            Goal("vs_sharp", "sharp", 1.4),
            Goal("vs_imagemagick", "ImageMagick + parallel", 3.0),
            Goal("vs_graphicsmagick", "GraphicsMagick + parallel", 2.0),
            Goal("vs_pillow", "Pillow LANCZOS + Pool", 2.0),
            Goal("vs_pillow_draft", "Pillow draft + Pool"),
            *_ALONE,
        ),
        edge=1024,
    ),
    Work(
        "fit_webp",
        "12 MP JPEG, fit 1024 px, WebP quality 80",
        PHOTOS,
        "webp",
        80,
        (
            *_FLOOR[:1],
            Goal("vs_sharp", "sharp", 1.25),
            Goal("vs_imagemagick", "ImageMagick + parallel", 3.0),
            Goal("vs_graphicsmagick", "GraphicsMagick + parallel"),
            Goal("vs_pillow", "Pillow LANCZOS + Pool"),
            *_ALONE,
        ),
        edge=1024,
    ),
    Work(
        "png_to_webp",
        "1920 x 1080 PNG to WebP quality 80",
        SCREENS,
        "webp",
        80,
        (
            Goal("vs_floor", "floor", is_whole=False),
            Goal("vs_sharp", "sharp", 1.05),
            Goal("vs_imagemagick", "ImageMagick + parallel", 2.0),
            Goal("vs_cwebp", "cwebp + parallel"),
            Goal("vs_pillow", "Pillow LANCZOS + Pool"),
        ),
    ),
    Work(
        "reencode",
        "12 MP JPEG to JPEG quality 80",
        PHOTOS,
        "jpg",
        80,
        (
            Goal("vs_floor", "floor", is_whole=False),
            Goal("vs_sharp", "sharp", 2.4),
            Goal("vs_imagemagick", "ImageMagick + parallel", 2.8),
            Goal("vs_best_pool", BEST_POOL, 1.0),
        ),
    ),
    Work(
        "chain",
        "12 MP JPEG through six steps, beside decode + encode alone",
        PHOTOS,
        "jpg",
        82,
        (Goal("of_decode_encode", "decode + encode alone", 1.5, is_whole=False),),
        chain=(
            ("images.auto_orient", {}),
            ("images.crop", {"left": 5, "top": 5, "right": 5, "bottom": 5}),
            ("images.adjust", {"brightness": 5, "contrast": 10, "saturation": 10}),
            ("images.sharpen", {}),
            ("images.metadata", {"mode": "strip_location"}),
        ),
    ),
)
WORKS: Final = {work.name: work for work in _EVERY_WORK}
# What the chain is compared with: the same pictures, opened and saved.
ALONE: Final = Work("alone", "decode + encode alone", PHOTOS, "jpg", 82, ())
