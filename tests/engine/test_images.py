"""The image operations on real files, checked against Pillow."""

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tests.engine.pictures import (
    FORMATS,
    ORIENTATION,
    STORED,
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
)
from workers import FailureKind, Kind, ParameterValue, Step
from workers.operations import images
from workers.operations.image_geometry import Geometry, Resize, Size
from workers.operations.input_file import InputFile, open_input


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    quarters().save(file, quality=95)
    return file


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"mode": "fit", "width": 100, "height": 100}, (100, 75)),
        ({"mode": "fit", "width": 1000, "height": 60}, (80, 60)),
        ({"mode": "fit", "width": 1000, "height": 1000}, (400, 300)),
        ({"mode": "fit", "width": 800, "height": 800, "never_enlarge": False}, (800, 600)),
        ({"mode": "fill", "width": 100, "height": 100}, (100, 100)),
        ({"mode": "fill", "width": 1000, "height": 100}, (400, 100)),
        ({"mode": "fill", "width": 800, "height": 200, "never_enlarge": False}, (800, 200)),
        ({"mode": "exact", "width": 123, "height": 457}, (123, 457)),
        ({"mode": "percent", "percent": 25}, (100, 75)),
        ({"mode": "percent", "percent": 200}, (400, 300)),
        ({"mode": "percent", "percent": 200, "never_enlarge": False}, (800, 600)),
        ({"mode": "percent", "percent": 0.1}, (1, 1)),
        ({"mode": "long_edge", "edge": 200}, (200, 150)),
        ({"mode": "long_edge", "edge": 2000}, (400, 300)),
    ],
)
def test_every_resize_mode_gives_its_size(
    photo: Path, values: dict[str, ParameterValue], expected: tuple[int, int]
) -> None:
    assert succeeded(photo, step("resize", **values)).size == expected


def test_fill_cuts_the_middle_out(photo: Path) -> None:
    output = succeeded(photo, step("resize", mode="fill", width=100, height=100))
    assert corners(output) == UPRIGHT


def test_geometry_never_leaves_a_side_without_pixels() -> None:
    fit = Resize("fit", 10, 10, 50, 10, True)
    assert fit.geometry(Size(10_000, 3)) == Geometry(Size(10, 1), Size(10, 1))


def test_resized_pixels_are_near_those_of_pillow(tmp_path: Path) -> None:
    soft = Image.radial_gradient("L").resize((600, 600)).convert("RGB")
    soft.save(tmp_path / "soft.png")
    output = succeeded(tmp_path / "soft.png", step("resize", mode="exact", width=90, height=90))
    expected = soft.resize((90, 90), Image.Resampling.LANCZOS)
    pairs = zip(output.convert("L").tobytes(), expected.convert("L").tobytes(), strict=True)
    assert max(abs(ours - theirs) for ours, theirs in pairs) <= 4


def test_two_resizes_follow_each_other(photo: Path) -> None:
    steps = (
        step("resize", mode="percent", percent=50),
        step("resize", mode="fill", width=60, height=60),
    )
    output = succeeded(photo, *steps)
    assert output.size == (60, 60)
    assert corners(output) == UPRIGHT


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("given", ["jpg", "png", "webp", "tif", "avif", "gif", "bmp"])
def test_every_format_becomes_every_format(tmp_path: Path, given: str, wanted: str) -> None:
    file = tmp_path / f"picture.{given}"
    quarters().save(file)
    output = succeeded(file, step("convert", format=wanted))
    assert output.format == FORMATS[wanted]
    assert output.size == (400, 300)
    assert corners(output) == UPRIGHT


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (".jpg", "JPEG"),
        (".jpeg", "JPEG"),
        (".png", "PNG"),
        (".webp", "WEBP"),
        (".tiff", "TIFF"),
        (".avif", "AVIF"),
        (".gif", "GIF"),
        (".bmp", "PNG"),
    ],
)
def test_a_resized_picture_keeps_its_format_where_we_write_it(
    tmp_path: Path, given: str, kept: str
) -> None:
    file = tmp_path / f"picture{given}"
    quarters().save(file)
    output = succeeded(file, step("resize", mode="percent", percent=50))
    assert (output.format, output.size) == (kept, (200, 150))
    assert corners(output) == UPRIGHT


def test_content_decides_when_the_suffix_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "really-a.png"
    quarters().save(file, "JPEG")
    assert succeeded(file, step("resize", mode="percent", percent=50)).format == "PNG"


