"""The record of a job from which it resumes: one SQLite file, written on the engine's thread.

What the engine tells it is buffered and written by `commit` in one transaction, so that after
kill -9 at any moment the file holds all of a commit or nothing of it. Readers have a module of
their own, `journal_reader`; the file's format stands in `journal_schema`.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Final

from workers import journal_lock, journal_partials, journal_rows, journal_schema, journal_watched
from workers.errors import EverycoreError, JournalError
from workers.found_files import FoundFile, FoundFiles
from workers.job import InputFilter, JobId, JobSpec, JobState, TaskId, WorkerId
from workers.journal_ends import end_of, storable
from workers.journal_files import (
    READ_ERRORS,
    connected,
    discard as discard,
    discard_drafts as discard_drafts,
    job_id_for,
    journal_path as journal_path,
    refused,
    unwritable,
)
from workers.journal_inputs import InputFiles
from workers.journal_pending import Pending
from workers.journal_reader import JournalReader as JournalReader, list_jobs as list_jobs
from workers.journal_rows import WaitingTask as WaitingTask
from workers.journal_schema import (
    CANCELLED,
    FAILED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
    decoded,
    encoded,
)
from workers.journal_states import TaskStates
from workers.journal_tally import Share, Tally
from workers.journal_watched import Changed as Changed
from workers.made_outputs import has_its_input, is_lost
from workers.outcome import Outcome
from workers.snapshot import Counts, TaskRow
from workers.wording import printable

_OF_A_START: Final = ("spec", "pipeline_name", "output", "state")


class Journal:
    """An open journal; holds its lock until `close`.

    Raises JournalError where the disk refuses; what is buffered is then kept for a later try.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path: Final = path
        self.job: Final = JobId(path.stem)
        self._connection = connection
        self._pending = Pending()
        self._tasks = TaskStates()
        self._inputs = InputFiles()
        self._several = journal_watched.Several()

    @classmethod
    def create(cls, folder: Path, name: str) -> "Journal":
        """Make the journal of a new job and take its lock."""
        path = journal_path(folder, job_id_for(name))
        journal_lock.take(path)
        connection: sqlite3.Connection | None = None
        try:
            connection = connected(path)
            journal_schema.create_tables(connection, storable(printable(name)), time.time())
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            journal_lock.release(path)
            raise unwritable(path, error) from error
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open a journal and take its lock.

        Raises JournalError when it is missing, open in a live process, from a newer version
        (it is left alone) or damaged (it is kept under a name that ends in .bak).
        """
        if not path.is_file():
            raise JournalError("There is no record of this job any more.")
        journal_lock.take(path)
        connection: sqlite3.Connection | None = None
        try:
            connection = connected(path)
            journal_schema.check_format(connection)
            journal_schema.bring_up_to_date(connection)
            journal = cls(path, connection)
            journal._tasks.load(connection)
            journal._inputs.load(connection)
            return journal
        except (*READ_ERRORS, JournalError) as error:
            if connection is not None:
                connection.close()
            refusal = refused(path, error)
            journal_lock.release(path)
            raise refusal from error

    @property
    def name(self) -> str:
        """Return the job's name as shown."""
        return str(self._column("name"))

    def rename(self, name: str) -> None:
        """Set the job's name as shown; its id stays."""
        self._set(name=storable(printable(name)))

    @property
    def created_ns(self) -> int:
        """Return when the job was made, in nanoseconds since the epoch, as files' times are."""
        return int(float(str(self._column("created_at"))) * 1e9)

    def set_spec(self, spec: JobSpec) -> None:
        """Record what the job does."""
        title = storable(printable(journal_schema.spec_title(spec)))
        self._set(spec=encoded(spec), pipeline_name=title, output=os.fsencode(spec.output))

    @contextlib.contextmanager
    def started(self, spec: JobSpec) -> Iterator[None]:
        """Record that the job does this and runs; an error inside takes the record back.

        What a start leaves in the output folder is made inside: whoever is killed there leaves a
        job to go on with, which finds it and clears it away.
        """
        before = {name: self._column(name) for name in _OF_A_START}
        try:
            self.set_spec(spec)
            self.set_state(JobState.RUNNING)
            yield
        except EverycoreError:
            self._pending.columns.update(before)
            raise

    def spec(self) -> JobSpec | None:
        """Return what the job does, None before its start."""
        blob = self._column("spec")
        return decoded(blob, JobSpec) if isinstance(blob, bytes) else None

    def set_work(self, fingerprint: str, version: str) -> None:
        """Record what the outputs come from: the pipeline's fingerprint, our version; buffered."""
        self._pending.columns.update(fingerprint=fingerprint, version=version)

    def set_state(self, state: JobState) -> None:
        """Record where the job stands, with all that is buffered."""
        self._set(state=state.value)

    def state(self) -> JobState:
        """Return where the job stood when last recorded."""
        return JobState(self._column("state"))

    def set_elapsed(self, seconds: float) -> None:
        """Record the job's working time; buffered."""
        self._pending.columns["elapsed"] = seconds

    def elapsed(self) -> float:
        """Return the job's working time in seconds."""
        return float(str(self._column("elapsed")))

    def set_inputs(self, paths: Sequence[Path], chosen: InputFilter) -> None:
        """Record what was dropped."""
        self._set(inputs=encoded((tuple(paths), chosen)))

    def inputs(self) -> tuple[tuple[Path, ...], InputFilter]:
        """Return what was dropped."""
        blob = self._column("inputs")
        if not isinstance(blob, bytes):
            return (), InputFilter()
        return decoded(blob, tuple[tuple[Path, ...], InputFilter])

    def set_discovered(self, is_discovered: bool) -> None:
        """Record whether the search for files had ended."""
        self._set(is_discovered=int(is_discovered))

    def search_again(self) -> None:
        """Leave out the files that are there already when others are added."""
        self._inputs.expect_again()

    def is_discovered(self) -> bool:
        """Say whether the search for files had ended."""
        return bool(self._column("is_discovered"))

    def _set(self, **columns: object) -> None:
        self._pending.columns.update(columns)
        self.commit()

    def _column(self, column: str) -> object:
        if column in self._pending.columns:
            return self._pending.columns[column]
        with self._reading():
            value: object = self._connection.execute(f"SELECT {column} FROM job").fetchone()[0]
        return value

    def add_files(self, files: Collection[FoundFile]) -> FoundFiles:
        """Add files as tasks, in their order; those with a problem are skipped at once.

        In a journal that was opened again, files that are there already are left out. Returns
        those that were added; their ids follow the last one.
        """
        found = FoundFiles.of(files)
        numbers = self._inputs.numbered(found)
        found = self._inputs.unknown(self._connection, found, numbers)
        tally = self._tasks.tally.copy()
        for share in journal_rows.shares_of(found):
            tally.put(share)
        with self._transaction(tally):
            self._inputs.write(self._connection, numbers)
            journal_rows.add_files(self._connection, len(self._tasks) + 1, found, numbers)
        self._inputs.keep(found, numbers)
        self._tasks.add(journal_rows.states_of(found), found.sizes, repeat(1, len(found)))
        return found

    def add_blocks(self, blocks: Sequence[tuple[str, int, int]]) -> None:
        """Add blocks of a sweep: (name, first point, points), in the order of their points."""
        tally = self._tasks.tally.copy()
        points = [block[2] for block in blocks]
        tally.put(Share(WAITING, sum(points), 0))
        first = len(self._tasks) + 1
        rows = [journal_rows.block_row(task, block) for task, block in enumerate(blocks, first)]
        with self._transaction(tally):
            self._connection.executemany(journal_rows.ADD_BLOCK, rows)
        self._tasks.add([WAITING] * len(blocks), [0] * len(blocks), points)

    def roots(self) -> tuple[Path, ...]:
        """Return the folders that tasks lie in, in the order of their first file."""
        return tuple(self._inputs.roots.values())

    def waiting(self, after: TaskId, limit: int) -> list[WaitingTask]:
        """Return the next waiting tasks with an id above `after`, by id."""
        tasks = self._tasks.waiting_after(after, limit)
        self.commit()
        with self._reading():
            return journal_rows.read_waiting(self._connection, self._inputs.roots, tasks)

    def waiting_again(self, tasks: Sequence[TaskId]) -> list[WaitingTask]:
        """Return these tasks, which had ended and wait again."""
        self.commit()
        with self._reading():
            return journal_rows.read_waiting(self._connection, self._inputs.roots, tasks)

    def task(self, task: TaskId) -> TaskRow:
        """Return a task's row as it stands now; commits when the row is behind."""
        if self._pending.holds(task):
            self.commit()
        select = f"SELECT {journal_schema.ROW_COLUMNS} FROM task WHERE id = ?"
        with self._reading():
            row = self._connection.execute(select, (task,)).fetchone()
        return journal_schema.task_row(row, self._inputs.roots)

    def plan(self, task: TaskId, planned: Path) -> None:
        """Reserve a task's final output name; buffered."""
        self._pending.plan(task, os.fsencode(planned))

    def planned(self) -> Iterator[Path]:
        """Yield all reserved output names."""
        self.commit()
        rows = self._connection.execute("SELECT planned FROM task WHERE planned IS NOT NULL")
        for (planned,) in rows:
            yield Path(os.fsdecode(planned))

    def dispatched(self, task: TaskId, attempt: int) -> None:
        """Record that an attempt of a waiting task has begun; buffered."""
        self._move(task, RUNNING, attempt)

    def requeue(self, task: TaskId, attempts: int) -> None:
        """Record that a running task waits again; buffered."""
        self._move(task, WAITING, attempts)

    def _move(self, task: TaskId, state: int, attempts: int) -> None:
        if self._tasks.is_open(task):
            self._tasks.move(task, state)
            self._pending.move(task, state, attempts)

    def ended(
        self,
        task: TaskId,
        outcome: Outcome | None,
        attempts: int,
        seconds: float,
        worker: WorkerId,
        ended_s: float = 0.0,
    ) -> bool:
        """Record how a task ended (None: cancelled); buffered. False when it had ended before.

        `seconds` are those of its last attempt, `ended_s` those of the job until then.
        """
        if not self._tasks.is_open(task):
            return False
        self._several.note(outcome)
        end = end_of(outcome, self._tasks.points(task))
        self._tasks.end(task, end)
        self._pending.end(task, end, (attempts, seconds, worker, ended_s))
        return True

    def cancel_waiting(self) -> int:
        """Cancel all waiting tasks; return how many."""
        return self._move_all(WAITING, CANCELLED)

    def reopen_running(self) -> int:
        """Let tasks that ran when the journal was left wait again; return how many."""
        return self._move_all(RUNNING, WAITING)

    def _move_all(self, old: int, new: int) -> int:
        self.commit()
        with self._reading():
            count, share = journal_rows.read_sum(self._connection, old)
        tally = self._tasks.tally.copy()
        tally.take(share)
        tally.put(share._replace(state=new))
        with self._transaction(tally):
            self._connection.execute("UPDATE task SET state = ? WHERE state = ?", (new, old))
        self._tasks.replace(old, new)
        return count

    def prepare_comparing(self) -> None:
        """Be ready to be asked for tasks by their files and outputs."""
        with self._transaction(self._tasks.tally):
            for index in journal_watched.INDICES:
                self._connection.execute(index)
            self._several.read(self._connection)

    def compare(self, files: Sequence[FoundFile]) -> tuple[list[FoundFile], list[Changed]]:
        """Return the files that are no tasks yet, and the tasks whose files have changed."""
        self.commit()
        roots = {root: number for number, root in self._inputs.roots.items()}
        with self._reading():
            return journal_watched.compare(self._connection, roots, files)

    def is_made(self, file: FoundFile) -> bool:
        """Say whether a file is an output of this job, as it was made."""
        self.commit()
        with self._reading():
            is_only = journal_watched.is_made(self._connection, file)
        return is_only or self._several.holds(file)

    def reduce_task(self) -> TaskId | None:
        """Return the task that makes one output of all, if there is one; `waiting` omits it."""
        with self._reading():
            self._tasks.held = journal_partials.find(self._connection)
        return self._tasks.held

    def list_partials(self, file: Path) -> journal_partials.Listing:
        """Begin to write the list of partials to a file, on a thread."""
        self.commit()
        return journal_partials.Listing(self.path, file)

    def is_running(self, task: TaskId) -> bool:
        """Say whether an attempt of a task runs, or waits at a worker."""
        return self._tasks.state(task) == RUNNING

    def renew(self, changes: Sequence[Changed]) -> None:
        """Let tasks whose files have changed wait anew, with what the files are now.

        None of them may be running; the outputs they have are replaced.
        """
        self.commit()
        states = (WAITING, SUCCEEDED, FAILED, SKIPPED, CANCELLED)
        sizes = {change.task: change.size for change in changes}
        tally = self._tasks.tally.copy()
        for task, share in self._shares(states, list(sizes)):
            tally.take(share)
            tally.put(Share(WAITING, share.points, sizes[task]))
        with self._transaction(tally):
            journal_watched.renew(self._connection, changes)
        self._tasks.set_state(sizes, WAITING)
        self._tasks.set_sizes(sizes)

    def retry(self, tasks: Sequence[TaskId]) -> int:
        """Let failed and cancelled tasks wait again, all when none is named; return how many."""
        return self._reopen((FAILED, CANCELLED), tasks)

    def reopen_lost(self, most: int) -> int:
        """Let tasks wait again whose outputs are gone or cut short; return how many.

        Looks at the last ones, `most` of them: a power cut may have lost what the disk had not
        taken yet. In place only where the input is there again: else somebody moved the output.
        """
        self.commit()
        spec = self.spec()
        is_in_place = spec is not None and spec.is_in_place
        with self._reading():
            made = journal_rows.read_made(self._connection, self._inputs.roots, -1, most)
        lost = [
            each.task
            for each in made
            if any(map(is_lost, each.outputs)) and (not is_in_place or has_its_input(each))
        ]
        return self._reopen((SUCCEEDED,), lost) if lost else 0

    def made(self, after: TaskId, limit: int) -> list[journal_rows.MadeByTask]:
        """Return the next tasks that made outputs, with an id above `after`, by id."""
        self.commit()
        with self._reading():
            return journal_rows.read_made(self._connection, self._inputs.roots, after, limit)

    def take_back(self, tasks: Sequence[TaskId], message: str) -> None:
        """Record tasks whose outputs are there no more as cancelled, with that message."""
        shares = self._shares((SUCCEEDED,), tasks) if tasks else []
        tally = self._tasks.tally.copy()
        for _, share in shares:
            tally.take(share)
            tally.put(Share(CANCELLED, share.points, share.size))
        with self._transaction(tally):
            journal_rows.cancel(self._connection, tasks, storable(message))
        self._tasks.set_state(tasks, CANCELLED)

    def _reopen(self, states: Sequence[int], tasks: Sequence[TaskId]) -> int:
        self.commit()
        shares = self._shares(states, tasks)
        tally = self._tasks.tally.copy()
        for _, share in shares:
            tally.take(share)
            tally.put(Share(WAITING, share.points, share.size))
        reopened = [task for task, _ in shares]
        with self._transaction(tally):
            journal_rows.reopen(self._connection, reopened)
        self._tasks.set_state(reopened, WAITING)
        return len(reopened)

    def _shares(self, states: Sequence[int], tasks: Sequence[TaskId]) -> list[tuple[TaskId, Share]]:
        with self._reading():
            return journal_rows.read_shares(self._connection, states, tasks)

    def values(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (first point, points, encoded values) of the blocks that have some, in order."""
        self.commit()
        return journal_rows.read_values(self._connection)

    def counts(self) -> Counts:
        """Return how many points (a file is one) stand in each state; reads no disk."""
        return self._tasks.tally.counts()

    def totals(self) -> tuple[int, int, int, int]:
        """Return bytes in all, bytes ended, bytes written, tasks with a warning."""
        return self._tasks.tally.totals()

    def bytes_to_come(self) -> int:
        """Return how many bytes open tasks will write if they are like those that ended."""
        total, ended, out, _ = self.totals()
        return (total - ended) * out // ended if ended else 0

    def commit(self) -> None:
        """Write what is buffered in one transaction."""
        if self._pending:
            with self._transaction(self._tasks.tally):
                pass  # what is buffered goes with every transaction

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell of a disk that refuses to be read as of one that refuses to be written."""
        try:
            yield
        except sqlite3.Error as error:
            raise unwritable(self.path, error) from error

    @contextlib.contextmanager
    def _transaction(self, tally: Tally) -> Iterator[None]:
        """Write what is buffered, what the block does and the sums after it: all or nothing."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._pending.write(connection)
            yield
            tally.write(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise unwritable(self.path, error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._pending.clear()
        self._tasks.tally = tally

    def close(self) -> None:
        """Write what is buffered, fold the write-ahead log into the file, give the lock back."""
        try:
            self.commit()
            # On a full disk the log stays beside the file, and with it all that was committed.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()
            journal_lock.release(self.path)
