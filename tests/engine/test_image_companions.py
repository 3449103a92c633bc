"""Smaller copies beside a picture: their size, format, metadata; one decode for all."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from tests.engine.conftest import Running, job_of
from workers.commands import StartJob
from workers.job import Kind, Pipeline, Step, TaskState
from workers.operations import Companion, images
from workers.operations.input_file import InputFile, open_input
from workers.outcome import Failure
from workers.pipeline import companions, load_pipeline

ALSO = Step("images.also_save", {"edge": 100, "mark": "-small"})


def run(steps: tuple[Step, ...], file: Path, target: Path) -> Failure | str:
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened as source:
        return images.run(steps, source, target)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    Image.effect_noise((1200, 800), 90).convert("RGB").save(file, quality=95, exif=exif)
    return file


def test_copy_has_its_size_format_and_the_pixels_of_the_picture(
    photo: Path, tmp_path: Path
) -> None:
    steps = (
        Step("images.resize", {"mode": "long_edge", "edge": 600}),
        Step("images.convert", {"format": "png"}),
        replace(ALSO, parameters={"edge": 100, "mark": "-small", "format": "webp"}),
        Step("images.also_save", {"edge": 50, "mark": "-tiny"}),
    )
    assert run(steps, photo, tmp_path / "out.png") == ""
    with Image.open(tmp_path / "out.png") as main:
        assert main.size == (400, 600)
        wanted = main.convert("RGB").resize((67, 100), Image.Resampling.LANCZOS)
    with Image.open(tmp_path / "out-small.webp") as small:
        assert (small.format, small.size) == ("WEBP", (67, 100))
        pairs = zip(small.convert("L").tobytes(), wanted.convert("L").tobytes(), strict=True)
        assert sum(abs(a - b) for a, b in pairs) / (67 * 100) < 12
    with Image.open(tmp_path / "out-tiny.png") as tiny:
        assert (tiny.format, tiny.size) == ("PNG", (33, 50))


def test_copy_of_a_picture_that_is_small_already_keeps_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    assert run((ALSO,), tmp_path / "a.png", tmp_path / "out.png") == ""
    with Image.open(tmp_path / "out-small.png") as small:
        assert small.size == (40, 30)


@pytest.mark.parametrize(("mode", "has_camera"), [("keep", True), ("strip", False)])
def test_copy_keeps_or_loses_metadata_as_the_picture_does(
    photo: Path, tmp_path: Path, mode: str, has_camera: bool
) -> None:
    steps = (Step("images.metadata", {"mode": mode}), ALSO)
    assert run(steps, photo, tmp_path / "out.jpg") == ""
    for name in ("out.jpg", "out-small.jpg"):
        with Image.open(tmp_path / name) as picture:
            assert (0x010F in picture.getexif()) is has_camera
            assert picture.getexif().get(0x0112, 1) == 1
            assert picture.width < picture.height


def test_picture_is_decoded_once_for_all(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.operations import image_decode

    decoded = []
    real = image_decode.decode

    def counted(*arguments: object) -> object:
        decoded.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(image_decode, "decode", counted)
    assert run((ALSO, ALSO), photo, tmp_path / "out.jpg") == ""
    assert len(decoded) == 1


def test_marks_are_told_apart_and_cannot_lead_elsewhere() -> None:
    pipeline = Pipeline(
        "p",
        (
            ALSO,
            Step("images.also_save", {"edge": 50, "mark": "-small"}),
            Step("images.also_save", {"edge": 50, "mark": "/../x"}),
        ),
    )
    assert companions(pipeline, Kind.IMAGE, ".jpg") == (
        Companion("-small", ".jpg"),
        Companion("-small-50", ".jpg"),
        Companion("____x", ".jpg"),
    )
    assert companions(pipeline, Kind.TABLE, ".csv") == ()


def test_web_gallery_makes_both_in_one_pass(running: Running, folder: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png"):
        Image.effect_noise((3000, 2000), 40).convert("RGB").save(folder / name)
    (folder / "c.jpg").write_bytes((folder / "a.jpg").read_bytes()[:20_000])
    added, start = job_of(folder, tmp_path / "out", load_pipeline("web-gallery-2048"))
    assert isinstance(start, StartJob)
    running.post(added, start)
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (2, 1)
    sizes = {}
    for file in (tmp_path / "out").iterdir():
        with Image.open(file) as picture:
            sizes[file.name] = picture.size
    assert sizes == {
        "a.webp": (2048, 1365),
        "a-thumb.webp": (320, 213),
        "b.webp": (2048, 1365),
        "b-thumb.webp": (320, 213),
    }
    failed = next(row for row in running.ended if row.state is TaskState.FAILED)
    assert failed.message == "Not a readable JPEG (file ends early)."
