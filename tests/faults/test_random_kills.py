"""Jobs that are killed at random moments and gone on with lose nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 12


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_jobs_killed_at_random_moments_end_as_if_nobody_had_disturbed_them(tmp_path: Path) -> None:
    """`python -m tests.faults.kills FOLDER 200` does the same for as long as one likes."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", str(tmp_path), str(KILLS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    kills, jobs, *_ = json.loads(ended.stdout)
    assert kills == KILLS
    assert jobs >= 2
