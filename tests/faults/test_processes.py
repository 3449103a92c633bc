"""Processes that die, stall or leave others behind."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import HELD, fill, outputs_of
from workers import pool_watch
from workers.snapshot import MarkerKind

FORKS_AND_DIES = """
import os, signal, time
def process(path, output):
    if path.stem == "001":
        if not os.fork():
            give_up = time.monotonic() + 60
            while not (path.parent.parent / "go").exists() and time.monotonic() < give_up:
                time.sleep(0.01)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    output.write_bytes(path.read_bytes())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_worker_is_missed_when_it_dies_though_its_child_holds_its_channel(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, FORKS_AND_DIES)))
    try:
        end = running.until_ended()
    finally:
        (tmp_path / "go").touch()
    assert (end.counts.succeeded, end.counts.failed) == (3, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
def test_stopped_worker_is_replaced_and_its_input_done_by_another(
    running: Running, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_watch, "FROZEN_LOOKS", 2)
    names = fill(folder, 6)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD)))
    snapshot = running.until(lambda snapshot: len(list(tmp_path.glob("began-*"))) == 2)
    os.kill(snapshot.lanes[0].pid, signal.SIGSTOP)
    running.until(lambda snapshot: any(m.kind is MarkerKind.CRASHED for m in running.markers))
    (tmp_path / "go").touch()
    assert running.until_ended().counts.succeeded == 6
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
