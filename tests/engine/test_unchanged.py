"""A job run again: what has not changed is not worked on, what has takes its output's place."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill, outputs_of
from workers import earlier
from workers.commands import ClearInputs, Command, StartJob
from workers.job import OnExisting, TaskState
from workers.journal import list_jobs
from workers.journal_files import discard
from workers.snapshot import JobSnapshot

UP_TO_DATE = "Nothing has changed since its output was made."
DONE_BEFORE = "It is the result of this pipeline already."
KEPT = "An output with this name was there already; it was kept."


@pytest.fixture
def commands(folder: Path, tmp_path: Path) -> list[Command]:
    """Return the commands that copy four files to "out"."""
    fill(folder, 4)
    return job_of(folder, tmp_path / "out", own_code(tmp_path, COPY))


def ran(running: Running, commands: list[Command], **changes: object) -> JobSnapshot:
    """Run a job from its beginning; the spec with these changes."""
    adding, start = commands
    assert isinstance(start, StartJob)
    running.ended.clear()
    running.post(ClearInputs(), adding, StartJob(replace(start.spec, **changes)))
    return running.until_ended()


def fates(running: Running) -> dict[str, tuple[TaskState, str]]:
    return {row.name: (row.state, row.message) for row in running.ended}


def times(output: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in output.glob("*.txt")}


@pytest.mark.parametrize("on_existing", OnExisting)
def test_job_run_again_works_on_nothing(
    running: Running, commands: list[Command], tmp_path: Path, on_existing: OnExisting
) -> None:
    ran(running, commands, on_existing=on_existing)
    before = times(tmp_path / "out")
    for _ in range(2):  # what is skipped is still known to the third
        again = ran(running, commands, on_existing=on_existing)
        assert (again.counts.skipped, again.counts.succeeded) == (4, 0)
        assert set(fates(running).values()) == {(TaskState.SKIPPED, UP_TO_DATE)}
    assert times(tmp_path / "out") == before


@pytest.mark.parametrize("on_existing", OnExisting)
def test_changed_input_replaces_the_output_made_of_it_and_no_other(
    running: Running,
    commands: list[Command],
    folder: Path,
    tmp_path: Path,
    on_existing: OnExisting,
) -> None:
    ran(running, commands, on_existing=on_existing)
    (folder / "002.txt").write_text("edited")
    ran(running, commands, on_existing=on_existing)
    done = {name for name, (state, _) in fates(running).items() if state is TaskState.SUCCEEDED}
    assert done == {"002.txt"}
    outputs = outputs_of(tmp_path / "out")
    assert outputs == {**{f"00{n}.txt": f"00{n}.txt" for n in (0, 1, 3)}, "002.txt": "edited"}


def test_output_that_took_a_number_is_found_and_replaced_under_it(
    running: Running, commands: list[Command], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "001.txt").write_text("of somebody else")
    ran(running, commands, on_existing=OnExisting.RENAME)
    (folder / "001.txt").write_text("edited")
    again = ran(running, commands, on_existing=OnExisting.RENAME)
    assert (again.counts.skipped, again.counts.succeeded) == (3, 1)
    outputs = outputs_of(tmp_path / "out")
    assert outputs["001.txt"] == "of somebody else"
    assert outputs["001 (2).txt"] == "edited"
    assert len(outputs) == 5


def test_output_that_somebody_edited_is_theirs(
    running: Running, commands: list[Command], folder: Path, tmp_path: Path
) -> None:
    ran(running, commands)
    (tmp_path / "out" / "001.txt").write_text("my own words")
    (folder / "001.txt").write_text("edited")
    ran(running, commands)
    assert fates(running)["001.txt"] == (TaskState.SKIPPED, KEPT)
    assert (tmp_path / "out" / "001.txt").read_text() == "my own words"


def test_output_that_is_gone_is_made_again(
    running: Running, commands: list[Command], tmp_path: Path
) -> None:
    ran(running, commands)
    (tmp_path / "out" / "003.txt").unlink()
    again = ran(running, commands)
    assert (again.counts.skipped, again.counts.succeeded) == (3, 1)
    assert len(outputs_of(tmp_path / "out")) == 4


def test_other_steps_or_another_folder_know_nothing_of_it(
    running: Running, commands: list[Command], folder: Path, tmp_path: Path
) -> None:
    ran(running, commands)
    other = job_of(folder, tmp_path / "out", own_code(tmp_path, COPY + "\nTWICE = 2\n"))
    ran(running, other)
    assert set(fates(running).values()) == {(TaskState.SKIPPED, KEPT)}
    elsewhere = ran(running, other, output=tmp_path / "elsewhere")
    assert elsewhere.counts.succeeded == 4


def test_another_version_and_redo_make_outputs_anew(
    running: Running, commands: list[Command], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(running, commands)
    assert ran(running, commands, redo=True).counts.succeeded == 4
    monkeypatch.setattr(earlier, "__version__", "0.0.1")
    assert ran(running, commands).counts.succeeded == 4
    assert len(outputs_of(tmp_path / "out")) == 4


def test_file_that_changes_between_its_discovery_and_its_turn_is_not_taken_for_unchanged(
    running: Running, commands: list[Command], folder: Path
) -> None:
    ran(running, commands)
    adding, start = commands
    running.post(ClearInputs(), adding)
    running.until(lambda now: now.counts.total == 4 and not now.is_discovering)
    status = (folder / "000.txt").stat()
    (folder / "000.txt").write_text("edited")
    os.utime(folder / "000.txt", ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    running.ended.clear()
    running.post(start)
    running.until_ended()
    assert fates(running)["000.txt"][0] is TaskState.SUCCEEDED


def test_forgotten_job_leaves_existing_outputs_to_the_rule(
    running: Running, commands: list[Command], journals: Path
) -> None:
    ran(running, commands)
    running.post(ClearInputs())
    running.until(lambda now: now.job is None)
    for entry in list_jobs(journals):
        discard(journals, entry.job)
    ran(running, commands)
    assert set(fates(running).values()) == {(TaskState.SKIPPED, KEPT)}


def test_output_of_its_own_with_an_old_date_is_made_again_after_its_worker_was_killed(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("a")
    os.utime(folder / "a.txt", ns=(10**18, 10**18))
    output = tmp_path / "out"
    killed_when_done = f"""
