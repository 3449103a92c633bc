"""What a dead worker's tasks had started ends in the process that adopts it (Linux)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's reaper of orphans")

# A worker that dies and leaves a child, one in a session of its own, and their children; a worker
# that lives; and what the owner itself had started.
OWNER = """
import multiprocessing, os, signal, subprocess, sys, time
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(300)"]
PARENT = [sys.executable, "-S", "-c",
    "import subprocess, sys, time; c = subprocess.Popen(%r);"
    "print(c.pid, flush=True); time.sleep(300)" % (SLEEP,)]
def leave(pipe):
    plain = subprocess.Popen(SLEEP)
    session = subprocess.Popen(PARENT, start_new_session=True, stdout=subprocess.PIPE, text=True)
    pipe.send([plain.pid, session.pid, int(session.stdout.readline())])
    os.kill(os.getpid(), signal.SIGKILL)
def live(pipe):
    pipe.recv()
def is_there(pid):
    return os.path.exists(f"/proc/{pid}")
if __name__ == "__main__":
    from workers import keeper, limits
    early = subprocess.Popen(SLEEP)
    ticks = os.sysconf("SC_CLK_TCK")
    while time.clock_gettime(time.CLOCK_BOOTTIME) * ticks < int(open(
            f"/proc/{early.pid}/stat").read().rpartition(")")[2].split()[19]) + 3:
        os.sched_yield()
    limits.end_adopted()
    limits.adopt_orphans()
    spawn = multiprocessing.get_context("spawn")
    with keeper.kept() as spared:
        ours, theirs = spawn.Pipe()
        worker = spawn.Process(target=live, args=(theirs,))
        worker.start()
        told, tell = spawn.Pipe(duplex=False)
        dying = spawn.Process(target=leave, args=(tell,))
        dying.start()
        left = told.recv()
        dying.join()
        began = time.perf_counter()
        limits.end_adopted()
        took = time.perf_counter() - began
        began = time.perf_counter()
        limits.end_adopted()
        nothing = time.perf_counter() - began
        print(any(map(is_there, left)), worker.is_alive(), dying.exitcode, early.poll(),
              all(is_there(pid) for pid in spared), flush=True)
        print(f"{took * 1000:.1f} ms, {nothing * 1000:.2f} ms with nothing to end, "
              f"{sum(n.isdigit() for n in os.listdir('/proc'))} processes", file=sys.stderr)
        worker.kill(); worker.join()
    early.kill(); early.wait()
"""


def test_only_what_dead_workers_left_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    ended = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(os.environ),
    )
    print(ended.stderr)
    assert ended.stdout == "False True -9 None True\n", ended.stderr
