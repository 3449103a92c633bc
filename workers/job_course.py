"""The course of a job from a start to its end or stop: its tasks in the hands of workers.

Belongs to the engine's thread. It performs what the scheduler answers; what concerns the job as a
whole (it pauses, is refused, is over) it hands on to whoever has the job open.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, assert_never

from msgspec.structs import replace

from workers.actions import (
    Action,
    Dispatch,
    EndTask,
    FinishJob,
    GrantMemory,
    KillWorker,
    PauseItself,
    RefuseJob,
    RequeueTask,
    RetireWorker,
    StartWorker,
    TakeBackTask,
)
from workers.assignments import Assignments
from workers.blockage import Blockage
from workers.deadlines import Deadlines
from workers.earlier import EarlierOutputs
from workers.events import (
    AttemptEnded,
    Event,
    LastTaskOffered,
    OutputBlocked,
    TasksExhausted,
    TasksExpected,
    TasksOffered,
    WorkerLost,
    WorkerNotStarted,
    WorkersOutdated,
)
from workers.job import JobSpec, TaskId, WorkerId
from workers.job_setup import setup_for, threads_each
from workers.job_view import JobView, ended_row
from workers.job_workers import JobWorkers
from workers.journal import Journal
from workers.memory import available_bytes, total_bytes
from workers.memory_budget import memory_budget
from workers.messages import Setup
from workers.outcome import Failure, FailureKind, Success, lacks_memory
from workers.output import Staging
from workers.partials import without_partials
from workers.reduction import Reduction, reduction_of
from workers.room import NO_ROOM
from workers.sandbox_choice import with_inputs
from workers.scheduler import Scheduler
from workers.snapshot import AttemptEnd, MarkerKind, TaskRow

# The scheduler holds so many tasks at most; the others wait in the journal.
BACKLOG_LOW: Final = 500
BACKLOG_STEP: Final = 1000
_NOBODY: Final = WorkerId(0)

Listener = Callable[[TaskRow], None]
Turn = PauseItself | RefuseJob | FinishJob


class Course:
    """The workers, the scheduler and the output folder of a job that was started."""

    def __init__(
        self,
        journal: Journal,
        spec: JobSpec,
        pool: JobWorkers,
        view: JobView,
        *,
        listener: Listener | None,
    ) -> None:
        """Take what the job needs; nothing is touched yet."""
        folder = spec.output if spec.pipeline is not None else spec.output.parent
        self.staging: Final = Staging(folder, journal.job)
        self._reduction: Final[Reduction | None] = reduction_of(journal, spec)
        folders = (folder,) if self._reduction is None else (folder, self._reduction.folder)
        self._stagings: Final = (self.staging, *(Staging(f, journal.job) for f in folders[1:]))
        self.blockage: Final = Blockage(journal.job)
        self._journal = journal
        self._spec = spec
        self._pool = pool
        self._view = view
        self._listener = listener
        self._deadlines = Deadlines(spec.timeout_s)
        self._offered_to = TaskId(0)
        self._short_of_memory: TaskId | None = None
        self._assignments: Assignments
        self._scheduler: Scheduler
        self._setup: Setup
        self._turned: Callable[[Turn], None]

    def begin(
        self,
        earlier: EarlierOutputs,
        turned: Callable[[Turn], None],
        *,
        workers: int,
        known: int | None,
        is_resumed: bool,
    ) -> None:
        """Let workers come; `known` is how many tasks there are, None while more may be found.

        Calls `turned` when the job as a whole pauses, is refused or is over.
        """
        self._assignments = Assignments(
            self._journal,
            self._spec,
            earlier,
            is_resumed=is_resumed,
            folds=self.staging.folds_names(),
            reduction=self._reduction,
        )
        self._turned = turned
        budget = memory_budget(available_bytes(), total_bytes(), workers)
        self._scheduler = Scheduler(
            target=workers,
            retries=self._spec.retries,
            memory_budget=budget.together,
            recycle_above=budget.recycle_above,
        )
        self._pool.set_memory_cap(budget.each)
        threads = threads_each(workers, known)
        self._setup = setup_for(self._journal, self._spec, self.staging, self._reduction, threads)
        ahead = workers if known is None else min(workers, known)
        self._pool.prepare(self._setup, ahead=ahead)

    # ---- the folders that workers write to

    def prepare(self) -> Failure | None:
        """Make the folders of unfinished files, empty; return why they cannot be used."""
        return next(filter(None, (staging.prepare() for staging in self._stagings)), None)

    def restore(self) -> Failure | None:
        """Make folders that went missing again; return why not."""
        return next(filter(None, (staging.restore() for staging in self._stagings)), None)

    def leave(self) -> None:
        """Leave off what is done beside the job."""
        if self._reduction is not None:
            self._reduction.forget_list()

    def remove(self) -> None:
        """Delete what is unfinished."""
        self.leave()
        for staging in self._stagings:
            staging.remove()

    # ---- what the open job asks

    def handle(self, event: Event) -> None:
        """Tell the scheduler what happened and do what it answers."""
        now = time.monotonic()
        if isinstance(event, AttemptEnded | WorkerLost):
            if not self._scheduler.employs(event.worker):
                return  # it was started for the job before
            event = self._noted(event, now)
        for action in self._scheduler.handle(event, now):
            self._perform(action, now)

    def refill(self, *, is_open: bool) -> None:
        """Offer more waiting tasks when few are left; when none is and no more come, say so."""
        if self._scheduler.is_over or self._scheduler.backlog >= BACKLOG_LOW:
            return
        waiting = self._journal.waiting(self._offered_to, BACKLOG_STEP)
        if waiting:
            self._offered_to = waiting[-1].task
            if self._reduction is not None:
                self._reduction.is_due = True  # once more, where it runs already
            self._assignments.offer(waiting)
            self.handle(TasksOffered(tuple(task.task for task in waiting)))
        elif not is_open and self._has_offered_last():
            self.handle(TasksExhausted())

    def _has_offered_last(self) -> bool:
        """Offer the reduce task where it is due; say whether no other offer is to come."""
        reduction = self._reduction
        if reduction is None:
            return True
        if reduction.task is None or not self._assignments.has(reduction.task):
            if not reduction.is_due:
                return True
            self._assignments.offer([reduction.offer()])
            self._view.all_changed()
        if reduction.has_begun:
            return not reduction.is_due  # one that runs has its turn again once it has ended
        if self._assignments.count > 1 or not reduction.is_listed():
            return False
        if not reduction.is_offered and reduction.task is not None:
            reduction.is_offered = True
            self.handle(LastTaskOffered(reduction.task))
        return True

    def offer_again(self, tasks: Iterable[TaskId]) -> None:
        """Offer tasks that wait again, or wait with another file; some may have their turn yet."""
        if self._reduction is not None:
            self._reduction.is_due = True
            tasks = [task for task in tasks if task != self._reduction.task]
            self.handle(TasksExpected())  # the job does not end before the refill that follows
        again = [task for task in tasks if task <= self._offered_to]
        ended = tuple(task for task in again if not self._assignments.has(task))
        self._assignments.offer(self._journal.waiting_again(again))
        self.handle(TasksOffered(ended))

    def rest(self) -> None:
        """Let the workers go: nothing is to do for a while."""
        self._pool.rest()
        self.handle(WorkersOutdated())

    def wake(self) -> None:
        """Let workers come again."""
        self._pool.prepare(self._setup)

    def widen_sandbox(self) -> None:
        """Let new workers take the place of those whose sandbox lacks an input."""
        if self._setup.sandbox is None:
            return
        inputs, _ = self._journal.inputs()
        is_in_place = self._spec.is_in_place
        sandbox = with_inputs(self._setup.sandbox, inputs, is_in_place=is_in_place)
        if sandbox != self._setup.sandbox:
            self._setup = replace(self._setup, sandbox=sandbox)
            self.replace_sandboxed()

    def replace_sandboxed(self) -> None:
        """Let new workers come: an output drive may be another now, and shut to a sandbox."""
        if self._setup.sandbox is not None:
            self._pool.prepare(self._setup)
            self.handle(WorkersOutdated())

    @property
    def running(self) -> int:
        """Return how many tasks run now."""
        return self._scheduler.running

    def name_of(self, task: TaskId) -> str:
        """Return the printable name of a task that is in the scheduler's hands."""
        return self._assignments.name(task)

    # ---- events on their way to the scheduler

    def _noted(self, event: AttemptEnded | WorkerLost, now: float) -> Event:
        """Show what happened on the worker's lane; leave out a sweep's point that kills workers."""
        if isinstance(event, AttemptEnded):
            needed = self._journal.bytes_to_come
            folder = self._assignments.folder_of(event.task)
            if (reason := self.blockage.judge(event.outcome, folder, needed)) is not None:
                return OutputBlocked(event.worker, event.task, reason)
            failed = isinstance(event.outcome, Failure)
            self._short_of_memory = event.task if lacks_memory(event.outcome) else None
            end = AttemptEnd.FAILED if failed else AttemptEnd.DONE
            self._view.lane_ended(event.lane, event.seconds, end, now)
            self._learn(event)
        elif event.running is not None:
            self._view.lane_ended(event.lane, event.seconds, AttemptEnd.CRASHED, now)
            cause = self._deadlines.compared(event.cause)
            return self._assignments.judged(replace(event, cause=cause))
        elif event.lacked_room:
            self._view.notice = NO_ROOM
        return event

    def _learn(self, event: AttemptEnded) -> None:
        is_known = self._assignments.has(event.task) and not self._is_reduce(event.task)
        if isinstance(event.outcome, Success) and is_known:
            given = self._assignments.given(event.task)
            self._deadlines.note(given.kind, given.size, event.seconds / max(1, given.points))

    # ---- actions

    def _perform(self, action: Action, now: float) -> None:
        match action:
            case StartWorker():
                self._start_worker()
            case RetireWorker(worker):
                self._pool.retire(worker)
            case KillWorker(worker):
                self._pool.kill(worker)
            case Dispatch(worker, task, attempt):
                self._dispatch(worker, task, attempt)
            case TakeBackTask(worker, task):
                self._pool.take_back(worker, task)
            case GrantMemory(worker):
                self._pool.grant(worker)
            case EndTask():
                self._end_task(action, now)
            case RequeueTask():
                self._requeue(action, now)
            case PauseItself() | RefuseJob() | FinishJob():
                self._turned(action)
            case _:
                assert_never(action)

    def _start_worker(self) -> None:
        try:
            worker = self._pool.start_worker()
        except OSError as error:
            reason = f"{error.strerror or error}."
            self._view.notice = f"No more workers can be started: {reason}"
            self.handle(WorkerNotStarted(reason))
            return
        self._scheduler.worker_started(worker)

    def _dispatch(self, worker: WorkerId, task: TaskId, attempt: int) -> None:
        request = self._assignments.request(task, attempt)
        given = self._assignments.given(task)
        # The limit is that of one file.
        is_limited = not self._is_reduce(task)
        limit_s = self._deadlines.limit(given.kind, given.size) if is_limited else None
        self._pool.send(worker, task, request, limit_s)
        self._journal.dispatched(task, attempt)
        self._view.changed(task)

    def _end_task(self, action: EndTask, now: float) -> None:
        task, outcome, seconds = action.task, action.outcome, action.seconds
        given = self._assignments.end(task)
        worker, ended_s = action.worker or _NOBODY, self._view.elapsed(now)
        if not self._journal.ended(task, outcome, action.attempts, seconds, worker, ended_s):
            return
        if self._reduction is not None and not self._is_reduce(task):
            self._reduction.is_due = True
        if outcome is not None:
            self._view.task_ended(points=given.points, size=given.size, seconds=seconds, now=now)
        self._view.changed(task)
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.WORKER_LOST:
            name = self._assignments.shown(given)
            self._view.mark(MarkerKind.CRASHED, "crash", now)
            words = f"A worker crashed on {name} and was replaced; the file was set aside."
            self._view.notice = words
        if self._listener is not None:
            row = ended_row(self._assignments.shown(given), given, action)
            self._listener(row if self._reduction is None else without_partials(row))

    def _is_reduce(self, task: TaskId) -> bool:
        return self._reduction is not None and task == self._reduction.task

    def _requeue(self, action: RequeueTask, now: float) -> None:
        self._assignments.held_back(action.task)
        self._journal.requeue(action.task, action.attempts)
        self._view.changed(action.task)
        if action.is_charged:
            name = self._assignments.name(action.task)
            if action.task == self._short_of_memory:  # it said so itself; no worker is lost
                words = f"{name} needs more memory than there is; it is tried once more, alone."
            else:
                self._view.mark(MarkerKind.CRASHED, "crash", now)
                words = f"A worker crashed on {name}; the task is tried once more."
            self._view.notice = words
