"""The engine: commands in, snapshots out; the loop that drives one job at a time.

One thread drives it: the terminal's main thread, or the main thread of the engine process. It
asks the scheduler (through ActiveJob), acts through the pool, remembers in the journal. Only
`post` may be called from other threads. A search is a process of its own; a thread hands over what
it finds through the same inbox.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

from msgspec.structs import replace

from workers.active_job import ActiveJob, Listener
from workers.commands import (
    AddInputs,
    Attach,
    CancelJob,
    ClearInputs,
    Command,
    ContinueJob,
    Detach,
    DiscardJob,
    OpenJob,
    PauseJob,
    Quit,
    ResizeWorkers,
    RetryTasks,
    RunAgain,
    SetResponsive,
    StartJob,
    StopWatching,
    UndoJob,
)
from workers.discarding import forget
from workers.errors import EverycoreError, FolderGone, JobRefused, JournalError
from workers.events import JobPaused
from workers.inbox import Inbox
from workers.job import InputFilter, JobId, JobSpec, JobState, TaskId
from workers.job_frame import lanes_of, shown_in
from workers.job_starts import again, check_spec, is_of, may_start, undoing
from workers.job_workers import JobWorkers
from workers.journal import Journal, discard, journal_path
from workers.limits import RESPONSIVE_NICE
from workers.load import LoadMeter
from workers.memory import total_bytes
from workers.memory_budget import Scarcity
from workers.room import NO_WORKER
from workers.search import Search, Written
from workers.searches import Searches
from workers.snapshot import JobSnapshot
from workers.watching import News
from workers.wording import printable

_CUT_SHORT: Final = "The search for files was cut short. Retry goes on with it."
_SEARCH_LOST: Final = "The search for files ended before its time. Retry goes on with it."
_NOTHING_NEW: Final = "Nothing is new or has changed since."
_HELD: Final = "This is done once what the job leaves is in order."
_OVER: Final = object()


class Engine:
    """One job at a time, from its inputs to its end."""

    def __init__(self, journals: Path, *, workers: int, listener: Listener | None = None) -> None:
        """Keep journals in the folder `journals`; `listener` hears of each ended task."""
        self._journals = journals
        self._workers = max(1, workers)
        self._listener = listener
        self._nice = RESPONSIVE_NICE
        self._inbox = Inbox()
        self._pool = JobWorkers(nice=self._nice)
        self._job: ActiveJob | None = None
        self._searches = Searches(self._take_batch)
        self._found: deque[tuple[Search, News | None]] = deque()
        self._has_searched = False
        self._silence = ""
        self._unsaved = ""
        self._undoing: Iterator[None] | None = None
        self._folder_gone: JobId | None = None
        self._meter = LoadMeter()
        self._scarcity = Scarcity(total_bytes())
        self._sequence = 0
        self._refusal = ""
        self._has_quit = False

    # ---- from any thread

    def post(self, command: Command) -> None:
        """Ask for something; the loop answers in the order of the calls."""
        self._inbox.put(command)
        self._pool.wake()

    def _take_batch(self, search: Search, batch: Written | None) -> None:
        self._inbox.put((search, batch))
        self._pool.wake()

    # ---- the loop

    def turn(self, timeout_s: float) -> bool:
        """Wait for something to happen, at most so long, and deal with all that did.

        Answers whether anything happened.
        """
        has_post = self._inbox.has_post
        events = self._pool.wait(0.0 if has_post else timeout_s)
        for event in events:
            if self._job is not None:
                self._job.handle(event)
        has_post = self._read_inbox() or has_post
        if self._job is not None:
            self._job.look_after(time.monotonic())
            self._undo_some()
            self._watch_memory(self._job)
            self._keep_up(self._job)
        return bool(events) or has_post

    def _undo_some(self) -> None:
        """Go on with the undoing of a job; a trash that refuses ends it."""
        if self._undoing is None:
            return
        try:
            if next(self._undoing, _OVER) is _OVER:
                self._undoing = None
        except (OSError, EverycoreError) as error:
            self._undoing = None
            self._refusal = f"The job could not be undone to its end: {error}"

    def _watch_memory(self, job: ActiveJob) -> None:
        """Let fewer tasks run while memory is about to run out, whoever takes it."""
        if self._scarcity.has_changed(self._meter.read(time.monotonic()).memory_free):
            job.memory_changed(is_scarce=self._scarcity.is_scarce)

    def _keep_up(self, job: ActiveJob) -> None:
        """Record what was found, offer tasks, save; a disk that refuses the journal pauses it."""
        try:
            while self._found:
                self._files_found(*self._found[0])
                self._found.popleft()
            self._watch_searches(job)
            self._ask_for_room_again(job)
            job.refill()
            job.save()
            if self._unsaved and job.pause_reason == self._unsaved:
                job.go_on()
            self._unsaved = ""
        except JobRefused:
            pass  # its output folder is gone as well
        except JournalError as error:
            self._unsaved = str(error)
            if job.state is JobState.RUNNING:
                job.handle(JobPaused(str(error)))
            elif job.state is not JobState.PAUSED:
                self._refusal = str(error)

    @property
    def is_busy(self) -> bool:
        """Say whether a job is running, files are being found, or commands wait."""
        job = self._job
        is_running = job is not None and (job.state is JobState.RUNNING or job.is_recording)
        is_asked = self._undoing is not None or self._inbox.has_post or self._inbox.holds
        return is_running or self._searches.is_discovering or is_asked

    @property
    def is_resting(self) -> bool:
        """Say whether a job that watches has nothing to do but to wait for files."""
        return self._job is not None and self._job.is_resting

    @property
    def waits_for_disk(self) -> bool:
        """Say whether the job has paused itself until its outputs can be written again."""
        return self._job is not None and self._job.waits_for_disk

    @property
    def has_quit(self) -> bool:
        """Say whether Quit was asked for."""
        return self._has_quit

    def close(self) -> None:
        """End workers and discovery; an unfinished job is left stopped and can be continued."""
        with suppress(JournalError):  # what its disk did not take is done again at the resume
            self._close_job()
        self._pool.close()

    def snapshot(self) -> JobSnapshot:
        """Return the state of things and take the news with it."""
        now = time.monotonic()
        self._sequence += 1
        load = self._meter.read(now)
        frame = JobSnapshot(
            self._sequence,
            workers_target=self._workers,
            workers_maximum=max(load.usable_cores, self._workers),
            is_responsive=self._nice > 0,
            core_loads=load.per_core,
            memory_free=load.memory_free,
            refusal=self._refusal,
        )
        job = self._job
        if job is None:
            return frame
        return shown_in(replace(frame, lanes=lanes_of(job, self._pool.views())), job, now)

    # ---- the inbox

    def _read_inbox(self) -> bool:
        has_read = False
        while (item := self._inbox.take(is_in_order=self._is_in_order)) is not None:
            has_read = True
            if isinstance(item, tuple):
                search, written = item
                if search in self._searches:  # else its job was closed: its files are not known
                    news = None if written is None else self._searches.news(written, search)
                    self._found.append((search, news))
                continue
            self._refusal = ""
            try:
                self._obey(item)
            except EverycoreError as error:
                self._refusal = str(error)
        self._tell_of_held()
        return has_read

    def _tell_of_held(self) -> None:
        """Say why what was asked for does not happen yet."""
        if self._job is not None and self._inbox.holds:
            self._job.view.notice = _HELD
        elif self._job is not None and self._job.view.notice == _HELD:
            self._job.view.notice = ""

    @property
    def _is_in_order(self) -> bool:
        """Say whether nothing of a job that is over is still being put in order."""
        return self._undoing is None and (self._job is None or not self._job.is_recording)

    def _files_found(self, search: Search, news: News | None) -> None:
        job = self._job
        if search not in self._searches or job is None:
            return  # its job was closed meanwhile
        if news is not None:
            self._take_news(job, search, news)
            search.taken()
            return
        is_lost = self._searches.is_given_up
        if self._searches.end(search):  # what it found is known: a new one brings the others
            try:
                is_comparing = search.is_comparing
                self._search(search.paths, search.chosen, job.spec, is_comparing=is_comparing)
                return
            except JobRefused:  # no process can be started
                is_lost = True
        is_lost = is_lost or self._searches.is_given_up
        job.is_discovering = self._searches.is_discovering
        if is_lost:
            job.view.notice = _SEARCH_LOST
            job.stop_watching()
        if not self._searches and not is_lost:
            job.journal.set_discovered(True)
            if search.is_comparing and not job.has_work:
                job.view.notice = _NOTHING_NEW

    def _take_news(self, job: ActiveJob, search: Search, news: News) -> None:
        if news.files:
            # In place, outputs lie among the inputs.
            is_comparing = search.is_comparing or (job.spec is not None and job.spec.is_in_place)
            take = job.compare_files if is_comparing else job.add_files
            take(news.files)
        if news.missing is not None:
            job.inputs_moved(news.missing)
        if news.is_all_told:
            search.is_over = True
            job.is_discovering = self._searches.is_discovering

    def _ask_for_room_again(self, job: ActiveJob) -> None:
        """Go on once where a search had taken the room that a worker needs."""
        if (
            self._has_searched
            and not self._searches.is_discovering
            and job.pause_reason.startswith(NO_WORKER)
        ):
            self._has_searched = False
            job.go_on()

    def _watch_searches(self, job: ActiveJob) -> None:
        """Say so while a drive does not answer."""
        words = self._searches.silence()
        if words != self._silence:
            self._silence = job.view.notice = words

    def _obey(self, command: Command) -> None:  # noqa: C901  # one case a command
        match command:
            case AddInputs(paths, chosen):
                self._add_inputs(paths, chosen)
            case ClearInputs():
                self._close_job()
            case StartJob(spec):
                self._start(spec)
            case PauseJob():
                self._open_job().pause()
            case ContinueJob():
                self._continue()
            case CancelJob():
                self._cancel()
            case StopWatching():
                self._stop_watching()
            case ResizeWorkers(count):
                self._resize(count)
            case SetResponsive(is_responsive):
                self._nice = RESPONSIVE_NICE if is_responsive else 0
                self._pool.set_nice(self._nice)
            case RetryTasks(tasks):
                self._retry(tasks)
            case RunAgain():
                self._run_again()
            case OpenJob(job):
                self._open(job)
            case DiscardJob(job):
                self._discard(job)
            case UndoJob(job):
                self._open(job)
                self._undoing = undoing(self._open_job())
            case Attach():
                if self._job is not None:
                    self._job.view.all_changed()
            case Detach():
                pass  # to let the window go is up to the process that serves it
            case Quit():
                self._has_quit = True
            case _:
                assert_never(command)

    def _open_job(self) -> ActiveJob:
        if self._job is None:
            raise JobRefused("No job is open.")
        return self._job

    def _add_inputs(self, paths: Sequence[Path], chosen: InputFilter) -> None:
        if self._job is not None and self._job.state.is_ended:
            self._close_job()
        if self._job is not None and self._job.spec is not None and self._job.spec.sweep:
            raise JobRefused("This job runs over ranges of numbers; it takes no files.")
        if self._job is None:
            name = printable(paths[0].absolute().name) if paths else ""
            journal = Journal.create(self._journals, name or "Job")
            journal.set_state(JobState.DRAFT)
            self._job = ActiveJob(journal, JobState.DRAFT, self._listener)
        earlier, _ = self._job.journal.inputs()
        self._job.journal.set_inputs((*earlier, *paths), chosen)
        if self._job.is_watching and self._job.spec is not None:
            self._search_anew(self._job, self._job.spec)
        else:
            self._search(paths, chosen, self._job.spec)

    def _search(
        self,
        paths: Sequence[Path],
        chosen: InputFilter,
        spec: JobSpec | None,
        *,
        is_comparing: bool = False,
    ) -> None:
        self._searches.begin(paths, chosen, spec, is_comparing=is_comparing)
        self._has_searched = True
        self._open_job().expect_files()

    def _search_anew(
        self, job: ActiveJob, spec: JobSpec | None, *, is_comparing: bool = False
    ) -> None:
        """Search for all inputs once more, or watch them; what is a task already stays one.

        A watch, and who is `is_comparing`, look for tasks whose files have changed as well.
        """
        self._searches.stop()
        job.journal.search_again()
        if is_comparing or (spec is not None and spec.is_watching):
            job.journal.prepare_comparing()
        self._search(*job.journal.inputs(), spec, is_comparing=is_comparing)

    def _start(self, spec: JobSpec) -> None:
        if self._job is not None and not may_start(self._job, spec):
            raise JobRefused("This job has been started already.")
        if spec.sweep is not None and not is_of(self._job, spec):
            self._close_job()
            journal = Journal.create(self._journals, spec.sweep.function)
            self._job = ActiveJob(journal, JobState.DRAFT, self._listener)
        self._run(self._open_job(), spec)

    def _continue(self) -> None:
        job = self._open_job()
        if job.state is JobState.STOPPED and job.spec is not None:
            self._run(job, job.spec)
        else:
            job.go_on()

    def _run(self, job: ActiveJob, spec: JobSpec) -> None:
        check_spec(spec)
        is_found = bool(self._searches) or job.journal.is_discovered()
        if spec.sweep is None and (spec.is_watching or self._searches.is_watching):
            self._search_anew(job, spec)
        elif spec.sweep is None and not is_found:  # the search was cut short
            self._search(*job.journal.inputs(), spec)
        if spec.is_in_place:
            job.journal.prepare_comparing()
        try:
            job.start(spec, self._pool, self._workers)
        except EverycoreError:
            if spec.is_watching:  # what it tells of would be taken for a job that runs
                self._searches.stop()
                job.is_discovering = False
            raise

    def _cancel(self) -> None:
        job = self._open_job()
        if self._searches.is_discovering and job.is_open_ended:
            job.view.notice = _CUT_SHORT
        self._end_searches(job)
        job.cancel()

    def _stop_watching(self) -> None:
        job = self._open_job()
        if not job.is_watching:
            raise JobRefused("This job does not watch for files.")
        was_discovering = job.is_discovering
        self._end_searches(job)
        if was_discovering:
            self._search_anew(job, job.spec)

    def _end_searches(self, job: ActiveJob) -> None:
        """Search and watch no more; a watch has found what was there once it only waited."""
        has_all = job.is_watching and not job.is_discovering
        self._searches.stop()
        job.is_discovering = False
        job.stop_watching()
        if has_all:
            job.journal.set_discovered(True)

    def _retry(self, tasks: tuple[TaskId, ...]) -> None:
        """Run tasks again; all of them means also the files that a cut-short search had left."""
        job = self._open_job()
        is_of_files = job.spec is not None and job.spec.sweep is None
        if is_of_files and not tasks and job.state.is_ended and not job.journal.is_discovered():
            self._search_anew(job, job.spec)
            job.view.notice = ""
        job.retry(tasks, self._pool, self._workers)

    def _run_again(self) -> None:
        """Look at an ended job's inputs again; run what is new or has changed, and what failed."""
        job = self._open_job()
        self._search_anew(job, again(job), is_comparing=True)
        job.view.notice = ""
        job.retry((), self._pool, self._workers)

    def _resize(self, count: int) -> None:
        before, self._workers = self._workers, max(1, count)
        if self._job is not None:
            self._job.resize(before, self._workers)

    def _open(self, job: JobId) -> None:
        if self._job is not None and self._job.journal.job == job:
            return
        journal = Journal.open(journal_path(self._journals, job))
        state = journal.state()
        if state in (JobState.RUNNING, JobState.PAUSED):
            state = JobState.STOPPED
        try:
            self._close_job()
        finally:
            self._job = ActiveJob(journal, state, self._listener)
            self._job.view.all_changed()
        if state is JobState.DRAFT and not journal.is_discovered():  # its engine was killed
            self._search(*journal.inputs(), None)

    def _discard(self, job: JobId) -> None:
        if self._job is not None and self._job.journal.job == job:
            if self._job.is_open_ended:
                raise JobRefused("This job is running; cancel it first.")
            self._close_job()
        try:
            forget(self._journals, job, is_gone_for_good=job == self._folder_gone)
        except FolderGone as error:
            self._folder_gone = job
            raise JobRefused(f"{error} If it is gone for good, discard the job again.") from error
        except FileNotFoundError as error:
            raise JournalError("There is no record of this job any more.") from error

    def _close_job(self) -> None:
        self._searches.stop()
        self._undoing = None
        job, self._job = self._job, None
        if job is None:
            return
        self._pool.kill_all()
        job.leave()
        if job.state in (JobState.DRAFT, JobState.EMPTY):
            discard(self._journals, job.journal.job)
