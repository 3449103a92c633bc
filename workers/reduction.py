"""The reduce task of a job: when it is due, and what a worker is told for it.

Belongs to the engine's thread. It is a row of the journal's task table that no file belongs to,
added once all files are tasks, and offered to the scheduler as the one that waits for all others.
Whatever ends or is added after it began makes it due again; the worker finds out whether the
partials are those that its output was made of.
"""

from pathlib import Path
from typing import Final

from workers.earlier import EarlierOutputs
from workers.job import JobSpec
from workers.journal import Changed, Journal, WaitingTask
from workers.journal_partials import LeftOut, Listing
from workers.messages import Earlier, RunReduce
from workers.operations import find_reducing
from workers.output import output_failure
from workers.output_names import fitted, legal_part
from workers.partials import partials_folder
from workers.pipeline import reduce_step
from workers.wording import printable

_LIST: Final = "list"
# Of ten thousand partials it is written in that time; the engine's thread has other work.
_LIST_WAIT_S: Final = 0.02


class Reduction:
    """What one job's inputs become together; `folder` holds the partials."""

    def __init__(self, journal: Journal, spec: JobSpec, folder: Path) -> None:
        """Find the task in the journal, if it is there already."""
        assert spec.pipeline is not None
        step = reduce_step(spec.pipeline)
        assert step is not None
        name = find_reducing(step).combined_name(step)
        stem, suffix = Path(name).stem, Path(name).suffix
        self.folder: Final = folder
        self.planned: Final = spec.output / legal_part(fitted(stem, suffix))
        self.is_due = True
        self.is_offered = False
        self.has_begun = False
        self._listing: Listing | None = None
        self._journal = journal
        self._spec = spec
        self._listed = folder / f".{journal.job}-{_LIST}"
        self.task = journal.reduce_task()

    @property
    def name(self) -> str:
        """Return the printable name of the task: its output's."""
        return printable(self.planned.name)

    def offer(self) -> WaitingTask:
        """Return the task, which is due and waits from now on; it is added where there is none."""
        self.is_offered = self.has_begun = False
        if self.task is None:
            self._journal.add_blocks([(self.planned.name, 0, 1)])
            self.task = self._journal.reduce_task()
            assert self.task is not None
            self._journal.plan(self.task, self.planned)
        elif self._journal.task(self.task).state.is_final:
            self._journal.renew([Changed(self.task, 0, 0)])
        (waiting,) = self._journal.waiting_again([self.task])
        return waiting

    def is_listed(self) -> bool:
        """Say whether the list of partials is written; begins it anew where the task is due."""
        if self.is_due or self._listing is None:
            self.forget_list()
            self._listing = self._journal.list_partials(self._listed)
            self.is_due = False
        return self._listing.is_over(_LIST_WAIT_S)

    def request(
        self, given: WaitingTask, attempt: int, own_since_ns: int | None, earlier: EarlierOutputs
    ) -> RunReduce:
        """Return what a worker is told."""
        self.has_begun = True
        left_out, problem = LeftOut(0, ()), None
        try:
            left_out = self._left_out()
        except OSError as error:
            problem = output_failure(self.folder, error)
        own = None
        if given.outputs:
            since_ns = self._journal.created_ns
            is_own = all(check.mtime_ns >= since_ns for check in given.checks)  # else it was kept
            own = Earlier(0, 0, given.outputs, given.checks, is_outdated=False, is_own=is_own)
        return RunReduce(
            given.task,
            attempt,
            self._spec.output,
            self.planned,
            self._spec.on_existing,
            self._listed,
            own_since_ns,
            left_out.files,
            left_out.names,
            own or earlier.of_reduce(self.planned),
            problem,
        )

    def _left_out(self) -> LeftOut:
        """Return who is not in the list; one that went with its folder is written again."""
        if self._listing is None or not self._listed.is_file():
            self._listing = self._journal.list_partials(self._listed)
        return self._listing.left_out()

    def forget_list(self) -> None:
        """Delete the list of partials; one that is being written is left off."""
        if self._listing is not None:
            self._listing.stop()
            self._listing = None


def reduction_of(journal: Journal, spec: JobSpec) -> Reduction | None:
    """Return a job's; None for one without a reduce step."""
    folder = partials_folder(journal.path.parent, journal.job, spec)
    return None if folder is None else Reduction(journal, spec, folder)
