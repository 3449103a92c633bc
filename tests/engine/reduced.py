"""What a job with a reduce step does, in this process: partials of files, then the one output."""

import os
from pathlib import Path

from workers.attempt import Preparation
from workers.job import JobId, OnExisting, Pipeline, Step, TaskId
from workers.journal_schema import encoded
from workers.messages import RunFile, RunReduce, Setup
from workers.operations import find_reducing
from workers.operations.kinds import kind_of_suffix
from workers.outcome import Failure, Outcome, Skip, Success
from workers.output import Staging
from workers.partials import PartialRow, partial_path, write_list
from workers.pipeline import output_suffix

JOB = JobId("20250101-120000-holiday-1a2b")


class Reducing:
    """A pipeline over files of one folder; `outcomes` are those of the files, by their names."""

    def __init__(self, folder: Path, output: Path, *steps: Step) -> None:
        """Make the partials of all files below the folder, the last name first."""
        self.outcomes: dict[str, Outcome] = {}
        self.folder, self.output = folder, output
        self._partials = output.parent / f"{output.name} partials"
        self._pipeline = Pipeline("Together", steps)
        self._preparation = Preparation(
            Setup(JOB, OnExisting.REPLACE, self._pipeline, None, (), since_ns=0)
        )
        for place in (output, self._partials):
            assert Staging(place, JOB).prepare() is None
        found = [self._partial(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        write_list(self._listed, {1: folder}, [each for each in reversed(found) if each])

    @property
    def _listed(self) -> Path:
        return self._partials / "list"

    def _partial(self, path: Path) -> PartialRow | None:
        suffix = output_suffix(self._pipeline, kind_of_suffix(path.suffix), path.suffix)
        planned = partial_path(self._partials, path, suffix)
        request = RunFile(TaskId(1), 1, path, self._partials, planned, 0)
        outcome = self.outcomes[path.name] = self._preparation.run_file(request)
        if not isinstance(outcome, Success):
            return None
        (made,), (check,) = outcome.outputs, outcome.checks
        relative = os.fsencode(path.relative_to(self.folder))
        return PartialRow(1, relative, "", os.fsencode(made), encoded((check,)))

    def reduce(self, attempt: int = 1) -> Outcome:
        """Run the reduce task."""
        step = self._pipeline.steps[-1]
        planned = self.output / find_reducing(step).combined_name(step)
        own_since_ns = 0 if attempt > 1 else None
        request = RunReduce(
            TaskId(9), attempt, self.output, planned, OnExisting.SKIP, self._listed, own_since_ns
        )
        return self._preparation.run_reduce(request)

    def made(self, warning: str = "") -> Path:
        """Run the reduce task and return its output, of which it warns so."""
        outcome = self.reduce()
        assert isinstance(outcome, Success), outcome
        assert outcome.warning == warning
        (output,) = outcome.outputs
        return output

    def refused(self) -> str:
        """Run the reduce task and return why it has no output."""
        outcome = self.reduce()
        assert isinstance(outcome, Failure | Skip)
        assert not [each for each in self.output.iterdir() if each.is_file()]
        return outcome.message
