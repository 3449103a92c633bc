"""Pictures that look alike, found by their hashes."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resources
from tests.engine.reduced import Reducing
from workers.job import Step
from workers.operations.hash_groups import alike_leaders
from workers.operations.image_alike import perceptual_hash, write_report
from workers.outcome import Failure, Success
from workers.partials import Partial


def scene(seed: int) -> Image.Image:
    """Return a picture of soft spots, each seed another one."""
    spots = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(spots).resize((400, 300), Image.Resampling.BICUBIC)


def rows_of(report: Path) -> list[list[str]]:
    with report.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["group", "picture", "distance", "width", "height", "bytes"]
    return rows


def test_copies_in_other_sizes_and_formats_are_grouped_the_largest_first(
    folder: Path, tmp_path: Path
) -> None:
    for seed in range(6):
        scene(seed).save(folder / f"{seed}.png")
    (folder / "deep").mkdir()
    scene(2).resize((200, 150)).save(folder / "deep" / "small.webp")
    scene(2).resize((800, 600)).save(folder / "-large.jpg", quality=40)
    scene(2).convert("L").point(lambda value: value // 2 + 60).save(folder / "grey.gif")
    scene(4).rotate(180).save(folder / "turned.png")
    made = Reducing(folder, tmp_path / "out", Step("images.near_duplicates")).made()
    rows = rows_of(made)
    assert [row[:2] for row in rows] == [
        ["1", "'-large.jpg"],
        ["1", "2.png"],
        ["1", "grey.gif"],
        ["1", "deep/small.webp"],
    ]
    assert all(int(row[2]) <= 6 for row in rows)
    assert rows[0][2:5] == ["0", "800", "600"]
    assert int(rows[0][5]) == (folder / "-large.jpg").stat().st_size


def test_a_damaged_picture_is_compared_as_far_as_it_reads_where_that_was_chosen(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("whole", "cut"):
        scene(1).save(folder / f"{name}.jpg")
    content = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(content[:-40])
    steps = Step("images.open", {"salvage": True}), Step("images.near_duplicates")
    reducing = Reducing(folder, tmp_path / "out", *steps)
    assert [row[:2] for row in rows_of(reducing.made())] == [["1", "whole.jpg"], ["1", "cut.jpg"]]
    outcome = reducing.outcomes["cut.jpg"]
    assert isinstance(outcome, Success)
    assert outcome.warning.endswith("(file ends early). It was saved as far as it reads.")
    strict = Reducing(folder, tmp_path / "strict", *steps[1:])
    assert isinstance(strict.outcomes["cut.jpg"], Failure)


def test_the_size_of_a_picture_of_any_format_is_told(folder: Path, tmp_path: Path) -> None:
    names = ["picture.png", "picture.bmp", "picture.jxl", "picture.heic", "picture.dng"]
    for name in names:
        shutil.copy(resources.probes_path() / name, folder)
    reducing = Reducing(folder, tmp_path / "out", Step("images.near_duplicates"))
    rows = rows_of(reducing.made())
    made = [name for name in names if isinstance(reducing.outcomes[name], Success)]
    assert {"picture.png", "picture.bmp"} <= set(made)
    assert {row[1]: row[3:5] for row in rows} == {name: ["64", "48"] for name in made}


def test_plain_pictures_are_alike_by_their_brightness(folder: Path, tmp_path: Path) -> None:
    for name, grey in (("a", 10), ("b", 12), ("c", 200), ("d", 255)):
        Image.new("L", (40, 30), grey).save(folder / f"{name}.png")
    Image.new("LA", (40, 30), (0, 0)).save(folder / "nothing.png")  # on white
    made = Reducing(folder, tmp_path / "out", Step("images.near_duplicates")).made()
    assert [row[:3] for row in rows_of(made)] == [
        ["1", "a.png", "0"],
        ["1", "b.png", "0"],
        ["2", "d.png", "0"],
        ["2", "nothing.png", "0"],
    ]


def test_the_hash_tells_which_low_frequencies_stand_out() -> None:
    places = np.arange(32)
    wave = np.cos(np.pi * (2 * places + 1) * 3 / 64)  # three half waves from left to right
    pixels = np.round(128 + 100 * np.tile(wave, (32, 1))).astype(np.uint8)
    marks = f"{perceptual_hash(pixels):064b}"
    assert marks[3] == "1"  # row 0, column 3
    assert perceptual_hash(pixels) != perceptual_hash(pixels.T.copy())
    darker = (pixels // 2).astype(np.uint8)
    assert f"{perceptual_hash(darker):064b}"[3] == "1"


@pytest.mark.parametrize("distance", [0, 3, 9, 10, 24])
def test_groups_are_those_of_comparing_each_with_each(distance: int) -> None:
    random = np.random.default_rng(distance)
    hashes = random.integers(0, 2**63, 40, np.uint64).repeat(8)
    for _ in range(distance):
        hashes ^= np.uint64(1) << random.integers(0, 63, len(hashes), np.uint64)
    wanted = list(range(len(hashes)))
    for one, other in np.argwhere(np.bitwise_count(hashes[:, None] ^ hashes) <= distance):
        low, high = sorted((wanted[one], wanted[other]))
        wanted = [low if leader == high else leader for leader in wanted]
    assert alike_leaders(hashes, distance).tolist() == wanted


def test_twenty_thousand_that_are_all_alike_are_one_group() -> None:
    """Of 200 million pairs none is told one by one, which would take minutes."""
    places = np.random.default_rng(1).integers(0, 63, (3, 20_000), np.uint64)
    hashes = np.bitwise_xor.reduce(np.uint64(1) << places)
    assert not alike_leaders(hashes, 6).any()


@pytest.mark.parametrize(("distance", "groups"), [(1, 700), (0, 0)])
def test_of_many_pictures_each_is_compared_with_each(
    tmp_path: Path, distance: int, groups: int
) -> None:
    """Thrice 700 pictures: of three each differs from the first in one mark, far down the list."""
    random = np.random.default_rng(1)
    firsts = [int(each) for each in random.integers(0, 2**63, 700)]
    partials = []
    for number, marks in enumerate([*firsts, *(m ^ 1 for m in firsts), *(m ^ 2 for m in firsts)]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps((10, 10, 100, marks)))
        partials.append(Partial(1, tmp_path, f"{number}.png", str(path), ""))
    assert write_report(partials, distance, tmp_path / "report.csv") == ""
    rows = rows_of(tmp_path / "report.csv")
    assert len(rows) == 3 * groups
    names = [int(row[1].removesuffix(".png")) for row in rows]
    assert names == [n + more for n in range(groups) for more in (0, 700, 1400)]
