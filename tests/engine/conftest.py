"""A real engine for tests that run jobs, with a way to wait for facts."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.commands import AddInputs, Command, StartJob
from workers.engine import Engine
from workers.job import Axis, JobSpec, Pipeline, Step, Sweep
from workers.operations.user_function import digest
from workers.snapshot import JobSnapshot, LaneSegment, Marker, TaskRow

# Only a hang reaches it; a shared machine may be slow.
PATIENCE_S = 60.0


class Running:
    """An engine, what it told of ended tasks, and its snapshots' news put together."""

    def __init__(self, journals: Path, workers: int) -> None:
        self.ended: list[TaskRow] = []
        self.markers: list[Marker] = []
        self.segments: list[LaneSegment] = []
        self.engine = Engine(journals, workers=workers, listener=self.ended.append)
        self.last = self.engine.snapshot()

    def post(self, *commands: Command) -> None:
        for command in commands:
            self.engine.post(command)

    def until(self, is_true: Callable[[JobSnapshot], bool]) -> JobSnapshot:
        """Drive the engine until a snapshot satisfies the claim."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            self.engine.turn(0.02)
            self.last = self.engine.snapshot()
            self.markers += self.last.markers
            self.segments += [s for lane in self.last.lanes for s in lane.segments]
            if is_true(self.last):
                return self.last
        raise AssertionError(f"waited in vain; the last snapshot: {self.last}")

    def until_ended(self) -> JobSnapshot:
        """Drive the engine until the job has ended or was refused."""
        return self.until(self._has_ended)

    def _has_ended(self, snapshot: JobSnapshot) -> bool:
        is_asked = self.engine._inbox.holds  # the job before is still being put in order
        return (snapshot.state.is_ended and not is_asked) or bool(snapshot.refusal)


@pytest.fixture
def journals(everycore_home: Path) -> Path:
    """Return the folder of this test's journals."""
    folder = everycore_home / "jobs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def running(journals: Path) -> Iterator[Running]:
    """Return an engine with two workers; it is closed at the end."""
    running = Running(journals, workers=2)
    yield running
    running.engine.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for inputs."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    return folder


def own_code(tmp_path: Path, source: str) -> Pipeline:
    """Return a pipeline of one own-code step with this source."""
    file = tmp_path / "own_code.py"
    file.write_text(source, encoding="utf-8")
    return Pipeline("Own code", (Step("user.process", file=file),))


def job_of(inputs: Path, output: Path, pipeline: Pipeline, **limits: float) -> list[Command]:
    """Return the commands that run a pipeline over a folder; its own code is allowed."""
    trusted = tuple(digest(step.file) for step in pipeline.steps if step.file is not None)
    retries, timeout_s = int(limits.get("retries", 1)), limits.get("timeout_s")
    spec = JobSpec(output, pipeline, retries=retries, timeout_s=timeout_s, trusted=trusted)
    return [AddInputs((inputs,)), StartJob(spec)]


def sweep_of(tmp_path: Path, source: str, output: Path, *axes: Axis, **limits: float) -> StartJob:
    """Return the command that runs `f` of this source over the axes."""
    file = tmp_path / "own_sweep.py"
    file.write_text(source, encoding="utf-8")
    sweep = Sweep(file, "f", axes)
    timeout_s = limits.get("timeout_s")
    return StartJob(JobSpec(output, sweep=sweep, timeout_s=timeout_s, trusted=(digest(file),)))
