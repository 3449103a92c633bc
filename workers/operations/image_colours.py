"""Pixels in colours that every step understands: grey or RGB, 8 or 16 bits. Runs in a worker."""

from typing import Final

import pyvips

from workers.operations.colours import OPAQUE, channels

OUR_COLOURS: Final = ("srgb", "b-w", "rgb16", "grey16")
GREY: Final = ("b-w", "grey16")
DEEP: Final = ("rgb16", "grey16")
PROFILE: Final = "icc-profile-data"


def has_profile(image: pyvips.Image) -> bool:
    """Say whether the picture tells what its colours mean."""
    return bool(image.get_typeof(PROFILE))


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return the picture in sRGB, by its profile where that is sound; grey stays grey."""
    is_deep, is_grey = image.interpretation in DEEP, image.interpretation in GREY
    if has_profile(image):
        try:
            image = image.icc_transform(
                "srgb", embedded=True, intent="relative", depth=16 if is_deep else 8
            )
        except pyvips.Error:
            pass  # a broken profile: the plain conversion below is the best there is
    if image.interpretation == "cmyk":
        return _of_inks(image, "rgb16" if is_deep else "srgb")
    if is_grey:
        return image.colourspace("grey16" if is_deep else "b-w")
    return image.colourspace("rgb16" if is_deep else "srgb")


def _of_inks(image: pyvips.Image, space: str) -> pyvips.Image:
    """Return CMYK in other colours, without the profile that libvips converts it by.

    That profile is not one of these colours, and libvips 8.18 frees it with the conversion, so that
    whoever reads it from what was computed in memory crashes the process.
    """
    converted = image.colourspace(space).copy()
    converted.remove(PROFILE)
    return converted


def in_our_colours(image: pyvips.Image) -> pyvips.Image:
    """Return the picture as grey or RGB with 8 or 16 bits, converted only where it is not."""
    if image.interpretation not in OUR_COLOURS:
        image = to_srgb(image)
    wanted = "ushort" if image.interpretation in DEEP else "uchar"
    return image if image.format == wanted else image.cast(wanted)


def in_colour(image: pyvips.Image) -> pyvips.Image:
    """Return the picture in our colours with red, green and blue."""
    image = in_our_colours(image)
    if image.interpretation not in GREY:
        return image
    return image.colourspace("rgb16" if image.interpretation in DEEP else "srgb")


def top_of(image: pyvips.Image) -> int:
    """Return the value of white and of an opaque pixel."""
    return 65_535 if image.interpretation in DEEP else 255


def ready_for(image: pyvips.Image, colour: str) -> tuple[pyvips.Image, list[float]]:
    """Return the picture with the bands that a colour needs, and the colour in its values."""
    red, green, blue, opacity = channels(colour)
    image = in_our_colours(image) if red == green == blue else in_colour(image)
    if opacity < OPAQUE and not image.hasalpha():
        image = image.addalpha()
    shown = [red] if image.interpretation in GREY else [red, green, blue]
    values = [*shown, opacity] if image.hasalpha() else shown
    return image, [value * top_of(image) / OPAQUE for value in values]


def parted(image: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image | None]:
    """Return the colours and the transparency, if there is one, apart."""
    if not image.hasalpha():
        return image, None
    return image.extract_band(0, n=image.bands - 1), image.extract_band(image.bands - 1)


def joined(colours: pyvips.Image, alpha: pyvips.Image | None, like: pyvips.Image) -> pyvips.Image:
    """Put colours and transparency together, rounded into the format of another picture."""
    if colours.format != like.format:
        colours = colours.rint().cast(like.format)
    whole = colours if alpha is None else colours.bandjoin(alpha)
    return whole.copy(interpretation=like.interpretation)
