"""The list of checksums, checked by the tool whose form it has."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.reduced import Reducing
from workers.job import Step

# Names that other programs trip over, an empty file among them.
CONTENTS = {
    "a.txt": b"a" * 70_000,
    "empty": b"",
    "img2.raw": b"2",
    "img10.raw": b"10",
    "deep/über uns\\.txt": b"deep",
    "deep/two\nlines\r": b"line",
}
LISTED = ["a.txt", "empty", "img2.raw", "img10.raw", r"deep/two\nlines\r", r"deep/über uns\\.txt"]


def fill(folder: Path) -> None:
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / os.fsdecode(b"latin\xe9")).write_bytes(b"latin")


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("sha256sum") is None, reason="needs sha256sum"
)
@pytest.mark.parametrize(
    ("names_from", "place"), [("list", "out"), ("input", "inputs"), ("absolute", ".")]
)
def test_the_list_is_what_sha256sum_checks(
    folder: Path, tmp_path: Path, names_from: str, place: str
) -> None:
    fill(folder)
    step = Step("files.manifest", {"names_from": names_from})
    made = Reducing(folder, tmp_path / "out", step).made()
    assert made.name == "SHA256SUMS"
    check = ["sha256sum", "--check", "--strict", "--quiet", str(made)]
    told = subprocess.run(check, cwd=tmp_path / place, capture_output=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")
    (folder / "img2.raw").write_bytes(b"3")
    told = subprocess.run(check, cwd=tmp_path / place, capture_output=True, check=False)
    assert told.returncode == 1
    assert told.stdout.endswith(b"img2.raw: FAILED\n")
    assert told.stdout.count(b"\n") == 1


def test_files_stand_in_the_list_in_the_order_of_a_search(folder: Path, tmp_path: Path) -> None:
    fill(folder)
    step = Step("files.manifest", {"names_from": "input", "name": "sums"})
    made = Reducing(folder, tmp_path / "out", step).made()
    assert made == tmp_path / "out" / "sums"
    lines = [line for line in made.read_bytes().splitlines() if b"latin" not in line]
    assert [line.decode().partition("  ")[2] for line in lines] == LISTED
    assert lines[0].decode() == f"{hashlib.sha256(CONTENTS['a.txt']).hexdigest()}  a.txt"
