"""Publishing: a finished output goes from the staging folder to its final name, or nowhere.

It is checked and synced first, and never takes the place of a file that the job did not write.
Runs in workers and in the engine; light to import.
"""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

from msgspec import Struct

from workers import disk
from workers.job import OnExisting
from workers.outcome import Failure, FailureKind, OutputCheck, Skip
from workers.output import output_failure
from workers.output_names import fitted, numbered
from workers.wording import printable

KEPT: Final = "An output with this name was there already; it was kept."
_WROTE_NOTHING: Final = "The operation wrote nothing."


class Ours(Struct, frozen=True):
    """Which files under final names are of this job, and of which time its outputs are.

    One that is not older than `since_ns` an earlier attempt of the same task made, `outdated`
    ones an earlier job: both are replaced. Where names could not be planned, one that is not older
    than `shared_since_ns` is of another task: the new one is numbered. An output is given the time
    `mtime_ns`. All in nanoseconds since the epoch. Permissions and marks come from the open file
    `like`, where there is one.
    """

    since_ns: int | None = None
    outdated: Collection[Path] = ()
    shared_since_ns: int | None = None
    mtime_ns: int | None = None
    like: int | None = None


def publish(
    temp: Path, final: Path, on_existing: OnExisting, ours: Ours = Ours()
) -> Path | Failure | Skip:
    """Move a finished output to its final name, whole and on the disk; return that name.

    A file that is there already is dealt with as `on_existing` says, unless it is one of `ours`.
    Whatever is not published is deleted.
    """
    folder = temp.parent.parent
    try:
        if (failure := finished(temp, folder, ours)) is not None:
            return failure
        if not final.parent.resolve().is_relative_to(folder.resolve()):
            return leads_out(final.parent)
        disk.make_folder(final.parent)
        return _placed(temp, final, on_existing, ours)
    except OSError as error:
        if not folder.is_dir():  # to a worker in a sandbox it is a folder it may not make again
            return output_failure(folder, FileNotFoundError(errno.ENOENT, "", str(folder)))
        # The sentence names the folder to look at: the output folder when that is the cause.
        is_the_cause = final.parent.is_dir() or error.errno == errno.EEXIST
        where = final.parent if is_the_cause else folder
        return output_failure(where, error)
    finally:
        with contextlib.suppress(OSError):
            disk.remove(temp)


def name_before(final: Path, ours: Ours, others: Collection[Path] = ()) -> Path:
    """Return the numbered name that an output had to take before; `final` where it had none.

    A name that one of `others` is to have is no number of this one.
    """
    if final in ours.outdated:
        return final
    told = re.compile(rf"{re.escape(final.stem)} \(\d+\)")
    for path in ours.outdated:
        is_alike = (path.parent, path.suffix) == (final.parent, final.suffix)
        if is_alike and told.fullmatch(path.stem) and path not in others:
            return path
    return final


def checked(final: Path) -> OutputCheck:
    """Open a published output again and return what it is; raises OSError."""
    descriptor = disk.open_finished(final)
    try:
        status = disk.status(descriptor)
        return OutputCheck(status.st_size, status.st_mtime_ns, disk.digest(descriptor))
    finally:
        os.close(descriptor)


def is_as_published(final: Path, check: OutputCheck) -> bool:
    """Say whether an output looks as it did, by its size and time; reads no content."""
    try:
        status = final.lstat()
    except OSError:
        return False
    is_file = stat.S_ISREG(status.st_mode)
    return is_file and (status.st_size, status.st_mtime_ns) == (check.size, check.mtime_ns)


def finished(temp: Path, folder: Path, ours: Ours) -> Failure | None:
    """Make sure that there is an output, on the disk, with its permissions and its time."""
    try:
        descriptor = disk.open_finished(temp)
    except FileNotFoundError as error:
        if not temp.parent.is_dir():
            return output_failure(folder, error)
        return Failure(FailureKind.OPERATION_FAILED, _WROTE_NOTHING)
    try:
        status = disk.status(descriptor)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return Failure(FailureKind.OPERATION_FAILED, _WROTE_NOTHING)
        if ours.like is None:
            disk.set_mode(descriptor, 0o666 & ~_umask())
        else:
            disk.take_after(descriptor, ours.like)
        if ours.mtime_ns is not None:
            disk.set_time(descriptor, temp, ours.mtime_ns)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    return None


