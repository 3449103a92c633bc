"""A line of text as pixels: how opaque each is. Runs in a worker.

Pillow brings a font with it: letters that it has look the same on every computer. Other letters
are drawn by Pango (of libvips) in the fonts of this computer. Where no font has a letter, Pango
draws a frame in its place and says nothing; so each letter is compared with such a frame.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

import pyvips

from workers.operations.image_geometry import Size
from workers.outcome import Failure, FailureKind

if TYPE_CHECKING:
    from PIL import ImageFont

_TRIED_PX: Final = 100  # the size of letters by which the right size is found
_SMALLEST_PX: Final = 1.0
# Never letters in any font, with four and five digits in their frames (Unicode, 23.7).
_NO_LETTERS: Final = ("\ufdd0", "\U0001fffe", "\U0010fffe")
_NO_FONT: Final = Failure(
    FailureKind.OPERATION_FAILED,
    "No font on this computer has all letters of the watermark; use others or install a font.",
)


def drawn(text: str, box: Size) -> pyvips.Image | Failure:
    """Return the text with one band, as large as fits into the box and never larger."""
    is_own = all(_is_in_own_font(letter) for letter in text)
    if not is_own and not _are_in_fonts(text):
        return _NO_FONT
    draw = _by_pillow if is_own else _by_pango
    tried = draw(text, _TRIED_PX)
    scale = min(box.width / tried.width, box.height / tried.height)
    made = draw(text, max(_SMALLEST_PX, _TRIED_PX * scale))
    # Letters stand on whole pixels, so a small text may be a little wider than foreseen.
    is_wider = made.width > box.width or made.height > box.height
    return made.thumbnail_image(box.width, height=box.height, size="down") if is_wider else made


def _own_font(size_px: float) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType
    return font


@cache
def _tried_font() -> "ImageFont.FreeTypeFont":
    return _own_font(_TRIED_PX)


@cache
def _is_in_own_font(letter: str) -> bool:
    font = _tried_font()
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_LETTERS[0]))


def _by_pillow(text: str, size_px: float) -> pyvips.Image:
    from PIL import Image, ImageDraw

    font = _own_font(size_px)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font)
    inked = canvas.crop(canvas.getbbox() or (0, 0, 1, 1))  # letters have room at their sides
    return pyvips.Image.new_from_memory(inked.tobytes(), *inked.size, 1, "uchar")


def _by_pango(text: str, size_px: float) -> pyvips.Image:
    from xml.sax.saxutils import escape

    # At 72 dots an inch a point is a pixel.
    return pyvips.Image.text(escape(text), font=f"sans {size_px:.3f}", dpi=72, wrap="none")


def _are_in_fonts(text: str) -> bool:
    """Say whether the computer's fonts have all letters: none is drawn as an empty frame."""
    frames = [_outline(letter) for letter in _NO_LETTERS]
    return all(_outline(letter) not in frames for letter in set(text) if not letter.isspace())


@cache
def _outline(letter: str) -> tuple[int, int, bytes, bytes]:
    """Return the size of a letter, its uppermost row and its leftmost column."""
    image = _by_pango(letter, _TRIED_PX)
    row, column = image.crop(0, 0, image.width, 1), image.crop(0, 0, 1, image.height)
    return image.width, image.height, row.write_to_memory(), column.write_to_memory()
