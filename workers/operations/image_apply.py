"""One step after the other on a picture that is still to be computed. Runs in a worker."""

import pyvips

from workers.operations import image_shape, image_toned, image_watermarked
from workers.operations.image_budget import over_budget
from workers.operations.image_colours import to_srgb
from workers.operations.image_geometry import Crop, Flip, Pad, PictureStep, Reach, Resize, Rotate
from workers.operations.image_shape import size_of
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
from workers.outcome import Failure, FailureKind

_BYTES = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4, "float": 4}


def sample_bytes(image: pyvips.Image) -> int:
    """Return the bytes of one band of one pixel."""
    return _BYTES.get(str(image.format), 8)


def apply_steps(image: pyvips.Image, steps: tuple[PictureStep, ...]) -> pyvips.Image | Failure:
    """Return the picture after the steps; sizes are looked at again, for a trim alters them.

    Computes pixels only where a step must see the whole picture; raises pyvips.Error then.
    """
    for step in steps:
        size = size_of(image)
        if step.is_idle(size):
            continue
        said = step.problem(size)
        if said:
            return Failure(FailureKind.OPERATION_FAILED, said)
        sizes = [step.largest(size), step.held(size)]
        refusal = over_budget(sizes, image.bands * sample_bytes(image))
        if refusal is not None:
            return refusal
        made = _apply(image, step)
        if isinstance(made, Failure):
            return made
        image = made
    return image


def _apply(image: pyvips.Image, step: PictureStep) -> pyvips.Image | Failure:
    if (toned := _toned(image, step)) is not None:
        return toned
    match step:
        case Resize():
            return image_shape.resized(image, step)
        case Crop():
            return image_shape.cropped(image, step)
        case Rotate():
            return image_shape.rotated(image, step)
        case Flip():
            held = image.copy_memory() if step.reach is Reach.WHOLE else image
            return held.flip(step.direction)
        case Pad():
            return image_shape.padded(image, step)
        case TextWatermark():
            return image_watermarked.with_text(image, step)
        case PictureWatermark():
            return image_watermarked.with_picture(image, step)
    raise AssertionError(f"no way to apply {step}")


def _toned(image: pyvips.Image, step: PictureStep) -> pyvips.Image | None:
    match step:
        case Adjust():
            return image_toned.adjusted(image, step)
        case ColourProfile():
            return to_srgb(image)
        case Grayscale():
            return image_toned.greyed(image, step)
        case AutoLevels():
            return image_toned.levelled(image, step)
        case Sharpen():
            return image_toned.sharpened(image, step)
        case Blur():
            return image_toned.blurred(image, step)
        case Denoise():
            return image_toned.denoised(image, step)
    return None
