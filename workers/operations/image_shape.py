"""Pixels through the steps that change size or place. Runs in a worker."""

import math
from typing import Final

import pyvips

from workers.operations.image_colours import ready_for, top_of
from workers.operations.image_geometry import (
    ATTENTION,
    Crop,
    Geometry,
    Pad,
    Resize,
    Rotate,
    Size,
    placed,
)

_TURNS: Final = ("d0", "d90", "d180", "d270")


def size_of(image: pyvips.Image) -> Size:
    """Return the size of a picture, or of one frame of it."""
    return Size(image.width, image.get_page_height())


def resized(image: pyvips.Image, step: Resize) -> pyvips.Image:
    """Scale decoded pixels; unlike a thumbnail this keeps 16 bits a channel."""
    geometry = step.geometry(size_of(image))
    has_alpha, kind = image.hasalpha(), image.format
    if has_alpha:
        image = image.premultiply()
    image = image.resize(
        geometry.scaled.width / image.width, vscale=geometry.scaled.height / image.height
    )
    if has_alpha:
        image = image.unpremultiply().cast(kind)
    return cut_out(image, geometry, step.gravity)


def cut_out(image: pyvips.Image, geometry: Geometry, gravity: str) -> pyvips.Image:
    """Cut what a scaled picture has to lose, where its gravity says."""
    size = geometry.cropped
    if size_of(image) == size:
        return image
    if gravity == ATTENTION:
        whole = image.copy_memory()
        return whole.smartcrop(size.width, size.height, interesting="attention")
    left, top = placed(size_of(image), size, gravity)
    return image.extract_area(left, top, size.width, size.height)


def cropped(image: pyvips.Image, step: Crop) -> pyvips.Image:
    """Cut edges off; a border of one colour is looked for in the whole picture."""
    if step.mode != "trim":
        return image.extract_area(*step.area(size_of(image)))
    image = image.copy_memory()
    area = _inside(image, step.tolerance)
    return image if area is None else image.extract_area(*area)


def _inside(image: pyvips.Image, tolerance: float) -> tuple[int, int, int, int] | None:
    """Return what differs from the colour of the first pixel; None when nothing does."""
    import numpy as np

    seen = image.premultiply() if image.hasalpha() else image  # clear pixels have no colour
    differs = ((seen - seen.getpoint(0, 0)).abs() > tolerance * top_of(image) / 100).bandor()
    columns, rows = (np.flatnonzero(sums.numpy()) for sums in differs.project())
    if not len(columns):
        return None
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def rotated(image: pyvips.Image, step: Rotate) -> pyvips.Image:
    """Turn clockwise; what a slanted picture leaves open gets the background."""
    image = image.copy_memory()
    if step.quarters is not None:
        return image.rot(_TURNS[step.quarters])
    wanted = step.after(size_of(image))
    image, background = ready_for(image, step.background)
    angle = math.radians(step.degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return image.affine(
        [cosine, -sine, sine, cosine],
        interpolate=pyvips.Interpolate.new("bicubic"),
        idx=-(image.width - 1) / 2,
        idy=-(image.height - 1) / 2,
        odx=(wanted.width - 1) / 2,
        ody=(wanted.height - 1) / 2,
        oarea=[0, 0, wanted.width, wanted.height],
        background=background,
    )


def padded(image: pyvips.Image, step: Pad) -> pyvips.Image:
    """Lay the picture on a larger ground."""
    size = size_of(image)
    ground = step.after(size)
    image, background = ready_for(image, step.background)
    return image.embed(
        *step.place(size), ground.width, ground.height, extend="background", background=background
    )
