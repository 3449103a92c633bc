"""Pages of small pictures: a PDF file whose parts are where it says, with each picture in place."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.engine.reduced import Reducing
from workers.job import ParameterValue, Step
from workers.operations.contact_layout import Layout, layout_of
from workers.operations.image_reduce import completed

COLOURS = {"a.png": (200, 30, 30), "b.jpg": (30, 200, 30), "c.webp": (30, 30, 200)}


def sheet_of(folder: Path, **values: ParameterValue) -> tuple[Path, Layout]:
    """Make a sheet of pictures of one colour each, all twice as wide as high."""
    for name, colour in COLOURS.items():
        Image.new("RGB", (2000, 1000), colour).save(folder / name)
    step = Step("images.contact_sheet", values)
    made = Reducing(folder, folder.parent / "out", step).made()
    return made, layout_of(completed(step).parameters)


def pages_of(file: Path) -> list[Image.Image]:
    """Return the pages, found by way of the table at the end as a reader does."""
    data = file.read_bytes()
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n", data)[-1])
    assert data[start:].startswith(b"xref\n")
    places = [int(each) for each in re.findall(rb"(\d{10}) 00000 n \n", data[start:])]
    objects = {}
    for number, place in enumerate(places, 1):
        head = f"{number} 0 obj\n".encode()
        assert data[place:].startswith(head)
        objects[number] = data[place + len(head) :]
    (kids,) = re.findall(rb"/Kids \[([\d R]*)\]", data)
    pages = []
    for kid in re.findall(rb"(\d+) 0 R", kids):
        (picture,) = re.findall(rb"/P (\d+) 0 R", objects[int(kid)].partition(b"endobj")[0])
        told, _, rest = objects[int(picture)].partition(b"stream\n")
        (length,) = re.findall(rb"/Length (\d+)", told)
        assert rest[int(length) :].startswith(b"\nendstream\nendobj\n")
        pages.append(Image.open(io.BytesIO(rest[: int(length)])).convert("RGB"))
    return pages


def is_near(found: object, colour: tuple[int, ...]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 12 for one, other in zip(found, colour, strict=True))


@pytest.mark.parametrize("names", [True, False])
def test_each_picture_stands_in_its_place_above_its_name(folder: Path, names: bool) -> None:
    made, layout = sheet_of(folder, columns=1, rows=2, names=names)
    assert made.name == "contact-sheet.pdf"
    assert b"/MediaBox [0 0 595.20 841.92]" in made.read_bytes()
    pages = pages_of(made)
    assert [page.size for page in pages] == [(1240, 1754), (1240, 1754)]
    for number, colour in enumerate(COLOURS.values()):
        page, place = pages[number // 2], layout.place(number % 2)
        bottom = place.top + layout.picture.height
        middle = place.left + layout.picture.width // 2
        height = layout.picture.width // 2
        assert is_near(page.getpixel((middle, bottom - 20)), colour)
        assert is_near(page.getpixel((middle, bottom - height + 20)), colour)
        assert is_near(page.getpixel((middle, bottom - height - 20)), (255, 255, 255))
        line = page.crop((place.left, bottom + 2, place.left + layout.picture.width, bottom + 16))
        darkest, _ = line.convert("L").getextrema()
        assert isinstance(darkest, int)
        assert (darkest < 128) is names
    assert is_near(pages[1].getpixel((620, 1500)), (255, 255, 255))


def test_small_pictures_keep_their_size_and_long_names_their_room(folder: Path) -> None:
    Image.new("RGB", (30, 20), (0, 0, 0)).save(folder / f"{'w' * 200}.png")
    Image.new("RGB", (30, 20), (0, 0, 0)).save(folder / "日本語の名前.png")
    step = Step("images.contact_sheet", {"columns": 12, "rows": 16, "paper": "letter"})
    (page,) = pages_of(Reducing(folder, folder.parent / "out", step).made())
    layout = layout_of(completed(step).parameters)
    inked = page.convert("L").point(lambda value: 255 * (value < 200)).getbbox()
    assert inked is not None
    assert page.size == (1275, 1650)
    assert inked[0] >= layout.place(0).left
    assert inked[2] <= layout.place(1).left + layout.picture.width
    assert is_near(page.getpixel((layout.place(0).left + 1, layout.place(0).top + 1)), (255,) * 3)
