"""The picture steps besides resize, convert and metadata, as forms and pipelines know them."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from workers.job import Kind, ParameterValue
from workers.operations.colours import COLOUR
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.image_geometry import GRAVITIES, RATIO

_MOST: Final = 65_500
Values = Mapping[str, ParameterValue]


def colour_problem(text: str) -> str:
    """Say what is wrong with a colour, or nothing."""
    is_colour = re.fullmatch(COLOUR, text) is not None
    return "" if is_colour else f"a colour is #rrggbb or #rrggbbaa, not {text!r}."


def ratio_problem(text: str) -> str:
    """Say what is wrong with a ratio, or nothing."""
    sides = text.split(":") if re.fullmatch(RATIO, text) else ["0"]
    is_ratio = all(float(side) > 0 for side in sides)
    return "" if is_ratio else f"a ratio is width:height, such as 16:9, not {text!r}."


def number(
    name: str, label: str, sentence: str, default: float, span: tuple[float, float], unit: str = ""
) -> Parameter:
    """Declare a number within a span."""
    low, high = span
    return Parameter(
        name, ParameterKind.NUMBER, label, sentence, default, unit, minimum=low, maximum=high
    )


def _edge(name: str, label: str, mode: str, most: float) -> Parameter:
    sentence = f"{label}, in the unit below."
    return Parameter(
        name,
        ParameterKind.NUMBER,
        label,
        sentence,
        0,
        minimum=0,
        maximum=most,
        shown_when=("mode", (mode,)),
    )


def _edges(mode: str) -> tuple[Parameter, ...]:
    return (
        *(_edge(name, name.capitalize(), mode, _MOST) for name in ("left", "top", "right")),
        _edge("bottom", "Bottom", mode, _MOST),
        choice("unit", "Unit", "What the edges are in.", ("px", "percent"), ("mode", (mode,))),
    )


def choice(
    name: str,
    label: str,
    sentence: str,
    choices: tuple[str, ...],
    shown_when: tuple[str, tuple[ParameterValue, ...]] | None = None,
) -> Parameter:
    """Declare a choice; the first is the default."""
    return Parameter(
        name,
        ParameterKind.CHOICE,
        label,
        sentence,
        choices[0],
        choices=choices,
        shown_when=shown_when,
    )


def colour(name: str, label: str, sentence: str, default: str) -> Parameter:
    """Declare a colour."""
    return Parameter(name, ParameterKind.COLOUR, label, sentence, default, problem=colour_problem)


def _background() -> Parameter:
    sentence = "Its colour, as #rrggbb; #rrggbbaa is more or less clear."
    return colour("background", "Background", sentence, "#ffffff")


def _ratio() -> Parameter:
    return Parameter(
        "ratio",
        ParameterKind.TEXT,
        "Ratio",
        "Width to height, such as 16:9.",
        "16:9",
        shown_when=("mode", ("ratio",)),
        problem=ratio_problem,
    )


def _gravity(*modes: str) -> Parameter:
    return choice("gravity", "Keep", "The part that stays in view.", GRAVITIES, ("mode", modes))


def _side(name: str) -> Parameter:
    return Parameter(
        name,
        ParameterKind.INTEGER,
        name.capitalize(),
        f"{name.capitalize()} of the ground; never less than the picture's.",
        1024,
        "px",
        minimum=1,
        maximum=_MOST,
        shown_when=("mode", ("size",)),
    )


def _crop_summary(values: Values) -> str:
    mode = values["mode"]
    if mode == "ratio":
        return f"to {values['ratio']}, {values['gravity']}"
    if mode == "trim":
        return f"borders of one colour, {values['tolerance']:g} % alike"
    edges = ", ".join(f"{values[edge]:g}" for edge in ("left", "top", "right", "bottom"))
    return f"{edges} {values['unit']} off"


def _rotate_summary(values: Values) -> str:
    angle = values["degrees"] if values["turn"] == "free" else values["turn"]
    return f"{angle}° clockwise"


def _flip_summary(values: Values) -> str:
    return "left to right" if values["direction"] == "horizontal" else "upside down"


def _pad_summary(values: Values) -> str:
    mode = values["mode"]
    if mode == "ratio":
        return f"to {values['ratio']}, {values['background']}"
    if mode == "size":
        return f"to {values['width']} × {values['height']}, {values['background']}"
    edges = ", ".join(f"{values[edge]:g}" for edge in ("left", "top", "right", "bottom"))
    return f"{edges} {values['unit']} around"


def _adjust_summary(values: Values) -> str:
    parts = [f"{name} {values[name]:+g}" for name in ("brightness", "contrast") if values[name]]
    parts += [f"saturation {values['saturation']:+g}"] if values["saturation"] else []
    parts += [f"gamma {values['gamma']:g}"] if values["gamma"] != 1 else []
    return ", ".join(parts) or "nothing yet"


def _profile_summary(values: Values) -> str:
    return "to sRGB" if values["mode"] == "srgb" else "keep"


def _grey_summary(_values: Values) -> str:
    return "shades of grey"


def _levels_summary(values: Values) -> str:
    return f"{values['clipped']:g} % at both ends"


def _radius_summary(values: Values) -> str:
    return f"radius {values['radius']:g} px"


def _sharpen_summary(values: Values) -> str:
    return f"{values['amount']:g}, radius {values['radius']:g} px"


def _denoise_summary(values: Values) -> str:
    return f"middle of {values['size']} × {values['size']} px"


SHAPES: Final = (
    Operation(
        "images.crop",
        "Crop",
        "Cuts edges off, cuts to a ratio, or trims borders of one colour.",
        Kind.IMAGE,
        (
            choice(
                "mode",
                "Mode",
                "What is cut: edges, what a ratio leaves over, or plain borders.",
                ("edges", "ratio", "trim"),
            ),
            *_edges("edges"),
            _ratio(),
            _gravity("ratio"),
            Parameter(
                "tolerance",
                ParameterKind.NUMBER,
                "Tolerance",
                "How much the border's colour may differ.",
                5,
                "%",
                minimum=0,
                maximum=100,
                shown_when=("mode", ("trim",)),
            ),
        ),
        _crop_summary,
    ),
    Operation(
        "images.rotate",
        "Rotate",
        "Turns pictures clockwise, by quarters or by any angle.",
        Kind.IMAGE,
        (
            choice("turn", "Turn", "By how many degrees.", ("90", "180", "270", "free")),
            Parameter(
                "degrees",
                ParameterKind.NUMBER,
                "Degrees",
                "Any angle, clockwise.",
                0,
                "°",
                minimum=-360,
                maximum=360,
                shown_when=("turn", ("free",)),
            ),
            msgspec.structs.replace(_background(), shown_when=("turn", ("free",))),
        ),
        _rotate_summary,
    ),
    Operation(
        "images.flip",
        "Flip",
        "Mirrors pictures.",
        Kind.IMAGE,
        (
            choice(
                "direction",
                "Direction",
                "Left to right, or upside down.",
                ("horizontal", "vertical"),
            ),
        ),
        _flip_summary,
    ),
    Operation(
        "images.pad",
        "Pad",
        "Lays pictures on a larger ground: of a size, of a ratio, or with a margin.",
        Kind.IMAGE,
        (
            choice("mode", "Mode", "How large the ground is.", ("margin", "size", "ratio")),
            _side("width"),
            _side("height"),
            _ratio(),
            _gravity("size", "ratio"),
            *_edges("margin"),
            _background(),
        ),
        _pad_summary,
    ),
)

TONES: Final = (
    Operation(
        "images.colour_profile",
        "Colour profile",
        "Keeps the colours in their profile (such as Adobe RGB, Display P3 or a printer's CMYK), "
        "or converts them to sRGB, which every screen and program understands.",
        Kind.IMAGE,
        (
            choice(
                "mode",
                "Profile",
                "Keep it, or convert to sRGB; a picture without a profile is taken to be sRGB.",
                ("srgb", "keep"),
            ),
        ),
        _profile_summary,
    ),
    Operation(
        "images.adjust",
        "Adjust",
        "Changes brightness, contrast, saturation and gamma.",
        Kind.IMAGE,
        (
            number("brightness", "Brightness", "Added to all values.", 0, (-100, 100), "%"),
            number("contrast", "Contrast", "Away from middle grey.", 0, (-100, 100), "%"),
            number("saturation", "Saturation", "-100 leaves grey.", 0, (-100, 100), "%"),
            number("gamma", "Gamma", "Above 1 brightens the middle.", 1, (0.1, 10)),
        ),
        _adjust_summary,
    ),
    Operation(
        "images.grayscale",
        "Grayscale",
        "Turns colours into shades of grey, as bright as the eye sees them.",
        Kind.IMAGE,
        (),
        _grey_summary,
    ),
    Operation(
        "images.auto_levels",
        "Auto levels",
        "Stretches the values from black to white.",
        Kind.IMAGE,
        (number("clipped", "Clipped", "What may be lost at each end.", 0.5, (0, 20), "%"),),
        _levels_summary,
    ),
    Operation(
        "images.sharpen",
        "Sharpen",
        "Makes edges clearer.",
        Kind.IMAGE,
        (
            number("amount", "Amount", "How much is added of what blurring takes.", 1, (0, 10)),
            number("radius", "Radius", "Of the blur it compares with.", 1, (0.3, 20), "px"),
        ),
        _sharpen_summary,
    ),
    Operation(
        "images.blur",
        "Blur",
        "Softens pictures.",
        Kind.IMAGE,
        (number("radius", "Radius", "Its standard deviation.", 2, (0.3, 100), "px"),),
        _radius_summary,
    ),
    Operation(
        "images.denoise",
        "Remove noise",
        "Replaces each value by the middle one of its neighbours.",
        Kind.IMAGE,
        (choice("size", "Size", "Width of the neighbourhood, in px.", ("3", "5", "7")),),
        _denoise_summary,
    ),
)
