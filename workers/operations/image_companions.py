"""Smaller copies of a picture beside it, made of the same pixels: one decode for all.

What they are called is light to ask; `save_companions` runs in a worker.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from workers.job import Kind, ParameterValue, Step
from workers.operations import Companion, companion_path
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.image_plan import Encoding, ImagePlan, suffix_of
from workers.operations.kinds import ImageFormat, format_of_suffix
from workers.outcome import Failure

if TYPE_CHECKING:
    from workers.operations.image_decode import Decoded

ALSO: Final = "images.also_save"
_SAME: Final = "same"
_EDGE_MAXIMUM: Final = 16_000


def companions(steps: Sequence[Step], main: str) -> tuple[Companion, ...]:
    """Return what is written beside a picture with the suffix `main`, in the order of the steps.

    Of two with one mark the second is told apart by its size.
    """
    found: list[Companion] = []
    for step in _also(steps):
        mark = re.sub(r"[^\w-]", "_", str(step.parameters["mark"])) or "-small"
        chosen = str(step.parameters["format"])
        suffix = main if chosen == _SAME else suffix_of(chosen)
        if Companion(mark, suffix) in found:
            mark = f"{mark}-{step.parameters['edge']}"
        found.append(Companion(mark, suffix))
    return tuple(dict.fromkeys(found))


def save_companions(
    decoded: "Decoded", plan: ImagePlan, steps: Sequence[Step], target: Path
) -> Failure | None:
    """Write the smaller copies of a picture that is computed, beside `target`.

    Raises OSError when the disk does not take one.
    """
    from workers.operations.image_encode import encode

    first = decoded.image
    if decoded.is_animation:
        first = first.crop(0, 0, first.width, first.get_page_height())
    wanted = dict(zip(companions(steps, target.suffix), _also(steps), strict=False))
    for companion, step in wanted.items():
        edge = int(step.parameters["edge"])
        image = first
        if edge < max(first.width, first.height):
            image = first.thumbnail_image(edge, height=edge)
        quality = Encoding(int(step.parameters["quality"]))
        failure = encode(
            msgspec.structs.replace(decoded, image=image, is_animation=False),
            msgspec.structs.replace(plan, encoding=quality),
            companion_path(target, companion),
            format_of_suffix(companion.suffix) or ImageFormat.PNG,
        )
        if failure is not None:
            return failure
    return None


def _also(steps: Sequence[Step]) -> list[Step]:
    return [
        msgspec.structs.replace(step, parameters=OPERATION.complete(step.parameters))
        for step in steps
        if step.operation == ALSO
    ]


def _summary(values: Mapping[str, ParameterValue]) -> str:
    chosen = "" if values["format"] == _SAME else f", {str(values['format']).upper()}"
    return f"{values['edge']} px as …{values['mark']}{chosen}"


OPERATION: Final = Operation(
    ALSO,
    "Also save smaller",
    "Saves a smaller copy of the finished picture beside it, from the same pixels.",
    Kind.IMAGE,
    (
        Parameter(
            "edge",
            ParameterKind.INTEGER,
            "Long edge",
            "Length of the copy's longer side; a picture that is smaller keeps its size.",
            320,
            unit="px",
            minimum=1,
            maximum=_EDGE_MAXIMUM,
        ),
        Parameter(
            "mark",
            ParameterKind.TEXT,
            "Mark",
            "What the copy's name has more than the picture's: -small makes a-small.jpg of a.jpg.",
            "-small",
        ),
        Parameter(
            "format",
            ParameterKind.CHOICE,
            "Format",
            "The format of the copy; same is that of the picture.",
            _SAME,
            choices=(_SAME, "jpeg", "webp", "png", "avif"),
        ),
        Parameter(
            "quality",
            ParameterKind.INTEGER,
            "Quality",
            "Higher looks better and takes more room; a PNG never loses anything.",
            80,
            minimum=1,
            maximum=100,
        ),
    ),
    _summary,
)
