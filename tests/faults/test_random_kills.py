"""Jobs that are killed at random moments and gone on with lose nothing.

`python -m tests.faults.kills FOLDER 200` does the same to the terminal's program for as long as
one likes, with `--in-place` to jobs that replace their inputs; `python -m
tests.faults.window_kills FOLDER 200` to the window.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KILLS, KILLS_IN_PLACE, WINDOW_KILLS = 6, 4, 4
# A window takes seconds to start on a busy machine; only a hang takes so long.
HANGS_AFTER_S = 300

pytestmark = pytest.mark.slow


def printed_by(program: str, folder: Path, kills: int, *choices: str) -> Any:
    """Run a program that kills, and return what it printed at its end."""
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{program}", str(folder), str(kills), *choices],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_jobs_killed_at_random_moments_end_as_if_nobody_had_disturbed_them(tmp_path: Path) -> None:
    kills, jobs, *_ = printed_by("kills", tmp_path, KILLS)
    assert kills == KILLS
    assert jobs >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")
def test_jobs_in_place_killed_at_random_moments_lose_no_original(tmp_path: Path) -> None:
    kills, jobs, *_ = printed_by("kills", tmp_path, KILLS_IN_PLACE, "--in-place")
    assert kills == KILLS_IN_PLACE
    assert jobs >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their mark in /proc")
def test_windows_killed_at_random_moments_leave_jobs_that_the_next_ones_end(tmp_path: Path) -> None:
    told = printed_by("window_kills", tmp_path, WINDOW_KILLS)
    assert told["kills"] == WINDOW_KILLS
    assert told["jobs"] >= 1