def _umask() -> int:
    """Return the process's umask; it can only be read by setting it, so set a strict one."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _placed(temp: Path, final: Path, on_existing: OnExisting, ours: Ours) -> Path | Failure | Skip:
    while not disk.move_if_free(temp, final):
        if final.is_dir() and not final.is_symlink():
            return _folder_in_the_way(final)
        if final in ours.outdated or _is_own(temp, final, on_existing, ours):
            disk.replace(temp, final)
            return final
        if _is_shared(final, ours.shared_since_ns):
            return _placed_beside(temp, final)
        if on_existing is OnExisting.SKIP:
            return Skip(KEPT)
        if on_existing is OnExisting.RENAME:
            return _placed_beside(temp, final)
        _put_away(final)
    return final


def _folder_in_the_way(final: Path) -> Failure:
    return Failure(
        FailureKind.OUTPUT_FAILED,
        f"A folder stands where the output {printable(final.name)} belongs.",
        detail=f"EISDIR: {printable(final)}",
    )


def leads_out(folder: Path) -> Failure:
    """Return the failure of an output whose folder lies outside the output folder."""
    return Failure(
        FailureKind.OUTPUT_FAILED,
        f"A link makes the folder {printable(folder.name)} lie outside the output folder.",
        detail=f"EXDEV: {printable(folder)}",
    )


def _is_own(temp: Path, final: Path, on_existing: OnExisting, ours: Ours) -> bool:
    """Say whether an earlier attempt of this task wrote the file.

    Where outputs are numbered, "a (2).jpg" may be another task's that found "a.jpg" taken, and
    where names could not be planned so may any: better one output twice than one lost.
    """
    if on_existing is OnExisting.RENAME and re.search(r" \(\d+\)$", final.stem):
        return False
    if not is_since(final, ours.since_ns, ours.mtime_ns):
        return False
    return ours.shared_since_ns is None or checked(final).sha256 == checked(temp).sha256


def _is_shared(final: Path, since_ns: int | None) -> bool:
    """Say whether another task of the job may have made the file, whatever time it was given."""
    if since_ns is None:
        return False
    try:
        status = final.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_ctime_ns >= since_ns


def is_since(final: Path, since_ns: int | None, mtime_ns: int | None) -> bool:
    """Say whether the task made the file; one with its input's time is known by its last change."""
    if since_ns is None:
        return False
    try:
        status = final.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    if mtime_ns is not None and status.st_mtime_ns == mtime_ns:
        return status.st_ctime_ns >= since_ns
    return status.st_mtime_ns >= since_ns


def _placed_beside(path: Path, final: Path) -> Path:
    """Move a file to the first free numbered name."""
    number = 2
    while True:
        beside = final.with_name(numbered(final, number))
        if disk.move_if_free(path, beside):
            return beside
        number += 1


def put_in_trash(path: Path) -> None:
    """Move a file to the person's trash; raises OSError where there is none."""
    disk.trash(path, path)


def kept_beside(final: Path) -> Path:
    """Return the name that a replaced file keeps where there is no trash."""
    return final.with_name(fitted(final.stem, f" (before Everycore){final.suffix}"))


def _put_away(final: Path) -> None:
    """Move an existing file to the trash; where there is none, keep it beside the output."""
    with contextlib.suppress(OSError):
        put_in_trash(final)
    if os.path.lexists(final):
        set_beside(final, final)


def set_beside(path: Path, final: Path) -> None:
    """Move a file that gives up its place beside it."""
    kept = kept_beside(final)
    if not disk.move_if_free(path, kept):
        _placed_beside(path, kept)
