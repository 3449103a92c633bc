"""Discovery on real folders: real FIFOs, links, names that are no UTF-8, many files."""

import os
import socket
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from workers.discovery import discover, is_online_only
from workers.found_files import FoundFile, KnownFiles
from workers.job import InputFilter, Kind

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="this system takes UTF-8 names only"
)


def found_below(
    *paths: Path, chosen: InputFilter = InputFilter(), left_out: Sequence[Path] = ()
) -> list[FoundFile]:
    known = KnownFiles()
    batches = discover(paths, chosen, left_out=left_out)
    return list(chain.from_iterable(map(known.new_of, batches)))


def names(found: Sequence[FoundFile]) -> list[str]:
    return [Path(file.relative).as_posix() for file in found]


def write(folder: Path, *relatives: str) -> Path:
    for relative in relatives:
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    return folder


def test_files_come_in_natural_order_and_before_folders(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "b/1.jpg", "img10.jpg", "img2.jpg", "a/2.jpg", "Zoo.jpg")

    assert names(found_below(folder)) == ["img2.jpg", "img10.jpg", "Zoo.jpg", "a/2.jpg", "b/1.jpg"]


def test_a_file_carries_what_a_task_needs(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "sub/x.JPG")

    (file,) = found_below(folder)

    status = (folder / "sub/x.JPG").stat()
    assert file == FoundFile(
        folder,
        str(Path("sub/x.JPG")),
        status.st_size,
        status.st_mtime_ns,
        Kind.IMAGE,
        device=status.st_dev,
        number=status.st_ino,
    )


def test_a_dropped_file_has_its_folder_as_root(tmp_path: Path) -> None:
    write(tmp_path, "table.csv")

    (file,) = found_below(tmp_path / "table.csv")

    assert (file.root, file.relative, file.kind) == (tmp_path, "table.csv", Kind.TABLE)


def test_each_file_is_found_once_however_often_it_is_dropped(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg", "sub/b.jpg")
    (folder / "again.jpg").hardlink_to(folder / "a.jpg")

    found = found_below(folder / "sub", folder, folder, folder / "a.jpg")

    assert sorted(names(found)) == ["a.jpg", "b.jpg"]


def test_a_later_drop_adds_only_what_is_new(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg")
    known = KnownFiles()
    for batch in discover([folder], InputFilter()):
        known.new_of(batch)
    write(folder, "b.jpg")

    new = list(chain.from_iterable(map(known.new_of, discover([folder], InputFilter()))))

    assert names(new) == ["b.jpg"]


def test_outputs_staging_folders_and_litter_are_left_out(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in",
        "a.jpg",
        "out/b.jpg",
        ".everycore-job/c.jpg",
        ".DS_Store",
        "Thumbs.db",
        "sub/desktop.ini",
        "._a.jpg",
    )

    assert names(found_below(folder, left_out=[folder / "out"])) == ["a.jpg"]


def test_an_output_folder_made_later_is_left_out_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg")
    batches = discover([folder], InputFilter(), left_out=[folder / "out"])
    write(folder, "out/b.jpg")

    assert names(list(chain.from_iterable(batches))) == ["a.jpg"]


def test_without_recursion_only_the_top_is_searched(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg", "sub/b.jpg")

    assert names(found_below(folder, chosen=InputFilter(is_recursive=False))) == ["a.jpg"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (InputFilter(include=("*.JPG",)), ["a.jpg", "sub/b.jpg"]),
        (InputFilter(include=("sub/*",)), ["sub/b.jpg", "sub/deep/c.png"]),
        (InputFilter(include=("**/*.jpg",)), ["a.jpg", "sub/b.jpg"]),
        (InputFilter(exclude=("deep",)), ["a.jpg", "sub/b.jpg"]),
        (InputFilter(exclude=("sub/",)), ["a.jpg"]),
        (InputFilter(include=("*.jpg",), exclude=("SUB/*",)), ["a.jpg"]),
    ],
)
def test_globs_choose_by_name_or_by_path(
    tmp_path: Path, chosen: InputFilter, expected: list[str]
) -> None:
    folder = write(tmp_path / "in", "a.jpg", "sub/b.jpg", "sub/deep/c.png")

    assert names(found_below(folder, chosen=chosen)) == expected


@needs_posix
def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg")
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "dangling.jpg").symlink_to("nowhere")
    (folder / "to_a.jpg").symlink_to(folder / "a.jpg")

    problems = {file.path.name: file.problem for file in found_below(folder)}

    link = "A link; links are not followed."
    assert problems == {
        "a.jpg": "",
        "loop": link,
        "self": link,
        "dangling.jpg": link,
        "to_a.jpg": link,
    }


@needs_posix
def test_pipes_and_sockets_are_named_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    place = os.open(tmp_path, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{place}/s" if sys.platform == "linux" else "s")
        found = found_below(tmp_path)
    os.close(place)

    assert {file.problem for file in found} == {"Not a regular file."}
    assert names(found) == ["pipe.jpg", "s"]


def test_a_path_that_is_gone_is_named(tmp_path: Path) -> None:
    (file,) = found_below(tmp_path / "nowhere")

    assert (file.root, file.relative) == (tmp_path, "nowhere")
    assert file.problem == "No longer there."


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="the superuser may read every folder"
)
def test_a_closed_folder_is_one_problem_and_the_rest_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.jpg", "closed/b.jpg")
    (folder / "closed").chmod(0)

    found = found_below(folder)
    (folder / "closed").chmod(0o700)

    assert [(file.path.name, file.problem) for file in found] == [
        ("a.jpg", ""),
        ("closed", "No permission to read this folder."),
    ]


@needs_linux
def test_names_that_are_no_utf8_keep_their_bytes(tmp_path: Path) -> None:
    raw = b"caf\xe9\n\x1b[31m.jpg"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw)).write_bytes(b"x")

    (file,) = found_below(tmp_path)

    assert os.fsencode(file.path.name) == raw
    assert file.path.exists()