@pytest.mark.parametrize("wanted", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(tmp_path: Path, orientation: int, wanted: str) -> None:
    file = tmp_path / "turned.jpg"
    turn = STORED[orientation]
    stored = quarters() if turn is None else quarters().transpose(turn)
    stored.save(file, quality=95, exif=exif(orientation))
    for first in (step("auto_orient"), step("resize", mode="fit", width=200, height=200)):
        output = succeeded(file, first, step("convert", format=wanted))
        assert corners(output) == UPRIGHT
        assert output.width > output.height
        assert output.getexif().get(ORIENTATION, 1) == 1


def test_upright_size_decides_what_fits(tmp_path: Path) -> None:
    file = tmp_path / "turned.jpg"
    quarters().transpose(Image.Transpose.ROTATE_90).save(file, exif=exif(6))
    output = succeeded(file, step("resize", mode="exact", width=100, height=50))
    assert output.size == (100, 50)
    assert corners(output) == UPRIGHT


def test_cmyk_becomes_rgb_without_its_profile(tmp_path: Path) -> None:
    file = tmp_path / "print.jpg"
    Image.new("CMYK", (300, 200), (0, 255, 255, 0)).save(file)
    for first in (step("auto_orient"), step("resize", mode="percent", percent=50)):
        output = succeeded(file, first, step("convert", format="jpeg"))
        assert output.mode == "RGB"
        assert len(output.info.get("icc_profile", b"")) < 10_000
        red, green, blue = pixel(output)
        assert red > 180 > 90 > max(green, blue)


def test_transparency_becomes_white_in_jpeg_and_stays_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "clear.png"
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(file)
    shrink = step("resize", mode="percent", percent=50)
    jpeg = succeeded(file, shrink, step("convert", format="jpeg"))
    assert jpeg.getpixel((50, 50)) == (255, 255, 255)
    for wanted in ("png", "webp", "tiff", "avif"):
        output = succeeded(file, shrink, step("convert", format=wanted))
        assert pixel(output.convert("RGBA"), 50, 50)[3] == 0


def test_sixteen_bits_stay_sixteen_bits_where_the_format_has_them(tmp_path: Path) -> None:
    file = tmp_path / "deep.png"
    Image.new("I;16", (200, 100), 1000).save(file)
    shrink = step("resize", mode="percent", percent=50)
    output = succeeded(file, shrink)
    assert output.mode == "I;16"
    assert output.getpixel((10, 10)) == 1000
    assert succeeded(file, shrink, step("convert", format="jpeg")).mode == "L"


def test_lossless_webp_keeps_every_pixel(tmp_path: Path) -> None:
    noise = Image.effect_noise((120, 90), 60).convert("RGB")
    noise.save(tmp_path / "noise.png")
    output = succeeded(tmp_path / "noise.png", step("convert", format="webp", lossless=True))
    assert output.convert("RGB").tobytes() == noise.tobytes()


def test_quality_and_progressive_reach_the_encoder(tmp_path: Path) -> None:
    file = tmp_path / "noise.png"
    Image.effect_noise((300, 300), 60).convert("RGB").save(file)
    sizes = []
    for quality in (20, 90):
        _answer, target = run(file, step("convert", quality=quality))
        sizes.append(target.stat().st_size)
    assert sizes[0] * 2 < sizes[1]
    assert "progressive" not in succeeded(file, step("convert")).info
    assert "progressive" in succeeded(file, step("convert", progressive=True)).info


def test_only_the_first_page_is_kept_and_said_so(tmp_path: Path) -> None:
    file = tmp_path / "pages.tiff"
    frames = [quarters(), quarters(), quarters()]
    frames[0].save(file, save_all=True, append_images=frames[1:])
    said = "Only the first of 3 pages was kept."
    assert succeeded(file, step("convert"), warning=said).size == (400, 300)


SAVED_AS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WebP", ".tif": "TIFF", ".avif": "AVIF"}


@pytest.mark.parametrize("first", [step("convert"), step("resize", width=90, height=90)])
@pytest.mark.parametrize("suffix", SAVED_AS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_file_that_ends_early_is_refused(
    tmp_path: Path, suffix: str, share: float, first: Step
) -> None:
    file = tmp_path / f"cut{suffix}"
    Image.effect_noise((300, 300), 60).convert("RGB").save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    failure = failed(file, first)
    assert failure.kind is FailureKind.BAD_INPUT
    assert failure.message == f"Not a readable {SAVED_AS[suffix]} (file ends early)."
    assert failure.detail


def test_a_cut_bmp_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cut.bmp"
    quarters().save(file)
    file.write_bytes(file.read_bytes()[:1000])
    assert failed(file, step("convert")).message == "Not a readable BMP (file ends early)."


def test_flipped_bytes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "flipped.png"
    Image.effect_noise((300, 300), 60).save(file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    failure = failed(file, step("convert"))
    assert failure.message.startswith("Not a readable PNG (")


@pytest.mark.parametrize(
    "content",
    [
        b"just some words",
        b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        b"push graphic-context\nimage over 0,0 0,0 'https://x/'\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xff",
    ],
)
def test_what_is_no_picture_is_refused_whatever_its_name_says(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "disguised.png"
    file.write_bytes(content)
    failure = failed(file, step("convert"))
    assert failure.kind is FailureKind.BAD_INPUT
    assert failure.message == "Not a picture: the content is none of the known formats."


def huge_png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_with_numbers(tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(huge_png(50_000, 50_000))
    failure = failed(file, step("resize", width=100, height=100))
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message == "50,000 x 50,000 pixels need 7.5 GB; one picture may take 4.0 GB."
    assert failure.is_limit


def test_a_gif_bomb_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bomb.gif"
    screen = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x44\x01\x00\x3b"
    file.write_bytes(screen + frame)
    assert failed(file, step("convert")).kind is FailureKind.OUT_OF_MEMORY


def test_enlarging_beyond_the_budget_is_refused(photo: Path) -> None:
    steps = step("resize", mode="exact", width=65_000, height=65_000), step("convert", format="png")
    assert failed(photo, *steps).kind is FailureKind.OUT_OF_MEMORY


def test_a_picture_too_wide_for_its_format_is_refused(photo: Path) -> None:
    steps = step("resize", mode="exact", width=17_000, height=4), step("convert", format="webp")
    failure = failed(photo, *steps)
    assert failure.kind is FailureKind.OPERATION_FAILED
    assert failure.message == (
        "WebP holds at most 16,383 pixels a side; this picture has 17,000 x 4."
    )


@pytest.mark.parametrize(
    "name", [b"x.jpg[1]", b"-x.jpg", b"caf\xe9.jpg", b"%d.jpg", b"a\nb.jpg", b"x.jpg[shrink=8]"]
)
def test_the_name_of_a_file_never_reaches_the_decoder(
    tmp_path: Path, photo: Path, name: bytes
) -> None:
    file = tmp_path / os.fsdecode(name)
    file.write_bytes(photo.read_bytes())
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        assert opened.kind is Kind.IMAGE
        target = tmp_path / "out.jpg"
        assert images.run((step("resize", width=50, height=50),), opened, target) == ""
    assert as_pillow_sees(target).size == (50, 38)


def test_a_large_file_is_streamed_and_gives_the_same_pixels(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.operations import image_decode

    steps = step("resize", width=100, height=100), step("convert", format="png")
    read_at_once = succeeded(photo, *steps)
    monkeypatch.setattr(image_decode, "BUFFER_LIMIT", 10)
    assert succeeded(photo, *steps).tobytes() == read_at_once.tobytes()
    assert succeeded(photo, step("convert", format="png")).size == (400, 300)


def test_a_streamed_file_that_ends_early_is_refused(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.operations import image_decode

    monkeypatch.setattr(image_decode, "BUFFER_LIMIT", 10)
    photo.write_bytes(photo.read_bytes()[:-3000])
    for steps in (step("resize", width=90, height=90), step("convert", format="png")):
        assert failed(photo, steps).message == "Not a readable JPEG (file ends early)."


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_disk_that_takes_no_more_is_an_error_of_the_disk(tmp_path: Path, wanted: str) -> None:
    resource = pytest.importorskip("resource", reason="no file size limit on this system")
    file = tmp_path / "noise.png"
    Image.effect_noise((300, 300), 60).convert("RGB").save(file)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            run(file, step("convert", format=wanted))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_original_is_not_touched(photo: Path) -> None:
    before = photo.read_bytes()
    succeeded(photo, step("resize", width=50, height=50))
    assert photo.read_bytes() == before


@pytest.mark.parametrize(("given", "wanted"), [("gif", "gif"), ("gif", "webp"), ("webp", "webp")])
@pytest.mark.parametrize("percent", [50, 100])
def test_an_animation_stays_one_where_the_format_has_frames(
    tmp_path: Path, given: str, wanted: str, percent: int
) -> None:
    file = tmp_path / f"moving.{given}"
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "green", "blue")]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=150, lossless=True)
    steps = [step("resize", mode="percent", percent=percent)]
    if wanted != given:
        steps.append(step("convert", format="webp", lossless=True))
    output = succeeded(file, *steps)
    assert output.size == (120 * percent // 100, 80 * percent // 100)
    assert getattr(output, "n_frames", 1) == 3
    shown = []
    for number in range(3):
        output.seek(number)
        red, green, blue = pixel(output.convert("RGB"))
        shown.append(max((red, "red"), (green, "green"), (blue, "blue"))[1])
    assert shown == ["red", "green", "blue"]
    assert output.info["duration"] == 150


def test_an_animation_becomes_its_first_frame_elsewhere_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "green", "blue")]
    frames[0].save(file, save_all=True, append_images=frames[1:])
    said = "Only the first of 3 frames was kept."
    output = succeeded(file, step("convert", format="png"), warning=said)
    assert output.size == (120, 80)


@pytest.mark.parametrize("width", [400, 620, 850, 1100])
def test_picture_that_its_decoder_halves_is_as_sharp_as_one_made_with_care(
    tmp_path: Path, width: int
) -> None:
    """Beside a whole decode and Lanczos; halved too far, it is out by eight values and more."""
    drawn = Image.effect_noise((1600, 1200), 70).filter(ImageFilter.GaussianBlur(1.0))
    drawn.convert("RGB").save(tmp_path / "noise.jpg", quality=95)
    output = succeeded(
        tmp_path / "noise.jpg",
        step("resize", mode="long_edge", edge=width),
        step("convert", format="png"),
    )
    expected = as_pillow_sees(tmp_path / "noise.jpg").resize(output.size, Image.Resampling.LANCZOS)
    difference = ImageChops.difference(output.convert("L"), expected.convert("L"))
    assert ImageStat.Stat(difference).mean[0] < 3.0
