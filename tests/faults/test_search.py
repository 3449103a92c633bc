"""A search whose process is killed or whose drive does not answer."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill, outputs_of
from tests.faults.held_search import hold
from workers.commands import AddInputs, CancelJob, ClearInputs
from workers.job import JobState
from workers.search import THREAD
from workers.snapshot import JobSnapshot

LIMIT_S = 60.0


def the_search() -> psutil.Process:
    """Wait for the process that searches for the engine in this one."""
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        for child in psutil.Process().children():
            try:
                if any("held_search" in word for word in child.cmdline()):
                    return child
            except psutil.Error:
                continue
    raise AssertionError("no search was started")


def has_gone(process: psutil.Process) -> Callable[[JobSnapshot], bool]:
    """Return the claim that a process is there no more."""
    return lambda _now: not process.is_running()


def test_search_that_is_killed_begins_again_and_finds_each_file_once(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = fill(folder, 40)
    hold(monkeypatch, folder, tmp_path / "open")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until(lambda now: now.is_discovering)
    killed = the_search()
    killed.kill()
    running.until(has_gone(killed))
    (tmp_path / "open").touch()
    end = running.until_ended()
    assert (end.counts.total, end.counts.succeeded) == (40, 40)
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


def test_search_that_is_killed_again_and_again_says_so_and_does_not_call_itself_whole(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)
    hold(monkeypatch, folder, tmp_path / "never")
    running.post(AddInputs((folder,)))
    for _ in range(3):
        running.until(lambda now: now.is_discovering)
        killed = the_search()
        killed.kill()
        running.until(has_gone(killed))
    end = running.until(lambda now: not now.is_discovering)
    assert end.notice == "The search for files ended before its time. Retry goes on with it."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
def test_drive_that_does_not_answer_is_named_and_the_job_can_be_cancelled(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.searches.SILENT_S", 0.3)
    hold(monkeypatch, folder, tmp_path / "never")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    running.until(lambda now: now.state is JobState.RUNNING)
    search = the_search()
    os.kill(search.pid, signal.SIGSTOP)
    running.until(lambda now: now.notice == "inputs does not answer.")
    os.kill(search.pid, signal.SIGCONT)
    running.until(lambda now: not now.notice)
    os.kill(search.pid, signal.SIGSTOP)
    running.post(CancelJob())
    cancelled = running.until(lambda now: now.state is JobState.CANCELLED)
    assert not cancelled.is_discovering
    running.until(has_gone(search))


def test_files_that_a_search_tells_of_after_its_job_was_closed_are_found_by_the_next(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 5)
    hold(monkeypatch, folder, tmp_path / "open")
    running.post(AddInputs((folder,)))
    running.until(lambda now: now.is_discovering)
    searching = the_search()
    running.post(ClearInputs())  # not read yet when the files come
    (tmp_path / "open").touch()
    searching.wait(LIMIT_S)
    give_up = time.monotonic() + LIMIT_S
    while any(thread.name == THREAD for thread in threading.enumerate()):
        assert time.monotonic() < give_up
    running.post(AddInputs((folder,)))
    found = running.until(lambda now: now.counts.total > 0 and not now.is_discovering)
    assert found.counts.total == 5
