"""The engine in a process of its own, and what is left when either side dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from tests.engine.conftest import PATIENCE_S, job_of, own_code
from workers import engine_lock, engine_process
from workers.commands import ContinueJob, OpenJob, PauseJob
from workers.engine_door import come_in
from workers.engine_process import EngineProcess, take_left_job
from workers.errors import EngineLost
from workers.job import JobId, JobState
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


def wait_until(is_true: Callable[[], bool]) -> None:
    give_up, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not is_true():
        assert time.monotonic() < give_up
        pause.wait(0.02)


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


def start_slow_job(engine: EngineProcess, folder: Path, tmp_path: Path, count: int) -> JobSnapshot:
    """Run a job until two of its files are done."""
    fill(folder, count)
    for command in job_of(folder, tmp_path / "out", own_code(tmp_path, SLOW)):
        engine.send(command)
    while (snapshot := engine.receive()).counts.succeeded < 2:
        assert not snapshot.refusal
    return snapshot


def attached() -> EngineProcess:
    engine = EngineProcess.attach()
    assert engine is not None
    return engine


def test_detached_engine_goes_on_and_shows_the_next_window_everything(
    folder: Path, tmp_path: Path
) -> None:
    first = EngineProcess.start(2)
    left = start_slow_job(first, folder, tmp_path, 60)
    first.detach()
    out = tmp_path / "out"
    wait_until(lambda: len(list(out.iterdir())) >= left.counts.succeeded + 10)
    second = attached()
    assert second.pid == first.pid
    met = second.receive()
    assert met.job == left.job
    assert met.state is JobState.RUNNING
    assert met.counts.total == 60
    assert met.counts.succeeded >= left.counts.succeeded + 8
    assert met.changed_tasks is None, "every row may look different to a new window"
    assert sum(len(lane.segments) for lane in met.lanes) >= 8
    assert until_ended(second).counts.succeeded == 60
    second.close()
    assert not psutil.pid_exists(first.pid)


def test_only_one_window_finds_a_detached_engine(everycore_home: Path) -> None:
    EngineProcess.start(1).detach()
    first = attached()
    assert EngineProcess.attach() is None
    assert list((everycore_home / "run").iterdir()) == []
    first.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_lock_and_socket_are_for_the_person_alone(everycore_home: Path) -> None:
    EngineProcess.start(1).detach()
    found = {
        path.suffix: path.stat().st_mode & 0o777 for path in (everycore_home / "run").iterdir()
    }
    engine = attached()
    engine.close()
    # The socket of a long path lies elsewhere, in a folder of its own.
    assert found.pop(".sock", 0o600) == 0o600
    assert found == {".lock": 0o600}
    assert (everycore_home / "run").stat().st_mode & 0o777 == 0o700


def test_wrong_key_is_not_let_in_and_keeps_nobody_out() -> None:
    EngineProcess.start(1).detach()
    (lock,) = engine_lock.detached_engines()
    with pytest.raises(EngineLost):
        come_in(lock.address, b"0" * 32, PATIENCE_S)
    attached().close()


@pytest.mark.slow
def test_engine_with_nothing_to_do_ends_and_leaves_the_job_for_the_next_window(
    folder: Path, tmp_path: Path
) -> None:
    engine = EngineProcess.start(2)
    job = start_slow_job(engine, folder, tmp_path, 8).job
    engine.detach()
    psutil.Process(engine.pid).wait(PATIENCE_S)
    assert len(list((tmp_path / "out").iterdir())) == 8
    assert EngineProcess.attach() is None
    assert take_left_job() == job
    assert take_left_job() is None


def test_lock_of_an_engine_that_is_gone_is_taken_over(everycore_home: Path, journals: Path) -> None:
    run = everycore_home / "run"
    run.mkdir()
    job = JobId("holiday")
    ended = engine_lock.EngineLock(os.getpid(), "another process's start", "nowhere", b"", job)
    (run / "engine-1.lock").write_bytes(msgspec.json.encode(ended))
    (run / "engine-2.lock").write_bytes(b"not ours")
    assert EngineProcess.attach() is None
    assert take_left_job() == job
    assert list(run.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_detached_engine_saves_the_job_when_the_system_shuts_down(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    engine = EngineProcess.start(2)
    start_slow_job(engine, folder, tmp_path, 200)
    engine.detach()
    process = psutil.Process(engine.pid)
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _gone, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert alive == []
    (entry,) = list_jobs(journals)
    assert entry.state is JobState.STOPPED


def test_killed_window_takes_an_engine_along_that_it_found(folder: Path, tmp_path: Path) -> None:
    first = EngineProcess.start(2)
    start_slow_job(first, folder, tmp_path, 200)
    first.detach()
    process = psutil.Process(first.pid)
    family = [process, *process.children(recursive=True)]
    second = attached()
    second.receive()
    second.connection.close()  # as the system does for a process that is killed
    _gone, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert alive == []


def test_stopped_engine_does_not_hold_up_the_next_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "ATTACH_WITHIN_S", 0.1)
    engine = EngineProcess.start(1)
    engine.detach()
    process = psutil.Process(engine.pid)
    process.suspend()
    assert EngineProcess.attach() is None
    process.kill()
    process.wait(PATIENCE_S)


def test_window_killed_before_it_came_in_takes_the_engine_along(everycore_home: Path) -> None:
    child = engine_process._started(1)
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdout, child.stdin:
        assert child.stdout.readline()  # it waits at its door
        child.stdin.close()  # as the system does for a killed window
        assert child.wait(PATIENCE_S / 5) == 1
