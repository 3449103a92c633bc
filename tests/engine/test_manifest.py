"""What is known of a folder's outputs, from the journals and from the manifest in the folder."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill
from tests.engine.test_reduce_jobs import merge
from workers.commands import AddInputs, ClearInputs, StartJob
from workers.manifest import NAME, Finding, read_manifest, recorded, verify

AWAY = Path("elsewhere")


@pytest.fixture
def output(running: Running, folder: Path, tmp_path: Path) -> Path:
    """Return the folder of a job that has ended and left its manifest."""
    fill(folder, 5)
    (folder / "sub").mkdir()
    (folder / "sub" / os.fsdecode(b"caf\xe9 \n=x.txt")).write_text("odd")
    run(running, folder, tmp_path / "out")
    return tmp_path / "out"


def run(running: Running, folder: Path, output: Path) -> None:
    add, start = job_of(folder, output, own_code(output.parent, COPY))
    assert isinstance(start, StartJob)
    running.post(ClearInputs(), add, StartJob(replace(start.spec, manifest=True)))
    running.until_ended()
    running.until(lambda _now: not running.engine.is_busy)


def findings(output: Path) -> Counter[Finding]:
    return Counter(finding for _, finding in verify(output, read_manifest(output)))


def test_outputs_that_nobody_touched_are_as_made_on_another_computer_too(
    output: Path, folder: Path, tmp_path: Path
) -> None:
    assert findings(output) == {Finding.AS_MADE: 6}
    away = tmp_path / "away"
    away.mkdir()
    shutil.copytree(output, away / output.name)
    assert findings(away / output.name) == {Finding.AS_MADE: 6}  # without its inputs
    shutil.copytree(folder, away / folder.name)  # with them, of the same time
    assert findings(away / output.name) == {Finding.AS_MADE: 6}


def test_whatever_happened_to_an_output_or_its_input_is_found(output: Path, folder: Path) -> None:
    (output / "000.txt").unlink()
    (output / "001.txt").write_text("xxx.txt")  # of the same size
    (output / "002.txt").write_text("longer than it was")
    (folder / "003.txt").write_text("edited")
    (folder / "004.txt").unlink()
    found = {
        Path(entry.output).name: finding for entry, finding in verify(output, read_manifest(output))
    }
    assert found["000.txt"] is Finding.MISSING
    assert found["001.txt"] is Finding.CHANGED
    assert found["002.txt"] is Finding.CHANGED
    assert found["003.txt"] is Finding.INPUT_CHANGED
    assert found["004.txt"] is Finding.AS_MADE


def test_journals_tell_the_same_as_the_manifest(
    output: Path, running: Running, folder: Path, journals: Path
) -> None:
    (folder / "002.txt").write_text("edited")
    run(running, folder, output)
    (output / NAME).rename(output.parent / "kept.jsonl")
    from_journals = {entry.output: entry for entry in recorded(output, journals)}
    (output.parent / "kept.jsonl").rename(output / NAME)
    in_folder = {entry.output: entry for entry in read_manifest(output)}
    assert len(in_folder) == 6
    assert from_journals == in_folder


def test_one_output_of_many_files_is_told_with_the_one_that_changed(
    running: Running, folder: Path, tmp_path: Path, journals: Path
) -> None:
    output = tmp_path / "out"
    for name in "abc":
        (folder / f"{name}.csv").write_text("n\n1\n")
    merge(running, folder, output, manifest=True)
    running.until_ended()
    running.until(lambda _now: not running.engine.is_busy)
    assert findings(output) == {Finding.AS_MADE: 1}
    (folder / "b.csv").write_text("n\n1234\n")
    for known in (read_manifest(output), recorded(output, journals)):
        ((entry, finding),) = verify(output, known)
        assert (entry.output, entry.input) == ("merged.csv", "../inputs/b.csv")
        assert finding is Finding.INPUT_CHANGED
    merge(running, folder, output, manifest=True)  # the later job's lines take the place of these
    running.until(lambda now: now.counts.succeeded == 2)
    running.until(lambda _now: not running.engine.is_busy)
    assert findings(output) == {Finding.AS_MADE: 1}
    # As many lines as are not checked at once; the output that is gone counts once.
    (first, *_) = read_manifest(output)
    (output / "merged.csv").unlink()
    many = (replace(first, input=f"{number}.csv") for number in range(600))
    assert [finding for _, finding in verify(output, many)] == [Finding.MISSING]


def test_later_job_leaves_the_lines_of_others_in_the_manifest(
    output: Path, running: Running, tmp_path: Path
) -> None:
    other = tmp_path / "others"
    other.mkdir()
    (other / "new.txt").write_text("new")
    run(running, other, output)
    assert findings(output) == {Finding.AS_MADE: 7}


def test_manifest_is_no_input_of_a_later_job(output: Path, running: Running) -> None:
    running.post(ClearInputs(), AddInputs((output,)))
    found = running.until(lambda now: now.counts.total > 0 and not now.is_discovering)
    assert found.counts.total == 6


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/hostname", "", "a\x00b"], ids=["up", "root", "none", "nul"]
)
def test_manifest_that_leads_out_of_its_folder_reads_nothing_there(output: Path, path: str) -> None:
    (output.parent / "outside.txt").write_text("000.txt")
    entries = [replace(entry, output=path) for entry in read_manifest(output)]
    assert {finding for _, finding in verify(output, iter(entries))} == {Finding.MISSING}


def test_file_that_is_no_manifest_is_told_apart(output: Path) -> None:
    for content in ("", "{}\n", '{"everycore_manifest": 1}\n{"output": "a"}\n'):
        (output / NAME).write_text(content)
        with pytest.raises(ValueError, match=r"manifest|line|JSON"):
            list(read_manifest(output))


def test_folder_that_takes_no_manifest_is_told_and_the_job_has_ended(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    (tmp_path / "out" / NAME).mkdir(parents=True)
    run(running, folder, tmp_path / "out")
    notice = running.engine.snapshot().notice
    assert notice == "The list of outputs cannot be written to the folder: Is a directory."
