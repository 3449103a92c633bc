"""What the computer has, on the computer that runs the tests."""

import os
import sys

import psutil
import pytest

from workers.load import LoadMeter, usable_cores


def test_there_is_a_load_for_every_core() -> None:
    meter = LoadMeter()
    meter.read(0.0)

    loads = meter.read(1.0).per_core

    assert len(loads) == psutil.cpu_count()
    assert all(0.0 <= load <= 100.0 for load in loads)


def test_samples_in_quick_succession_are_one_sample() -> None:
    meter = LoadMeter()

    first = meter.read(10.0)

    assert meter.read(10.1) is first
    assert meter.read(10.3) is not first


def test_free_memory_is_less_than_all_memory() -> None:
    assert 0 < LoadMeter().read(0.0).memory_free <= psutil.virtual_memory().total


def test_there_is_at_least_one_usable_core() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to cores here")
def test_usable_cores_follow_the_affinity() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
