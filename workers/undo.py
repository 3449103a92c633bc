"""Undoing a job: what it made goes to the trash, what it replaced comes back.

Only what still is as the job made it is touched: what somebody has edited since is theirs and
stays, and so does the output of an input that is gone, for it is the last there is. Runs on the
caller's thread.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from workers import no_clobber
from workers.job import OnExisting, TaskId
from workers.journal import Journal
from workers.journal_rows import MadeByTask
from workers.originals import put_away
from workers.publishing import is_as_published, kept_beside, put_in_trash
from workers.trash_places import INFO, paths_begin_at, trash_places
from workers.wording import count_words

UNDONE: Final = "Undone: its output went to the trash."
# A file takes a millisecond or two; whoever asks wants to hear of it.
_STEP: Final = 20


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


def undo(journal: Journal) -> Iterator[Undone]:
    """Undo an open journal's job, some tasks at a time; yields how far it is.

    Each step is recorded when it is done: killed in between, it can be undone again.
    """
    done = Undone()
    spec = journal.spec()
    if spec is None:
        return
    replaced: dict[Path, Path] = {}
    take_back = _take_back
    if spec.is_in_place:
        put_away(journal.path, is_over=True)
        take_back = _give_back
        for root in journal.roots():
            replaced |= _replaced_since(journal.created_ns, root)
    elif spec.on_existing is OnExisting.REPLACE and spec.output.is_dir():
        replaced = _replaced_since(journal.created_ns, spec.output)
    after = TaskId(0)
    while made := journal.made(after, _STEP):
        after = made[-1].task
        taken_back = [task.task for task in made if take_back(task, replaced, done)]
        journal.take_back(taken_back, UNDONE)
        yield done


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


def _take_back(made: MadeByTask, replaced: dict[Path, Path], done: Undone) -> bool:
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
            _restore(output, replaced, done)
    return is_taken_back


def _give_back(made: MadeByTask, replaced: dict[Path, Path], done: Undone) -> bool:
    """Undo one task in place; say whether the original has its name again."""
    original = replaced.get(made.path) or kept_beside(made.path)
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
    _restore(made.path, replaced, done)
    return True


def _restore(output: Path, replaced: dict[Path, Path], done: Undone) -> None:
    """Move the file that the output took the place of back to its name."""
    away = replaced.get(output) or kept_beside(output)
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


def _replaced_since(since_ns: int, output: Path) -> dict[Path, Path]:
    """Return the files in the trash by the path they had, the first that went since the time.

    Linux only: other systems do not tell what is in their trash.
    """
    found: dict[Path, tuple[str, Path]] = {}
    # The notes are in whole seconds of local time.
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since_ns // 10**9))
    for info in (folder for folder in trash_places(output) if folder.name == "info"):
        for note in info.glob(f"*{INFO}"):
            path, when = _noted(note, info.parent)
            if when >= since and (path not in found or when < found[path][0]):
                found[path] = when, info.parent / "files" / note.name.removesuffix(INFO)
    return {path: file for path, (_, file) in found.items()}


def _noted(note: Path, trash: Path) -> tuple[Path, str]:
    """Return the path a file in the trash had, and when it went there."""
    lines: dict[str, str] = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in note.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition("=")
            lines[key] = value
    path = os.fsdecode(unquote_to_bytes(lines.get("Path", "")))
    return paths_begin_at(trash) / path, lines.get("DeletionDate", "")
