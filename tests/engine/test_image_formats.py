"""HEIC, RAW and JPEG XL, checked against what was drawn, Pillow and the libraries themselves."""

import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

import resources
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
from workers import FailureKind
from workers.attempt import ASK_ABOVE
from workers.operations import jxl_boxes
from workers.operations.image_jxl import distance_of
from workers.operations.input_file import InputFile, open_input
from workers.operations.jxl_header import JxlHeader, read_header
from workers.operations.picture_size import picture_size
from workers.step_runs import predicted_need

MATERIAL = Path(__file__).parent / "material"
ORIENTATION_OF_RAW, WIDTH_OF_RAW, HEIGHT_OF_RAW = 274, 256, 257
OTHERS = (".heic", ".dng", ".jxl")


@pytest.fixture
def probe(tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of our own small picture of a format."""

    def copied(suffix: str) -> Path:
        file = tmp_path / f"p{suffix}"
        shutil.copy(resources.probes_path() / f"picture{suffix}", file)
        return file

    return copied


def with_tag(raw: bytes, number: int, value: int) -> bytes:
    """Return a raw file in which one tag of one number says something else."""
    count = int.from_bytes(raw[8:10], "little")
    for place in range(10, 10 + 12 * count, 12):
        found, kind = struct.unpack_from("<HH", raw, place)
        if found == number:
            body = struct.pack("<H" if kind == 3 else "<I", value).ljust(4, b"\0")
            return raw[: place + 8] + body + raw[place + 12 :]
    raise AssertionError(f"no tag {number}")


def codestream_of(pixels: Any, *, lossless: bool) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, numthreads=1, lossless=lossless))


@pytest.mark.parametrize("wanted", ["jpeg", "png", "webp", "tiff", "avif", "gif"])
@pytest.mark.parametrize("given", OTHERS)
def test_pictures_that_libvips_cannot_read_become_every_format(
    probe: Callable[[str], Path], given: str, wanted: str
) -> None:
    output = succeeded(probe(given), step("convert", format=wanted))
    assert output.size == (64, 48)
    # The HEIC's profile, which GIF cannot hold, swaps red and blue.
    is_computed = (given, wanted) == (".heic", "gif")
    assert corners(output)[::2] == (["blue", "red"] if is_computed else ["red", "blue"])


@pytest.mark.parametrize("given", [".heic", ".dng"])
def test_photos_that_are_resized_become_jpegs(probe: Callable[[str], Path], given: str) -> None:
    output = succeeded(probe(given), step("resize", mode="percent", percent=50))
    assert (output.format, output.size) == ("JPEG", (32, 24))
    assert corners(output) == UPRIGHT
    assert output.getexif()[MAKE] == "Everycore"


def test_heic_keeps_what_the_camera_told_and_is_turned_once(probe: Callable[[str], Path]) -> None:
    file = probe(".heic")
    kept = succeeded(file, step("convert"))
    assert kept.getexif()[ORIENTATION] == 1  # 6 in the file, whose pixels come out turned
    assert kept.getexif().get_ifd(GPS)[1] == "N"
    assert kept.info["icc_profile"][36:] == swapped_profile()[36:]  # before: when it was made
    placeless = succeeded(file, step("convert"), step("metadata", mode="strip_location"))
    assert dict(placeless.getexif().get_ifd(GPS)) == {}
    assert placeless.getexif()[MAKE] == "Everycore"
    bare = succeeded(file, step("convert", format="png"), step("metadata", mode="strip"))
    assert corners(bare)[0] == "blue"  # red and blue by its profile, which is gone
    assert dict(bare.getexif()) == {}


def test_ten_bits_of_heic_stay_where_the_format_has_them(tmp_path: Path) -> None:
    file = tmp_path / "deep.heic"
    shutil.copy(MATERIAL / "deep.heic", file)
    _answer, target = run(file, step("convert", format="png"))
    drawn = imagecodecs.png_decode(target.read_bytes())
    assert drawn.dtype == np.uint16
    assert abs(int(drawn[20, 20, 0]) - 20_011) < 200
    assert abs(pixel(succeeded(file, step("convert")))[0] - 78) <= 1


@pytest.mark.parametrize(("mark", "size"), [(1, (64, 48)), (3, (64, 48)), (6, (48, 64))])
def test_raw_files_come_out_as_the_camera_was_held(
    probe: Callable[[str], Path], mark: int, size: tuple[int, int]
) -> None:
    file = probe(".dng")
    file.write_bytes(with_tag(file.read_bytes(), ORIENTATION_OF_RAW, mark))
    output = succeeded(file, step("convert", format="tiff"))
    assert output.size == size
    seen = {1: UPRIGHT, 3: UPRIGHT[::-1], 6: ["blue", "red", "yellow", "green"]}
    assert corners(output) == seen[mark]


def test_a_tiff_is_a_raw_file_by_its_name_alone(probe: Callable[[str], Path]) -> None:
    raw, tiff = probe(".dng"), probe(".tif")
    named = raw.rename(raw.with_suffix(".NEF"))
    assert corners(succeeded(named, step("convert"))) == UPRIGHT
    assert corners(succeeded(tiff, step("convert"))) == UPRIGHT
    tiff = tiff.rename(tiff.with_suffix(".arw"))
    assert failed(tiff, step("convert")).message.startswith("Not a readable RAW (")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_jpeg_xl_without_loss_keeps_every_pixel(tmp_path: Path, mode: str) -> None:
    noise = Image.merge("RGBA", [Image.effect_noise((70, 50), 60)] * 4).convert(mode)
    noise.save(tmp_path / "noise.png")
    steps = step("convert", format="jxl", lossless=True)
    answer, target = run(tmp_path / "noise.png", steps)
    assert answer == ""
    assert np.array_equal(imagecodecs.jpegxl_decode(target.read_bytes()), np.asarray(noise))
    assert picture_size(target) == (70, 50)
    assert succeeded(target, step("convert", format="png")).tobytes() == noise.tobytes()


def test_quality_reaches_the_jpeg_xl_encoder(tmp_path: Path) -> None:
    Image.effect_noise((200, 200), 60).save(tmp_path / "noise.png")
    sizes = [
        run(tmp_path / "noise.png", step("convert", format="jxl", quality=quality))[1]
        .stat()
        .st_size
        for quality in (20, 90)
    ]
    assert sizes[0] * 2 < sizes[1]
    # What libjxl's own header says of some qualities.
    assert [round(distance_of(quality), 2) for quality in (90, 75, 30)] == [1.0, 2.35, 6.4]


def test_jpeg_xl_carries_camera_details_both_ways(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="47,1N"/></x:xmpmeta>'
    file = tmp_path / "placed.jpg"
    turned = quarters().transpose(Image.Transpose.ROTATE_90)
    turned.save(file, exif=exif(6, has_place=True), xmp=xmp, quality=95)
    _, carrier = run(file, step("convert", format="jxl"))
    back = succeeded(carrier, step("convert"))
    assert corners(back) == UPRIGHT
    assert back.getexif()[ORIENTATION] == 1
    assert back.getexif().get_ifd(GPS)[1] == "N"
    assert b"GPSLatitude" in back.info["xmp"]

    pixels = imagecodecs.jpegxl_decode(carrier.read_bytes())
    for mode, place in (("keep", "N"), ("strip_location", None), ("strip", None)):
        answer, rewritten = run(carrier, step("metadata", mode=mode))
        assert answer == ""
        assert np.array_equal(imagecodecs.jpegxl_decode(rewritten.read_bytes()), pixels)
        seen = succeeded(rewritten, step("convert"))
        assert seen.getexif().get_ifd(GPS).get(1) == place
        assert ("xmp" in seen.info) is (mode == "keep")
        assert (seen.getexif().get(MAKE) == "Everycore") is (mode != "strip")


@pytest.mark.parametrize("mode", ["keep", "strip"])
def test_a_copyright_is_written_into_jpeg_xl(tmp_path: Path, mode: str) -> None:
    quarters().save(tmp_path / "a.jpg", exif=exif())
    signed = step("metadata", mode=mode, copyright="© Åse")
    _, converted = run(tmp_path / "a.jpg", signed, step("convert", format="jxl"))
    _, bare = run(tmp_path / "a.jpg", step("convert", format="jxl"))
    _, rewritten = run(bare, signed)
    for made in (converted, rewritten):
        details, _xmp = jxl_boxes.metadata(made.read_bytes())
        assert "© Åse".encode() in details
        assert (b"Everycore" in details) is (mode == "keep")


def test_a_profile_is_computed_into_jpeg_xl_and_gif(tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.new("RGB", (60, 40), "red").save(file, icc_profile=swapped_profile())
    for wanted in ("jxl", "gif"):
        _, target = run(file, step("convert", format=wanted))
        red, _green, blue = pixel(succeeded(target, step("convert", format="png")).convert("RGB"))
        assert blue > 200 > 60 > red, wanted


def test_linear_light_of_jpeg_xl_is_seen_as_such(tmp_path: Path) -> None:
    file = tmp_path / "linear.jxl"
    # imagecodecs takes 16 bits as linear: 0.2140 of the light is half of sRGB's range.
    half = np.full((40, 60, 4), 14_027, np.uint16)
    half[:, :, 3] = 40_000
    for pixels in (half[:, :, 0], half[:, :, :3], half):
        file.write_bytes(codestream_of(pixels, lossless=True))
        output = succeeded(file, step("convert", format="webp", lossless=True))
        assert abs(pixel(output)[0] - 128) <= 1
    assert pixel(output)[3] == 156


def test_an_animated_jpeg_xl_becomes_its_first_frame_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "moving.jxl"
    frames = np.stack([np.asarray(quarters(64, 48)), np.zeros((48, 64, 3), np.uint8)])
    file.write_bytes(codestream_of(frames, lossless=True))
    said = "Only the first frame of the animation was kept."
    assert corners(succeeded(file, step("convert"), warning=said)) == UPRIGHT
    assert corners(succeeded(file, step("open", pages="one"), step("convert"))) == UPRIGHT
    second = failed(file, step("open", pages="one", page=2), step("convert"))
    assert second.message == "Of an animated JPEG XL only the first frame can be taken."


def test_of_several_pictures_in_a_heic_the_main_one_is_kept_or_any_chosen(tmp_path: Path) -> None:
    file = tmp_path / "three.heic"
    shutil.copy(MATERIAL / "three.heic", file)
    said = "Only the main one of 3 pictures was kept."
    main = succeeded(file, step("convert", format="png"), warning=said)
    chosen = [
        succeeded(file, step("open", pages="one", page=page), step("convert", format="png"))
        for page in (1, 2, 3)
    ]
    shown = [pixel(picture).index(max(pixel(picture))) for picture in (main, *chosen)]
    assert shown == [1, 0, 1, 2]
    fourth = failed(file, step("open", pages="one", page=4), step("convert"))
    assert fourth.message == "There is no page 4: the picture has 3."


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *[((48, 64, 3), "u1"), ((1, 1), "u1"), ((300, 301, 4), "u1"), ((9, 16, 2), "u1")],
        *[((1000, 3, 3), "u2"), ((500, 500), "u2"), ((270, 480, 3), "u1"), ((2000, 2, 3), "u1")],
    ],
)
@pytest.mark.parametrize("lossless", [True, False])
def test_a_jpeg_xl_header_tells_what_the_decoder_finds(
    tmp_path: Path, shape: tuple[int, ...], kind: str, lossless: bool
) -> None:
    content = codestream_of(np.zeros(shape, kind), lossless=lossless)
    header = read_header(content[content.index(b"\xff\x0a") :])
    bands = shape[2] if len(shape) == 3 else 1
    assert header == JxlHeader(
        shape[1],
        shape[0],
        8 if kind == "u1" else 16,
        has_alpha=bands in (2, 4),
        is_grey=bands < 3,
        curve="srgb" if kind == "u1" else "linear",
    )
    (tmp_path / "a.jxl").write_bytes(content)
    assert picture_size(tmp_path / "a.jxl") == (shape[1], shape[0])


WORDS = {".heic": "HEIC", ".dng": "RAW", ".jxl": "JPEG XL"}


@pytest.mark.parametrize("given", OTHERS)
def test_files_that_end_early_or_hold_rubbish_are_refused(
    probe: Callable[[str], Path], given: str
) -> None:
    file = probe(given)
    whole = file.read_bytes()
    said = f"Not a readable {WORDS[given]} (file ends early)."
    for share in (0.7, 0.97):
        file.write_bytes(whole[: int(len(whole) * share)])
        failure = failed(file, step("convert"))
        assert (failure.kind, failure.message) == (FailureKind.BAD_INPUT, said)
        assert failure.detail
    head = 12 if given != ".jxl" else 2
    file.write_bytes(whole[:head] + bytes(range(256)) * 4)
    failure = failed(file, step("convert"))
    assert failure.kind is FailureKind.BAD_INPUT
    assert failure.message.startswith(f"Not a readable {WORDS[given]} (")
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        assert predicted_need((step("convert"),), opened) < ASK_ABOVE


@pytest.mark.parametrize("given", OTHERS)
def test_flipped_bits_are_refused_or_read_but_nothing_else(
    probe: Callable[[str], Path], given: str
) -> None:
    file = probe(given)
    whole = file.read_bytes()
    numbers = np.random.default_rng(7)
    for _ in range(60):
        content = bytearray(whole)
        for place in numbers.integers(0, min(len(whole), 700), 3):
            content[place] ^= int(numbers.integers(1, 256))
        file.write_bytes(content)
        answer, _target = run(file, step("convert"))
        if not isinstance(answer, str):
            assert answer.kind in (FailureKind.BAD_INPUT, FailureKind.OUT_OF_MEMORY)


def test_a_raw_bomb_is_refused_with_numbers_before_it_is_unpacked(
    probe: Callable[[str], Path],
) -> None:
    file = probe(".dng")
    raw = with_tag(file.read_bytes(), WIDTH_OF_RAW, 60_000)
    file.write_bytes(with_tag(raw, HEIGHT_OF_RAW, 60_000))
    failure = failed(file, step("convert"))
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("60,000 x 60,000 pixels need ")
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        assert predicted_need((step("convert"),), opened) > 60_000 * 60_000 * 3


def test_a_jpeg_xl_bomb_is_refused_with_numbers(tmp_path: Path) -> None:
    file = tmp_path / "bomb.jxl"
    # A size of 2^18 x 2^18, then all as usual: flag, choice 2 of the length and its 18 bits, a
    # ratio of 1 (square), and the flag of the defaults.
    length = 2**18 - 1
    bits = 0 | (2 << 1) | (length << 3) | (1 << 21) | (1 << 24)
    file.write_bytes(b"\xff\x0a" + bits.to_bytes(4, "little") + bytes(50))
    failure = failed(file, step("convert"))
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("262,144 x 262,144 pixels need ")


@pytest.mark.parametrize(
    ("given", "module", "said"),
    [
        (".heic", "pi_heif", "HEIC needs the library pi-heif: pip install 'everycore[heif]'."),
        (".dng", "rawpy", "RAW needs the library rawpy: pip install 'everycore[raw]'."),
        (".jxl", "imagecodecs", "JPEG XL needs the library imagecodecs: "),
        (".png", "imagecodecs", "JPEG XL needs the library imagecodecs: "),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    probe: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    module: str,
    said: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    failure = failed(probe(given), step("convert", format="jxl" if given == ".png" else "jpeg"))
    assert failure.kind is FailureKind.OPERATION_FAILED
    assert failure.message.startswith(said)


def test_gif_is_a_format_to_convert_to(tmp_path: Path) -> None:
    quarters().save(tmp_path / "a.png")
    _, target = run(tmp_path / "a.png", step("convert", format="gif"))
    assert as_pillow_sees(target).format == "GIF"


@pytest.mark.parametrize("wanted", ["jpeg", "webp", "png"])
def test_smallest_files_are_smaller_and_look_the_same(tmp_path: Path, wanted: str) -> None:
    rows, columns = np.mgrid[0:2100, 0:2100]
    blocks = np.stack([rows // 7 * 13, columns // 11 * 17, (rows + columns) // 5 * 3], -1)
    file = tmp_path / "drawn.png"
    Image.fromarray((blocks % 256).astype(np.uint8)).save(file, compress_level=1)
    drawn = np.asarray(as_pillow_sees(file), np.int16)
    sizes, errors = [], []
    for is_smallest in (False, True):
        _answer, target = run(file, step("convert", format=wanted, smallest=is_smallest))
        sizes.append(target.stat().st_size)
        errors.append(np.abs(np.asarray(as_pillow_sees(target), np.int16) - drawn).mean())
    assert sizes[1] < sizes[0]
    assert errors[1] < 1.15 * errors[0] + 0.01
