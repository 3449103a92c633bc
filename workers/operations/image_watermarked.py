"""Watermarks laid over pictures. Runs in a worker.

A watermark is laid "over" as Porter and Duff define it (Compositing digital images, 1984); on an
opaque picture that is out = picture + (watermark - picture) * opacity.
"""

import math
from typing import Final

import pyvips

from workers.operations.colours import OPAQUE, channels
from workers.operations.drawn_text import drawn
from workers.operations.image_colours import (
    GREY,
    in_colour,
    in_our_colours,
    top_of,
)
from workers.operations.image_geometry import PictureStep, Size
from workers.operations.image_shape import size_of
from workers.operations.image_watermark import PictureWatermark, TextWatermark, Watermark
from workers.operations.watermark_picture import watermark_picture
from workers.outcome import Failure

_TRIED: Final = Size(64, 64)


def with_text(image: pyvips.Image, step: TextWatermark) -> pyvips.Image | Failure:
    """Lay a text over the picture, or over each of its frames."""
    red, green, blue, opacity = channels(step.colour)
    image = in_our_colours(image) if red == green == blue else in_colour(image)
    covered = drawn(step.text, step.box(size_of(image)))
    if isinstance(covered, Failure):
        return covered
    shown = [red] if image.interpretation in GREY else [red, green, blue]
    coloured = covered.new_from_image(shown).cast("uchar").bandjoin(covered)
    return _laid(image, step, coloured, opacity / OPAQUE)


def with_picture(image: pyvips.Image, step: PictureWatermark) -> pyvips.Image | Failure:
    """Lay another picture over the picture, or over each of its frames."""
    watermark = watermark_picture(step.picture, step.box(size_of(image)))
    if isinstance(watermark, Failure):
        return watermark
    return _laid(in_colour(image), step, watermark, 1.0)


def unusable(step: PictureStep) -> str:
    """Return why a watermark can be laid over no picture, or ""."""
    made: pyvips.Image | Failure | None = None
    if isinstance(step, TextWatermark):
        made = drawn(step.text, _TRIED)
    elif isinstance(step, PictureWatermark):
        made = watermark_picture(step.picture, _TRIED)
    return made.message if isinstance(made, Failure) else ""


def _laid(
    image: pyvips.Image, step: Watermark, watermark: pyvips.Image, opacity: float
) -> pyvips.Image:
    """Lay a watermark, whose last band says how opaque it is, where the step says."""
    page = size_of(image)
    frames = image.height // page.height
    left, top = step.place(page, Size(watermark.width, watermark.height))
    if step.tile:
        watermark = _tiled(watermark, page, step.gap(page))
        left, top = 0, 0
    if frames > 1:
        watermark = watermark.embed(left, top, page.width, page.height).replicate(1, frames)
        left, top = 0, 0
    # Cut out, mixed and put back, the picture would be asked for rows out of their order.
    over = _like(image, watermark, opacity * step.opacity / 100)
    made = image.composite2(
        over, "over", x=left, y=top, compositing_space=str(image.interpretation)
    )
    shown = made if image.hasalpha() else made.extract_band(0, n=image.bands)
    whole = shown if shown.format == image.format else shown.rint().cast(image.format)
    if image.hasalpha():  # beside the watermark, colours that are nearly clear would be rounded
        covered = over.extract_band(over.bands - 1) > 0
        is_marked = covered.embed(left, top, image.width, image.height)
        whole = is_marked.ifthenelse(whole, image)
    return whole.copy(interpretation=image.interpretation)


def _tiled(watermark: pyvips.Image, page: Size, gap: int) -> pyvips.Image:
    tile = watermark.embed(gap // 2, gap // 2, watermark.width + gap, watermark.height + gap)
    across, down = math.ceil(page.width / tile.width), math.ceil(page.height / tile.height)
    return tile.replicate(across, down).crop(0, 0, page.width, page.height)


def _like(image: pyvips.Image, watermark: pyvips.Image, opacity: float) -> pyvips.Image:
    """Return the watermark in the colours and the depth of a picture, as opaque as it is to be."""
    scale = top_of(image) / OPAQUE
    colours = watermark.extract_band(0, n=watermark.bands - 1) * scale
    covered = watermark.extract_band(watermark.bands - 1) * (scale * opacity)
    made = colours.bandjoin(covered).rint().cast(image.format)
    return made.copy(interpretation=image.interpretation)
