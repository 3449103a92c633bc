"""Pictures of many pages or frames, checked against Pillow: none is lost without a word."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.engine.pictures import (
    UPRIGHT,
    as_pillow_sees,
    corners,
    failed,
    quarters,
    run,
    step,
    succeeded,
    swapped_profile,
)
from workers import FailureKind, Step
from workers.operations.input_file import InputFile, open_input
from workers.operations.tiff_pages import TiffPages
from workers.step_runs import predicted_need

SIZES = ((400, 300), (100, 700), (60, 40))


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Return a TIFF of three pages: each of another size, one of 16 bits, one with a profile."""
    file = tmp_path / "document.tiff"
    deep = Image.new("I;16", SIZES[1], 40_000)
    last = quarters(*SIZES[2])
    last.info["icc_profile"] = swapped_profile()
    quarters(*SIZES[0]).save(
        file, save_all=True, append_images=[deep, last], compression="tiff_lzw", dpi=(200, 200)
    )
    return file


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    file = tmp_path / "moving.gif"
    frames = [quarters(120, 80), quarters(120, 80).rotate(180), quarters(120, 80)]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=150, loop=3)
    return file


def pages(picture: Image.Image) -> list[Image.Image]:
    found = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        found.append(picture.copy())
    return found


def test_every_page_of_a_tiff_is_kept_in_a_tiff_as_it_was(document: Path) -> None:
    first, deep, last = pages(succeeded(document, step("convert", format="tiff")))
    assert [page.size for page in (first, deep, last)] == list(SIZES)
    assert corners(first) == corners(last) == UPRIGHT
    assert (deep.mode, deep.getpixel((5, 5))) == ("I;16", 40_000)
    assert first.info["dpi"] == (200, 200)


@pytest.mark.parametrize(
    ("steps", "sizes"),
    [
        ((step("resize", mode="fit", width=50, height=50),), [(50, 38), (7, 50), (50, 33)]),
        ((step("resize", mode="fill", width=30, height=30),), [(30, 30)] * 3),
        ((step("rotate", turn="90"),), [size[::-1] for size in SIZES]),
        ((step("metadata", mode="strip"),), list(SIZES)),
    ],
)
def test_every_page_goes_through_the_steps(
    document: Path, steps: tuple[Step, ...], sizes: list[tuple[int, int]]
) -> None:
    found = pages(succeeded(document, *steps))
    assert [page.size for page in found] == sizes
    assert not [left for left in document.parent.iterdir() if ".page" in left.name]


def test_one_page_is_taken_where_it_is_asked_for(document: Path, moving: Path) -> None:
    chosen = step("open", pages="one", page=3)
    output = succeeded(document, chosen, step("convert", format="png"))
    assert (output.size, corners(output)) == (SIZES[2], UPRIGHT)
    small = succeeded(document, chosen, step("resize", mode="percent", percent=50))
    assert (small.size, getattr(small, "n_frames", 1)) == ((30, 20), 1)
    second = step("open", pages="one", page=2), step("convert", format="webp", lossless=True)
    frame = succeeded(moving, *second)
    assert getattr(frame, "n_frames", 1) == 1
    assert corners(frame) == UPRIGHT[::-1]


def test_a_page_that_is_not_there_is_named(document: Path) -> None:
    failure = failed(document, step("open", pages="one", page=7), step("convert"))
    assert failure.kind is FailureKind.OPERATION_FAILED
    assert failure.message == "There is no page 7: the picture has 3."
    quarters().save(document.with_name("a.bmp"))
    bitmap = document.with_name("a.bmp")
    assert failed(bitmap, step("open", pages="one", page=2)).message.endswith("has one.")


def test_frames_become_pages_of_a_tiff(moving: Path) -> None:
    found = pages(succeeded(moving, step("convert", format="tiff")))
    assert [corners(page) for page in found] == [UPRIGHT, UPRIGHT[::-1], UPRIGHT]


