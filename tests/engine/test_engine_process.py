"""The engine in a process of its own, and what is left when either side dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import job_of, own_code
from workers.commands import ContinueJob, OpenJob, PauseJob
from workers.engine_process import EngineProcess
from workers.errors import EngineLost
from workers.job import JobState
from workers.journal import list_jobs
from workers.snapshot import JobSnapshot

SLOW = """
import time
def process(path, output):
    time.sleep(0.05)
    output.write_bytes(path.read_bytes())
"""

# A stand-in for the window: starts the engine, starts a job, says so, and waits to be killed.
WINDOW = """
import sys
from pathlib import Path
from workers.engine_process import EngineProcess
from workers.messages import decode
if __name__ == "__main__":
    engine = EngineProcess.start(2)
    for name in sys.argv[1:]:
        engine.send(decode(Path(name).read_bytes()))
    while True:
        snapshot = engine.receive()
        if snapshot.counts.succeeded >= 4:
            print(engine.pid, *(lane.pid for lane in snapshot.lanes), flush=True)
            sys.stdin.read()
"""


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    """Return a running engine process with two workers."""
    engine = EngineProcess.start(2)
    yield engine
    engine.close()


def until_ended(engine: EngineProcess) -> JobSnapshot:
    while True:
        snapshot = engine.receive()
        if snapshot.state.is_ended or snapshot.refusal:
            return snapshot


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(str(number))


def test_job_runs_in_the_engine_process(
    engine: EngineProcess, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 12)
    for command in job_of(folder, tmp_path / "out", own_code(tmp_path, SLOW)):
        engine.send(command)
    assert until_ended(engine).counts.succeeded == 12


def test_idle_engine_still_tells_the_load_of_the_cores(engine: EngineProcess) -> None:
    first, second = engine.receive(), engine.receive()
    assert second.sequence > first.sequence
    assert len(second.core_loads) >= 1


def test_refusal_reaches_the_window(engine: EngineProcess) -> None:
    engine.send(PauseJob())
    while not (snapshot := engine.receive()).refusal:
        pass
    assert snapshot.refusal == "No job is open."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows names pipes, it has no socket file")
def test_nobody_else_finds_the_socket_once_the_window_is_connected(
    engine: EngineProcess, everycore_home: Path
) -> None:
    engine.receive()
    names = [str(c.laddr) for c in psutil.Process(engine.pid).net_connections("unix")]
    sockets = [Path(name) for name in names if "engine-" in name]
    assert sockets, "the engine was reached by a socket with a name"
    assert not any(path.exists() for path in sockets)


def test_killed_engine_is_told_to_the_window_and_takes_its_workers_along(
    engine: EngineProcess, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 100)
    for command in job_of(folder, tmp_path / "out", own_code(tmp_path, SLOW)):
        engine.send(command)
    while (snapshot := engine.receive()).counts.succeeded < 4:
        pass
    workers = [psutil.Process(lane.pid) for lane in snapshot.lanes]
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineLost):
        until_ended(engine)
    _gone, alive = psutil.wait_procs(workers, timeout=2.0)
    assert alive == []


def test_killed_window_leaves_no_process_and_the_job_is_finished_later(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    from workers.messages import encode

    fill(folder, 60)
    files = []
    for number, command in enumerate(job_of(folder, tmp_path / "out", own_code(tmp_path, SLOW))):
        files.append(tmp_path / f"command-{number}")
        files[-1].write_bytes(encode(command))
    script = tmp_path / "window.py"
    script.write_text(WINDOW)
    root = Path(__file__).parents[2]
    window = subprocess.Popen(
        [sys.executable, str(script), *map(str, files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert window.stdout is not None
    assert window.stdin is not None
    family = [psutil.Process(int(pid)) for pid in window.stdout.readline().split()]
    assert len(family) == 3
    window.kill()
    window.wait()
    window.stdin.close()
    window.stdout.close()
    _gone, alive = psutil.wait_procs(family, timeout=2.0)
    assert alive == []

    (entry,) = list_jobs(journals)
    assert entry.state is JobState.STOPPED
    assert 4 <= entry.counts.succeeded < 60
    later = EngineProcess.start(2)
    later.send(OpenJob(entry.job))
    later.send(ContinueJob())
    end = until_ended(later)
    later.close()
    assert end.counts.succeeded == 60
    assert len(list((tmp_path / "out").iterdir())) == 60
