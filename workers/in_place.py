"""An output takes the place of its input, and the original is kept until that is recorded.

In the worker: a finished output goes into the job's folder of originals, below a name that says
what it is, and there it and the original change places in one step. So at every moment one of
them, whole, has the original's name, and whatever came out of its place lies where nothing is
deleted unseen. From there the engine moves it to the trash once the journal has the task
(originals.py); an attempt after one that was killed finds it, and knows whether the output stands
already. An output of another name than its input stands beside it until then; a second name of
the original, in the same folder, says that it is to go.
"""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from workers import disk
from workers.job import JobId, OnExisting, TaskId
from workers.operations.input_file import InputFile
from workers.outcome import Failure, FailureKind, OutputCheck, Skip, Success
from workers.output import STAGING_PREFIX, output_failure
from workers.publishing import Ours, checked, finished, publish, set_beside

CHANGED: Final = Failure(FailureKind.BAD_INPUT, "The file changed while it was being read.")
_SECOND: Final = f"{STAGING_PREFIX}second-name"
_ASIDE: Final = f"{STAGING_PREFIX}aside"
SAME: Final = "The result is the same as the original."


class Kept(NamedTuple):
    """What an attempt keeps of a task, and the SHA-256 of its output.

    At `path` lies the original, or still the output. `was` are the size and the time of the
    original when it was read, in words only compared.
    """

    task: TaskId
    attempt: int
    sha256: str
    path: Path
    was: str = ""


def originals_folder(root: Path, job: JobId) -> Path:
    """Return where a job keeps the originals below a dropped folder."""
    return root / f"{STAGING_PREFIX}{job}-originals"


def kept_in(folder: Path) -> list[Kept]:
    """Return the originals that are kept there."""
    try:
        places = list(folder.iterdir())
    except FileNotFoundError:
        return []
    kept = []
    for place in places:
        task, _, rest = place.name.partition("-")
        attempt, _, rest = rest.partition("-")
        sha256, _, was = rest.partition("_")
        if task.isdecimal() and attempt.isdecimal():
            own = TaskId(int(task)), int(attempt), sha256
            kept += [Kept(*own, file, was) for file in _files(place)]
    return kept


def _files(place: Path) -> list[Path]:
    """Return the original in its folder; its second name only while it is the only one there.

    Before it comes what an attempt that was killed had put aside.
    """
    try:
        files = [file for file in place.iterdir() if file.name != disk.PARTIAL]
    except FileNotFoundError:  # in this moment it went to the trash
        return []
    aside = [file for file in files if is_aside(file)]
    files = [file for file in files if not is_aside(file)]
    return aside + ([file for file in files if not is_second(file)] or files)


def _second_name(source: InputFile, temp: Path) -> str:
    """Return the second name of an original: it says what that was, and which file its output."""
    return f"{_SECOND}_{_looks(source.size, source.mtime_ns)}_{temp.stat().st_ino}"


def _looks(size: int, mtime_ns: int) -> str:
    return f"{size}_{mtime_ns}"


def is_second(file: Path) -> bool:
    """Say whether that is the second name of an original that has its own as well."""
    return file.name.startswith(_SECOND)


def was_saved_since(second: Path) -> bool:
    """Say whether somebody has written to the original since it got its second name."""
    status = second.stat()
    _, _, was = second.name.removeprefix(_SECOND).partition("_")
    return was.rpartition("_")[0] != _looks(status.st_size, status.st_mtime_ns)


def is_aside(file: Path) -> bool:
    """Say whether that was put aside, to be looked at where nobody saves anything."""
    return file.name == _ASIDE


def aside_of(kept: Kept) -> Path:
    """Return where a file is put aside."""
    return kept.path.with_name(_ASIDE)


def was_written_since(kept: Kept) -> bool:
    """Say whether somebody went on writing into an original after it was read; raises OSError."""
    status = kept.path.lstat()
    return bool(kept.was) and kept.was != _looks(status.st_size, status.st_mtime_ns)


def _published(kept: Kept, path: Path) -> Path | None:
    """Return the output that stands beside an original under whatever number, if it is untouched.

    Known by its inode and its content; one that somebody gave another name is theirs.
    """
    named = re.compile(rf"{re.escape(path.stem)}( \(\d+\))*")
    number = kept.path.name.rpartition("_")[2]
    try:
        with os.scandir(path.parent) as entries:
            found = [Path(entry.path) for entry in entries if str(entry.inode()) == number]
    except OSError:
        return None
    for file in found:
        if named.fullmatch(file.stem) and is_output(kept, file):
            return file
    return None


def tidy(folder: Path) -> None:
    """Delete what attempts that were killed had begun to make there, and the empty folders."""
    for place in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            (place / disk.PARTIAL).unlink(missing_ok=True)
            place.rmdir()  # where nothing is kept
    with suppress(OSError):
        folder.rmdir()


def keeps_name(path: PurePath, suffix: str) -> bool:
    """Say whether an output of that suffix has the name of its input: .jpeg is .jpg."""
    from workers.operations.kinds import format_of_suffix

    own = path.suffix.lower()
    return suffix == own or (format_of_suffix(own) or own) == format_of_suffix(suffix)


def standing(folder: Path, job: JobId, task: TaskId, path: Path) -> tuple[Path, OutputCheck] | None:
    """Return the output that a killed attempt has put in place; tidy up where it has not.

    Raises OSError where the disk refuses.
    """
    for kept in kept_in(originals_folder(folder, job)):
        if kept.task != task:
            continue
        if is_second(kept.path) and (output := _published(kept, path)) is not None:
            if not was_saved_since(kept.path) and is_same(kept.path, path):
                return output, checked(output)
            _withdraw(kept, output)  # it is of what the file was
        # One that is no output somebody saved meanwhile: what it was goes to the trash.
        if not is_settled(kept, path) and is_output(kept, path):
            return path, checked(path)
    return None


