"""Whoever is killed, nothing of ours and nothing that tasks started runs on (Linux)."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.engine.conftest import job_of, own_code
from workers.messages import encode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's reaper of orphans")

ROOT = Path(__file__).parents[2]
# The promise is one second; a busy machine may need as long again.
GONE_WITHIN_S = 2.0
PATIENCE_S = 60.0

# Starts a child, one in a session of its own, and one that is nobody's child; each tells its
# process id. Then it holds the interpreter lock in C, where no thread of the worker can run.
HOLDS = """
import ctypes, os, pathlib, subprocess, sys
LIVE = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()) + '.'); time.sleep(300)"
def start(told, **ways):
    subprocess.Popen([sys.executable, "-S", "-c", LIVE, str(told)], **ways)
def hold(name):
    told = pathlib.Path(__file__).parent
    start(told / f"child-{name}")
    start(told / f"session-{name}", start_new_session=True)
    start(told / f"bare-{name}", start_new_session=True, env={})
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            start(told / f"orphan-{name}")
        os._exit(0)
    ctypes.PyDLL(None).pause()
def process(path, output):
    hold(path.stem)
def at(x):
    hold(x)
"""

# Stands for the window: starts an engine and a job, says whose process it is, and waits.
WINDOW = """
import sys
from pathlib import Path
from workers.engine_process import EngineProcess
from workers.messages import decode
if __name__ == "__main__":
    engine = EngineProcess.start(2)
    for name in sys.argv[1:]:
        engine.send(decode(Path(name).read_bytes()))
    print(engine.pid, flush=True)
    while True:
        engine.receive()
"""


class Tree(NamedTuple):
    """A running job: who can be killed, and all that must go with it."""

    window: "subprocess.Popen[str]"
    engine: int
    family: list[psutil.Process]


def started_by_tasks(tmp_path: Path) -> list[psutil.Process]:
    """Wait until both tasks have started all theirs."""
    kinds = ("child", "session", "bare", "orphan")
    told = [tmp_path / f"{kind}-{task}" for kind in kinds for task in (0, 1)]
    give_up, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not all(path.exists() and path.read_text().endswith(".") for path in told):
        assert time.monotonic() < give_up, [path.name for path in told if not path.exists()]
        pause.wait(0.02)
    return [psutil.Process(int(path.read_text()[:-1])) for path in told]


def family_of(engine: int, tmp_path: Path) -> list[psutil.Process]:
    found = started_by_tasks(tmp_path)
    process = psutil.Process(engine)
    return [process, *process.children(recursive=True), *found]


def assert_gone(family: list[psutil.Process]) -> None:
    _gone, alive = psutil.wait_procs(family, timeout=GONE_WITHIN_S)
    left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    described = [" ".join(process.cmdline())[-160:] for process in left]
    for process in left:
        process.kill()
    assert described == []


def fill(folder: Path) -> None:
    for number in range(2):
        (folder / f"{number}.txt").write_text(str(number))


@pytest.fixture
def tree(folder: Path, tmp_path: Path) -> Iterator[Tree]:
    """Return a window's stand-in whose engine runs two tasks that never end."""
    fill(folder)
    files = []
    for number, command in enumerate(job_of(folder, tmp_path / "out", own_code(tmp_path, HOLDS))):
        files.append(tmp_path / f"command-{number}")
        files[-1].write_bytes(encode(command))
    script = tmp_path / "window.py"
    script.write_text(WINDOW)
    window = subprocess.Popen(
        [sys.executable, str(script), *map(str, files)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert window.stdout is not None
    engine = int(window.stdout.readline())
    yield Tree(window, engine, family_of(engine, tmp_path))
    window.kill()
    window.communicate()


def test_killed_window_takes_everything_along(tree: Tree) -> None:
    tree.window.kill()
    tree.window.wait()
    assert_gone(tree.family)


def test_killed_engine_takes_everything_along(tree: Tree) -> None:
    os.kill(tree.engine, signal.SIGKILL)
    assert_gone(tree.family)


def test_killed_window_and_engine_take_everything_along(tree: Tree) -> None:
    os.kill(tree.engine, signal.SIGKILL)
    tree.window.kill()
    assert_gone(tree.family)


def test_killed_command_line_takes_everything_along(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(HOLDS)
    line = ["map", "f.py:at", "--over", "x=0:2", "--output", "r.npy", "--workers", "2"]
    terminal = subprocess.Popen(
        [sys.executable, "-m", "workers", *line],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    family = family_of(terminal.pid, tmp_path)
    terminal.kill()
    terminal.wait()
    assert_gone(family)
