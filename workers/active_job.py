"""One job while the engine has it open: its journal, its scheduler, its view, its output folder.

Belongs to the engine's thread. It performs what the scheduler answers, and knows nothing of
commands, windows or terminals.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, assert_never

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
from workers.discovery import FoundFile
from workers.earlier import EarlierOutputs, look_back
from workers.errors import JobRefused, JournalError
from workers.events import (
    AttemptEnded,
    Event,
    JobCancelled,
    JobContinued,
    JobPaused,
    MemoryChanged,
    OutputBlocked,
    TasksExhausted,
    TasksExpected,
    TasksOffered,
    WorkerLost,
    WorkerNotStarted,
    WorkersOutdated,
    WorkersResized,
)
from workers.job import JobSpec, JobState, Sweep, TaskId, TaskState, WorkerId
from workers.job_setup import setup_for, threads_each
from workers.job_view import JobView, ended_row, skipped_row
from workers.job_workers import JobWorkers
from workers.journal import Journal
from workers.manifest import ManifestWriting
from workers.memory import available_bytes, total_bytes
from workers.memory_budget import memory_budget
from workers.messages import Setup
from workers.operations import sweep as sweeps
from workers.outcome import Failure, FailureKind, Success
from workers.output import Staging
from workers.room import NO_ROOM
from workers.sandbox_choice import with_inputs
from workers.scheduler import Scheduler
from workers.snapshot import AttemptEnd, Counts, MarkerKind, TaskRow
from workers.sweep_results import publish_results

# The scheduler holds so many tasks at most; the others wait in the journal.
BACKLOG_LOW: Final = 500
BACKLOG_STEP: Final = 1000
COMMIT_EVERY_S: Final = 0.1
# So many of the last outputs are looked at again when a job that stopped goes on.
LOOKED_AT_AGAIN: Final = 20_000
_NOBODY: Final = WorkerId(0)

Listener = Callable[[TaskRow], None]


class ActiveJob:
    """A job that is open: a draft, running, paused or ended."""

    def __init__(self, journal: Journal, state: JobState, listener: Listener | None) -> None:
        """Take over an open journal; what ran when it was left waits again."""
        journal.reopen_running()
        self.journal = journal
        self.state = state
        self.spec: JobSpec | None = journal.spec()
        self.view = JobView(journal.elapsed())
        self.pause_reason = ""
        self.refusal = ""
        self.is_discovering = False
        self._listener = listener
        self._scheduler: Scheduler | None = None
        self._pool: JobWorkers | None = None
        self._manifest = ManifestWriting()
        self._assignments: Assignments | None = None
        self._earlier: EarlierOutputs | None = None
        self._staging: Staging | None = None
        self._blockage = Blockage()
        self._setup: Setup | None = None
        self._deadlines = Deadlines(None)
        self._offered_to = TaskId(0)
        self._committed_at = 0.0
        self._is_cancelled = False

    # ---- what the engine asks

    def start(self, spec: JobSpec, pool: JobWorkers, workers: int) -> None:
        """Begin or go on; raises JobRefused when the output folder cannot be used."""
        folder = spec.output if spec.pipeline is not None else spec.output.parent
        staging = Staging(folder, self.journal.job)
        if (failure := staging.prepare()) is not None:
            raise JobRefused(failure.message)
        self.spec, self._staging, self._pool = spec, staging, pool
        self._blockage = Blockage(staging)
        self.refusal = ""
        pool.kill_all()  # those of a start before that was refused or cancelled
        self.journal.reopen_running()
        is_resumed = self.journal.spec() is not None
        if is_resumed and self.state is JobState.STOPPED:
            self.journal.reopen_lost(LOOKED_AT_AGAIN)
        self._earlier = look_back(self.journal, spec, self._earlier)
        self._assignments = Assignments(self.journal, spec, self._earlier, is_resumed=is_resumed)
        budget = memory_budget(available_bytes(), total_bytes(), workers)
        self._scheduler = Scheduler(
            target=workers,
            retries=spec.retries,
            memory_budget=budget.together,
            recycle_above=budget.recycle_above,
        )
        pool.set_memory_cap(budget.each)
        self._deadlines = Deadlines(spec.timeout_s)
        self._offered_to = TaskId(0)
        self._is_cancelled = False
        self.journal.set_spec(spec)
        if spec.sweep is not None and not self.journal.counts().total:
            self._add_blocks(spec.sweep)
        known = None if self.is_discovering else self.journal.counts().total
        self._setup = setup_for(self.journal, spec, staging, threads_each(workers, known))
        pool.prepare(self._setup)
        self._enter(JobState.RUNNING)
        self.view.start_clock(time.monotonic())
        self.refill()

    def handle(self, event: Event) -> None:
        """Tell the scheduler what happened and do what it answers."""
        if self._scheduler is None:
            return
        now = time.monotonic()
        if isinstance(event, AttemptEnded | WorkerLost):
            if not self._scheduler.employs(event.worker):
                return  # it was started for the job before
            event = self._noted(event, now)
        for action in self._scheduler.handle(event, now):
            self._perform(action, now)

    def expect_files(self) -> None:
        """Wait for what a search finds before the job may end."""
        self.is_discovering = True
        self.journal.set_discovered(False)
        self.handle(TasksExpected())
        self._widen_sandbox()

    def refill(self) -> None:
        """Offer the scheduler more waiting tasks when it runs low, and tell when none are left."""
        scheduler = self._scheduler
        if scheduler is None or scheduler.is_over or scheduler.backlog >= BACKLOG_LOW:
            return
        waiting = self.journal.waiting(self._offered_to, BACKLOG_STEP)
        if waiting:
            self._offered_to = waiting[-1].task
            assert self._assignments is not None
            self._assignments.offer(waiting)
            self.handle(TasksOffered(tuple(task.task for task in waiting)))
        elif not self.is_discovering:
            self.handle(TasksExhausted())

    def add_files(self, files: Sequence[FoundFile]) -> None:
        """Record what discovery found; the next refill offers it."""
        first = self.journal.counts().total + 1
        added = self.journal.add_files(files)
        self.view.all_changed()
        if self._listener is not None:
            for number, file in enumerate(added, first):
                if file.problem:
                    self._listener(skipped_row(TaskId(number), file))

    def counts(self) -> Counts:
        """Return how many tasks stand where; what only waits at a worker is waiting."""
        counts = self.journal.counts()
        waiting = counts.waiting + counts.running
        running = min(self.running, waiting)
        return replace(counts, waiting=waiting - running, running=running)

    def pause(self) -> None:
        """Hand out no more tasks."""
        if self.state is JobState.RUNNING:
            now = time.monotonic()
            self.handle(JobPaused())
            self.view.mark(MarkerKind.PAUSED, "paused", now)
            self._stop_clock(now)
            self._enter(JobState.PAUSED)

    def go_on(self) -> None:
        """Go on after a pause; raises JobRefused while the output folder is gone."""
        if self.state is JobState.PAUSED:
            assert self._staging is not None
            if (failure := self._staging.restore()) is not None:
                raise JobRefused(failure.message)
            if self.pause_reason:  # the output drive may be another by now, and shut to a sandbox
                self._replace_sandboxed()
            self._blockage.end()
            now = time.monotonic()
            self.view.start_clock(now)
            self.view.mark(MarkerKind.CONTINUED, "continued", now)
            self._enter(JobState.RUNNING)
            self.handle(JobContinued())

    def resize(self, before: int, after: int) -> None:
        """Run on another number of workers from now on."""
        if self.is_open_ended and before != after:
            self.view.mark(MarkerKind.RESIZED, f"{before} → {after} workers", time.monotonic())
        self.handle(WorkersResized(after))

    def memory_changed(self, *, is_scarce: bool) -> None:
        """Run one task at a time while memory is scarce."""
        if self.is_open_ended:
            words = "Memory is low: one task runs at a time until some is free."
            self.view.notice = words if is_scarce else ""
        self.handle(MemoryChanged(is_scarce))

    def cancel(self) -> None:
        """End the job now; open tasks become cancelled."""
        if self._scheduler is None or not self.is_open_ended:
            return
        self._is_cancelled = True
        self.journal.cancel_waiting()
        self.handle(JobCancelled())
        self.view.all_changed()

    def retry(self, tasks: tuple[TaskId, ...], pool: JobWorkers, workers: int) -> None:
        """Run failed and cancelled tasks again; while the job runs, only those named."""
        if self.spec is None:
            return
        if self.is_open_ended:
            self._retry_while_running(tasks)
        elif self.state.is_ended and (self.journal.retry(tasks) or self.is_discovering):
            self.view.all_changed()
            self.start(self.spec, pool, workers)

    def _retry_while_running(self, tasks: tuple[TaskId, ...]) -> None:
        if not tasks:
            raise JobRefused("All problems can be retried once the job has ended.")
        assert self._assignments is not None
        ended = (TaskState.FAILED, TaskState.CANCELLED)
        again = tuple(task for task in tasks if self.journal.task(task).state in ended)
        if not again:
            return
        self.journal.retry(again)
        self._assignments.offer(self.journal.waiting(TaskId(task - 1), 1)[0] for task in again)
        self.view.all_changed()
        self.handle(TasksOffered(again))

    def save(self) -> None:
        """Commit what the journal has buffered, at most ten times a second."""
        now = time.monotonic()
        if now - self._committed_at >= COMMIT_EVERY_S:
            self._committed_at = now
            if self.is_open_ended:
                self.journal.set_elapsed(self.view.elapsed(now))
            self.journal.commit()

    def leave(self) -> None:
        """Close the journal; an unfinished job stands as stopped."""
        self._stop_clock(time.monotonic())
        self._manifest.join()
        if self.is_open_ended:
            self._enter(JobState.STOPPED)
        if self._earlier is not None:
            self._earlier.close()
        self.journal.close()

    @property
    def is_recording(self) -> bool:
        """Say whether the list of outputs is being written."""
        return self._manifest.is_busy

    @property
    def waits_for_disk(self) -> bool:
        """Say whether the job goes on by itself once its outputs can be written again."""
        return self.state is JobState.PAUSED and self._blockage.is_waiting

    def undone(self, words: str, *, is_over: bool) -> None:
        """Tell how far the job is undone; one that is all undone counts as cancelled."""
        self.view.notice = words
        self.view.all_changed()
        if is_over:
            self._enter(JobState.CANCELLED)

    def look_after(self, now: float) -> None:
        """Go on after a pause whose cause is gone; tell of a list that could not be written."""
        if problem := self._manifest.problem():
            self.view.notice = problem
        if self.state is JobState.PAUSED and self._blockage.is_over(now):
            with suppress(JobRefused):  # gone again in between
                self.go_on()

    @property
    def is_open_ended(self) -> bool:
        """Say whether the job was started and has not ended."""
        return self.state in (JobState.RUNNING, JobState.PAUSED)

    @property
    def running(self) -> int:
        """Return how many tasks run now."""
        return self._scheduler.running if self._scheduler is not None else 0

    def name_of(self, task: TaskId) -> str:
        """Return the printable name of a task that is in the scheduler's hands."""
        return "" if self._assignments is None else self._assignments.name(task)

    # ---- preparation

    def _widen_sandbox(self) -> None:
        """Let new workers take the place of those whose sandbox lacks an input."""
        if self._setup is None or self._setup.sandbox is None or not self.is_open_ended:
            return
        inputs, _ = self.journal.inputs()
        sandbox = with_inputs(self._setup.sandbox, inputs)
        if sandbox != self._setup.sandbox:
            self._setup = replace(self._setup, sandbox=sandbox)
            self._replace_sandboxed()

    def _replace_sandboxed(self) -> None:
        if self._setup is not None and self._setup.sandbox is not None:
            assert self._pool is not None
            self._pool.prepare(self._setup)
            self.handle(WorkersOutdated())

    def _add_blocks(self, sweep: Sweep) -> None:
        self.journal.add_blocks(list(sweeps.blocks(sweep)))
        self.journal.set_discovered(True)
        self.view.all_changed()

    def _enter(self, state: JobState) -> None:
        self.state = state
        if state is not JobState.PAUSED:
            self.pause_reason = ""
        self.journal.set_elapsed(self.view.elapsed(time.monotonic()))
        with suppress(JournalError):  # it stays buffered: `save` tries again and tells
            self.journal.set_state(state)

    def _stop_clock(self, now: float) -> None:
        self.view.stop_clock(now)
        self.journal.set_elapsed(self.view.elapsed(now))

    # ---- events on their way to the scheduler

    def _noted(self, event: AttemptEnded | WorkerLost, now: float) -> Event:
        """Show what happened on the worker's lane; leave out a sweep's point that kills workers."""
        if isinstance(event, AttemptEnded):
            assert self._blockage is not None
            if (
                reason := self._blockage.judge(event.outcome, self.journal.bytes_to_come)
            ) is not None:
                return OutputBlocked(event.worker, event.task, reason)
            failed = isinstance(event.outcome, Failure)
            end = AttemptEnd.FAILED if failed else AttemptEnd.DONE
            self.view.lane_ended(event.lane, event.seconds, end, now)
            self._learn(event)
        elif event.running is not None:
            self.view.lane_ended(event.lane, event.seconds, AttemptEnd.CRASHED, now)
            assert self._assignments is not None
            cause = self._deadlines.compared(event.cause)
            return self._assignments.judged(replace(event, cause=cause))
        elif event.lacked_room:
            self.view.notice = NO_ROOM
        return event

    def _learn(self, event: AttemptEnded) -> None:
        assert self._assignments is not None
        if isinstance(event.outcome, Success) and self._assignments.has(event.task):
            given = self._assignments.given(event.task)
            self._deadlines.note(given.kind, given.size, event.seconds / max(1, given.points))

    # ---- actions

    def _perform(self, action: Action, now: float) -> None:
        assert self._pool is not None
        assert self._scheduler is not None
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
            case PauseItself(reason):
                self._pause_itself(reason, now)
            case RefuseJob(reason):
                self.refusal = reason
                self._stop_clock(now)
                self._enter(JobState.STOPPED)
            case FinishJob():
                self._finish(now)
            case _:
                assert_never(action)

    def _pause_itself(self, reason: str, now: float) -> None:
        self.pause_reason = reason
        self.view.mark(MarkerKind.PAUSED, "paused", now)
        self._stop_clock(now)
        self._enter(JobState.PAUSED)
        self._blockage.begin(reason, now)

    def _start_worker(self) -> None:
        assert self._pool is not None
        assert self._scheduler is not None
        try:
            worker = self._pool.start_worker()
        except OSError as error:
            reason = f"{error.strerror or error}."
            self.view.notice = f"No more workers can be started: {reason}"
            self.handle(WorkerNotStarted(reason))
            return
        self._scheduler.worker_started(worker)

    def _dispatch(self, worker: WorkerId, task: TaskId, attempt: int) -> None:
        assert self._pool is not None
        assert self._assignments is not None
        request = self._assignments.request(task, attempt)
        given = self._assignments.given(task)
        limit_s = self._deadlines.limit(given.kind, given.size)
        self._pool.send(worker, task, request, limit_s)
        self.journal.dispatched(task, attempt)
        self.view.changed(task)

    def _end_task(self, action: EndTask, now: float) -> None:
        task, outcome, seconds = action.task, action.outcome, action.seconds
        assert self._assignments is not None
        given = self._assignments.end(task)
        worker, ended_s = action.worker or _NOBODY, self.view.elapsed(now)
        if not self.journal.ended(task, outcome, action.attempts, seconds, worker, ended_s):
            return
        if outcome is not None:
            self.view.task_ended(points=given.points, size=given.size, seconds=seconds, now=now)
        self.view.changed(task)
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.WORKER_LOST:
            name = self._assignments.shown(given)
            self.view.mark(MarkerKind.CRASHED, "crash", now)
            words = f"A worker crashed on {name} and was replaced; the file was set aside."
            self.view.notice = words
        if self._listener is not None:
            self._listener(ended_row(self._assignments.shown(given), given, action))

    def _requeue(self, action: RequeueTask, now: float) -> None:
        assert self._assignments is not None
        self._assignments.held_back(action.task)
        self.journal.requeue(action.task, action.attempts)
        self.view.changed(action.task)
        if action.is_charged:
            self.view.mark(MarkerKind.CRASHED, "crash", now)
            name = self._assignments.name(action.task)
            self.view.notice = f"A worker crashed on {name}; the task is tried once more."

    def _finish(self, now: float) -> None:
        self._stop_clock(now)
        assert self._pool is not None
        self._pool.rest()
        assert self.spec is not None
        assert self._staging is not None
        if self.spec.sweep is not None and not self._is_cancelled:
            self.refusal = self._publish_results(self.spec.sweep)
        self._staging.remove()
        if self.spec.pipeline is not None and self.spec.manifest:
            with suppress(JournalError):  # what is not committed is not there for a reader
                self.journal.commit()
            self._manifest.begin(self.journal.path, self.spec.output)
        if self.refusal:  # the journal has all results; to continue is to write them again
            self._enter(JobState.STOPPED)
        else:
            self._enter(JobState.CANCELLED if self._is_cancelled else JobState.FINISHED)

    def _publish_results(self, sweep: Sweep) -> str:
        assert self.spec is not None
        assert self._staging is not None
        try:
            values = self.journal.values()
        except JournalError as error:
            return str(error)
        return publish_results(sweep, self.spec, self._staging, values)
