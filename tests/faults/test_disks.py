"""Disks that are full or gone: the job pauses, and goes on where it was."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code, sweep_of
from tests.engine.test_engine import COPY, HELD, busy_workers, fill, outputs_of
from tests.faults.held_search import hold
from workers.blockage import LOOK_EVERY_S
from workers.commands import AddInputs, ContinueJob, OpenJob, PauseJob, RetryTasks
from workers.job import Axis, JobState

HELD_BUT_FOUR = HELD.replace("while not", "while int(path.stem) > 3 and not")


def fill_up(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return ballast


def test_full_disk_under_the_journal_pauses_the_job(
    small_disk: Path, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 30)
    jobs = small_disk / "jobs"
    jobs.mkdir()
    running = Running(jobs, workers=2)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    ballast = fill_up(small_disk)
    (tmp_path / "go").touch()
    paused = running.until(lambda snapshot: snapshot.state is JobState.PAUSED)
    assert "cannot be written" in paused.pause_reason
    ballast.unlink()
    end = running.until_ended()  # nobody pressed Continue
    running.engine.close()
    assert end.counts.succeeded == end.counts.total == 30
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


def test_files_found_while_the_journals_disk_is_full_are_not_lost(
    small_disk: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 900)
    jobs = small_disk / "jobs"
    jobs.mkdir()
    hold(monkeypatch, folder, tmp_path / "open")
    running = Running(jobs, workers=1)
    running.post(AddInputs((folder,)))
    running.until(lambda snapshot: snapshot.is_discovering)
    ballast = fill_up(small_disk)
    (tmp_path / "open").touch()
    refused = running.until(lambda snapshot: bool(snapshot.refusal))
    assert "cannot be written" in refused.refusal
    ballast.unlink()
    end = running.until(lambda snapshot: not snapshot.is_discovering)
    running.engine.close()
    assert end.counts.total == 900


def test_job_goes_on_when_its_output_folder_is_back(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 6)
    output = tmp_path / "out"
    running.post(*job_of(folder, output, own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    shutil.rmtree(output)
    (tmp_path / "go").touch()
    paused = running.until(lambda snapshot: snapshot.state is JobState.PAUSED)
    assert paused.pause_reason == f"The output folder {output} is gone."
    running.post(ContinueJob())
    running.until(lambda snapshot: bool(snapshot.refusal))
    assert not output.exists(), "a drive that is gone is no reason to write elsewhere"
    output.mkdir()
    running.post(ContinueJob())
    end = running.until(lambda snapshot: snapshot.state.is_ended)
    assert end.counts.succeeded == 6
    assert len(outputs_of(output)) == 6


def test_results_of_a_sweep_are_written_once_there_is_room(
    running: Running, small_disk: Path, tmp_path: Path
) -> None:
    output = small_disk / "results" / "values.csv"
    output.parent.mkdir()
    ballast = fill_up(small_disk)
    with ballast.open("rb+") as file:
        file.truncate(ballast.stat().st_size - 8192)
    running.post(sweep_of(tmp_path, "def f(n): return n", output, Axis("n", 0, 20_000)))
    stopped = running.until_ended()
    assert "values.csv" in stopped.refusal
    assert not output.exists()
    ballast.unlink()
    running.post(ContinueJob())
    end = running.until(lambda snapshot: snapshot.state.is_ended)
    assert end.counts.succeeded == 20_000
    assert len(output.read_text().splitlines()) == 20_001


@pytest.mark.parametrize(
    ("suffix", "source"),
    [
        (".parquet", "def f(n): return 2**70 if n else [1]"),
        (".npy", "def f(n): return {'a': n} if n else 1 / n"),
        (".npy", "def f(n): return [n] * n"),
    ],
)
def test_results_that_fit_into_no_file_of_the_kind_refuse_and_the_engine_goes_on(
    running: Running, tmp_path: Path, suffix: str, source: str
) -> None:
    running.post(sweep_of(tmp_path, source, tmp_path / f"out{suffix}", Axis("n", 0, 4)))
    stopped = running.until_ended()
    assert f"out{suffix}" in stopped.refusal
    again = sweep_of(tmp_path, source, tmp_path / "out.csv", Axis("n", 0, 4))
    running.post(again)
    end = running.until(lambda snapshot: snapshot.state.is_ended)
    assert (tmp_path / "out.csv").exists()
    assert end.counts.total == 4


def test_outputs_that_a_power_cut_took_are_made_again(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 8)
    running = Running(journals, workers=2)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD_BUT_FOUR)))
    stopped = running.until(lambda now: now.counts.succeeded == 4 and busy_workers(now) == 2)
    running.engine.close()
    made = sorted((tmp_path / "out").glob("*.txt"))
    made[0].unlink()  # its name was not on the disk yet
    made[1].write_bytes(b"")  # nor was the content of this one
    (tmp_path / "go").touch()
    assert stopped.job is not None
    again = Running(journals, workers=2)
    again.post(OpenJob(stopped.job), ContinueJob())
    end = again.until(lambda now: now.state.is_ended)
    again.engine.close()
    assert (end.counts.total, end.counts.succeeded) == (8, 8)
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
    assert len(again.ended) == 6


def of_size(folder: Path, count: int, size: int) -> dict[str, bytes]:
    contents = {f"{number:03}.bin": bytes([number]) * size for number in range(count)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return contents


def binary_outputs_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*.bin")}


def test_full_output_disk_pauses_the_job_and_room_lets_it_go_on(
    running: Running, small_disk: Path, folder: Path, tmp_path: Path
) -> None:
    contents = of_size(folder, 20, 100_000)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_500_000))
    running.post(*job_of(folder, small_disk / "out", own_code(tmp_path, COPY)))
    paused = running.until(lambda now: now.state is JobState.PAUSED)
    assert paused.pause_reason.startswith("Disk full: ")
    assert re.search(r"About 1\.\d MB more are needed\.$", paused.pause_reason)
    assert paused.counts.failed == 0
    resting = running.until(lambda now: busy_workers(now) == 0)
    assert resting.state is JobState.PAUSED
    done = binary_outputs_of(small_disk / "out")
    assert all(contents[name] == content for name, content in done.items())
    assert len(done) == resting.counts.succeeded
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    end = running.until_ended()  # nobody pressed Continue
    assert (end.counts.total, end.counts.succeeded) == (20, 20)
    assert binary_outputs_of(small_disk / "out") == contents


def test_output_disk_that_becomes_read_only_pauses_the_job_until_it_is_not(
    running: Running, small_disk: Path, folder: Path, tmp_path: Path
) -> None:
    contents = of_size(folder, 6, 1000)
    running.post(*job_of(folder, small_disk / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    (tmp_path / "go").touch()
    paused = running.until(lambda now: now.state is JobState.PAUSED)
    assert paused.pause_reason == f"The output folder {small_disk / 'out'} is read-only."
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (6, 0)
    assert binary_outputs_of(small_disk / "out") == contents


def test_drive_that_comes_back_lets_the_job_go_on(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    contents = of_size(folder, 6, 1000)
    output = tmp_path / "out"
    running.post(*job_of(folder, output, own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    output.rename(tmp_path / "unplugged")
    (tmp_path / "go").touch()
    running.until(lambda now: now.state is JobState.PAUSED)
    (tmp_path / "unplugged").rename(output)
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (6, 0)
    assert binary_outputs_of(output) == contents


def test_pause_of_a_person_is_not_ended_by_a_disk_that_has_room(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(PauseJob())
    running.until(lambda now: now.state is JobState.PAUSED)
    (tmp_path / "out").rename(tmp_path / "away")
    (tmp_path / "go").touch()
    running.until(lambda now: busy_workers(now) == 0)
    (tmp_path / "away").rename(tmp_path / "out")
    still = time.monotonic() + 3 * LOOK_EVERY_S
    later = running.until(lambda _now: time.monotonic() > still)
    assert later.state is JobState.PAUSED


def test_disk_that_reports_errors_pauses_the_job_after_three_in_a_row(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    contents = of_size(folder, 8, 1000)
    source = f"""
import errno, pathlib
from workers import disk
def process(path, output):
    output.write_bytes(path.read_bytes())
    def failpoint(step):
        if step == "sync" and not pathlib.Path({str(tmp_path / "mended")!r}).exists():
            raise OSError(errno.EIO, "Input/output error")
    disk.failpoint = failpoint
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    paused = running.until(lambda now: now.state is JobState.PAUSED)
    assert paused.pause_reason.endswith("3 files in a row met that.")
    assert paused.counts.failed == 2
    (tmp_path / "mended").touch()
    running.post(ContinueJob())
    running.until_ended()
    running.post(RetryTasks())
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (8, 0)
    assert binary_outputs_of(tmp_path / "out") == contents
