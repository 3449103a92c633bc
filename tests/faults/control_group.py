"""A control group of Linux (version 1) for one test, and a job that runs inside it.

As a program: puts itself into a group, then runs own code over a folder with a real engine, and
prints how that ended as JSON.
"""

import contextlib
import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import PATIENCE_S, Running, job_of, own_code
from workers import job_course
from workers.job import JobState
from workers.memory_budget import MemoryBudget

ROOT = Path(__file__).parents[2]
GROUPS = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def control_group(controller: str, **limits: int) -> Iterator[Path]:
    """Make a group with limits such as `memory.limit_in_bytes`; skip where this is not allowed."""
    folder = GROUPS / controller / f"everycore-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of version 1 can be made here: {error}")
    try:
        for name, limit in limits.items():
            (folder / name.replace("__", ".")).write_text(str(limit), encoding="ascii")
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a group once the last process in it, a resource tracker say, has ended."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def job_in(group: Path, folder: Path, source: str, workers: int) -> list[Any]:
    """Run own code over `folder`/inputs inside the group; return how it ended."""
    words = [str(group), str(folder), source, str(workers)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.control_group", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answer: list[Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


def main() -> None:
    group, folder, source = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    # Nothing but the kernel is to say that there is too little.
    budget = MemoryBudget(1 << 40, 1 << 40, 1 << 40)
    job_course.memory_budget = lambda *_: budget  # type: ignore[attr-defined]  # a test's own
    journals = folder / "journals"
    journals.mkdir()
    running = Running(journals, workers=int(sys.argv[4]))
    try:
        running.post(*job_of(folder / "inputs", folder / "out", own_code(folder, source)))
        end = running.until(lambda now: now.state.is_ended or now.state is JobState.PAUSED)
    finally:
        running.engine.close()
    failed = [(row.failure.name, row.message) for row in running.ended if row.failure]
    counts = (end.counts.succeeded, end.counts.failed)
    print(json.dumps([end.state.name, *counts, end.notice, end.pause_reason, failed]))


if __name__ == "__main__":
    main()
