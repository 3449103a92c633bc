"""Watermarks on real pictures, beside what Pillow and NumPy make of the same pixels."""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.engine.conftest import Running
from tests.engine.pictures import (
    as_pillow_sees,
    failed,
    quarters,
    run,
    step,
    succeeded,
    swapped_profile,
)
from workers import ParameterValue, Step
from workers.commands import AddInputs, ClearInputs, StartJob
from workers.errors import PipelineError
from workers.job import JobSpec, OnExisting, Pipeline
from workers.operations import images
from workers.operations.input_file import InputFile, open_input
from workers.pipeline import fingerprint, parse_pipeline
from workers.snapshot import JobSnapshot
from workers.step_runs import predicted_need

Pixels = NDArray[np.float64]
SIZE, LOGO_SIZE, GAP = (300, 200), (60, 40), 10
# Fits the logo into the picture as it is, 10 pixels from the edges.
PLACED: dict[str, ParameterValue] = {"size": 20, "margin": 5, "opacity": 50}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a picture that is different everywhere."""
    file = tmp_path / "photo.png"
    picture = quarters(*SIZE)
    picture.putalpha(255)
    shaded = np.asarray(picture)[..., :3] * np.linspace(0.2, 1, SIZE[0])[None, :, None]
    Image.fromarray(shaded.astype(np.uint8)).save(file)
    return file


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """Return a picture that goes from clear to opaque."""
    (tmp_path / "logos").mkdir()
    file = tmp_path / "logos" / "logo.png"
    drawn = np.zeros((*LOGO_SIZE[::-1], 4), np.uint8)
    drawn[..., 0], drawn[..., 2] = 200, 90
    drawn[..., 3] = np.linspace(0, 255, LOGO_SIZE[0]).astype(np.uint8)
    Image.fromarray(drawn).save(file)
    return file


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, dtype=float)


def watermark(logo: Path | str, **values: ParameterValue) -> Step:
    return step("watermark_image", picture=str(logo), **{**PLACED, **values})


def half_clear(logo: Path) -> Image.Image:
    """Return the logo half as opaque, for Pillow to lay over."""
    mark = as_pillow_sees(logo)
    mark.putalpha(mark.getchannel("A").point([round(value / 2) for value in range(256)]))
    return mark


@pytest.mark.parametrize(
    ("position", "place"),
    [
        ("north_west", (10, 10)),
        ("north", (120, 10)),
        ("north_east", (230, 10)),
        ("west", (10, 80)),
        ("centre", (120, 80)),
        ("east", (230, 80)),
        ("south_west", (10, 150)),
        ("south", (120, 150)),
        ("south_east", (230, 150)),
    ],
)
def test_logo_lies_where_it_is_to_as_pillow_lays_it(
    photo: Path, logo: Path, position: str, place: tuple[int, int]
) -> None:
    wanted = as_pillow_sees(photo).convert("RGBA")
    wanted.alpha_composite(half_clear(logo), place)
    made = succeeded(photo, watermark(logo, position=position))
    assert np.abs(pixels(made) - pixels(wanted.convert("RGB"))).max() <= 1


@pytest.mark.parametrize("position", ["north_west", "south_east"])
def test_a_large_picture_is_marked_while_it_streams(
    tmp_path: Path, logo: Path, position: str
) -> None:
    grey = Image.linear_gradient("L").resize((1000, 1500))
    icc = swapped_profile()
    Image.merge("RGB", (grey, grey, grey)).save(tmp_path / "tall.jpg", icc_profile=icc)
    before = as_pillow_sees(tmp_path / "tall.jpg")
    steps = watermark(logo, position=position), step("watermark_text", position="centre")
    made = succeeded(tmp_path / "tall.jpg", *steps, step("convert", format="png"))
    assert made.info["icc_profile"] == icc
    changed = np.abs(pixels(made) - pixels(before)).sum(axis=2) > 3
    assert changed[:700].any() == (position == "north_west")
    assert changed[800:].any() == (position == "south_east")
    assert changed[700:800].any()


def test_tiles_cover_the_whole_picture(photo: Path, logo: Path) -> None:
    wanted = as_pillow_sees(photo).convert("RGBA")
    ground = Image.new("RGBA", (400, 300))
    for left in range(GAP // 2, 350, LOGO_SIZE[0] + GAP):
        for top in range(GAP // 2, 250, LOGO_SIZE[1] + GAP):
            ground.paste(half_clear(logo), (left, top))
    wanted.alpha_composite(ground.crop((0, 0, *SIZE)))
    made = succeeded(photo, watermark(logo, tile=True))
    assert np.abs(pixels(made) - pixels(wanted.convert("RGB"))).max() <= 1


@pytest.mark.parametrize("is_deep", [False, True])
def test_mark_over_transparency_is_what_the_formula_says(
    tmp_path: Path, logo: Path, is_deep: bool
) -> None:
    top = 65_535 if is_deep else 255
    clear = np.zeros((*SIZE[::-1], 4), np.uint16 if is_deep else np.uint8)
    clear[..., 1] = top // 2
    clear[..., 3] = np.linspace(0, top, SIZE[0])
    kind = "rgb16" if is_deep else "srgb"
    file = tmp_path / "clear.png"
    pyvips.Image.new_from_array(clear, interpretation=kind).pngsave(str(file))
    answer, target = run(file, watermark(logo, position="centre"))
    assert answer == ""

    made = pyvips.Image.new_from_file(str(target)).numpy().astype(float) / top
    below, mark = clear[80:120, 120:180] / top, pixels(as_pillow_sees(logo)) / 255
    share = mark[..., 3:] / 2
    alpha = share + below[..., 3:] * (1 - share)
    mixed = mark[..., :3] * share + below[..., :3] * below[..., 3:] * (1 - share)
    wanted = np.concatenate([mixed / alpha, alpha], axis=2)
    assert np.abs(made[80:120, 120:180] - wanted).max() <= 2 / top
    made[80:120, 120:180] = clear[80:120, 120:180] / top
    assert np.array_equal(np.rint(made * top), clear)


def test_a_logo_that_was_edited_is_seen_by_the_next_picture(photo: Path, logo: Path) -> None:
    before = pixels(succeeded(photo, watermark(logo)))
    Image.new("RGBA", LOGO_SIZE, "white").save(logo)
    assert (pixels(succeeded(photo, watermark(logo))) > before).any()


def test_text_is_drawn_as_pillow_draws_it(tmp_path: Path) -> None:
    Image.new("RGB", (600, 400)).save(tmp_path / "dark.png")
    values: dict[str, ParameterValue] = {"size": 50, "margin": 2, "opacity": 100}
    made = succeeded(
        tmp_path / "dark.png", step("watermark_text", text="© Me", colour="#ff8000", **values)
    )
    seen = pixels(made)
    rows, columns = np.nonzero(seen[..., 0] > 20)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert 297 <= box[2] - box[0] <= 300
    assert (box[2], box[3]) == (600 - 8, 400 - 8)
    assert np.allclose(seen[..., 1], seen[..., 0] * 128 / 255, atol=1)
    canvas = Image.new("L", (1200, 600))
    ImageDraw.Draw(canvas).text((50, 50), "© Me", 255, ImageFont.load_default(300))
    wanted = canvas.crop(canvas.getbbox()).resize((box[2] - box[0], box[3] - box[1]))
    drawn = pixels(made.getchannel("R").crop(box))
    assert np.abs(drawn - pixels(wanted)).mean() < 12
    assert np.abs(drawn - pixels(wanted)[:, ::-1]).mean() > 40


def test_a_grey_picture_stays_grey_under_grey_text(tmp_path: Path) -> None:
    Image.new("L", (200, 100), 90).save(tmp_path / "grey.png")
    assert succeeded(tmp_path / "grey.png", step("watermark_text", colour="#ffffff")).mode == "L"
    assert succeeded(tmp_path / "grey.png", step("watermark_text", colour="#ff0000")).mode == "RGB"


def test_each_frame_of_an_animation_is_marked(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (200, 100), colour) for colour in ("red", "lime", "blue")]
    file = tmp_path / "moving.gif"
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=100)
    made = succeeded(file, step("watermark_text", colour="#ffffff", opacity=100, size=50))
    assert getattr(made, "n_frames", 1) == 3
    for number in range(3):
        made.seek(number)
        seen = pixels(made.convert("RGB"))
        marked = np.abs(seen - seen[0, 0]).sum(axis=2) > 200
        assert marked[50:].sum() > 100
        assert not marked[:50].any()


def test_letters_that_no_font_has_are_told_and_our_own_need_none(tmp_path: Path) -> None:
    """On a computer without fonts; fontconfig looks once a process."""
    nothing = tmp_path / "fonts.conf"
    nothing.write_text("<fontconfig><dir>/nonexistent</dir></fontconfig>")
    program = (
        "from workers.job import Step; from workers.operations.images import refusal\n"
        "for text in ('Me 2026', '日本'):"
        " print(refusal([Step('images.watermark_text', {'text': text})]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"FONTCONFIG_FILE": str(nothing), "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    own, others = ended.stdout.splitlines()
    assert own == ""
    assert others.startswith("No font on this computer has all letters of the watermark")


def bomb() -> bytes:
    """Return a PNG of a few bytes that claims 60,000 x 60,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    header = (60_000).to_bytes(4) * 2 + bytes((8, 2, 0, 0, 0))
    pixels = zlib.compress(bytes(60_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it is not there"),
        (b"", "the file is empty"),
        (b"not a picture at all", "not a picture: the content is none of the known formats"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a readable PNG (its content is damaged)"),
        (bomb(), "60,000 x 60,000 pixels need 10.8 GB; one picture may take 4.0 GB"),
    ],
)
def test_a_mark_that_is_none_is_told(photo: Path, content: bytes | None, said: str) -> None:
    logo = photo.with_name("mark.png")
    if content is not None:
        logo.write_bytes(content)
    sentence = f"The watermark mark.png cannot be used: {said}."
    assert failed(photo, watermark(logo)).message == sentence
    assert images.refusal([watermark(logo)]) == sentence


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ("", "Choose the picture of the watermark."),
        ("logo.png", "The watermark logo.png cannot be used: name its whole path."),
    ],
)
def test_a_watermark_has_a_picture_that_all_processes_find(picture: str, said: str) -> None:
    assert images.refusal([watermark(picture)]) == said


