"""Damaged pictures, saved as far as they read where that was chosen, and marked."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from tests.engine.conftest import Running, job_of
from tests.engine.pictures import as_pillow_sees, failed, pixel, run, step, succeeded
from workers import FailureKind
from workers.commands import StartJob
from workers.job import Pipeline

SALVAGE = step("open", salvage=True)
SAVED = "It was saved as far as it reads."
NAMES = {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WebP", ".gif": "GIF"}


def cut(file: Path, share: float = 0.5) -> Path:
    """Draw green noise whose lower half is lost with the file's end."""
    green = Image.merge("RGB", [Image.effect_noise((200, 400), 40)] * 3)
    green.putpixel((0, 0), (0, 255, 0))
    green.paste((0, 200, 0), (20, 20, 120, 60))
    green.save(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


@pytest.mark.parametrize("shrunk", [False, True])
@pytest.mark.parametrize("suffix", NAMES)
def test_a_cut_file_is_saved_as_far_as_it_reads_and_says_so(
    tmp_path: Path, suffix: str, shrunk: bool
) -> None:
    file = cut(tmp_path / f"cut{suffix}")
    steps = [step("resize", mode="percent", percent=50)] if shrunk else []
    steps += [step("convert", format="png")]
    assert failed(file, *steps).kind is FailureKind.BAD_INPUT
    warning = f"Not a readable {NAMES[suffix]} (file ends early). {SAVED}"
    output = succeeded(file, SALVAGE, *steps, warning=warning)
    assert output.size == ((100, 200) if shrunk else (200, 400))
    red, green, blue = pixel(output.convert("RGB"), *((35, 20) if shrunk else (70, 40)))
    assert green > 150 > 60 > max(red, blue)


def test_flipped_bytes_are_salvaged_and_whole_files_are_not_marked(tmp_path: Path) -> None:
    file = tmp_path / "flipped.png"
    Image.effect_noise((300, 300), 60).save(file)
    whole = succeeded(file, SALVAGE, step("convert", format="png"))
    content = bytearray(file.read_bytes())
    content[len(content) * 3 // 4] ^= 0xFF
    file.write_bytes(content)
    answer, target = run(file, SALVAGE, step("convert", format="png"))
    assert isinstance(answer, str)
    assert answer.endswith(SAVED)
    upper = (0, 0, 300, 100)
    assert as_pillow_sees(target).crop(upper).tobytes() == whole.crop(upper).tobytes()


def test_a_document_is_salvaged_to_its_last_page(tmp_path: Path) -> None:
    file = tmp_path / "document.tif"
    green = Image.new("RGB", (60, 40), (0, 200, 0))
    noise = Image.effect_noise((60, 40), 60).convert("RGB")
    noise.save(file, save_all=True, append_images=[noise, green], compression="tiff_adobe_deflate")
    with Image.open(file) as picture:
        picture.seek(1)
        place = picture.tag_v2[273][0]  # type: ignore[attr-defined]  # Pillow's types have no tags
    content = file.read_bytes()
    file.write_bytes(content[: place + 900] + b"\xff" * 30 + content[place + 930 :])
    assert failed(file, step("convert", format="tiff")).detail.startswith("Page 2 of 3.")
    answer, target = run(file, SALVAGE, step("convert", format="tiff"))
    assert isinstance(answer, str)
    assert answer.endswith(SAVED)
    with Image.open(target) as picture:
        assert picture.n_frames == 3  # type: ignore[attr-defined]  # as above
        picture.seek(2)
        assert picture.getpixel((5, 5)) == (0, 200, 0)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0"])
def test_what_does_not_read_at_all_fails_as_ever(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "nothing.jpg"
    file.write_bytes(content)
    for steps in ((step("convert"),), (SALVAGE, step("convert"))):
        assert failed(file, *steps).message.startswith("Not a readable ")
    assert [left.name for left in tmp_path.iterdir()] == ["nothing.jpg"]


def test_companions_are_made_of_what_was_salvaged(tmp_path: Path) -> None:
    file = cut(tmp_path / "cut.jpg")
    answer, target = run(file, SALVAGE, step("also_save", edge=50), step("convert"))
    assert isinstance(answer, str)
    assert answer.endswith(SAVED)
    assert as_pillow_sees(target.with_name(f"{target.stem}-small.jpg")).size == (25, 50)


def test_what_was_salvaged_is_kept_though_the_damaged_file_is_smaller(
    tmp_path: Path, running: Running, folder: Path
) -> None:
    cut(folder / "cut.jpg")
    Image.effect_noise((200, 400), 40).save(folder / "whole.jpg", quality=20)
    pipeline = Pipeline("Salvage", (SALVAGE, step("convert", format="png")))
    added, start = job_of(folder, tmp_path / "out", pipeline)
    assert isinstance(start, StartJob)
    running.post(added, StartJob(replace(start.spec, only_smaller=True)))
    running.until_ended()
    mended, whole = sorted(row.outputs[0].name for row in running.ended)
    assert (mended, whole) == ("cut.png", "whole.jpg")
    (message,) = (row.message for row in running.ended if row.name == "cut.jpg")
    assert message == f"Not a readable JPEG (file ends early). {SAVED}"
