"""The tasks in the scheduler's hands: what each needs to run, and the name its output will have.

Belongs to the engine's thread. Bounded: the scheduler is offered no more than its backlog holds.
"""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from workers.earlier import EarlierOutputs
from workers.events import WorkerLost
from workers.in_place import keeps_name
from workers.job import JobSpec, Kind, TaskId
from workers.journal import Journal, WaitingTask
from workers.left_out import LeftOutPoints
from workers.messages import Earlier, RunBlock, RunFile, RunReduce
from workers.name_template import NameTemplate
from workers.operations import Companion
from workers.operations.sweep import block_name
from workers.output_names import NamePlanner
from workers.partials import partial_path
from workers.pipeline import companions, output_suffix
from workers.reduction import Reduction
from workers.wording import printable


class Assignments:
    """The offered tasks of one job, by id."""

    def __init__(
        self,
        journal: Journal,
        spec: JobSpec,
        earlier: EarlierOutputs,
        *,
        is_resumed: bool,
        folds: bool,
        reduction: Reduction | None = None,
    ) -> None:
        """Begin with none; a resumed job may meet outputs that it wrote itself.

        `folds` says that the output's disk takes names for one that differ in case only.
        """
        self._folds = folds
        self._reduction = reduction
        self._earlier = earlier
        self._journal = journal
        self._spec = spec
        self._output = spec.output if spec.pipeline is not None else spec.output.parent
        self._is_resumed = is_resumed
        self._tasks: dict[TaskId, WaitingTask] = {}
        self._left_out = LeftOutPoints()
        self._planners: dict[Path, NamePlanner] = {}
        self._written: dict[tuple[Kind, str], tuple[str, tuple[Companion, ...]]] = {}
        for planner in {self._planner_of(root) for root in (*journal.roots(), spec.output)}:
            for planned in journal.planned():
                planner.reserve(planned, self._companions_of_any(planned.suffix))

    def offer(self, waiting: Iterable[WaitingTask]) -> None:
        """Take these tasks in."""
        self._tasks.update((task.task, task) for task in waiting)

    def end(self, task: TaskId) -> WaitingTask:
        """Give a task out of hand; it has ended."""
        return self._tasks.pop(task)

    def held_back(self, task: TaskId) -> None:
        """Note that a task was tried and waits again: it may have written its output already."""
        self._tasks[task] = replace(self._tasks[task], was_dispatched=True)

    def has(self, task: TaskId) -> bool:
        """Say whether a task is in hand."""
        return task in self._tasks

    @property
    def count(self) -> int:
        """Return how many tasks are in hand."""
        return len(self._tasks)

    def given(self, task: TaskId) -> WaitingTask:
        """Return a task in hand."""
        return self._tasks[task]

    def name(self, task: TaskId) -> str:
        """Return the printable name of a task; nothing for one that is not in hand."""
        given = self._tasks.get(task)
        return "" if given is None else self.shown(given)

    def shown(self, given: WaitingTask) -> str:
        """Return the printable name of a task."""
        if given.relative is not None:
            return printable(given.relative)
        if self._reduction is not None:
            return self._reduction.name
        if self._spec.sweep is None:
            return ""
        return block_name(self._spec.sweep, given.first_point, given.points)

    def judged(self, event: WorkerLost) -> WorkerLost:
        """Return the event, excused when a point of a block is to blame and is left out now."""
        given = self._tasks.get(event.running) if event.running is not None else None
        if given is None or given.path is not None or self._reduction is not None:
            return event
        return self._left_out.judged(event, given.task)

    def request(self, task: TaskId, attempt: int) -> RunFile | RunBlock | RunReduce:
        """Return what a worker is told to do for an attempt."""
        given = self._tasks[task]
        is_again = self._is_resumed or given.was_dispatched or attempt > 1
        own_since_ns = self._journal.created_ns if is_again else None
        if given.path is None and self._reduction is not None:
            return self._reduction.request(given, attempt, own_since_ns, self._earlier)
        if given.path is None:
            left_out = self._left_out.of(task)
            return RunBlock(task, given.first_point, given.points, left_out)
        planned = self._planned(given)
        earlier = self._made_before(given) or self._earlier.of(given, planned)
        folder = self.folder_of(task)
        if self._reduction is not None:
            own_since_ns = 0  # all in the folder of partials is of this work
        return RunFile(task, attempt, given.path, folder, planned, own_since_ns, earlier)

    def folder_of(self, task: TaskId) -> Path:
        """Return the folder that what a task writes belongs to: in place, the one dropped."""
        given = self._tasks.get(task)
        if given is None:
            return self._output
        if self._reduction is not None and given.path is not None:
            return self._reduction.folder
        if not self._spec.is_in_place or given.root is None:
            return self._output
        return given.root

    def _planned(self, given: WaitingTask) -> Path:
        """Return the output's final name, reserved once and kept for all attempts."""
        if given.planned is not None:
            return given.planned
        assert given.path is not None
        assert given.root is not None
        assert given.relative is not None
        suffix, beside = self._written_for(given.kind, given.path.suffix.lower())
        if self._reduction is not None:
            planned = partial_path(self._reduction.folder, given.path, suffix)
        elif self._spec.is_in_place and keeps_name(given.path, suffix):
            planned = given.path
        else:
            planned = self._planner_of(given.root).plan(
                given.root,
                given.relative,
                suffix,
                index=given.task,
                mtime_ns=given.mtime_ns,
                companions=beside,
            )
        self._journal.plan(given.task, planned)
        self._tasks[given.task] = replace(given, planned=planned)
        return planned

    def _written_for(self, kind: Kind, suffix: str) -> tuple[str, tuple[Companion, ...]]:
        """Return the suffix of an input's output, and what stands beside it."""
        known = self._written.get((kind, suffix))
        if known is None:
            pipeline = self._spec.pipeline
            assert pipeline is not None, "a file is a task of a pipeline"
            written = output_suffix(pipeline, kind, suffix)
            known = self._written[kind, suffix] = written, companions(pipeline, kind, suffix)
        return known

    def _companions_of_any(self, suffix: str) -> tuple[Companion, ...]:
        """Return what may stand beside an output of that suffix, whatever its input was."""
        if self._spec.pipeline is None:
            return ()
        found = [each for kind in Kind for each in self._written_for(kind, suffix)[1]]
        return tuple(dict.fromkeys(found))

    def _planner_of(self, root: Path) -> NamePlanner:
        """Return who plans the names in the output folder; in place each dropped folder is one."""
        is_in_place = self._spec.is_in_place
        folder = root if is_in_place else self._spec.output
        if folder not in self._planners:
            paths, _ = self._journal.inputs()
            self._planners[folder] = NamePlanner(
                folder,
                has_several_roots=len(paths) > 1 and not is_in_place,
                roots=self._journal.roots(),
                template=NameTemplate(self._spec.names) if self._spec.names else None,
                folds=self._folds,
            )
        return self._planners[folder]

    def _made_before(self, given: WaitingTask) -> Earlier | None:
        """Return what this very job made of the file before it changed, to be replaced."""
        if not given.outputs or self._spec.is_in_place:  # there, the file was that output
            return None
        size, mtime_ns = given.size, given.mtime_ns
        return Earlier(size, mtime_ns, given.outputs, given.checks, is_outdated=True, is_own=True)
