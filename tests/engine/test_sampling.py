"""From a few files to the whole job."""

import pytest

from workers.sampling import Estimate, Tried, estimate, sample_queries
from workers.snapshot import RowSort


def test_cost_of_a_file_and_of_a_byte_are_told_apart() -> None:
    tried = [Tried(size, 0.5 + size * 2e-6, 1000 + size // 10) for size in (10, 1000, 500_000)]
    found = estimate(tried, files=100, size=10_000_000)
    assert found is not None
    assert found.seconds == pytest.approx(100 * 0.5 + 10_000_000 * 2e-6)
    assert found.written == pytest.approx(100 * 1000 + 1_000_000, rel=0.001)
    assert found.seconds_on(4) == found.seconds / 4


def test_files_of_one_size_cost_the_same_each() -> None:
    tried = [Tried(100, 0.1, 50), Tried(100, 0.3, 70)]
    assert estimate(tried, files=10, size=1000) == Estimate(2.0, 600, 2)


def test_no_cost_is_below_nothing() -> None:
    falling = [Tried(100, 3.0, 900), Tried(200, 1.0, 100)]
    found = estimate(falling, files=10, size=1500)
    assert found == Estimate(20.0, 5000, 2)
    steep = [Tried(100, 0.0, 0), Tried(200, 10.0, 100)]
    found = estimate(steep, files=10, size=1500)
    assert found is not None
    assert found.seconds == pytest.approx(50.0)


def test_what_all_files_become_together_is_not_added_up() -> None:
    tried = [Tried(100, 0.1, None), Tried(100, 0.3, None)]
    assert estimate(tried, files=10, size=1000) == Estimate(2.0, None, 2)


def test_nothing_tried_is_no_estimate() -> None:
    assert estimate([], files=10, size=1500) is None


def test_smallest_middle_and_largest_are_asked_for() -> None:
    assert [(query.first, query.count) for query in sample_queries(1001)] == [
        (0, 1),
        (499, 3),
        (1000, 1),
    ]
    assert {query.sort for query in sample_queries(1001)} == {RowSort.SIZE}
    assert [(query.first, query.count) for query in sample_queries(3)] == [(0, 3)]
