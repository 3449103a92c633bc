"""Rates and remaining time, with a clock of the test's own."""

import pytest

from workers.throughput import Throughput


def steady(
    throughput: Throughput, *, tasks_per_s: float, size: int, start: float, seconds: float
) -> float:
    """End tasks evenly; return the time of the last one."""
    count = round(tasks_per_s * seconds)
    for number in range(1, count + 1):
        throughput.add(1, size, start + number / tasks_per_s)
    return start + seconds


def test_a_steady_job_has_its_true_rates() -> None:
    throughput = Throughput()
    throughput.resume(100.0)

    now = steady(throughput, tasks_per_s=50, size=2_000, start=100.0, seconds=30)

    tasks, size = throughput.rates(now)
    assert tasks == pytest.approx(50, rel=0.03)
    assert size == pytest.approx(100_000, rel=0.03)


def test_the_first_seconds_count_only_the_time_that_passed() -> None:
    throughput = Throughput()
    throughput.resume(0.0)

    now = steady(throughput, tasks_per_s=40, size=1, start=0.0, seconds=2)

    assert throughput.rates(now)[0] == pytest.approx(40, rel=0.05)


def test_rates_fall_to_zero_when_nothing_ends() -> None:
    throughput = Throughput()
    now = steady(throughput, tasks_per_s=10, size=1, start=0.0, seconds=20)

    assert throughput.rates(now + 11) == (0.0, 0.0)


def test_nothing_is_estimated_without_evidence() -> None:
    throughput = Throughput()
    throughput.resume(0.0)
    throughput.add(2, 10, 0.4)

    assert throughput.remaining(100, 1_000, 0.5) is None


def test_two_long_tasks_are_evidence_after_a_while() -> None:
    throughput = Throughput()
    throughput.resume(0.0)
    throughput.add(1, 10, 30.0)
    throughput.add(1, 10, 60.0)

    assert throughput.remaining(4, 40, 60.0) == pytest.approx((120.0, 120.0))


def test_a_steady_job_has_a_narrow_estimate() -> None:
    throughput = Throughput()
    throughput.resume(0.0)
    now = steady(throughput, tasks_per_s=20, size=500, start=0.0, seconds=20)

    remaining = throughput.remaining(400, 200_000, now)

    assert remaining is not None
    assert remaining[0] == pytest.approx(20, rel=0.06)
    assert remaining[1] == pytest.approx(20, rel=0.06)


def test_uneven_sizes_widen_the_estimate() -> None:
    throughput = Throughput()
    throughput.resume(0.0)
    now = steady(throughput, tasks_per_s=20, size=500, start=0.0, seconds=20)

    remaining = throughput.remaining(400, 2_000_000, now)  # the large files come last

    assert remaining is not None
    assert remaining[0] == pytest.approx(20, rel=0.06)
    assert remaining[1] == pytest.approx(200, rel=0.06)


def test_nothing_left_takes_no_time() -> None:
    assert Throughput().remaining(0, 0, 5.0) == (0.0, 0.0)


def test_a_pause_does_not_count() -> None:
    throughput = Throughput()
    throughput.resume(0.0)
    now = steady(throughput, tasks_per_s=20, size=1, start=0.0, seconds=10)
    before = throughput.rates(now)

    throughput.pause(now)
    throughput.resume(now + 3600)

    assert throughput.rates(now + 3600) == before


def test_a_clock_that_goes_back_breaks_nothing() -> None:
    throughput = Throughput()
    now = steady(throughput, tasks_per_s=20, size=1, start=1_000.0, seconds=10)

    throughput.add(1, 1, now - 500)

    assert throughput.rates(now - 499)[0] > 0


def test_a_long_job_keeps_few_samples() -> None:
    throughput = Throughput()

    steady(throughput, tasks_per_s=10, size=1, start=0.0, seconds=3_600)

    assert len(throughput._buckets) < 200
