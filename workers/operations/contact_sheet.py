"""Pages of small pictures with their names, as one PDF file. Runs in a worker."""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyvips

from workers.operations.contact_layout import DOTS_AN_INCH, POINTS_AN_INCH, Layout
from workers.operations.pdf_pages import PdfPages
from workers.outcome import Failure, FailureKind
from workers.partials import Partial, shown_names

if TYPE_CHECKING:
    from PIL import ImageFont

_WHITE: Final = [255, 255, 255]
_INK: Final = 40
_QUALITY: Final = 88
_LETTERS_PX: Final = 15
_CUT: Final = "…"
# Never a letter: what a font draws for it stands for every letter that it lacks (Unicode, 23.7).
_NO_LETTER: Final = "\ufdd0"


def write_sheet(partials: Sequence[Partial], layout: Layout, target: Path) -> Failure | str:
    """Write the pages to `target`; raises OSError when the disk does not take them."""
    page = layout.page
    points = POINTS_AN_INCH / DOTS_AN_INCH
    named = iter(zip(shown_names(partials), partials, strict=True))
    try:
        with target.open("xb") as stream:
            pages = PdfPages(stream, (page.width * points, page.height * points))
            while some := list(islice(named, layout.on_page)):
                pages.add(_page(some, layout), page)
            pages.end()
    except pyvips.Error as error:
        words = "A small picture cannot be read again; start the job anew."
        return Failure(FailureKind.OPERATION_FAILED, words, detail=str(error.detail or error))
    return ""


def _page(named: Sequence[tuple[str, Partial]], layout: Layout) -> bytes:
    """Return one page as a JPEG."""
    page = _blank(layout.page.width, layout.page.height)
    for number, (name, partial) in enumerate(named):
        place = layout.place(number)
        picture = _picture(partial.path)
        left = place.left + (layout.picture.width - picture.width) // 2
        top = place.top + layout.picture.height - picture.height
        page = page.insert(picture, left, top)
        if layout.name_height:
            written = _written(name, layout.picture.width, layout.name_height)
            left = place.left + (layout.picture.width - written.width) // 2
            page = page.insert(written, left, place.top + layout.picture.height)
    made: bytes = page.jpegsave_buffer(Q=_QUALITY, keep="none")
    return made


def _blank(width: int, height: int) -> pyvips.Image:
    white = pyvips.Image.black(width, height, bands=3) + _WHITE
    return white.cast("uchar").copy(interpretation="srgb")


def _picture(path: Path) -> pyvips.Image:
    # From bytes: libvips remembers what a file name held, and takes options from it.
    picture = pyvips.Image.new_from_buffer(path.read_bytes(), "", fail_on="error")
    return picture.colourspace("srgb").copy_memory()


def _written(name: str, width: int, height: int) -> pyvips.Image:
    """Return a name as dark letters on white, within that room; a long one lacks its middle."""
    is_own = all(_has_letter(letter) for letter in name)
    opaque = _by_pillow(_shortened(name, width)) if is_own else _by_pango(name)
    opaque = opaque.crop(0, 0, min(opaque.width, width), min(opaque.height, height - 2))
    grey = (255 - opaque * ((255 - _INK) / 255)).cast("uchar")
    return grey.bandjoin([grey, grey]).copy(interpretation="srgb").copy_memory()


@cache
def _font() -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    font = ImageFont.load_default(_LETTERS_PX)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType
    return font


@cache
def _has_letter(letter: str) -> bool:
    """Say whether the font that Pillow brings has a letter; it is the same on every computer."""
    return bytes(_font().getmask(letter)) != bytes(_font().getmask(_NO_LETTER))


def _shortened(name: str, width: int) -> str:
    """Return a name that fits the width: of a long one the first and the last letters."""
    if _font().getlength(name) <= width:
        return name
    kept = len(name)
    while kept > 1:
        kept -= 1
        shorter = f"{name[: kept // 2]}{_CUT}{name[len(name) - (kept - kept // 2) :]}"
        if _font().getlength(shorter) <= width:
            return shorter
    return _CUT


def _by_pillow(text: str) -> pyvips.Image:
    from PIL import Image, ImageDraw

    _, _, right, bottom = (int(edge) for edge in _font().getbbox(text))
    canvas = Image.new("L", (max(1, right + 1), max(1, bottom + 1)))
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=_font())
    return pyvips.Image.new_from_memory(canvas.tobytes(), *canvas.size, 1, "uchar")


def _by_pango(text: str) -> pyvips.Image:
    """Draw letters of other scripts in the fonts of this computer."""
    from xml.sax.saxutils import escape

    # At 72 dots an inch a point is a pixel.
    return pyvips.Image.text(escape(text), font=f"sans {_LETTERS_PX}", dpi=72, wrap="none")
