"""The originals of a job whose outputs took their place: to the trash once the journal has them.

On a thread of its own, since a trash may be slow and a drive may hang: from time to time while
the job runs, and a last time when it is over. Then an original whose output was not recorded gets
its place back.
"""

import errno
import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from workers import disk, journal_lock
from workers.errors import FolderGone, JournalError
from workers.in_place import (
    Kept,
    aside_of,
    forget,
    forget_output,
    is_aside,
    is_output,
    is_same,
    is_second,
    is_settled,
    kept_in,
    leave,
    originals_folder,
    tidy,
    was_saved_since,
    was_written_since,
)
from workers.job import JobId, JobSpec, TaskState
from workers.journal_files import journal_path
from workers.journal_reader import JournalReader
from workers.output import Staging
from workers.publishing import set_beside
from workers.snapshot import TaskRow
from workers.wording import printable

LOOK_EVERY_S: Final = 1.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_TRASH: Final = (
    "There is no trash here: each original is kept beside its output, named “before Everycore”."
)

_LATE: Final = (
    "{} was still being written to when it was read; what was written later lies in the trash."
)


class Originals:
    """Looks after the originals of one job; belongs to the engine's thread, works beside it."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._has_ended = threading.Event()
        self._is_over = False
        self._is_settled = True
        self._problem = ""

    def begin(self, journal: Path) -> None:
        """Begin to look at what the journal has recorded."""
        self.end(is_over=False)
        self.join()
        self._has_ended.clear()
        self._is_settled = False
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
        """Say whether the last look is not over yet, or what it met was not asked for yet."""
        if not self._has_ended.is_set() or self._thread is None:
            return False
        return self._thread.is_alive() or bool(self._problem)

    @property
    def is_settled(self) -> bool:
        """Say whether every original was put away, or given back, after the job was over."""
        return self._is_settled

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
            self._problem = put_away(journal, is_over=is_over) or self._problem
            self._is_settled = is_over
        except OSError as error:
            reason = error.strerror or error
            self._problem = f"Originals cannot be moved to the trash: {reason}."
        except JournalError as error:
            self._problem = f"Originals cannot be moved to the trash: {error}"


def put_away(journal: Path, *, is_over: bool, is_gone_for_good: bool = False) -> str:
    """Move originals whose outputs the journal has to the trash; return what is not as meant.

    Where the job is over, the others get their places back. What the disk refuses for one keeps
    none of the others. Raises OSError, for a folder that is not there unless that is for good, and
    JournalError.
    """
    problem, refusal = "", None
    with closing(JournalReader(journal)) as reader:
        for root in reader.roots():
            if is_over and not root.is_dir():  # a drive that is away looks as if it held nothing
                if not is_gone_for_good:
                    refusal = refusal or OSError(errno.ENODEV, f"{printable(root)} is not there")
                continue
            folder = originals_folder(root, JobId(journal.stem))
            kept = kept_in(folder)
            rows = {row.task: row for row in reader.tasks([each.task for each in kept])}
            for each in kept:
                try:
                    problem = _settle(each, rows.get(each.task), is_over=is_over) or problem
                except OSError as error:
                    refusal = refusal or error
            if is_over:
                tidy(folder)
    if refusal is not None:
        raise refusal
    return problem


def _settle(kept: Kept, row: TaskRow | None, *, is_over: bool) -> str:
    if row is None or row.path is None:
        return ""
    if row.state is TaskState.SUCCEEDED:
        return _put_away(kept, row.path, row, is_over=is_over)
    return _give_back(kept, row.path) if is_over else ""


def give_back_unfinished(journals: Path, job: JobId, *, is_gone_for_good: bool = False) -> None:
    """Leave nothing behind of a job that is to be forgotten.

    Raises JournalError while a live process has the job open and where the disk refuses, and
    FolderGone where a folder is not there, unless that is for good: the job's record is all that
    tells where the originals on it belong.
    """
    path = journal_path(journals, job)
    if not path.is_file():
        return
    journal_lock.take(path)
    try:
        if (spec := _spec_of(path)) is None:
            return
        if spec.is_in_place and not _has_ended(path):  # one that has ended keeps nothing there
            if not is_gone_for_good:
                _check_drives(path)
            put_away(path, is_over=True, is_gone_for_good=is_gone_for_good)
        for folder in _staged_in(path, spec):
            Staging(folder, job).remove()
    except OSError as error:
        reason = error.strerror or error
        raise JournalError(f"Originals of this job cannot be put back: {reason}.") from error
    finally:
        journal_lock.release(path)


def _has_ended(journal: Path) -> bool:
    with closing(JournalReader(journal)) as reader:
        return reader.entry().state.is_ended


def _check_drives(journal: Path) -> None:
    """Raise FolderGone where a folder of the job is not there to be looked at."""
    with closing(JournalReader(journal)) as reader:
        for root in reader.roots():
            if not root.is_dir():
                place = printable(root)
                raise FolderGone(
                    f"{place} is not there: originals of this job may still lie on it."
                )


def _spec_of(journal: Path) -> JobSpec | None:
    """Return what the job does; one that was never started, or cannot be read, left nothing."""
    try:
        with closing(JournalReader(journal)) as reader:
            return reader.spec()
    except JournalError:
        return None


def _staged_in(journal: Path, spec: JobSpec) -> tuple[Path, ...]:
    """Return the folders in which a job that was killed left what is unfinished."""
    if spec.is_in_place:
        with closing(JournalReader(journal)) as reader:
            return (spec.output, *reader.roots())
    return (spec.output if spec.pipeline is not None else spec.output.parent,)


def _put_away(kept: Kept, path: Path, row: TaskRow, *, is_over: bool) -> str:
    if is_aside(kept.path):
        is_gone = forget_output(kept.path, kept.sha256)
        return "" if is_gone else _to_trash(kept.path, path, waits=not is_over)
    if path in row.outputs:
        is_late = was_written_since(kept)
        return _to_trash(kept.path, path, waits=not is_over, is_late=is_late)
    leaving = kept.path.with_name(path.name)
    if is_second(kept.path) and (words := _take(kept.path, path, leaving)) is not None:
        return words
    for second in [file for file in leaving.parent.iterdir() if is_second(file)]:
        if not _is_taken(second, leaving, path):
            return ""
    return _to_trash(leaving, path, waits=not is_over)


def _take(second: Path, path: Path, leaving: Path) -> str | None:
    """Take an original from beside its output, to lie there until it is in the trash.

    Where somebody has saved the file since, that stays, and only what it was goes. Where nothing
    goes, returns what is not as meant.
    """
    if not is_same(second, path):
        disk.move_if_free(second, leaving)
        return None
    if second.samefile(path) and was_saved_since(second):
        forget(second)
        return ""
    try:
        disk.move_if_free(path, leaving)
    except PermissionError:  # the system protects it, or it is another person's
        forget(second)
        return f"{printable(path.name)} may not be removed: it stays beside its output."
    return None


def _is_taken(second: Path, leaving: Path, path: Path) -> bool:
    """Look again at what was taken from the path; False where nothing of it is to go.

    What somebody has saved there in that moment goes back, or to the trash where the name is taken.
    """
    if is_same(second, leaving) and not (second.samefile(leaving) and was_saved_since(second)):
        disk.remove(second)
        return True
    is_original_in_it = os.path.samestat(second.lstat(), leaving.lstat())
    if not disk.move_if_free(leaving, path):
        _to_trash(leaving, path, waits=False)
    if is_original_in_it:  # it was written into: there is nothing left of what it was
        forget(second)
        return False
    disk.move_if_free(second, leaving)
    return True


def _give_back(kept: Kept, path: Path) -> str:
    """Let an original have its name again, unless somebody has saved something there since."""
    if is_settled(kept, path):
        return ""
    if is_output(kept, path):
        if disk.exchange(kept.path, path):
            if forget_output(kept.path, kept.sha256):
                return ""
            disk.exchange(kept.path, path)  # what was saved in this moment
        elif _is_given_back(kept, path):
            return ""
    return _to_trash(kept.path, path, waits=False)


def _is_given_back(kept: Kept, path: Path) -> bool:
    """Do it in two steps, on a disk that knows no exchange; False where something was saved."""
    aside = aside_of(kept)
    if not disk.move_if_free(path, aside):
        return False
    if not is_output(kept, aside):
        if not disk.move_if_free(aside, path):
            _to_trash(aside, path, waits=False)
        return False
    is_back = disk.move_if_free(kept.path, path)
    forget_output(aside, kept.sha256)
    return is_back


def _to_trash(file: Path, was: Path, *, waits: bool, is_late: bool = False) -> str:
    """Move a file to the trash, noted under that path; beside it where there is no trash.

    A trash without room is waited for, while there is time: OSError. Returns what is not as meant;
    it `is_late` where somebody wrote into it after it was read.
    """
    try:
        disk.trash(file, was)
    except OSError as error:
        if waits and error.errno in _FULL:
            raise
        set_beside(file, was)
        leave(file)
        return _NO_TRASH
    leave(file)
    return _LATE.format(printable(was.name)) if is_late else ""