def test_a_damaged_picture_stays_one_under_a_mark(photo: Path, logo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:300])
    assert failed(photo, watermark(logo)).message == "Not a readable PNG (file ends early)."


def test_a_picture_is_named_from_the_pipelines_folder_and_counts_by_its_content(
    logo: Path,
) -> None:
    lines = '[[steps]]\noperation = "images.watermark_image"\npicture = "logo.png"\n'
    pipeline = parse_pipeline(lines, logo.parent / "p.toml")
    assert pipeline.steps[0].parameters["picture"] == str(logo)
    before = fingerprint(pipeline)
    moved = logo.rename(logo.with_name("moved.png"))
    with pytest.raises(PipelineError, match=r"logo\.png cannot be read"):
        fingerprint(pipeline)
    assert fingerprint(Pipeline("p", (Step("images.watermark_image", {"picture": str(moved)}),)))
    again = parse_pipeline(lines.replace("logo", "moved"), logo.parent / "p.toml")
    assert fingerprint(again) == before
    moved.write_bytes(moved.read_bytes() + b"\x00")
    assert fingerprint(again) != before
    with pytest.raises(PipelineError, match="line 3"):
        parse_pipeline(lines.replace("logo", "\\u0000"), "p.toml")
    with pytest.raises(PipelineError, match="line 3"):
        parse_pipeline('[[steps]]\noperation = "images.watermark_text"\ntext = " "', "p.toml")


