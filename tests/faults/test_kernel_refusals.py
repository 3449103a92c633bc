"""Workers that the kernel ends or refuses, and crashes by the dozen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill, outputs_of
from tests.faults.control_group import ROOT, control_group, job_in
from workers.circuit_breaker import CRASHES_IN_A_ROW
from workers.job_view import EVENTS_MOST, JobView
from workers.snapshot import AttemptEnd, MarkerKind

MB = 1 << 20
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has control groups")

TAKES_MUCH = """
def process(path, output):
    if path.stem == "001":
        held = bytearray(900 << 20)
        held[::4096] = b"x" * len(held[::4096])
    output.write_bytes(path.read_bytes())
"""
EVERY_SECOND_CRASHES = """
import os
def process(path, output):
    if int(path.stem) % 2:
        os.abort()
    output.write_bytes(path.read_bytes())
"""
COUNTS_PROCESSES = """
import os
def process(path, output):
    (path.parent.parent / f"began-{os.getpid()}").touch()
    os.abort()
"""


@needs_linux
def test_kernel_that_is_out_of_memory_costs_the_greedy_file_alone(
    folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 4)
    with control_group("memory", memory__limit_in_bytes=400 * MB) as group:
        state, succeeded, failed, _, _, failures = job_in(group, tmp_path, TAKES_MUCH, 2)
    assert (state, succeeded, failed) == ("FINISHED", 3, 1)
    sentence = "The system ended the worker because memory had run out."
    assert failures == [["OUT_OF_MEMORY", sentence]]
    assert set(outputs_of(tmp_path / "out")) == {name for name in names if name != "001.txt"}


@needs_linux
@pytest.mark.parametrize("most", [8, 21])  # of processes and threads together
def test_job_goes_on_with_fewer_workers_where_the_kernel_allows_few_processes(
    folder: Path, tmp_path: Path, most: int
) -> None:
    fill(folder, 30)
    with control_group("pids", pids__max=most) as group:
        state, succeeded, failed, notice, _, _ = job_in(group, tmp_path, COPY, 16)
    assert (state, succeeded, failed) == ("FINISHED", 30, 0)
    assert notice.startswith(("The system has no room for more", "No more workers can be started"))


@needs_linux
@pytest.mark.parametrize("most", [6, 14])
def test_pool_of_the_library_makes_do_with_the_processes_that_the_kernel_allows(most: int) -> None:
    squares = (
        "import sys, os, multiprocessing\n"
        "from pathlib import Path\n"
        "from workers.drop_in import Pool\n"
        "Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
        "with Pool(16, context=multiprocessing.get_context('spawn')) as pool:\n"
        "    print(sum(pool.imap_unordered(abs, range(-1000, 0))), len(pool._pool) < 16)\n"
    )
    with control_group("pids", pids__max=most) as group:
        told = subprocess.run(
            [sys.executable, "-c", squares, str(group)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert told.stdout.split() == ["500500", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGABRT")
def test_crash_loop_starts_few_processes(running: Running, folder: Path, tmp_path: Path) -> None:
    fill(folder, 60)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COUNTS_PROCESSES)))
    running.until(lambda snapshot: bool(snapshot.pause_reason))
    # Those that had begun when the last one crashed may still crash.
    assert len(list(tmp_path.glob("began-*"))) <= CRASHES_IN_A_ROW + 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGABRT")
def test_crashes_between_successes_fail_their_files_and_do_not_stop_the_job(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 16)
    code = own_code(tmp_path, EVERY_SECOND_CRASHES)
    running.post(*job_of(folder, tmp_path / "out", code, retries=0))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (8, 8)
    assert (end.pause_reason, end.refusal) == ("", "")
    assert end.notice.count("crashed") == 1  # the latest, not eight of them
    crashes = [marker for marker in running.markers if marker.kind is MarkerKind.CRASHED]
    assert len(crashes) == 8


def test_news_of_six_thousand_crashes_stays_bounded_while_nobody_reads_it() -> None:
    view = JobView(0.0)
    for number in range(3 * EVENTS_MOST):
        view.mark(MarkerKind.CRASHED, f"crash {number}", float(number))
        view.lane_ended(1, 0.01, AttemptEnd.CRASHED, float(number))
    markers = view.take_markers()
    assert (len(markers), markers[-1].text) == (EVENTS_MOST, f"crash {3 * EVENTS_MOST - 1}")
    assert len(view.take_segments(1)) == EVENTS_MOST