import os, pathlib, signal
from workers import disk
def process(path, output):
    output.write_text("made")
    once = pathlib.Path({str(tmp_path / "once")!r})
    def failpoint(step):
        if step == "digest" and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    disk.failpoint = failpoint
"""
    adding, start = job_of(folder, output, own_code(tmp_path, killed_when_done))
    end = ran(running, [adding, start], keeps_dates=True)
    assert (end.counts.succeeded, end.counts.skipped) == (1, 0)
    assert [row.attempts for row in running.ended] == [2]
    assert (output / "a.txt").stat().st_mtime_ns == 10**18
    assert outputs_of(output) == {"a.txt": "made"}


def test_input_that_was_only_touched_is_known_by_its_content(
    running: Running, commands: list[Command], folder: Path
) -> None:
    ran(running, commands, by_content=True)
    os.utime(folder / "001.txt", ns=(5, 5))
    again = ran(running, commands, by_content=True)
    assert (again.counts.skipped, again.counts.succeeded) == (4, 0)
    os.utime(folder / "001.txt", ns=(6, 6))
    assert ran(running, commands).counts.succeeded == 1


def test_edit_that_left_size_and_time_alone_is_seen_by_content(
    running: Running, commands: list[Command], folder: Path, tmp_path: Path
) -> None:
    ran(running, commands, by_content=True)
    file = folder / "001.txt"
    before = file.stat().st_mtime_ns
    file.write_text("002.txt")
    os.utime(file, ns=(before, before))
    assert ran(running, commands).counts.succeeded == 0
    assert ran(running, commands, by_content=True).counts.succeeded == 1
    assert outputs_of(tmp_path / "out")["001.txt"] == "002.txt"


def test_result_in_place_is_known_by_its_content(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    file = folder / "a.txt"
    file.write_text("a")
    louder = "def process(path, output):\n    output.write_text(path.read_text() + '!')\n"
    commands = job_of(folder, folder, own_code(tmp_path, louder))
    ran(running, commands, is_in_place=True, by_content=True)
    os.utime(file, ns=(5, 5))
    ran(running, commands, is_in_place=True, by_content=True)
    assert [row.message for row in running.ended] == [DONE_BEFORE]
    file.write_text("b!")
    os.utime(file, ns=(5, 5))
    ran(running, commands, is_in_place=True, by_content=True)
    assert file.read_text() == "b!!"
