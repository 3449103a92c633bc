"""Whatever step of the disk is the last one of a reduce task: its output is there whole, or not."""

import os
from pathlib import Path

import pytest

from tests.faults.publishing import counted, died_at_each
from tests.faults.reducing import prepared
from workers.outcome import Success

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def shown(place: Path) -> dict[str, bytes]:
    """Return the files of the output folder that a person sees."""
    return {each.name: each.read_bytes() for each in (place / "out").iterdir() if each.is_file()}


def test_a_reduce_task_killed_at_any_step_makes_the_output_of_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    undisturbed = prepared(tmp_path / "undisturbed")
    steps = counted(undisturbed.reduce)
    assert {"open", "sync", "move"} <= set(steps)
    wanted = shown(tmp_path / "undisturbed")
    assert list(wanted) == ["SHA256SUMS"]
    died_at_each("tests.faults.reducing", tmp_path, "-", len(steps))
    for number in range(1, len(steps) + 1):
        place = tmp_path / str(number)
        assert shown(place) in ({}, wanted), steps[number - 1]
        again = prepared(place).reduce(attempt=2)
        assert isinstance(again, Success), again
        assert shown(place) == wanted
