"""What becomes of camera details, places and profiles, checked against Pillow."""

import io
import struct
from pathlib import Path

import pytest
import pyvips
from PIL import Image, ImageOps

from tests.engine.pictures import (
    GPS,
    MAKE,
    ORIENTATION,
    UPRIGHT,
    as_pillow_sees,
    corners,
    exif,
    failed,
    pixel,
    quarters,
    run,
    step,
    succeeded,
    swapped_profile,
)
from workers.errors import PipelineError
from workers.operations.exif_block import with_texts
from workers.pipeline import parse_pipeline


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    quarters().save(file, quality=95)
    return file


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_location_is_removed_and_the_camera_stays(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"placed{suffix}"
    quarters().save(file, exif=exif(has_place=True))
    shrink = step("resize", mode="percent", percent=50)
    kept = succeeded(file, shrink, step("metadata", mode="keep")).getexif()
    without = succeeded(file, shrink, step("metadata", mode="strip_location")).getexif()
    assert kept.get_ifd(GPS)[1] == "N"
    assert kept[MAKE] == without[MAKE] == "Everycore"
    assert dict(without.get_ifd(GPS)) == {}


def test_location_in_xmp_is_removed_as_well(tmp_path: Path) -> None:
    file = tmp_path / "placed.jpg"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="47,1N"/></x:xmpmeta>'
    quarters().save(file, xmp=xmp)
    shrink = step("resize", mode="percent", percent=50)
    assert "xmp" in succeeded(file, shrink).info
    output = succeeded(file, shrink, step("metadata", mode="strip_location"))
    assert "xmp" not in output.info


def test_strip_leaves_no_metadata(tmp_path: Path) -> None:
    file = tmp_path / "placed.jpg"
    quarters().save(file, exif=exif(6, has_place=True), icc_profile=swapped_profile())
    output = succeeded(
        file, step("resize", mode="percent", percent=50), step("metadata", mode="strip")
    )
    assert dict(output.getexif()) == {}
    assert "icc_profile" not in output.info


def test_stripping_a_profile_keeps_the_colours(tmp_path: Path) -> None:
    file = tmp_path / "swapped.png"
    Image.new("RGB", (40, 40), (250, 0, 0)).save(file, icc_profile=swapped_profile())
    kept = succeeded(file, step("convert", format="png"))
    assert kept.info["icc_profile"] == swapped_profile()
    assert kept.getpixel((5, 5)) == (250, 0, 0)
    stripped = succeeded(file, step("convert", format="png"), step("metadata", mode="strip"))
    red, _green, blue = pixel(stripped.convert("RGB"))
    assert blue > 200 > 50 > red


@pytest.mark.parametrize("mode", ["keep", "strip", "strip_location"])
def test_metadata_alone_turns_no_picture_over(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "turned.jpg"
    quarters().transpose(Image.Transpose.ROTATE_90).save(file, exif=exif(6, has_place=True))
    output = succeeded(file, step("metadata", mode=mode))
    assert corners(ImageOps.exif_transpose(output)) == UPRIGHT
    assert (1 in output.getexif().get_ifd(GPS)) is (mode == "keep")
    assert (MAKE in output.getexif()) is (mode != "strip")


def metadata_only(file: Path, mode: str) -> bytes:
    answer, target = run(file, step("metadata", mode=mode))
    assert answer == ""
    return target.read_bytes()


@pytest.mark.parametrize("mode", ["keep", "strip", "strip_location"])
def test_metadata_alone_changes_no_pixel_of_a_jpeg(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "placed.jpg"
    noise = Image.effect_noise((200, 150), 60).convert("RGB")
    noise.save(file, quality=60, exif=exif(3, has_place=True), comment=b"in the city")
    output = as_pillow_sees_bytes(metadata_only(file, mode))
    assert output.tobytes() == as_pillow_sees(file).tobytes()
    assert output.getexif()[ORIENTATION] == 3
    assert ("comment" in output.info) is (mode == "keep")


def as_pillow_sees_bytes(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def test_no_byte_of_the_coordinates_is_left(tmp_path: Path) -> None:
    tags = exif(has_place=True)
    tags.get_ifd(GPS)[0x1D] = "2024:05:06"
    tags.get_ifd(0x8769)[0x927C] = b"NOTE48.137"
    tags.get_ifd(0x8769)[0x9286] = b"kept words"
    file = tmp_path / "placed.jpg"
    quarters().save(file, exif=tags)
    content = file.read_bytes() + b"appended video at 48.137 N"
    file.write_bytes(content)
    for secret in (b"2024:05:06", b"NOTE48.137", b"appended"):
        assert secret in content
        assert secret not in metadata_only(file, "strip_location")
        for old in tmp_path.glob("staged*"):
            old.unlink()
    assert b"kept words" in metadata_only(file, "strip_location")


def test_a_damaged_exif_block_is_dropped_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "odd.jpg"
    block = b"Exif\x00\x00MM\x00*\x00\x00\xff\x00 GPS 48.137"
    whole = io.BytesIO()
    quarters().save(whole, "JPEG")
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    file.write_bytes(whole.getvalue()[:2] + segment + whole.getvalue()[2:])
    assert b"48.137" not in metadata_only(file, "strip_location")


@pytest.mark.parametrize("mode", ["keep", "strip", "strip_location"])
def test_metadata_alone_passes_no_damaged_picture_on(photo: Path, mode: str) -> None:
    photo.write_bytes(photo.read_bytes()[:-2_000])
    failure = failed(photo, step("metadata", mode=mode))
    assert failure.message == "Not a readable JPEG (file ends early)."


def test_a_profile_is_stripped_by_computing_its_colours(tmp_path: Path) -> None:
    file = tmp_path / "swapped.jpg"
    Image.new("RGB", (40, 40), (250, 0, 0)).save(file, icc_profile=swapped_profile())
    output = as_pillow_sees_bytes(metadata_only(file, "strip"))
    red, _green, blue = pixel(output)
    assert "icc_profile" not in output.info
    assert blue > 200 > 50 > red


def test_details_that_a_format_cannot_hold_are_not_lost_in_silence(tmp_path: Path) -> None:
    file = tmp_path / "placed.jpg"
    quarters().save(file, exif=exif())
    steps = step("convert", format="tiff"), step("metadata", mode="keep")
    said = "TIFF holds no camera details; they were lost."
    assert MAKE not in succeeded(file, *steps, warning=said).getexif()


OWNED = {"copyright": "© 2026 Jörg (a, b, c, d)", "artist": "Zoë"}
TAGS = {0x8298: OWNED["copyright"], 0x013B: OWNED["artist"]}


def texts(picture: Image.Image) -> dict[int, str]:
    """Return copyright and artist as Pillow reads them; it takes their bytes for Latin-1."""
    found = picture.getexif()
    return {tag: str(found[tag]).encode("latin-1").decode() for tag in TAGS if tag in found}


@pytest.mark.parametrize("mode", ["keep", "strip", "strip_location"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_copyright_and_artist_are_written(tmp_path: Path, suffix: str, mode: str) -> None:
    file = tmp_path / f"mine{suffix}"
    tags = exif(6, has_place=True)
    tags[0x013B] = "somebody else before"
    quarters().transpose(Image.Transpose.ROTATE_90).save(file, exif=tags)
    shrink = step("resize", mode="percent", percent=50)
    made = succeeded(file, shrink, step("metadata", mode=mode, **OWNED))
    assert texts(made) == TAGS
    assert corners(made) == UPRIGHT
    assert made.getexif().get(ORIENTATION, 1) == 1
    assert (MAKE in made.getexif()) is (mode != "strip")
    assert (1 in made.getexif().get_ifd(GPS)) is (mode == "keep")


@pytest.mark.parametrize("mode", ["keep", "strip", "strip_location"])
@pytest.mark.parametrize("has_exif", [True, False])
def test_copyright_alone_changes_no_pixel_of_a_jpeg(
    tmp_path: Path, mode: str, has_exif: bool
) -> None:
    file = tmp_path / "mine.jpg"
    tags = exif(3, has_place=True)
    tags[0x8298] = "somebody else before"
    noise = Image.effect_noise((200, 150), 60).convert("RGB")
    noise.save(file, quality=60, exif=tags if has_exif else b"")
    answer, target = run(file, step("metadata", mode=mode, **OWNED))
    made = as_pillow_sees(target)
    assert answer == ""
    assert made.tobytes() == as_pillow_sees(file).tobytes()
    assert texts(made) == TAGS
    assert made.getexif().get(ORIENTATION, 1) == (3 if has_exif else 1)
    assert (MAKE in made.getexif()) is (has_exif and mode != "strip")
    assert (1 in made.getexif().get_ifd(GPS)) is (has_exif and mode == "keep")
    assert b"somebody else" not in target.read_bytes()


def test_copyright_brings_no_thumbnail_of_old_pixels_back(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(thumbnail, "JPEG")
    old = pyvips.Image.black(80, 60, bands=3).copy(interpretation="srgb")
    old.set_type(pyvips.GValue.blob_type, "jpeg-thumbnail-data", thumbnail.getvalue())
    old.jpegsave(str(tmp_path / "old.jpg"))
    assert (tmp_path / "old.jpg").read_bytes().count(b"\xff\xd8\xff") == 2
    answer, target = run(
        tmp_path / "old.jpg",
        step("resize", mode="long_edge", edge=40),
        step("metadata", copyright="me"),
    )
    assert answer == ""
    assert target.read_bytes().count(b"\xff\xd8\xff") == 1


def test_copyright_that_a_format_cannot_hold_is_not_lost_in_silence(tmp_path: Path) -> None:
    file = tmp_path / "mine.png"
    quarters().save(file)
    steps = step("convert", format="tiff"), step("metadata", **OWNED)
    said = "TIFF holds no copyright or artist here; they were not written."
    assert texts(succeeded(file, *steps, warning=said)) == {}


@pytest.mark.parametrize(
    "block", [b"MM\x00*\x00\x00\xff\x00odd", b"XX", b"II*\x00\x08\x00\x00\x00"]
)
def test_a_damaged_exif_block_is_replaced(block: bytes) -> None:
    tags = Image.Exif()
    tags.load(with_texts(block, TAGS))
    assert {tag: str(tags[tag]).encode("latin-1").decode() for tag in tags} == TAGS


def test_a_small_ended_block_keeps_its_thumbnail_and_short_texts_fit(tmp_path: Path) -> None:
    first = struct.pack("<HHHI4sI", 1, MAKE, 2, 4, b"abc\x00", 26)
    second = struct.pack("<HHHIII", 1, 0x0103, 3, 1, 6, 0)
    made = with_texts(b"II*\x00\x08\x00\x00\x00" + first + second, {0x013B: "me"})
    tags = Image.Exif()
    tags.load(made)
    assert dict(tags) == {MAKE: "abc", 0x013B: "me"}
    assert made.endswith(struct.pack("<I", 26))
    assert made[26:].startswith(second)


def test_a_copyright_is_one_line() -> None:
    line = '[[steps]]\noperation = "images.metadata"\ncopyright = "a\\nb"\n'
    with pytest.raises(PipelineError, match=r"line 3.*one line"):
        parse_pipeline(line, "p.toml")
