"""The originals of a job whose outputs took their place: to the trash once the journal has them.

On a thread of its own, since a trash may be slow and a drive may hang: from time to time while
the job runs, and a last time when it is over. Then an original whose output was not recorded gets
its place back.
"""

import os
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from workers import disk, journal_lock
from workers.errors import JournalError
from workers.in_place import (
    SECOND,
    Kept,
    forget,
    is_same,
    is_settled,
    kept_in,
    originals_folder,
    tidy,
)
from workers.job import JobId, TaskState
from workers.journal_files import journal_path
from workers.journal_reader import JournalReader
from workers.publishing import checked, set_beside
from workers.snapshot import TaskRow

LOOK_EVERY_S: Final = 1.0
_NO_TRASH: Final = (
    "There is no trash here: each original is kept beside its output, named “before Everycore”."
)


class Originals:
    """Looks after the originals of one job; belongs to the engine's thread, works beside it."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._has_ended = threading.Event()
        self._is_over = False
        self._problem = ""

    def begin(self, journal: Path) -> None:
        """Begin to look at what the journal has recorded."""
        self.end(is_over=False)
        self.join()
        self._has_ended.clear()
        self._thread = threading.Thread(
            target=self._run, args=(journal,), name="originals", daemon=True
        )
        self._thread.start()

    def end(self, *, is_over: bool) -> None:
        """Look a last time, then end; where the job is over, nothing is kept for a resume."""
        self._is_over = is_over
        self._has_ended.set()

    @property
    def is_busy(self) -> bool:
        """Say whether the last look is not over yet."""
        return self._has_ended.is_set() and self._thread is not None and self._thread.is_alive()

    def problem(self) -> str:
        """Return, once, a sentence on what could not be done as meant."""
        problem, self._problem = self._problem, ""
        return problem

    def join(self) -> None:
        """Wait until the last look is over."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, journal: Path) -> None:
        while not self._has_ended.wait(LOOK_EVERY_S):
            self._look(journal, is_over=False)
        self._look(journal, is_over=self._is_over)

    def _look(self, journal: Path, *, is_over: bool) -> None:
        try:
            if not put_away(journal, is_over=is_over):
                self._problem = _NO_TRASH
        except OSError as error:
            reason = error.strerror or error
            self._problem = f"Originals cannot be moved to the trash: {reason}."
        except JournalError as error:
            self._problem = f"Originals cannot be moved to the trash: {error}"


def put_away(journal: Path, *, is_over: bool) -> bool:
    """Move originals whose outputs the journal has to the trash; False where there is none.

    Where the job is over, the others get their places back. Raises OSError and JournalError.
    """
    has_trash = True
    with closing(JournalReader(journal)) as reader:
        for root in reader.roots():
            folder = originals_folder(root, JobId(journal.stem))
            kept = kept_in(folder)
            rows = {row.task: row for row in reader.tasks([each.task for each in kept])}
            for each in kept:
                row = rows.get(each.task)
                if row is None or row.path is None:
                    continue
                if row.state is TaskState.SUCCEEDED:
                    has_trash = _put_away(each, row.path, row) and has_trash
                elif is_over:
                    has_trash = _give_back(each, row.path) and has_trash
            if is_over:
                tidy(folder)
    return has_trash


def give_back_unfinished(journals: Path, job: JobId) -> None:
    """Leave nothing behind of a job that is to be forgotten.

    Raises OSError, and JournalError while a live process has the job open.
    """
    path = journal_path(journals, job)
    if not path.is_file():
        return
    journal_lock.take(path)
    try:
        with suppress(JournalError):  # a journal that cannot be read tells of no originals
            if is_in_place(path):
                put_away(path, is_over=True)
    finally:
        journal_lock.release(path)


def is_in_place(journal: Path) -> bool:
    """Say whether a job's outputs take the place of their inputs; raises JournalError."""
    with closing(JournalReader(journal)) as reader:
        spec = reader.spec()
        return spec is not None and spec.is_in_place


def _put_away(kept: Kept, path: Path, row: TaskRow) -> bool:
    original = kept.path if path in row.outputs else _taken(kept.path, path)
    has_trash = _to_trash(original, path)
    forget(original)
    return has_trash


def _taken(kept: Path, path: Path) -> Path:
    """Take an original from beside its output; return where it lies until it is in the trash.

    Where somebody has saved the file since, that stays, and only what it was goes.
    """
    leaving = kept.with_name(path.name)
    if kept.name == SECOND:
        is_there = os.path.lexists(path) and is_same(kept, path)
        disk.move_if_free(path if is_there else kept, leaving)
    disk.remove(kept.with_name(SECOND))
    return leaving


def _give_back(kept: Kept, path: Path) -> bool:
    """Let an original have its name again, unless somebody has saved something there since."""
    if is_settled(kept, path):
        return True
    has_trash = True
    if checked(path).sha256 != kept.sha256:
        has_trash = _to_trash(kept.path, path)
    elif not disk.exchange(kept.path, path):
        disk.replace(kept.path, path)
    forget(kept.path)
    return has_trash


def _to_trash(file: Path, was: Path) -> bool:
    """Move a file to the trash, noted under that path; beside it where there is no trash."""
    try:
        disk.trash(file, was)
    except OSError:
        set_beside(file, was)
        return False
    return True
