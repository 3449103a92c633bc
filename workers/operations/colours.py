"""Colours as people write them: #rrggbb, or #rrggbbaa where they are more or less clear. Pure."""

from typing import Final

COLOUR: Final = r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?"
OPAQUE: Final = 255


def channels(colour: str) -> tuple[int, int, int, int]:
    """Return red, green, blue and opacity, each from 0 to 255, of a checked colour."""
    red, green, blue, *rest = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue, rest[0] if rest else OPAQUE
