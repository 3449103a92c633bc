"""The clock and the rates that a job's snapshots tell."""

import pytest

from workers.job_view import JobView


def test_rate_counts_from_the_start_of_the_job_not_from_the_drop() -> None:
    view = JobView(0.0)
    assert view.throughput.rates(0.0) == (0.0, 0.0)
    view.start_clock(100.0)
    view.task_ended(points=10, size=1000, seconds=1.0, now=101.0)
    assert view.throughput.rates(101.0) == pytest.approx((10.0, 1000.0))


def test_pauses_count_neither_as_elapsed_nor_against_the_speed_up() -> None:
    view = JobView(5.0)
    view.start_clock(0.0)
    view.task_ended(points=1, size=1, seconds=4.0, now=2.0)
    view.stop_clock(2.0)
    assert view.elapsed(50.0) == 7.0
    assert view.speed_up(50.0) == 2.0
