"""Each benchmark runs to its end and says its figures; whether goals are held is not a test's."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURE = {"value", "unit", "goal", "held"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        ("engine", "--only", "start", "bytes", "faulty"),
        ("chaos",),
        ("window",),
        ("memory", "--only", "resize"),
        ("million",),
        ("journal",),
        ("numbers_and_tables", "--only", "primes"),
        ("images", "--only", "png_to_webp"),
    ],
    ids=" ".join,
)
def test_benchmark_says_its_figures_within_its_time(tmp_path: Path, line: Sequence[str]) -> None:
    name, *choices = line
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--quick", "--json", *choices],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert figures, ran.stderr
    for figure in figures.values():
        assert set(figure) >= FIGURE
        assert isinstance(figure["value"], int | float)
        assert isinstance(figure["held"], bool)
    assert list(tmp_path.iterdir()) == []
