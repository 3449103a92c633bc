"""What outputs are called: mirrored, numbered, legal, and never outside their folder."""

import os
import unicodedata
from pathlib import Path

import pytest

from workers.output_names import NamePlanner, default_output, legal_part

ROOT = Path("/in/Holiday")


def planner(output: Path = Path("/out"), *, has_several_roots: bool = False) -> NamePlanner:
    return NamePlanner(output, has_several_roots=has_several_roots)


def below(names: NamePlanner, *relatives: str, suffix: str = ".webp") -> list[str]:
    planned = [names.plan(ROOT, Path(relative), suffix) for relative in relatives]
    return [path.relative_to("/out").as_posix() for path in planned]


def test_a_dropped_folder_gets_a_sibling(tmp_path: Path) -> None:
    (tmp_path / "Holiday").mkdir()
    (tmp_path / "loose.jpg").touch()

    chosen = default_output([tmp_path / "loose.jpg", tmp_path / "Holiday"])

    assert chosen == tmp_path / "Holiday (Everycore)"


def test_loose_files_get_a_folder_where_they_lie(tmp_path: Path) -> None:
    assert default_output([tmp_path / "a.jpg"]) == tmp_path / "Everycore"


def test_the_tree_is_mirrored_with_the_new_suffix() -> None:
    assert below(planner(), "a/b.JPG", "a/c.tar.gz", "d") == ["a/b.webp", "a/c.tar.webp", "d.webp"]


def test_several_roots_stand_in_front_each_with_its_own_name() -> None:
    names = planner(has_several_roots=True)

    planned = [
        names.plan(Path(root), Path("x.jpg"), ".png")
        for root in ("/a/Photos", "/b/photos", "/a/Photos", "/")
    ]

    assert [path.as_posix() for path in planned] == [
        "/out/Photos/x.png",
        "/out/photos (2)/x.png",
        "/out/Photos/x (2).png",
        "/out/root/x.png",
    ]


def test_names_that_some_disk_takes_for_one_are_numbered() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    relatives = ["a.jpg", "a.png", "A.gif", "é.jpg", f"{decomposed}.jpg", "É.jpg", "ß.x", "SS.x"]

    planned = below(planner(), *relatives)

    assert planned[:4] == ["a.webp", "a (2).webp", "A (3).webp", "é.webp"]
    folded = {unicodedata.normalize("NFC", name).casefold() for name in planned}
    assert len(folded) == len(relatives)


def test_names_that_the_disk_tells_apart_keep_their_inputs_names() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    names = NamePlanner(Path("/out"), has_several_roots=False, folds=False)

    planned = below(names, "a.jpg", "a.png", "A.gif", "é.jpg", f"{decomposed}.jpg")

    assert planned == ["a.webp", "a (2).webp", "A.webp", "é.webp", f"{decomposed}.webp"]


def test_a_number_that_is_taken_is_passed_over() -> None:
    assert below(planner(), "a (2).jpg", "a.jpg", "a.png") == [
        "a (2).webp",
        "a.webp",
        "a (3).webp",
    ]


def test_an_output_and_a_folder_never_share_a_name() -> None:
    names = planner()

    assert below(names, "p.jpg", "p.webp/1.jpg", "p.webp/2.jpg") == [
        "p.webp",
        "p.webp (2)/1.webp",
        "p.webp (2)/2.webp",
    ]
    assert below(names, "q.webp/1.jpg", "q.jpg") == ["q.webp/1.webp", "q (2).webp"]


def test_reserved_names_are_not_given_again() -> None:
    names = planner()
    names.reserve(Path("/out/a.webp"))
    names.reserve(Path("/elsewhere/b.webp"))

    assert below(names, "a.jpg", "b.jpg") == ["a (2).webp", "b.webp"]


def test_ten_thousand_files_of_one_name_are_numbered_quickly() -> None:
    names = planner()

    planned = {names.plan(ROOT, Path("a.jpg"), ".png") for _ in range(10_000)}

    assert len(planned) == 10_000


@pytest.mark.parametrize("stem", ["n" * 255, "é" * 127, "日" * 85, os.fsdecode(b"\xe9" * 250)])
def test_a_long_name_is_cut_so_that_its_suffix_fits(stem: str) -> None:
    names = planner()

    for _ in range(3):
        name = names.plan(ROOT, Path(stem), ".summary.csv").name
        assert len(os.fsencode(name)) <= 255
        assert name.endswith(".summary.csv")


@pytest.mark.parametrize(
    "relative", ["../../x", "/etc/passwd", "a/../../x", "..", ".", "a/./b", "\0", "a\0/b", "~/x"]
)
@pytest.mark.parametrize("suffix", [".png", "", "/../../x", "\0.png", ".."])
def test_no_name_leads_out_of_the_output_folder(tmp_path: Path, relative: str, suffix: str) -> None:
    planned = planner(tmp_path, has_several_roots=True).plan(Path("/.."), Path(relative), suffix)

    assert "\0" not in str(planned)
    assert Path(os.path.normpath(planned)).is_relative_to(tmp_path)
    assert planned != tmp_path


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("con", "con_"),
        ("Aux.txt", "Aux_.txt"),
        ("COM1", "COM1_"),
        ("console", "console"),
        ("a:b?.jpg", "a_b_.jpg"),
        ("dots...", "dots"),
        ("space ", "space"),
        ("...", "_"),
    ],
)
def test_windows_gets_names_that_it_takes(part: str, expected: str) -> None:
    assert legal_part(part, is_windows=True) == expected


def test_other_systems_keep_the_names_they_take() -> None:
    assert legal_part("con: a?.txt. ", is_windows=False) == "con: a?.txt. "