def is_settled(kept: Kept, path: Path) -> bool:
    """Forget what is kept where the original still has, or is given back, its name; say if so.

    Raises OSError where the disk refuses.
    """
    if forget_output(kept.path, kept.sha256):
        return True
    is_free = not os.path.lexists(path) and path.parent.is_dir()
    if is_free:  # some disks cannot do both in one step
        if not disk.move_if_free(kept.path, path):
            return False
    elif not is_same(kept.path, path):
        return False
    if is_second(kept.path) and (unrecorded := _published(kept, path)) is not None:
        _withdraw(kept, unrecorded)
    if is_free:
        leave(kept.path)
    else:
        forget(kept.path)
    return True


def _withdraw(kept: Kept, output: Path) -> None:
    """Delete an output that is not recorded, unless somebody saves something there meanwhile."""
    aside = aside_of(kept)
    if not disk.move_if_free(output, aside) or forget_output(aside, kept.sha256):
        return
    if not disk.move_if_free(aside, output):
        set_beside(aside, output)


def is_same(kept: Path, path: Path) -> bool:
    """Say whether two names are of one file, or of two with the same content; raises OSError."""
    if not _is_file(path) or not _is_file(kept):
        return False
    if kept.samefile(path):
        return True
    return kept.stat().st_size == path.stat().st_size and (
        checked(kept).sha256 == checked(path).sha256
    )


def is_output(kept: Kept, path: Path) -> bool:
    """Say whether what was made of an original has its name; raises OSError."""
    return _is_file(path) and checked(path).sha256 == kept.sha256


def _is_file(path: Path) -> bool:
    """Say whether a file stands there; somebody may have put a folder or a link in its place."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def forget_output(kept: Path, sha256: str) -> bool:
    """Delete what is kept there if it is the output of that content; say if so; raises OSError."""
    if not _is_file(kept) or checked(kept).sha256 != sha256:
        return False
    forget(kept)
    return True


def forget(kept: Path) -> None:
    """Delete what lies there, and the folders that are empty then."""
    disk.remove(kept)
    leave(kept)


def leave(kept: Path) -> None:
    """Delete the folders that are empty now that this does not lie there any more."""
    for folder in (kept.parent, kept.parent.parent):
        with suppress(OSError):  # others are kept there
            folder.rmdir()


class Place(NamedTuple):
    """Where an output belongs: its job, task and attempt, the dropped folder, the final name."""

    job: JobId
    task: TaskId
    attempt: int
    folder: Path
    final: Path


def put(temp: Path, source: InputFile, place: Place, ours: Ours) -> Success | Failure | Skip:
    """Let a finished output take the place of the open input; both are whole, or nothing happens.

    CHANGED when somebody saved the file meanwhile.
    """
    try:
        if (failure := finished(temp, place.folder, ours)) is not None:
            return failure
        check = checked(temp)
        if check.size == source.size and check.sha256 == checked(source.path).sha256:
            return Skip(SAME)
        folder = _own_folder(place, check, _looks(source.size, source.mtime_ns))
        if place.final != source.path:
            return _put_beside(temp, source, folder / _second_name(source, temp), place, ours)
        is_done = _put_at(temp, source, folder / source.path.name, check.sha256)
        return Success((source.path,), check.size, checks=(check,)) if is_done else CHANGED
    except OSError as error:
        is_theirs = error.errno != errno.EXDEV and place.final.parent.is_dir()
        return output_failure(place.final.parent if is_theirs else place.folder, error)
    finally:
        with suppress(OSError):
            disk.remove(temp)


def _own_folder(place: Place, check: OutputCheck, was: str) -> Path:
    """Make a folder for what this attempt keeps, in one that nobody else has made in advance."""
    originals = originals_folder(place.folder, place.job)
    attempt = place.attempt
    while True:
        disk.make_folder(originals, mode=0o700)
        folder = originals / f"{place.task:08d}-{attempt}-{check.sha256}_{was}"
        try:
            folder.mkdir(mode=0o700)
            break
        except FileExistsError:  # of an attempt of the same number, before the task was retried
            attempt += 1
        except FileNotFoundError:  # the last original in it went to the trash in this moment
            continue
    status = originals.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid == folder.lstat().st_uid:
        return folder
    folder.rmdir()
    raise PermissionError(errno.EACCES, "somebody else has made it", str(originals))


def _put_at(temp: Path, source: InputFile, kept: Path, sha256: str) -> bool:
    """Let the files change places; False, and nothing done, when the original has changed."""
    original = source.path
    disk.move_if_free(temp, kept)
    if disk.exchange(kept, original):
        if source.is_at(kept):
            return True
        disk.exchange(kept, original)  # what was saved in this moment goes back
        forget_output(kept, sha256)  # what was saved in the next one stays for the last look
        return False
    disk.replace(kept, temp)
    disk.keep(original, kept)
    if source.has_changed():
        forget(kept)
        return False
    source.close()  # Windows replaces no file that is open
    disk.replace(temp, original)
    return True


def _put_beside(
    temp: Path, source: InputFile, kept: Path, place: Place, ours: Ours
) -> Success | Failure | Skip:
    """Publish an output of another name; the original's second name says that it may go."""
    disk.keep(source.path, kept)
    if source.has_changed():
        forget(kept)
        return CHANGED
    published = publish(temp, place.final, OnExisting.RENAME, ours)
    if not isinstance(published, Path):
        forget(kept)
        return published
    check = checked(published)
    return Success((published,), check.size, checks=(check,))
