"""What happens while the last task of a job puts all together; the family is one of a package."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Running
from workers import operations
from workers.commands import AddInputs, CancelJob, PauseJob, RetryTasks, StartJob
from workers.job import JobSpec, JobState, Pipeline, Step, TaskState

# Tells that it has begun, then waits for the file `gate`.
FAMILY = """
import pathlib, threading
from workers.job import Kind
from workers.operations.declaration import Operation, Parameter, ParameterKind

OPERATIONS = (
    Operation("gather.lines", "Gather", "Writes all files one after the other.", Kind.ANY,
              (Parameter("place", ParameterKind.TEXT, "Place", "", ""),), str, is_reduce=True),
)

def output_suffix(steps, suffix):
    return ".txt"

def memory_need(steps, source):
    return 0

def run(steps, source, target):
    place = pathlib.Path(steps[-1].parameters["place"])
    if source.path.name == "z.txt" and not (place / "mended").exists():
        raise ValueError("not yet")
    target.write_bytes(source.read())
    return ""

def combined_name(step):
    return "all.txt"

def combined_need(step, partials):
    return 0

def combine(step, partials, target):
    place = pathlib.Path(step.parameters["place"])
    (place / "began").touch()
    while not (place / "gate").exists():
        threading.Event().wait(0.01)
    target.write_text("".join(each.path.read_text() for each in partials))
    return ""
"""


@pytest.fixture
def gathering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: Running, folder: Path
) -> Iterator[Path]:
    """Start a job over a file and one that fails until the file `mended` is there.

    When its last task has begun, return the folder where that waits for `gate`.
    """
    site = tmp_path / "site"
    offered = site / "gathering-1.0.dist-info"
    offered.mkdir(parents=True)
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: gathering\nVersion: 1.0\n")
    (offered / "entry_points.txt").write_text("[everycore.operations]\ngather = gathering\n")
    (site / "gathering.py").write_text(FAMILY)
    monkeypatch.syspath_prepend(str(site))
    _forget()
    (folder / "a.txt").write_text("a")
    (folder / "z.txt").write_text("z")
    pipeline = Pipeline("Gather", (Step("gather.lines", {"place": str(tmp_path)}),))
    spec = JobSpec(tmp_path / "out", pipeline, sandboxed=False)
    running.post(AddInputs((folder,)), StartJob(spec))
    running.until(lambda _: (tmp_path / "began").exists())
    yield tmp_path
    _forget()


def _forget() -> None:
    operations._offered.cache_clear()
    operations._plugged_in.cache_clear()
    sys.modules.pop("gathering", None)


def made(place: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in (place / "out").iterdir() if each.is_file()}


def test_a_file_that_comes_meanwhile_joins_the_output(gathering: Path, running: Running) -> None:
    (gathering / "more").mkdir()
    (gathering / "more" / "b.txt").write_text("b")
    running.post(AddInputs((gathering / "more",)))
    running.until(lambda now: now.counts.total == 4 and now.counts.succeeded == 2)
    (gathering / "gate").touch()
    counts = running.until_ended().counts
    assert made(gathering) == {"all.txt": "ab"}
    assert (counts.succeeded, counts.failed) == (3, 1)


def test_a_file_that_is_retried_meanwhile_joins_the_output(
    gathering: Path, running: Running
) -> None:
    (failed,) = (row.task for row in running.ended if row.state is TaskState.FAILED)
    (gathering / "mended").touch()
    running.post(RetryTasks((failed,)))
    running.until(lambda now: now.counts.succeeded == 2)
    (gathering / "gate").touch()
    counts = running.until_ended().counts
    assert made(gathering) == {"all.txt": "az"}
    assert counts.succeeded == counts.total == 3


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_worker_that_dies_meanwhile_is_replaced(gathering: Path, running: Running) -> None:
    lane = running.until(lambda now: any(lane.name == "all.txt" for lane in now.lanes)).lanes
    (pid,) = (each.pid for each in lane if each.name == "all.txt")
    (gathering / "began").unlink()
    os.kill(pid, signal.SIGKILL)
    running.until(lambda _: (gathering / "began").exists())
    (gathering / "gate").touch()
    running.until_ended()
    assert made(gathering) == {"all.txt": "a"}
    assert (running.ended[-1].name, running.ended[-1].attempts) == ("all.txt", 2)


def test_cancel_ends_it_and_makes_nothing(gathering: Path, running: Running) -> None:
    running.post(PauseJob())
    running.until(lambda now: now.state is JobState.PAUSED)
    running.post(CancelJob())
    counts = running.until_ended().counts
    assert (counts.succeeded, counts.cancelled) == (1, 1)
    assert made(gathering) == {}
    assert running.ended[-1].state is TaskState.CANCELLED
