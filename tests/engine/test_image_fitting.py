"""Pictures in no more than so many bytes, at the best quality that allows."""

from pathlib import Path

import pytest
from PIL import Image

from tests.engine.pictures import as_pillow_sees, failed, run, step
from workers import FailureKind
from workers.operations.image_fitting import fitted
from workers.operations.input_file import InputFile, open_input
from workers.step_runs import predicted_need

MOST = 7


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    file = tmp_path / "noise.png"
    bands = [Image.effect_noise((400, 300), spread) for spread in (60, 40, 20)]
    Image.merge("RGB", bands).save(file)
    return file


@pytest.mark.parametrize("share", [0.6, 0.9])
@pytest.mark.parametrize("wanted", ["jpeg", "webp", "jxl"])
def test_a_file_takes_no_more_than_allowed_and_little_less(
    noise: Path, wanted: str, share: float
) -> None:
    _, free = run(noise, step("convert", format=wanted, quality=85))
    most = int(share * free.stat().st_size / 1000)
    answer, target = run(noise, step("convert", format=wanted, quality=85, max_kilobytes=most))
    assert answer == ""
    assert 0.9 * most * 1000 <= target.stat().st_size <= most * 1000


def test_avif_is_fitted_as_well(tmp_path: Path) -> None:
    file = tmp_path / "small.png"  # it takes long to encode
    Image.effect_noise((120, 90), 60).save(file)
    answer, target = run(file, step("convert", format="avif", quality=90, max_kilobytes=4))
    assert answer == ""
    assert 3000 <= target.stat().st_size <= 4000
    assert as_pillow_sees(target).format == "AVIF"


def test_what_fits_at_the_wanted_quality_is_saved_at_it(noise: Path) -> None:
    _, free = run(noise, step("convert", quality=70))
    answer, limited = run(noise, step("convert", quality=70, max_kilobytes=10_000))
    assert answer == ""
    assert limited.read_bytes() == free.read_bytes()


def test_a_limit_does_not_touch_formats_without_a_quality(noise: Path) -> None:
    answer, target = run(noise, step("convert", format="png", max_kilobytes=1))
    assert answer == ""
    assert as_pillow_sees(target).size == (400, 300)


def test_what_cannot_fit_fails_with_what_to_do(noise: Path) -> None:
    failure = failed(noise, step("convert", max_kilobytes=3))
    assert failure.kind is FailureKind.OPERATION_FAILED
    assert failure.message.startswith("Even at quality 10 it takes ")
    assert failure.message.endswith(", more than 3.0 kB: add a step that makes pictures smaller.")
    lossless = failed(noise, step("convert", format="webp", lossless=True, max_kilobytes=30))
    assert lossless.message.startswith("Without loss it takes ")
    smaller = step("resize", width=60, height=60), step("convert", max_kilobytes=3)
    assert run(noise, *smaller)[1].stat().st_size <= 3000


def test_a_limit_on_an_animation_keeps_its_frames(tmp_path: Path) -> None:
    file = tmp_path / "moving.webp"
    frames = [Image.effect_noise((90, 80), spread).convert("RGB") for spread in (30, 60, 90)]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=150, quality=95)
    answer, target = run(file, step("convert", format="webp", quality=90, max_kilobytes=9))
    assert answer == ""
    assert target.stat().st_size <= 9000
    assert getattr(as_pillow_sees(target), "n_frames", 1) == 3


@pytest.mark.parametrize("growth", [1.02, 1.05])
@pytest.mark.parametrize("most", [1_100, 2_000, 5_000, 40_000])
def test_few_encodes_find_the_best_quality(growth: float, most: int) -> None:
    tried: list[int] = []

    def encoded(quality: int) -> bytes:
        tried.append(quality)
        # As JPEG's, the size leaps where colours are kept at full resolution.
        return bytes(int(800 * growth**quality * (1.3 if quality >= 90 else 1)))

    found = fitted(encoded, 95, most)
    sizes = {
        quality: int(800 * growth**quality * (1.3 if quality >= 90 else 1))
        for quality in range(10, 96)
    }
    best = max((size for size in sizes.values() if size <= most), default=0)
    assert len(tried) <= MOST
    if best:
        assert isinstance(found, bytes)
        assert 0.9 * best <= len(found) <= most
    else:
        assert found == sizes[10]


def test_a_picture_that_is_encoded_often_is_predicted_to_be_held(noise: Path) -> None:
    opened = open_input(noise)
    assert isinstance(opened, InputFile)
    with opened:
        once = predicted_need((step("convert"),), opened)
        often = predicted_need((step("convert", max_kilobytes=9),), opened)
    assert often - once >= 400 * 300 * 3
