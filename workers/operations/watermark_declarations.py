"""Watermarks as forms and pipelines know them, and lines of text that go into pictures."""

from collections.abc import Mapping
from typing import Final

from workers.job import Kind, ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.image_declarations import choice, colour, number
from workers.operations.image_geometry import GRAVITIES
from workers.wording import printable

_LONGEST: Final = 200
_POSITIONS: Final = ("south_east", *(each for each in GRAVITIES if each != "south_east"))
Values = Mapping[str, ParameterValue]


def line_problem(text: str) -> str:
    """Say what is wrong with a line of text, or nothing."""
    if len(text) > _LONGEST:
        return f"it has {len(text):,} letters; there is room for {_LONGEST}."
    return "" if text.isprintable() else "it is one line of letters."


def line(name: str, label: str, sentence: str, default: str) -> Parameter:
    """Declare a line of text."""
    return Parameter(name, ParameterKind.TEXT, label, sentence, default, problem=line_problem)


def _shown_line_problem(text: str) -> str:
    return line_problem(text) if text.strip() else "write the text of the watermark."


def _placing(size: float, opacity: float) -> tuple[Parameter, ...]:
    where = "Where it lies."
    return (
        number(
            "size",
            "Size",
            "It fits into this share of the picture's width and height.",
            size,
            (1, 100),
            "%",
        ),
        choice("position", "Position", where, _POSITIONS, ("tile", (False,))),
        number(
            *("margin", "Margin", "To the edges, or between tiles; of the shorter side."),
            *(3, (0, 45), "%"),
        ),
        number("opacity", "Opacity", "100 hides what is below.", opacity, (0, 100), "%"),
        Parameter(
            "tile", ParameterKind.FLAG, "Tile", "Repeat it over the whole picture.", default=False
        ),
    )


def _where(values: Values) -> str:
    place = "tiled" if values["tile"] else str(values["position"]).replace("_", " ")
    return f"{place}, {values['size']:g} %"


def _text_summary(values: Values) -> str:
    return f"{values['text']}, {_where(values)}"


def _picture_summary(values: Values) -> str:
    name = str(values["picture"]).replace("\\", "/").rpartition("/")[2]
    return f"{printable(name) or 'no picture yet'}, {_where(values)}"


WATERMARKS: Final = (
    Operation(
        "images.watermark_text",
        "Watermark text",
        "Writes a text over pictures. Plain Latin letters look the same on every computer; "
        "others take the fonts of this one.",
        Kind.IMAGE,
        (
            Parameter(
                *("text", ParameterKind.TEXT, "Text", "One line.", "© Your name"),
                problem=_shown_line_problem,
            ),
            colour(
                "colour",
                "Colour",
                "Of the letters, as #rrggbb; #rrggbbaa is more or less clear.",
                "#ffffff",
            ),
            *_placing(30, 60),
        ),
        _text_summary,
    ),
    Operation(
        "images.watermark_image",
        "Watermark picture",
        "Lays another picture, such as a logo, over pictures.",
        Kind.IMAGE,
        (
            Parameter(
                *("picture", ParameterKind.PICTURE, "Picture"),
                "The file that is laid over, best a PNG that is transparent around the logo; a "
                "path that is not whole begins at the pipeline's folder.",
                "",
            ),
            *_placing(20, 80),
        ),
        _picture_summary,
    ),
)