def test_a_job_marks_with_a_picture_from_elsewhere(
    running: Running, photo: Path, logo: Path, tmp_path: Path
) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    photo.rename(inputs / "photo.png")

    def ran(output: str = "out") -> JobSnapshot:
        marked = Pipeline("Mark", (watermark(logo),))
        spec = JobSpec(tmp_path / output, marked, on_existing=OnExisting.REPLACE)
        running.post(ClearInputs(), AddInputs((inputs,)), StartJob(spec))
        return running.until_ended()

    assert ran().counts.succeeded == 1
    first = as_pillow_sees(tmp_path / "out" / "photo.png")
    assert pixels(first)[189, 289, 0] != pixels(as_pillow_sees(inputs / "photo.png"))[189, 289, 0]
    assert ran().counts.skipped == 1
    Image.new("RGBA", LOGO_SIZE, "white").save(logo)
    assert ran().counts.succeeded == 1
    logo.write_bytes(logo.read_bytes()[:-30])
    running.ended.clear()
    assert "mark logo.png cannot be used: not a readable PNG" in ran().refusal
    logo.unlink()
    assert ran("new").refusal == "The watermark logo.png cannot be used: it is not there."
    assert not (tmp_path / "new").exists()


def test_what_a_mark_holds_is_foreseen(photo: Path, tmp_path: Path) -> None:
    passes = tmp_path / "passes.png"
    pyvips.Image.black(2000, 1500, bands=3).copy(interpretation="srgb").pngsave(
        str(passes), interlace=True
    )

    def need(*steps: Step) -> int:
        opened = open_input(photo)
        assert isinstance(opened, InputFile)
        with opened:
            return predicted_need(steps, opened)

    plain = need(step("flip"))
    whole: dict[str, ParameterValue] = {"size": 100, "margin": 0}
    assert need(step("flip"), step("watermark_text", **whole)) >= plain + 4 * 300 * 200
    assert need(step("flip"), watermark(passes)) >= plain + 2000 * 1500 * 3
