"""Each benchmark runs to its end and says its figures; whether goals are held is not a test's."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAOS_OF_OURS = ("Everycore Pool", "Everycore engine")
FIGURE = {"value", "unit", "goal", "held"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        ("engine", "--only", "start", "bytes", "faulty", "--most", "20"),
        ("chaos", "--only", "ProcessPoolExecutor", *CHAOS_OF_OURS, "--most", "200"),
        ("window", "--seconds", "1"),
        ("memory", "--only", "passes.jpg resize"),
        ("million", "--most", "2000"),
        ("journal",),
        ("numbers_and_tables", "--only", "primes", "--most", "1000"),
        ("images", "--only", "fit_jpeg", "png_to_webp", "--beside", "floor", "--most", "1"),
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
