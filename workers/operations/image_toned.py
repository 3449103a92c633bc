"""Pixels through the steps that change what they are worth. Runs in a worker.

Transparency stays as it is, and so do the bits of a channel.
"""

import pyvips

from workers.operations.image_colours import GREY, in_our_colours, joined, parted, top_of
from workers.operations.image_tone import (
    Adjust,
    AutoLevels,
    Blur,
    Denoise,
    Grayscale,
    Sharpen,
)

# How bright red, green and blue look: ITU-R BT.709.
_LUMA = (0.2126, 0.7152, 0.0722)


def adjusted(image: pyvips.Image, step: Adjust) -> pyvips.Image:
    """Brightness, then contrast about the middle, saturation about the luma, gamma."""
    image = in_our_colours(image)
    colours, alpha = parted(image)
    top = top_of(image)
    saturation = 0.0 if image.interpretation in GREY else step.saturation
    if not saturation and image.format == "uchar":  # 256 values say it for every pixel
        table = _adjusted(pyvips.Image.identity(), step, saturation, top)
        return joined(colours.maplut(table.rint().cast("uchar")), alpha, image)
    return joined(_adjusted(colours, step, saturation, top), alpha, image)


def _adjusted(colours: pyvips.Image, step: Adjust, saturation: float, top: int) -> pyvips.Image:
    """Return numbers that are still to be rounded and clipped."""
    scale = 1 + step.contrast / 100
    offset = (step.brightness / 100 * scale + (1 - scale) / 2) * top
    if saturation:
        away = scale * (1 + saturation / 100)
        luma = [(scale - away) * weight for weight in _LUMA]
        rows = [[part + (away if i == j else 0) for j, part in enumerate(luma)] for i in range(3)]
        toned = colours.recomb(rows) + offset
    else:
        toned = colours * scale + offset
    if step.gamma != 1:
        toned = (_clipped(toned, top) / top) ** (1 / step.gamma) * top
    return toned


def greyed(image: pyvips.Image, _step: Grayscale) -> pyvips.Image:
    """Turn colours into grey as libvips does, by the luminance that sRGB values stand for."""
    image = in_our_colours(image)
    if image.interpretation in GREY:
        return image
    return image.colourspace("grey16" if image.interpretation == "rgb16" else "b-w")


def levelled(image: pyvips.Image, step: AutoLevels) -> pyvips.Image:
    """Stretch all channels alike from the darkest to the brightest value that counts."""
    image = in_our_colours(image).copy_memory()
    colours, alpha = parted(image)
    grey = colours.bandmean() if colours.bands > 1 else colours
    low, high = grey.percent(step.clipped), grey.percent(100 - step.clipped)
    if high <= low:
        return image
    top = top_of(image)
    toned = (colours - low) * (top / (high - low))
    return joined(_clipped(toned, top), alpha, image)


def sharpened(image: pyvips.Image, step: Sharpen) -> pyvips.Image:
    """Add what a blur takes away: unsharp masking."""
    image = in_our_colours(image)
    colours, alpha = parted(image)
    # A blur rounded to whole values is off by half a value; of 8 bits it takes a quarter the time.
    precision = "integer" if image.format == "uchar" else "float"
    soft = colours.gaussblur(step.radius, precision=precision)
    toned = colours * (1 + step.amount) - soft * step.amount
    return joined(toned, alpha, image)


def blurred(image: pyvips.Image, step: Blur) -> pyvips.Image:
    """Soften by a Gaussian; colours count by how opaque they are."""
    image = in_our_colours(image)
    if not image.hasalpha():
        soft = image.gaussblur(step.radius, precision="float")
        return joined(soft, None, image)
    soft = image.premultiply().gaussblur(step.radius, precision="float").unpremultiply()
    colours, alpha = parted(soft.copy(interpretation=image.interpretation))
    assert alpha is not None
    return joined(colours, alpha.rint().cast(image.format), image)


def denoised(image: pyvips.Image, step: Denoise) -> pyvips.Image:
    """Take the middle value of a square about each pixel; edges go on as they are."""
    image = in_our_colours(image)
    colours, alpha = parted(image)
    edge = int(step.size)
    if min(image.width, image.height) >= edge:
        return joined(colours.median(edge), alpha, image)
    # libvips refuses a square that is larger than the picture, which a larger ground never is.
    width, height = image.width, image.height
    ground = colours.embed(edge, edge, width + 2 * edge, height + 2 * edge, extend="copy")
    return joined(ground.median(edge).crop(edge, edge, width, height), alpha, image)


def _clipped(image: pyvips.Image, top: int) -> pyvips.Image:
    return (image < 0).ifthenelse(0, (image > top).ifthenelse(top, image))
