"""Undoing a job: what it made goes to the trash, what it replaced comes back.

Only what still is as the job made it is touched: what somebody has edited since is theirs and
stays, and so does the output of an input that is gone, for it is the last there is. The record is
read and written on the caller's thread, files are moved beside it: a trash may not answer.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from workers import no_clobber
from workers.beside import beside
from workers.job import OnExisting, TaskId
from workers.journal import Journal
from workers.journal_rows import MadeByTask
from workers.originals import put_away
from workers.output_names import numbered
from workers.partials import partials_folder
from workers.publishing import is_as_published, kept_beside, put_in_trash
from workers.trash_places import INFO, paths_begin_at, real, trash_places
from workers.wording import count_words

UNDONE: Final = "Undone: its output went to the trash."
# A file takes a millisecond or two; whoever asks wants to hear of it.
_STEP: Final = 20


class Away(NamedTuple):
    """A file in the trash, and when it went there, in whole seconds of local time."""

    when: str
    file: Path


@dataclass(slots=True)
class Undone:
    """How many outputs went to the trash, how many replaced files came back, and what stayed."""

    trashed: int = 0
    restored: int = 0
    edited: int = 0
    last_copies: int = 0
    originals_gone: int = 0
    gone: int = 0
    not_restored: int = 0


def undo(journal: Journal) -> Iterator[Undone | None]:
    """Undo an open journal's job, some tasks at a time; yields how far it is, None on the way.

    Each step is recorded when it is done: killed in between, it can be undone again.
    """
    done = Undone()
    spec = journal.spec()
    if spec is None:
        return
    replaced = Replaced(journal.created_ns)
    take_back = _take_back
    folder = partials_folder(journal.path.parent, journal.job, spec)
    if folder is not None:
        take_back = partial(_take_back_reduced, folder)
    if spec.is_in_place:
        yield from beside(partial(put_away, journal.path, is_over=True))
        take_back = _give_back
        yield from beside(partial(replaced.look_below, journal.roots()))
    elif spec.on_existing is OnExisting.REPLACE:
        yield from beside(partial(replaced.look_below, (spec.output,)))
    after = TaskId(0)
    while made := journal.made(after, _STEP):
        after = made[-1].task
        taken_back = yield from beside(partial(_all_taken_back, made, take_back, replaced, done))
        journal.take_back(taken_back, UNDONE)
        yield done


def _all_taken_back(
    made: Sequence[MadeByTask],
    take_back: "Callable[[MadeByTask, Replaced, Undone], bool]",
    replaced: "Replaced",
    done: Undone,
) -> list[TaskId]:
    return [task.task for task in made if take_back(task, replaced, done)]


def undone_lines(done: Undone) -> list[str]:
    """Return what was undone, then what was left and why."""
    lines = [f"{count_words(done.trashed, 'output')} moved to the trash."]
    if done.restored:
        lines.append(f"{count_words(done.restored, 'replaced file')} put back.")
    if done.not_restored:
        lines.append(f"{count_words(done.not_restored, 'replaced file')} could not be put back.")
    if done.gone:
        lines.append(f"{count_words(done.gone, 'output')} no longer there.")
    if done.edited:
        lines.append(f"{count_words(done.edited, 'output')} edited since, left alone.")
    if done.last_copies:
        lines.append(f"{count_words(done.last_copies, 'output')} left: the input is gone.")
    if done.originals_gone:
        words = count_words(done.originals_gone, "output")
        lines.append(f"{words} left: the original is no longer in the trash.")
    return lines


class Replaced:
    """The files that gave up their places: in the trash, or beside what took them.

    What is in the trash is known on Linux only: other systems do not tell.
    """

    def __init__(self, since_ns: int) -> None:
        """Know of none; `since_ns` is when the job was made."""
        self._since = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since_ns // 10**9))
        self._in_trash: dict[Path, list[Away]] = {}

    def look_below(self, folders: Iterable[Path]) -> None:
        """Read the notes of the trash that files of these folders go to."""
        there = [folder for folder in folders if folder.is_dir()]
        places = {info for folder in there for info in trash_places(folder)[1:]}
        for info in places:
            for note in info.glob(f"*{INFO}"):
                path, when = _noted(note, info.parent)
                file = info.parent / "files" / note.name.removesuffix(INFO)
                if os.path.lexists(file):  # killed in between, a program leaves a note of nothing
                    self._in_trash.setdefault(path, []).append(Away(when, file))
        for found in self._in_trash.values():
            found.sort()

    def of(self, path: Path) -> Path:
        """Return the first that went from the path since then, in the trash or beside."""
        found = self._in_trash.get(real(path), ())
        since = [away.file for away in found if away.when >= self._since]
        return since[0] if since else kept_beside(path)

    def input_of(self, made: MadeByTask) -> Path:
        """Return what the task's input was, known by its size and time.

        By when it went it cannot be told: the clock may have been set, other jobs may have begun
        in the same second, and of a job that watches the path may have had several inputs.
        """
        in_trash = [away.file for away in self._in_trash.get(real(made.path), ())]
        for file in (*in_trash, *_beside(made.path)):
            with suppress(OSError):
                status = file.lstat()
                if (status.st_size, status.st_mtime_ns) == (made.size, made.mtime_ns):
                    return file
        return self.of(made.path)


def _beside(path: Path) -> Iterator[Path]:
    """Yield the names that files have which were set beside a path, while there are some."""
    first = file = kept_beside(path)
    number = 2
    while os.path.lexists(file):
        yield file
        file, number = first.with_name(numbered(first, number)), number + 1


def _take_back_reduced(folder: Path, made: MadeByTask, replaced: Replaced, done: Undone) -> bool:
    """Undo a task of a job with a reduce step; partials are ours, and made again when needed."""
    if not all(output.is_relative_to(folder) for output, _ in made.outputs):
        return _take_back(made, replaced, done)
    for output, _ in made.outputs:
        output.unlink(missing_ok=True)
    return True


def _take_back(made: MadeByTask, replaced: Replaced, done: Undone) -> bool:
    """Undo one task; say whether its outputs are there no more."""
    is_taken_back = True
    for output, check in made.outputs:
        if not os.path.lexists(output):
            done.gone += 1
        elif not is_as_published(output, check):
            done.edited += 1
            is_taken_back = False
        elif not made.path.exists():
            done.last_copies += 1
            is_taken_back = False
        else:
            put_in_trash(output)
            done.trashed += 1
        if is_taken_back:
            _restore(replaced.of(output), output, done)
    return is_taken_back


def _give_back(made: MadeByTask, replaced: Replaced, done: Undone) -> bool:
    """Undo one task in place; say whether the original has its name again."""
    original = replaced.input_of(made)
    for output, check in made.outputs:
        if not original.is_file():
            done.originals_gone += 1
            return False
        if os.path.lexists(output) and not is_as_published(output, check):
            done.edited += 1
            return False
        if os.path.lexists(output):
            put_in_trash(output)
            done.trashed += 1
        else:
            done.gone += 1
    _restore(original, made.path, done)
    return True


def _restore(away: Path, output: Path, done: Undone) -> None:
    """Move the file that the output took the place of back to its name."""
    if not away.is_file():
        return
    try:
        is_back = no_clobber.move_if_free(away, output)
    except OSError:  # a trash on another disk: the person finds it there
        is_back = False
    if is_back:
        done.restored += 1
        with suppress(OSError):
            (away.parent.parent / "info" / f"{away.name}{INFO}").unlink()
    else:
        done.not_restored += 1


def _noted(note: Path, trash: Path) -> tuple[Path, str]:
    """Return the path a file in the trash had, and when it went there."""
    lines: dict[str, str] = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in note.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition("=")
            lines[key] = value
    path = os.fsdecode(unquote_to_bytes(lines.get("Path", "")))
    return real(paths_begin_at(trash) / path), lines.get("DeletionDate", "")
