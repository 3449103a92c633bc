"""Picture steps on real files, beside what Pillow and NumPy make of the same pixels."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from workers import Failure, ParameterValue, Step
from workers.errors import PipelineError
from workers.operations import images
from workers.operations.input_file import InputFile, open_input
from workers.pipeline import parse_pipeline

SAMPLE = Path(__file__).parents[2] / "resources" / "samples" / "pictures" / "ridge-walk.jpg"
Pixels = NDArray[np.float64]


@pytest.fixture
def photo(tmp_path: Path) -> Image.Image:
    """Return a photo without loss, which also lies at photo.png."""
    with Image.open(SAMPLE) as opened:
        picture = opened.convert("RGB").resize((300, 200))
    picture.save(tmp_path / "photo.png")
    return picture


def after(tmp_path: Path, *steps: Step, name: str = "photo.png") -> Image.Image:
    """Return what the steps make of the photo."""
    target = tmp_path / "out.png"
    target.unlink(missing_ok=True)
    opened = open_input(tmp_path / name)
    assert isinstance(opened, InputFile)
    with opened as source:
        answer = images.run(steps, source, target)
    assert answer == "", answer
    with Image.open(target) as made:
        made.load()
        return made


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, dtype=float)


def apart(one: Image.Image, other: Image.Image, border: int = 0) -> float:
    """Return the mean difference of two pictures of one size, of values up to 255."""
    assert one.size == other.size
    inner = slice(border, -border or None)
    difference = np.abs(pixels(one) - pixels(other))[inner, inner]
    return float(difference.mean())


def test_edges_are_cut_in_pixels_and_percent(photo: Image.Image, tmp_path: Path) -> None:
    edges = {"left": 10, "top": 20, "right": 30, "bottom": 40}
    made = after(tmp_path, Step("images.crop", {"mode": "edges", **edges}))
    assert apart(made, photo.crop((10, 20, 270, 160))) == 0
    made = after(tmp_path, Step("images.crop", {"unit": "percent", "left": 50, "top": 25}))
    assert apart(made, photo.crop((150, 50, 300, 200))) == 0


@pytest.mark.parametrize(
    ("gravity", "box"),
    [("centre", (50, 0, 250, 200)), ("west", (0, 0, 200, 200)), ("east", (100, 0, 300, 200))],
)
def test_ratio_is_cut_where_gravity_says(
    photo: Image.Image, tmp_path: Path, gravity: str, box: tuple[int, int, int, int]
) -> None:
    values = {"mode": "ratio", "ratio": "1:1", "gravity": gravity}
    assert apart(after(tmp_path, Step("images.crop", values)), photo.crop(box)) == 0


def test_plain_borders_are_trimmed(photo: Image.Image, tmp_path: Path) -> None:
    ImageOps.expand(photo, (7, 11, 13, 17), "white").save(tmp_path / "framed.png")
    made = after(tmp_path, Step("images.crop", {"mode": "trim"}), name="framed.png")
    assert apart(made, photo) == 0


def test_crop_that_leaves_nothing_is_told(photo: Image.Image, tmp_path: Path) -> None:
    opened = open_input(tmp_path / "photo.png")
    assert isinstance(opened, InputFile)
    with opened as source:
        answer = images.run((Step("images.crop", {"left": 900}),), source, tmp_path / "out.png")
    assert isinstance(answer, Failure)
    assert answer.message == "Cutting these edges leaves nothing of 300 x 200 pixels."


@pytest.mark.parametrize(
    ("turn", "transposed"),
    [
        ("90", Image.Transpose.ROTATE_270),
        ("180", Image.Transpose.ROTATE_180),
        ("270", Image.Transpose.ROTATE_90),
    ],
)
def test_quarter_turns_go_clockwise(
    photo: Image.Image, tmp_path: Path, turn: str, transposed: Image.Transpose
) -> None:
    made = after(tmp_path, Step("images.rotate", {"turn": turn}))
    assert apart(made, photo.transpose(transposed)) == 0


def test_free_turn_keeps_the_whole_picture(photo: Image.Image, tmp_path: Path) -> None:
    made = after(tmp_path, Step("images.rotate", {"turn": "free", "degrees": 30.0}))
    wanted = photo.rotate(-30, Image.Resampling.BICUBIC, expand=True, fillcolor="#ffffff")
    assert abs(made.width - wanted.width) <= 2
    assert abs(made.height - wanted.height) <= 2
    assert made.getpixel((0, 0)) == (255, 255, 255)
    assert apart(made.resize((90, 90)), wanted.resize((90, 90))) < 4


@pytest.mark.parametrize(
    ("direction", "mirrored"), [("horizontal", ImageOps.mirror), ("vertical", ImageOps.flip)]
)
def test_pictures_are_mirrored(
    photo: Image.Image, tmp_path: Path, direction: str, mirrored: object
) -> None:
    assert callable(mirrored)
    made = after(tmp_path, Step("images.flip", {"direction": direction}))
    assert apart(made, mirrored(photo)) == 0


def test_pictures_are_laid_on_a_ground(photo: Image.Image, tmp_path: Path) -> None:
    margins: dict[str, ParameterValue] = {"left": 5, "top": 6, "right": 7, "bottom": 8}
    values = {"mode": "margin", **margins}
    made = after(tmp_path, Step("images.pad", {**values, "background": "#102030"}))
    assert apart(made, ImageOps.expand(photo, (5, 6, 7, 8), "#102030")) == 0
    made = after(tmp_path, Step("images.pad", {"mode": "ratio", "ratio": "1:1"}))
    assert made.size == (300, 300)
    assert made.getpixel((150, 2)) == (255, 255, 255)
    made = after(tmp_path, Step("images.pad", {**values, "background": "#00000000"}))
    assert made.mode == "RGBA"
    assert pixels(made)[0, 0, 3] == 0
    assert pixels(made)[100, 100, 3] == 255


def test_values_follow_their_formulas(photo: Image.Image, tmp_path: Path) -> None:
    before = pixels(photo)
    made = after(tmp_path, Step("images.adjust", {"brightness": 20}))
    assert np.abs(pixels(made) - np.clip(before + 51, 0, 255)).max() <= 1
    made = after(tmp_path, Step("images.adjust", {"contrast": 50}))
    assert np.abs(pixels(made) - np.clip((before - 127.5) * 1.5 + 127.5, 0, 255)).max() <= 1
    made = after(tmp_path, Step("images.adjust", {"gamma": 2.0}))
    assert np.abs(pixels(made) - 255 * (before / 255) ** 0.5).max() <= 1
    grey = pixels(after(tmp_path, Step("images.adjust", {"saturation": -100})))
    luma = before @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(grey - luma[..., None]).max() <= 1


def test_grayscale_is_as_bright_as_pillows(photo: Image.Image, tmp_path: Path) -> None:
    made = after(tmp_path, Step("images.grayscale", {}))
    assert made.mode == "L"
    assert apart(made, photo.convert("L")) < 8


def test_levels_go_from_black_to_white(photo: Image.Image, tmp_path: Path) -> None:
    dull = Image.fromarray((pixels(photo) * 0.3 + 90).astype(np.uint8))
    dull.save(tmp_path / "dull.png")
    made = pixels(after(tmp_path, Step("images.auto_levels", {"clipped": 1}), name="dull.png"))
    assert pixels(dull).min() > 80
    assert pixels(dull).max() < 180
    assert made.min() == 0
    assert made.max() == 255


def test_sharpening_blurring_and_denoising_are_as_pillows(
    photo: Image.Image, tmp_path: Path
) -> None:
    made = after(tmp_path, Step("images.blur", {"radius": 3}))
    assert apart(made, photo.filter(ImageFilter.GaussianBlur(3)), 10) < 1.5
    made = after(tmp_path, Step("images.sharpen", {"amount": 1.5, "radius": 2}))
    assert apart(made, photo.filter(ImageFilter.UnsharpMask(2, 150, 0)), 10) < 1.5
    made = after(tmp_path, Step("images.denoise", {"size": "3"}))
    assert apart(made, photo.filter(ImageFilter.MedianFilter(3)), 2) == 0


@pytest.mark.parametrize("size", [(1, 1), (50, 1), (2, 6)])
def test_pictures_smaller_than_a_steps_reach_are_done(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    drawn = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(drawn).save(tmp_path / "tiny.png")
    made = pixels(after(tmp_path, Step("images.denoise", {"size": "5"}), name="tiny.png"))
    ground = np.pad(drawn, ((5, 5), (5, 5), (0, 0)), mode="edge")
    squares = np.lib.stride_tricks.sliding_window_view(ground, (5, 5), axis=(0, 1))
    wanted = np.median(squares, axis=(-2, -1))[3:-3, 3:-3]
    assert np.array_equal(made, wanted)
    for step in ("images.blur", "images.sharpen", "images.auto_levels", "images.adjust"):
        assert after(tmp_path, Step(step, {}), name="tiny.png").size == size


def test_transparency_stays(tmp_path: Path) -> None:
    clear = np.zeros((40, 60, 4), np.uint8)
    clear[..., :3] = 200
    clear[:, 30:, 3] = 255
    Image.fromarray(clear).save(tmp_path / "clear.png")
    for step in (
        Step("images.adjust", {"brightness": 10}),
        Step("images.sharpen", {}),
        Step("images.denoise", {}),
        Step("images.auto_levels", {}),
    ):
        made = after(tmp_path, step, name="clear.png")
        assert made.mode == "RGBA"
        assert np.array_equal(pixels(made)[..., 3], clear[..., 3])


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"mode": "short_edge", "edge": 100}, (150, 100)),
        ({"mode": "megapixels", "megapixels": 0.015}, (150, 100)),
        ({"mode": "fill", "width": 100, "height": 100, "gravity": "attention"}, (100, 100)),
    ],
)
def test_sizes_are_found_in_more_ways(
    photo: Image.Image, tmp_path: Path, values: dict[str, str | int | float], size: tuple[int, int]
) -> None:
    assert after(tmp_path, Step("images.resize", values)).size == size


def test_steps_run_in_their_order_with_one_decode(
    photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.operations import image_decode

    decoded = []
    real = image_decode.decode

    def counted(*arguments: object) -> object:
        decoded.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(image_decode, "decode", counted)
    made = after(
        tmp_path,
        Step("images.crop", {"left": 100}),
        Step("images.rotate", {"turn": "90"}),
        Step("images.resize", {"mode": "exact", "width": 50, "height": 60}),
        Step("images.grayscale", {}),
        Step("images.pad", {"left": 10, "background": "#000000"}),
        Step("images.flip", {}),
    )
    assert made.size == (60, 60)
    wanted = photo.crop((100, 0, 300, 200)).transpose(Image.Transpose.ROTATE_270)
    wanted = ImageOps.mirror(ImageOps.expand(wanted.resize((50, 60)).convert("L"), (10, 0, 0, 0)))
    assert apart(made, wanted) < 8
    assert len(decoded) == 1


@pytest.mark.parametrize(
    "line",
    ['operation = "images.pad"\nbackground = "red"', 'operation = "images.crop"\nratio = "0:3"'],
)
def test_colours_and_ratios_are_checked_when_the_pipeline_is_loaded(line: str) -> None:
    with pytest.raises(PipelineError, match="line 3"):
        parse_pipeline(f"[[steps]]\n{line}\n", "p.toml")
