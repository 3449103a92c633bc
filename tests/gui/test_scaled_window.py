"""Screens of other scales: nothing is cut off, and pictures are sharp."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gui.scaled_window import SIZE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("scale", ["1", "1.25", "1.5", "2", "3"])
def test_window_is_whole_and_sharp_at_any_scale(tmp_path: Path, scale: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": scale,
    }
    shown = subprocess.run(
        [sys.executable, "-m", "tests.gui.scaled_window"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pixels, size, cut_off = json.loads(shown.stdout.splitlines()[-1])
    assert cut_off == []
    assert tuple(size) == SIZE
    assert pixels == [round(SIZE[0] * float(scale)), round(SIZE[1] * float(scale))]
