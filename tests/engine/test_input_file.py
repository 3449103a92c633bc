"""Inputs are opened without ever blocking, and known by what they hold."""

import io
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workers import Failure, FailureKind, Kind, Skip
from workers.operations.input_file import InputFile, open_input
from workers.operations.kinds import ImageFormat, image_format, kind_of_content, kind_of_suffix


def opened(path: Path) -> InputFile:
    found = open_input(path)
    assert isinstance(found, InputFile)
    return found


def test_a_file_is_read_whole_and_more_than_once(tmp_path: Path) -> None:
    file = tmp_path / "Table.CSV"
    file.write_bytes(b"a,b\n1,2\n")
    with opened(file) as source:
        assert (source.read(), source.read()) == (b"a,b\n1,2\n", b"a,b\n1,2\n")
        assert (source.path, source.name, source.suffix) == (file, "Table.CSV", ".csv")
        assert (source.size, source.kind) == (8, Kind.TABLE)


def test_the_safe_path_leads_to_the_content_and_hides_the_name(tmp_path: Path) -> None:
    file = tmp_path / "x.csv[1]"
    file.write_bytes(b"content")
    with opened(file) as source:
        assert source.safe_path().read_bytes() == b"content"
        if Path("/proc/self/fd").is_dir():
            assert "[" not in str(source.safe_path())


needs_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


@needs_posix
def test_a_fifo_is_skipped_at_once(tmp_path: Path) -> None:
    file = tmp_path / "pipe.jpg"
    os.mkfifo(file)
    assert open_input(file) == Skip("Not a regular file.")


@needs_posix
@pytest.mark.parametrize("name", ["folder", "socket", "link", "loop", "dangling", "device"])
def test_what_is_no_regular_file_is_skipped(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name == "folder":
        file.mkdir()
    elif name == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(file))
    else:
        goals = {"link": "/etc/hostname", "loop": str(file), "device": "/dev/zero"}
        file.symlink_to(goals.get(name, str(tmp_path / "nowhere")))
    assert open_input(file) == Skip("Not a regular file.")


def test_a_missing_file_is_skipped(tmp_path: Path) -> None:
    assert open_input(tmp_path / "gone.jpg") == Skip("No longer there.")


@needs_posix
def test_a_forbidden_file_is_skipped(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    file = tmp_path / "secret.jpg"
    file.write_bytes(b"x")
    file.chmod(0)
    assert open_input(file) == Skip("No permission to read this file.")


def test_an_empty_file_fails(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    failure = open_input(tmp_path / "empty.png")
    assert failure == Failure(FailureKind.BAD_INPUT, "The file is empty.")


def test_nothing_stays_open_after_a_refusal(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files cannot be counted here")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("pipe", "empty", "missing"):
        open_input(tmp_path / name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_change_while_open_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "growing.csv"
    file.write_bytes(b"a\n1\n")
    with opened(file) as source:
        assert not source.has_changed()
        with file.open("ab") as stream:
            stream.write(b"2\n")
        assert source.has_changed()


def test_a_replacement_and_a_removal_are_seen(tmp_path: Path) -> None:
    file, other = tmp_path / "file.csv", tmp_path / "other.csv"
    file.write_bytes(b"a\n1\n")
    other.write_bytes(b"a\n1\n")
    with opened(file) as source:
        other.replace(file)
        assert source.has_changed()
        file.unlink()
        assert source.has_changed()


def test_a_name_that_is_not_utf_8_is_shown_escaped(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9\n.csv")
    try:
        file.write_bytes(b"a\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with opened(file) as source:
        assert source.name == "caf\\xe9\\x0a.csv"
        assert source.read() == b"a\n"


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 10)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("JPEG", ImageFormat.JPEG),
        ("PNG", ImageFormat.PNG),
        ("WEBP", ImageFormat.WEBP),
        ("TIFF", ImageFormat.TIFF),
        ("AVIF", ImageFormat.AVIF),
        ("GIF", ImageFormat.GIF),
        ("BMP", ImageFormat.BMP),
    ],
)
def test_pictures_are_known_by_their_content(tmp_path: Path, kind: str, known: ImageFormat) -> None:
    file = tmp_path / "no-suffix"
    file.write_bytes(encoded(kind))
    with opened(file) as source:
        assert source.kind is Kind.IMAGE
        assert image_format(source.head) is known


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0", ImageFormat.RAW),
        (b"FUJIFILMCCD-RAW 0201", ImageFormat.RAW),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", ImageFormat.RAW),
        (b"\0\0\0\x0cJXL \r\n\x87\n", ImageFormat.JXL),
        (b"\xff\x0a\x7a\x40", ImageFormat.JXL),
        (b"II*\0\x08\0\0\0", ImageFormat.TIFF),
    ],
)
def test_cameras_and_jpeg_xl_are_known_by_their_first_bytes(
    head: bytes, known: ImageFormat
) -> None:
    assert image_format(head) is known


def test_content_wins_over_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "array.jpg"
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with opened(file) as source:
        assert source.kind is Kind.ARRAY


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".JPG", Kind.IMAGE),
        (".heic", Kind.IMAGE),
        (".JXL", Kind.IMAGE),
        (".nef", Kind.IMAGE),
        (".tsv", Kind.TABLE),
        (".parquet", Kind.TABLE),
        (".npy", Kind.ARRAY),
        (".svg", Kind.ANY),
        ("", Kind.ANY),
    ],
)
def test_a_suffix_promises_a_kind(suffix: str, kind: Kind) -> None:
    assert kind_of_suffix(suffix) is kind


@pytest.mark.parametrize("head", [b"", b"B", b"BM is how this text begins, by chance", b"a,b\n1,2"])
def test_content_that_proves_nothing_has_no_kind(head: bytes) -> None:
    assert kind_of_content(head) is None
