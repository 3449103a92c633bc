"""Sweeps: points, values and the files they end in."""

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.engine.conftest import Running, sweep_of
from workers.errors import JobRefused
from workers.job import Axis, Sweep
from workers.operations.sweep import (
    axis_length,
    axis_value,
    blocks,
    coordinates,
    pack,
    point_count,
    unpack,
)

N = Axis("n", 0, 1000)


def test_each_number_gets_its_own_result(running: Running, tmp_path: Path) -> None:
    output = tmp_path / "squares.npy"
    running.post(sweep_of(tmp_path, "def f(n): return n * n", output, N))
    end = running.until_ended()
    assert end.counts.succeeded == 1000
    assert np.array_equal(np.load(output), np.arange(1000) ** 2)


def test_grid_is_written_in_its_shape_with_the_last_axis_fastest(
    running: Running, tmp_path: Path
) -> None:
    output = tmp_path / "grid.npy"
    axes = (Axis("a", 0, 3), Axis("b", 0.0, 1.0, 0.25))
    running.post(sweep_of(tmp_path, "def f(a, b): return a + b", output, *axes))
    running.until_ended()
    expected = np.arange(3)[:, None] + np.arange(0, 1, 0.25)
    assert np.allclose(np.load(output), expected)


def test_points_that_raise_or_crash_fail_alone(running: Running, tmp_path: Path) -> None:
    source = """
import os
def f(n):
    if n == 5: raise ZeroDivisionError("five")
    if n == 6: os.abort()
    return n + 0.5
"""
    output = tmp_path / "values.csv"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, 20_000)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (19_998, 2)
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    bad = {int(row["n"]): row["error"] for row in rows if not row["f"]}
    assert bad == {
        5: "ZeroDivisionError: five (own_sweep.py, line 4)",
        6: "The worker crashed twice here (SIGABRT).",
    }
    assert all(float(row["f"]) == int(row["n"]) + 0.5 for row in rows if row["f"])


def test_each_bad_point_of_a_short_sweep_has_its_sentence(running: Running, tmp_path: Path) -> None:
    source = """
import os
def f(n):
    if n == 1: raise ValueError("one")
    if n == 2: os._exit(9)
    return "=1+1"
"""
    output = tmp_path / "values.csv"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, 4)))
    assert running.until_ended().counts.failed == 2
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["error"] for row in rows] == [
        "",
        "ValueError: one (own_sweep.py, line 4)",
        "The worker crashed twice here (exit 9).",
        "",
    ]
    assert rows[0]["f"] == "'=1+1", "text cannot act as a formula"


def test_point_over_its_deadline_fails_alone(running: Running, tmp_path: Path) -> None:
    source = """
import time
def f(n):
    while n == 3: time.sleep(0.01)
    return n
"""
    output = tmp_path / "values.csv"
    start = sweep_of(tmp_path, source, output, Axis("n", 0, 8000), timeout_s=1.5)
    running.post(start)
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (7999, 1)


def test_results_that_are_dicts_become_columns(running: Running, tmp_path: Path) -> None:
    output = tmp_path / "values.parquet"
    source = "def f(n): return {'square': n * n, 'word': str(n)}"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, 5)))
    running.until_ended()
    frame = pl.read_parquet(output)
    assert frame.columns == ["n", "square", "word"]
    assert frame["square"].to_list() == [0, 1, 4, 9, 16]


def test_results_that_do_not_fit_the_file_are_refused_in_words(
    running: Running, tmp_path: Path
) -> None:
    output = tmp_path / "values.npy"
    source = "def f(n): return [0] * n"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, 5)))
    end = running.until(lambda snapshot: bool(snapshot.refusal))
    assert str(output) in end.refusal
    assert not output.exists()


@pytest.mark.parametrize(
    ("axis", "length"),
    [
        (Axis("n", 0, 10), 10),
        (Axis("n", 10, 0, -3), 4),
        (Axis("x", 0, 1, 0.1), 10),
        (Axis("x", 0.0, 1.05, 0.1), 11),
        (Axis("n", 5, 5), 0),
    ],
)
def test_axis_has_the_points_of_a_range(axis: Axis, length: int) -> None:
    assert axis_length(axis) == length


def test_step_of_zero_is_refused() -> None:
    with pytest.raises(JobRefused, match="never ends"):
        axis_length(Axis("n", 0, 10, 0))


def test_blocks_cover_each_point_once() -> None:
    sweep = Sweep(Path("f.py"), "f", (Axis("a", 0, 123), Axis("b", 0, 457)))
    covered = [p for _, first, points in blocks(sweep) for p in range(first, first + points)]
    assert covered == list(range(point_count(sweep)))
    assert coordinates(sweep, 458) == (1, 1)


@pytest.mark.parametrize("value", [1, -1.5, True, None, "text", b"bytes", [1, [2]], {"a": 1}])
def test_plain_values_survive_the_way_to_the_engine(value: object) -> None:
    values, failures = unpack(pack([value], {0: "why"}))
    assert values == [value]
    assert failures == {0: "why"}


def test_integers_above_64_bits_survive() -> None:
    values, _ = unpack(pack([10**30], {}))
    assert values == [10**30]


def test_listed_values_are_the_points_in_their_order(running: Running, tmp_path: Path) -> None:
    output = tmp_path / "listed.npy"
    axes = (Axis("a", values=(5, 1, 9)), Axis("b", values=(0.5, 2.0)))
    running.post(sweep_of(tmp_path, "def f(a, b): return a * b", output, *axes))
    running.until_ended()
    assert np.load(output).tolist() == [[2.5, 10.0], [0.5, 2.0], [4.5, 18.0]]


def test_random_points_are_uniform_and_the_same_for_the_same_seed() -> None:
    axis = Axis("x", -1.0, 3.0, samples=20_000, seed=7)
    sweep = Sweep(Path("f.py"), "f", (axis,))
    assert point_count(sweep) == 20_000
    drawn = [coordinates(sweep, point)[0] for point in range(20_000)]
    assert drawn == [coordinates(sweep, point)[0] for point in range(20_000)]
    assert all(-1 <= x < 3 for x in drawn)
    counts, _ = np.histogram(drawn, bins=20, range=(-1, 3))
    # Each bin holds 1,000 on average, with a deviation of 31.
    assert counts.min() > 850
    assert counts.max() < 1150
    others = [axis_value(Axis("x", -1.0, 3.0, samples=20_000, seed=8), n) for n in range(20_000)]
    assert abs(float(np.corrcoef(drawn, others)[0, 1])) < 0.03
    steps = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(float(steps)) < 0.03
