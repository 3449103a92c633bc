"""An ended job run again: what is new, changed or failed is worked on, and nothing else."""

import sys
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill, outputs_of
from tests.engine.test_in_place import contents, in_place, until_settled
from workers.commands import ClearInputs, OpenJob, RunAgain
from workers.job import JobState

BAD_ONCE = """
def process(path, output):
    if path.stem == "001" and not (path.parent.parent / "mended").exists():
        raise ValueError("not yet")
    output.write_bytes(path.read_bytes())
"""


def run_again(running: Running) -> list[str]:
    """Run the job again; return the names of what was worked on."""
    running.ended.clear()
    running.post(RunAgain())
    running.until(lambda now: now.state is JobState.RUNNING or bool(now.refusal))
    running.until_ended()
    return sorted(row.name for row in running.ended)


def test_new_changed_and_failed_files_are_worked_on(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, BAD_ONCE)))
    assert running.until_ended().counts.failed == 1
    (tmp_path / "mended").touch()
    (folder / "002.txt").write_text("edited")
    (folder / "new.txt").write_text("new")
    assert run_again(running) == ["001.txt", "002.txt", "new.txt"]
    assert running.last.counts.succeeded == running.last.counts.total == 5
    expected = {f"00{n}.txt": f"00{n}.txt" for n in (0, 1, 3)}
    assert outputs_of(tmp_path / "out") == expected | {"002.txt": "edited", "new.txt": "new"}


def test_job_whose_inputs_are_as_they_were_says_so(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until_ended()
    before = {file.name: file.stat().st_ino for file in (tmp_path / "out").iterdir()}
    assert run_again(running) == []
    assert running.last.notice == "Nothing is new or has changed since."
    assert {file.name: file.stat().st_ino for file in (tmp_path / "out").iterdir()} == before


def test_job_of_the_history_can_be_run_again(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    job = running.until_ended().job
    assert job is not None
    (folder / "000.txt").write_text("edited")
    running.post(ClearInputs(), OpenJob(job))
    running.until(lambda now: now.job == job)
    assert run_again(running) == ["000.txt"]
    assert outputs_of(tmp_path / "out")["000.txt"] == "edited"


@pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")
def test_outputs_in_place_are_not_taken_for_changed_inputs(
    running: Running, folder: Path, tmp_path: Path, trash: Path
) -> None:
    fill(folder, 3)
    louder = 'def process(path, output):\n    output.write_text(path.read_text() + "!")\n'
    running.post(*in_place(folder, own_code(tmp_path, louder)))
    until_settled(running)
    (folder / "001.txt").write_text("edited")
    assert run_again(running) == ["001.txt"]
    running.until(lambda _: not running.engine.is_busy)
    assert contents(folder) == {"000.txt": "000.txt!", "001.txt": "edited!", "002.txt": "002.txt!"}


def test_running_job_is_not_run_again(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 3)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY))[:1])
    running.until(lambda now: now.counts.total == 3)
    running.post(RunAgain())
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "Only a job over files that has ended can be run again."


def test_edited_own_code_is_not_run_again_unasked(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    code = own_code(tmp_path, COPY)
    running.post(*job_of(folder, tmp_path / "out", code))
    running.until_ended()
    own_code(tmp_path, COPY + "\n# edited\n")
    running.post(RunAgain())
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "own_code.py has not been allowed to run."
    assert refused.state is JobState.FINISHED
