"""The picture of a watermark: looked at when a job starts, decoded where it is laid over others.

`problem_of` is for the engine, which decodes nothing; the rest runs in a worker. A worker keeps
the last watermark, in the size it had: pictures of one size follow each other.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers.operations.image_geometry import Resize, Size
from workers.operations.input_file import InputFile, open_input
from workers.operations.kinds import ImageFormat, image_format
from workers.outcome import Failure, FailureKind
from workers.wording import printable

if TYPE_CHECKING:
    import pyvips

_Key = tuple[str, int, int, Size]
# Larger watermarks are made anew for each picture, so that nothing is kept that nobody counts.
_KEPT_PIXELS: Final = 2 * 2**20
_kept: "Final[dict[_Key, pyvips.Image]]" = {}


def problem_of(picture: str) -> str:
    """Return why the file cannot be a watermark, as a sentence, or ""; reads its head alone."""
    opened = _opened(picture)
    if isinstance(opened, Failure):
        return opened.message
    with opened:
        is_picture = image_format(opened.head) is not None
    return "" if is_picture else _said(picture, "it is none of the picture formats known here")


def watermark_picture(picture: str, box: Size) -> "pyvips.Image | Failure":
    """Return the picture fitted into the box, in sRGB with 8 bits, the last band its opacity."""
    opened = _opened(picture)
    if isinstance(opened, Failure):
        return opened
    with opened as source:
        key = picture, source.mtime_ns, source.size, box
        if key in _kept:
            return _kept[key]
        made = _decoded(source, box)
    if isinstance(made, Failure):
        said = _said(picture, made.message)
        return Failure(FailureKind.OPERATION_FAILED, said, made.detail)
    _kept.clear()
    if made.width * made.height <= _KEPT_PIXELS:
        _kept[key] = made
    return made


def watermark_need(picture: str, box: Size) -> int:
    """Return the bytes that decoding the watermark takes at its peak, from its header alone."""
    from workers.operations.image_memory import decoding_need

    opened = _opened(picture)
    if isinstance(opened, Failure):
        return 0
    with opened as source:
        return decoding_need(source, (_fitted(box),))


def _opened(picture: str) -> InputFile | Failure:
    if not picture:
        return Failure(FailureKind.OPERATION_FAILED, "Choose the picture of the watermark.")
    if not Path(picture).is_absolute():  # engine and workers may stand in other folders
        return Failure(FailureKind.OPERATION_FAILED, _said(picture, "name its whole path"))
    # Inputs that are links are left alone; a watermark was named by the person.
    opened = open_input(Path(os.path.realpath(picture)))
    if isinstance(opened, InputFile):
        return opened
    said = "it is not there" if not Path(picture).exists() else opened.message
    return Failure(FailureKind.OPERATION_FAILED, _said(picture, said))


def _said(picture: str, why: str) -> str:
    reason = why[:1].lower() + why[1:].rstrip(".")
    return f"The watermark {printable(Path(picture).name)} cannot be used: {reason}."


def _fitted(box: Size) -> Resize:
    return Resize("fit", box.width, box.height, percent=100, edge=1, never_enlarge=False)


def _decoded(source: InputFile, box: Size) -> "pyvips.Image | Failure":
    import pyvips

    from workers.operations.image_colours import in_colour, to_srgb
    from workers.operations.image_damage import damage
    from workers.operations.image_decode import decode

    decoded = decode(source, (_fitted(box),), ImageFormat.PNG)
    if isinstance(decoded, Failure):
        return decoded
    try:
        image = in_colour(to_srgb(decoded.image))
        if image.interpretation == "rgb16":
            image = image.colourspace("srgb")
        return (image if image.hasalpha() else image.addalpha()).cast("uchar").copy_memory()
    except pyvips.Error as error:
        return damage(decoded.format, str(error.detail or error.message))