def test_a_great_folder_is_found_in_bounded_batches(tmp_path: Path) -> None:
    for number in range(20_000):
        os.close(os.open(tmp_path / f"{number}.csv", os.O_CREAT | os.O_WRONLY))

    batches = [batch for batch in discover([tmp_path], InputFilter()) if batch]

    assert len(batches[0]) <= 200
    assert max(map(len, batches)) <= 1000
    assert len({file.path for batch in batches for file in batch}) == 20_000


def test_a_deep_tree_is_walked_without_recursion(tmp_path: Path) -> None:
    depth = 400
    write(tmp_path, "/".join(["d"] * depth) + "/a.jpg")

    (file,) = found_below(tmp_path)

    assert len(Path(file.relative).parts) == depth + 1


@pytest.mark.parametrize(
    ("mark", "is_online"),
    [
        ({"st_file_attributes": 0x400020}, True),
        ({"st_file_attributes": 0x1020}, True),
        ({"st_file_attributes": 0x20}, False),
        ({"st_flags": 0x40000000}, True),
        ({"st_flags": 0x20}, False),
        ({}, False),
    ],
)
def test_file_whose_content_lies_in_a_cloud_is_told_apart(
    mark: dict[str, int], is_online: bool
) -> None:
    """Neither mark can be set here: their values are those that the systems document."""
    assert is_online_only(cast("os.stat_result", SimpleNamespace(**mark))) is is_online


def test_file_in_a_cloud_is_skipped_and_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "in", "far.jpg", "near.jpg")
    far = (folder / "far.jpg").stat().st_ino
    monkeypatch.setattr("workers.discovery._TELLS_ONLINE_ONLY", True)
    monkeypatch.setattr("workers.discovery.is_online_only", lambda status: status.st_ino == far)
    told = {file.relative: (file.problem, file.size) for file in found_below(folder)}
    assert told == {
        "far.jpg": ("Online only: to read it would download it.", 7),
        "near.jpg": ("", 7),
    }
