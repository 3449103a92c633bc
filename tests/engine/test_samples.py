"""The samples that ship: all there, small, and each does what it is there to show."""

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import resources
from workers import Failure
from workers.operations import find_family
from workers.operations.input_file import InputFile, open_input
from workers.pipeline import families_of, load_pipeline, output_suffix, steps_for

SAMPLES = resources.samples_path()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = Path(__file__).resolve().parents[2] / "packaging"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("make_samples", folder / "make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_samples", module)
    spec.loader.exec_module(module)
    return module


def names() -> list[str]:
    files = (file for file in SAMPLES.rglob("*") if file.is_file())
    return sorted(file.relative_to(SAMPLES).as_posix() for file in files)


def test_the_folder_holds_what_the_script_declares(script: ModuleType) -> None:
    assert tuple(names()) == script.declared()


def test_the_counts_and_the_size_are_as_promised() -> None:
    counts = [
        len(list((SAMPLES / part).iterdir()))
        for part in ("pictures", "tables", "arrays", "damaged")
    ]
    assert counts == [60, 12, 6, 6]
    assert sum((SAMPLES / name).stat().st_size for name in names()) < 3_000_000


def test_the_script_draws_the_same_pixels_again(script: ModuleType) -> None:
    for number, picture in enumerate(script.PICTURES, start=1):
        if picture.name in ("turned-6.jpg", "poster-02.png", "web-07.webp"):
            again = script._encoded(picture, script.Numbers(number))
            there = (SAMPLES / "pictures" / picture.name).read_bytes()
            drawn = [Image.open(io.BytesIO(content)) for content in (again, there)]
            assert drawn[0].convert("RGB").tobytes() == drawn[1].convert("RGB").tobytes()


def test_the_pictures_show_every_format_turn_and_size() -> None:
    formats, turns, places, profiles, sides = set(), set(), 0, 0, set()
    for file in (SAMPLES / "pictures").iterdir():
        with Image.open(file) as picture:
            formats.add(picture.format)
            turns.add(picture.getexif().get(0x0112, 1))
            places += bool(picture.getexif().get_ifd(0x8825))
            profiles += "icc_profile" in picture.info
            sides.add(max(picture.size))
    assert formats == {"JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP"}
    assert turns == set(range(1, 9))
    assert places >= 5
    assert profiles >= 3
    assert (min(sides), max(sides)) == (320, 2000)


def toured(file: Path, folder: Path) -> str:
    """Run the tour on one sample; return its failure's or its warning's sentence."""
    tour = load_pipeline("samples-tour")
    source = open_input(file)
    if not isinstance(source, InputFile):
        return source.message
    with source:
        ((family, steps),) = families_of(steps_for(tour, source.kind))
        target = folder / f"staged{output_suffix(tour, source.kind, source.suffix)}"
        answer = find_family(family).run(steps, source, target)
        target.unlink(missing_ok=True)
    return answer.message if isinstance(answer, Failure) else answer


EXPECTED = {
    "damaged/broken.parquet": "Not a readable Parquet file (its content is damaged).",
    "damaged/cut-short.jpg": "Not a readable JPEG (file ends early).",
    "damaged/empty.png": "The file is empty.",
    "damaged/letter.jpg": "Not a picture: the content is none of the known formats.",
    "damaged/objects.npy": "Not a readable array (it holds Python objects, which could run code).",
    "damaged/ragged.csv": "1 row has values beyond the last column, which were left out; "
    "1 row is too short and filled with missing values.",
    "arrays/spiral.npy": "The numbers are complex; the statistics are of their magnitude.",
    "pictures/turning-shapes.gif": "Only the first of 4 frames was kept.",
    "tables/sales-old-till.csv": "The text is not UTF-8; it was read as Windows-1252.",
}


def test_the_tour_takes_every_sample_as_expected(tmp_path: Path) -> None:
    said = {name: toured(SAMPLES / name, tmp_path) for name in names()}
    assert {name: sentence for name, sentence in said.items() if sentence} == EXPECTED
