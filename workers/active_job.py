"""One job while the engine has it open: its journal, its view, its course once it was started.

Belongs to the engine's thread. It knows nothing of commands, windows or terminals.
"""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

from msgspec.structs import replace

from workers.actions import FinishJob, PauseItself, RefuseJob
from workers.earlier import EarlierOutputs, look_back
from workers.errors import JobRefused, JournalError
from workers.events import (
    Event,
    JobCancelled,
    JobContinued,
    JobPaused,
    MemoryChanged,
    TasksExpected,
    WorkersResized,
)
from workers.found_files import FoundFile
from workers.job import JobSpec, JobState, Sweep, TaskId, TaskState
from workers.job_course import Course, Listener as Listener, Turn
from workers.job_view import JobView, skipped_row
from workers.job_workers import JobWorkers
from workers.journal import Changed, Journal
from workers.manifest import ManifestWriting
from workers.operations import sweep as sweeps
from workers.originals import Originals
from workers.output import Staging
from workers.snapshot import Counts, MarkerKind
from workers.sweep_results import publish_results
from workers.wording import printable

COMMIT_EVERY_S: Final = 0.1
# So many of the last outputs are looked at again when a job that stopped goes on.
LOOKED_AT_AGAIN: Final = 20_000
# A killed worker is gone in milliseconds, unless it waits for a broken device.
WORKERS_END_S: Final = 2.0
# Workers that had nothing to do for so long are let go while the job watches.
REST_AFTER_S: Final = 60.0


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
        self._course: Course | None = None
        self._pool: JobWorkers | None = None
        self._manifest = ManifestWriting()
        self._originals = Originals()
        self._earlier: EarlierOutputs | None = None
        self._committed_at = 0.0
        self._is_cancelled = False
        self._end_is_told = True
        self._last_look_by: float | None = None
        self._changed: dict[TaskId, Changed] = {}
        self._resting_since: float | None = None
        self._has_let_go = False

    # ---- what the engine asks

    def start(self, spec: JobSpec, pool: JobWorkers, workers: int) -> None:
        """Begin or go on; raises JobRefused when the output folder cannot be used."""
        course = Course(self.journal, spec, pool, self.view, listener=self._listener)
        if spec.is_in_place and not spec.output.is_dir():
            raise JobRefused(f"The folder {printable(spec.output)} is gone.")
        is_resumed = self.journal.spec() is not None
        with self.journal.started(spec):
            if (failure := course.prepare()) is not None:
                raise JobRefused(failure.message)
        self.spec, self._pool = spec, pool
        self.refusal = ""
        pool.kill_all()  # those of a start before that was refused or cancelled
        self.journal.reopen_running()
        if is_resumed and self.state is JobState.STOPPED:
            self.journal.reopen_lost(LOOKED_AT_AGAIN)
        self._earlier = look_back(self.journal, spec, self._earlier)
        if self._course is not None:
            self._course.leave()
        self._is_cancelled = False
        if spec.sweep is not None and not self.journal.counts().total:
            self._add_blocks(spec.sweep)
        known = None if self.is_discovering or spec.is_watching else self.journal.counts().total
        course.begin(
            self._earlier, self._take_turn, workers=workers, known=known, is_resumed=is_resumed
        )
        self._course = course
        self._has_let_go = False
        if spec.is_in_place:
            self._clear_staging()
            self._originals.begin(self.journal.path)
        self._enter(JobState.RUNNING)
        self.view.start_clock(time.monotonic())
        self.refill()

    def _clear_staging(self) -> None:
        """Delete what is unfinished in the folders of a job in place."""
        for root in self.journal.roots():
            Staging(root, self.journal.job).remove()

    def handle(self, event: Event) -> None:
        """Tell the scheduler what happened and do what it answers."""
        if self._course is not None:
            self._course.handle(event)

    def expect_files(self) -> None:
        """Wait for what a search finds before the job may end."""
        self.is_discovering = True
        self.journal.set_discovered(False)
        self.handle(TasksExpected())
        if self._course is not None and self.is_open_ended:
            self._course.widen_sandbox()

    def refill(self) -> None:
        """Offer the scheduler more waiting tasks when it runs low, and tell when none are left."""
        if self._course is None or not self.is_open_ended:
            return
        ended = [task for task in self._changed if not self.journal.is_running(task)]
        self._renew([self._changed.pop(task) for task in ended])
        is_open = self.is_discovering or self.is_watching or bool(self._changed)
        self._rest(time.monotonic())
        self._course.refill(is_open=is_open)

    def add_files(self, files: Collection[FoundFile]) -> None:
        """Record what discovery found; the next refill offers it."""
        first = self.journal.counts().total + 1
        added = self.journal.add_files(files)
        self.view.all_changed()
        if self._listener is not None:
            for place, file in added.skipped():
                self._listener(skipped_row(TaskId(first + place), file))

    def compare_files(self, files: Collection[FoundFile]) -> None:
        """Record which files are new, and the tasks whose files have changed.

        A task that is running has its turn once it has ended. Outputs of the job are no inputs.
        """
        assert self.spec is not None
        output, is_in_place = self.spec.output, self.spec.is_in_place
        others = [
            file
            for file in files
            if not (is_in_place or file.path.is_relative_to(output))
            or not self.journal.is_made(file)
        ]
        new, changed = self.journal.compare(others)
        self._changed.update((each.task, each) for each in changed)
        if new:
            self.add_files(new)

    def _renew(self, changed: Sequence[Changed]) -> None:
        if changed:
            assert self._course is not None
            self.journal.renew(changed)
            self.view.all_changed()
            self._course.offer_again([each.task for each in changed])

    def inputs_moved(self, missing: Sequence[Path]) -> None:
        """Say which of the watched folders are not there; let workers read those that came back."""
        words = f"{printable(missing[0].name)} is not there." if missing else ""
        self.view.notice = f"{words} The job waits for it." if words else ""
        if self._course is not None and self.is_open_ended:
            self._course.replace_sandboxed()

    def stop_watching(self) -> None:
        """Let the job end with what it has; also when it is continued later."""
        if self.spec is not None and self.spec.is_watching:
            self.spec = replace(self.spec, is_watching=False)
            self.journal.set_spec(self.spec)

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
            self._resting_since = None
            self._enter(JobState.PAUSED)

    def go_on(self) -> None:
        """Go on after a pause; raises JobRefused while the output folder is gone."""
        if self.state is JobState.PAUSED:
            assert self._course is not None
            if (failure := self._course.restore()) is not None:
                raise JobRefused(failure.message)
            if self.pause_reason:
                self._course.replace_sandboxed()
            self._course.blockage.end()
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
        if self._course is None or not self.is_open_ended:
            return
        self._is_cancelled = True
        self._changed.clear()
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
        assert self._course is not None
        ended = (TaskState.FAILED, TaskState.CANCELLED)
        again = tuple(task for task in tasks if self.journal.task(task).state in ended)
        if not again:
            return
        self.journal.retry(again)
        self.view.all_changed()
        self._course.offer_again(again)

    def save(self) -> None:
        """Commit what the journal has buffered, at most ten times a second."""
        now = time.monotonic()
        if now - self._committed_at >= COMMIT_EVERY_S:
            self._committed_at = now
            if self.is_open_ended and not self.is_resting:
                self.journal.set_elapsed(self.view.elapsed(now))
            self.journal.commit()

    def leave(self) -> None:
        """Close the journal; an unfinished job stands as stopped."""
        if self._course is not None:
            self._course.leave()
        self._stop_clock(time.monotonic())
        self._manifest.join()
        self._end_originals(is_over=not self.is_open_ended)
        self._originals.join()
        self._tell_end()
        if self.is_open_ended:
            self._enter(JobState.STOPPED)
        if self._earlier is not None:
            self._earlier.close()
        self.journal.close()

    @property
    def is_recording(self) -> bool:
        """Say whether the list of outputs is being written, or originals move to the trash."""
        is_last_look_due = self._last_look_by is not None
        return is_last_look_due or self._manifest.is_busy or self._originals.is_busy

    @property
    def waits_for_disk(self) -> bool:
        """Say whether the job goes on by itself once its outputs can be written again."""
        course = self._course
        return self.state is JobState.PAUSED and course is not None and course.blockage.is_waiting

    def undone(self, words: str, *, is_over: bool) -> None:
        """Tell how far the job is undone; one that is all undone counts as cancelled."""
        self.view.notice = words
        self.view.all_changed()
        if is_over:
            self._enter(JobState.CANCELLED)

    def look_after(self, now: float) -> None:
        """Go on after a pause whose cause is gone; tell what went wrong beside the job."""
        if problem := self._manifest.problem() or self._originals.problem():
            self.view.notice = problem
        self._look_last(now)
        if not self._originals.is_busy:
            self._tell_end()
        course = self._course
        if self.state is JobState.PAUSED and course is not None and course.blockage.is_over(now):
            with suppress(JobRefused):  # gone again in between
                self.go_on()

    @property
    def is_open_ended(self) -> bool:
        """Say whether the job was started and has not ended."""
        return self.state in (JobState.RUNNING, JobState.PAUSED)

    @property
    def is_watching(self) -> bool:
        """Say whether the job stays open for files that come."""
        return self.is_open_ended and self.spec is not None and self.spec.is_watching

    @property
    def is_resting(self) -> bool:
        """Say whether the job only waits for files to come."""
        if not self.is_watching or self.is_discovering or self.state is not JobState.RUNNING:
            return False
        return not self.has_work

    @property
    def has_work(self) -> bool:
        """Say whether a task waits or runs, or is to do so again."""
        counts = self.journal.counts()
        return bool(counts.waiting or counts.running or self._changed)

    def _rest(self, now: float) -> None:
        """Let the clock stand while nothing is to do, after a while let the workers go."""
        assert self._course is not None
        if not self.is_watching or self.state is not JobState.RUNNING:
            return
        if not self.is_resting:
            self.view.start_clock(now)
            self._resting_since = None
            if self._has_let_go:
                self._has_let_go = False
                self._course.wake()
        elif self._resting_since is None:
            self._resting_since = now
            self._stop_clock(now)
        elif now - self._resting_since > REST_AFTER_S and not self._has_let_go:
            self._has_let_go = True
            self._course.rest()

    @property
    def running(self) -> int:
        """Return how many tasks run now."""
        return self._course.running if self._course is not None else 0

    def name_of(self, task: TaskId) -> str:
        """Return the printable name of a task that is in the scheduler's hands."""
        return "" if self._course is None else self._course.name_of(task)

    def _add_blocks(self, sweep: Sweep) -> None:
        self.journal.add_blocks(list(sweeps.blocks(sweep)))
        self.journal.set_discovered(True)
        self.view.all_changed()

    def _stand(self, state: JobState) -> None:
        self.state = state
        if state is not JobState.PAUSED:
            self.pause_reason = ""

    def _enter(self, state: JobState) -> None:
        self._stand(state)
        self.journal.set_elapsed(self.view.elapsed(time.monotonic()))
        with suppress(JournalError):  # it stays buffered: `save` tries again and tells
            self.journal.set_state(state)

    def _stop_clock(self, now: float) -> None:
        self.view.stop_clock(now)
        self.journal.set_elapsed(self.view.elapsed(now))

    # ---- the turns of its course

    def _take_turn(self, turn: Turn) -> None:
        now = time.monotonic()
        match turn:
            case PauseItself(reason):
                self._pause_itself(reason, now)
            case RefuseJob(reason):
                self._originals.end(is_over=False)
                self.refusal = reason
                self._stop_clock(now)
                self._enter(JobState.STOPPED)
            case FinishJob():
                self._finish(now)
            case _:
                assert_never(turn)

    def _pause_itself(self, reason: str, now: float) -> None:
        self.pause_reason = reason
        self.view.mark(MarkerKind.PAUSED, "paused", now)
        self._stop_clock(now)
        self._resting_since = None
        self._enter(JobState.PAUSED)
        assert self._course is not None
        self._course.blockage.begin(reason, now)

    def _finish(self, now: float) -> None:
        self._stop_clock(now)
        assert self._pool is not None
        self._pool.rest()
        assert self.spec is not None
        assert self._course is not None
        if self.spec.sweep is not None and not self._is_cancelled:
            self.refusal = self._publish_results(self.spec.sweep)
        self._course.remove()
        if self.spec.is_in_place:
            self._clear_staging()
            self._last_look_by = now + WORKERS_END_S
        if self.spec.pipeline is not None and self.spec.manifest:
            with suppress(JournalError):  # what is not committed is not there for a reader
                self.journal.commit()
            self._manifest.begin(self.journal.path, self.spec.output)
        if self.refusal:  # the journal has all results; to continue is to write them again
            self._enter(JobState.STOPPED)
        elif self.spec.is_in_place:  # killed before its originals are put away, it can go on
            self._stand(self._end)
            self._end_is_told = False
        else:
            self._enter(self._end)

    @property
    def _end(self) -> JobState:
        return JobState.CANCELLED if self._is_cancelled else JobState.FINISHED

    def _look_last(self, now: float) -> None:
        """Let originals be put away for good once no worker can exchange one any more."""
        if self._last_look_by is None:
            return
        assert self._pool is not None
        if now > self._last_look_by or not self._pool.has_workers:
            self._end_originals(is_over=True)

    def _end_originals(self, *, is_over: bool) -> None:
        """Have a last look at originals; where a worker is left that cannot be killed, none."""
        self._last_look_by = None
        is_in_place = self.spec is not None and self.spec.is_in_place
        if is_in_place and is_over and self._pool is not None:
            is_over = self._pool.join(WORKERS_END_S)
        self._originals.end(is_over=is_over and self._is_committed())

    def _tell_end(self) -> None:
        """Record that the job is over, once its originals are put away."""
        if not self._end_is_told and self.state.is_ended and self._originals.is_settled:
            self._end_is_told = True
            self._enter(self.state)

    def _is_committed(self) -> bool:
        """Say whether the journal has all: what it lacks is undone when the job is over."""
        try:
            self.journal.commit()
        except JournalError:
            return False
        return True

    def _publish_results(self, sweep: Sweep) -> str:
        assert self.spec is not None
        assert self._course is not None
        try:
            values = self.journal.values()
        except JournalError as error:
            return str(error)
        return publish_results(sweep, self.spec, self._course.staging, values)