@pytest.mark.parametrize(
    ("steps", "size", "first"),
    [
        ((step("resize", mode="fill", width=40, height=40),), (40, 40), UPRIGHT),
        ((step("rotate", turn="180"),), (120, 80), UPRIGHT[::-1]),
        ((step("rotate", turn="90"),), (80, 120), ["blue", "red", "yellow", "green"]),
        (
            (step("crop", mode="edges", left=20), step("resize", mode="percent", percent=50)),
            (50, 40),
            UPRIGHT,
        ),
    ],
)
@pytest.mark.parametrize("wanted", ["gif", "webp"])
def test_steps_that_cut_or_turn_keep_an_animation_one(
    moving: Path, steps: tuple[Step, ...], size: tuple[int, int], first: list[str], wanted: str
) -> None:
    output = succeeded(moving, *steps, step("convert", format=wanted))
    found = pages(output)
    assert [frame.size for frame in found] == [size] * 3
    assert [corners(frame) for frame in found] == [first, first[::-1], first]
    assert output.info["duration"] == 150
    # GIF counts how often it is shown again, WebP how often it is shown.
    assert output.info["loop"] == {"gif": 3, "webp": 4}[wanted]


def test_frames_that_end_in_different_sizes_are_cut_to_the_first_and_it_is_said(
    tmp_path: Path,
) -> None:
    file = tmp_path / "growing.gif"
    frames = []
    for side in (20, 40):
        frame = Image.new("RGB", (100, 80), "white")
        frame.paste("blue", (10, 10, 10 + side, 10 + side))
        frames.append(frame)
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=90)
    said = "Only the first of 2 frames was kept."
    assert succeeded(file, step("crop", mode="trim"), warning=said).size == (20, 20)


def test_a_damaged_page_fails_and_is_named_and_leaves_nothing_beside(document: Path) -> None:
    content = document.read_bytes()
    with Image.open(document) as picture:
        picture.seek(1)
        place = picture.tag_v2[273][0]  # type: ignore[attr-defined]  # Pillow's types have no tags
    document.write_bytes(content[:place] + b"\xff" * 40 + content[place + 40 :])
    failure = failed(document, step("convert", format="tiff"))
    assert failure.kind is FailureKind.BAD_INPUT
    assert failure.message.startswith("Not a readable TIFF (")
    assert failure.detail.startswith("Page 2 of 3.")


def test_a_huge_page_behind_a_small_one_is_predicted_and_refused(tmp_path: Path) -> None:
    small, bomb = io.BytesIO(), io.BytesIO()
    Image.new("L", (20, 20)).save(small, "TIFF")
    Image.new("L", (20, 20)).save(bomb, "TIFF")
    claim = bytearray(bomb.getvalue())
    with Image.open(bomb) as picture:
        tags = int.from_bytes(claim[4:8], "little"), len(picture.tag_v2)  # type: ignore[attr-defined]  # as above
    for place in range(tags[0] + 2, tags[0] + 2 + 12 * tags[1], 12):
        if int.from_bytes(claim[place : place + 2], "little") in (256, 257):
            claim[place + 2 : place + 12] = b"\x04\0\x01\0\0\0" + (90_000).to_bytes(4, "little")
    file = tmp_path / "bomb.tif"
    with file.open("x+b") as stream:
        writer = TiffPages(stream)
        assert writer.add(small.getvalue())
        assert writer.add(bytes(claim))
    failure = failed(file, step("convert", format="tiff"))
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("90,000 x 90,000 pixels need ")
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        assert predicted_need((step("convert", format="tiff"),), opened) > 90_000**2
        assert predicted_need((step("convert", format="png"),), opened) < 2**26


def test_companions_of_a_document_are_of_its_first_page(document: Path) -> None:
    answer, target = run(document, step("also_save", edge=80, format="png"))
    assert answer == ""
    assert len(pages(as_pillow_sees(target))) == 3
    beside = as_pillow_sees(target.with_name(f"{target.stem}-small.png"))
    assert (beside.size, corners(beside)) == ((80, 60), UPRIGHT)


def test_offsets_written_as_short_numbers_are_moved_as_well() -> None:
    page = io.BytesIO()
    Image.new("L", (3, 2), 77).save(page, "TIFF")
    content = bytearray(page.getvalue())
    start = int.from_bytes(content[4:8], "little")
    for place in range(start + 2, start + 2 + 12 * content[start], 12):
        if content[place : place + 2] == (273).to_bytes(2, "little"):
            content[place + 2] = 3
    many = io.BytesIO()
    writer = TiffPages(many)
    for _ in range(300):
        assert writer.add(bytes(content))
    with Image.open(many) as picture:
        picture.seek(299)
        assert picture.getpixel((2, 1)) == 77
