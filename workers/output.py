"""Writing outputs so that nothing partial ever stands under a final name.

An operation writes into a staging folder inside the output folder; `publish` checks and syncs
what it wrote and moves it to its final name, without ever taking the place of a file that the
job did not write. Runs in workers and in the engine; light to import.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from workers import disk
from workers.discovery import STAGING_PREFIX
from workers.job import JobId, OnExisting, TaskId
from workers.outcome import Failure, FailureKind, OutputCheck, Skip
from workers.output_names import (
    NamePlanner as NamePlanner,
    default_output as default_output,
    fitted,
    numbered,
)
from workers.wording import printable, size_words

_KEPT: Final = "An output with this name was there already; it was kept."
_WROTE_NOTHING: Final = "The operation wrote nothing."
_SUFFIX: Final = re.compile("[^A-Za-z0-9._-]")
_GONE: Final = "GONE"
# What the next output would meet as well: the job pauses instead of failing task by task.
_STOPPING: Final = frozenset({_GONE, "ENOSPC", "EDQUOT", "EROFS"})
_GONE_ERRORS: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESTALE}
)


class Staging:
    """The folder of a job's unfinished outputs, inside its output folder."""

    def __init__(self, output: Path, job: JobId) -> None:
        self._output = output
        self._folder = output / f"{STAGING_PREFIX}{job}"

    def prepare(self) -> Failure | None:
        """Make the folders (0700 for ours), empty, and try to write; return why it cannot."""
        try:
            self._output.mkdir(parents=True, exist_ok=True)
            self.remove()
            # A folder that another person made in advance is in the way, not ours to use.
            self._folder.mkdir(mode=0o700)
            probe = self._folder / "probe"
            with probe.open("xb") as file:
                file.write(b"\0")
                file.flush()
                os.fsync(file.fileno())
            probe.unlink()
        except OSError as error:
            return output_failure(self._output, error)
        return None

    def restore(self) -> Failure | None:
        """Make our folder again if it went missing; return why not, as when its place is gone."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            return output_failure(self._output, error)
        return None

    @property
    def temporary(self) -> Path:
        """Return where workers keep their temporary files; made by the first, gone with ours."""
        return self._folder / "temporary"

    def target(self, task: TaskId, attempt: int, suffix: str) -> Path:
        """Return where an attempt writes: an ASCII name that no file has."""
        target = self._folder / f"{task:08d}-{attempt}{_SUFFIX.sub('_', suffix)}"
        # A killed attempt of the same number, before the task was retried, may have left one.
        with contextlib.suppress(OSError):
            target.unlink()
        return target

    def remove(self) -> None:
        """Delete the folder with all in it."""
        if self._folder.is_symlink():
            self._folder.unlink()
        shutil.rmtree(self._folder, ignore_errors=True)


def output_failure(folder: Path, error: OSError) -> Failure:
    """Return why an output cannot be written to a folder, in a sentence a person can act on."""
    code = errno.errorcode.get(error.errno or 0, "")
    if error.errno in _GONE_ERRORS and not folder.is_dir():
        code = _GONE
    shown = printable(folder)
    sentences = {
        _GONE: f"The output folder {shown} is gone.",
        "ENOSPC": f"Disk full: {_free(folder)} left on {shown}. Free some space, then Continue.",
        "EDQUOT": f"Your disk quota on {shown} is used up. Free some space, then Continue.",
        "EROFS": f"The output folder {shown} is read-only.",
        "EACCES": f"No permission to write to {shown}.",
        "EPERM": f"No permission to write to {shown}.",
        "EFBIG": f"The output is too large for the disk of {shown}.",
        "EIO": f"The disk reported an error while writing to {shown}.",
        "ENAMETOOLONG": f"The output's path is too long for {shown}.",
        "EEXIST": f"A file stands where the folder {shown} is needed.",
    }
    sentence = sentences.get(code) or f"Cannot write to {shown}: {error.strerror or error}."
    return Failure(FailureKind.OUTPUT_FAILED, sentence, detail=f"{code}: {printable(str(error))}")


def stops_job(failure: Failure) -> bool:
    """Say whether every further output would fail alike: disk full, drive or folder gone."""
    is_output = failure.kind is FailureKind.OUTPUT_FAILED
    return is_output and failure.detail.partition(":")[0] in _STOPPING


def _free(folder: Path) -> str:
    try:
        return size_words(shutil.disk_usage(folder).free)
    except OSError:
        return "nothing"


def publish(
    temp: Path,
    final: Path,
    on_existing: OnExisting,
    *,
    own_since_ns: int | None = None,
    outdated: Collection[Path] = (),
) -> Path | Failure | Skip:
    """Move a finished output to its final name, whole and on the disk; return that name.

    A file that is there already is dealt with as `on_existing` says. Our own is replaced: one of
    the `outdated`, or one that is not older than `own_since_ns`, which an earlier attempt of this
    task wrote. Whatever is not published is deleted.
    """
    folder = temp.parent.parent
    try:
        if (failure := _check_and_sync(temp, folder)) is not None:
            return failure
        disk.make_folder(final.parent)
        return _placed(temp, final, on_existing, own_since_ns, outdated)
    except OSError as error:
        if not folder.is_dir():  # to a worker in a sandbox it is a folder it may not make again
            return output_failure(folder, FileNotFoundError(errno.ENOENT, "", str(folder)))
        # The sentence names the folder to look at: the output folder when that is the cause.
        where = final.parent if final.parent.is_dir() else folder
        return output_failure(where, error)
    finally:
        with contextlib.suppress(OSError):
            disk.remove(temp)


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


def _check_and_sync(temp: Path, folder: Path) -> Failure | None:
    """Make sure that there is an output, on the disk, with the permissions of a new file."""
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
        disk.set_mode(descriptor, 0o666 & ~_umask())
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    return None


def _umask() -> int:
    """Return the process's umask; it can only be read by setting it, so set a strict one."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _placed(
    temp: Path,
    final: Path,
    on_existing: OnExisting,
    own_since_ns: int | None,
    outdated: Collection[Path],
) -> Path | Failure | Skip:
    while not disk.move_if_free(temp, final):
        if final.is_dir() and not final.is_symlink():
            return _folder_in_the_way(final)
        is_own = own_since_ns is not None and _is_own(final, on_existing, own_since_ns)
        if is_own or final in outdated:
            disk.replace(temp, final)
            return final
        if on_existing is OnExisting.SKIP:
            return Skip(_KEPT)
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


def _is_own(final: Path, on_existing: OnExisting, own_since_ns: int) -> bool:
    """Say whether an earlier attempt of this task wrote the file.

    Where outputs are numbered, "a (2).jpg" may be another task's that found "a.jpg" taken:
    better one output twice than one lost.
    """
    if on_existing is OnExisting.RENAME and re.search(r" \(\d+\)$", final.stem):
        return False
    try:
        status = final.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mtime_ns >= own_since_ns


def _placed_beside(path: Path, final: Path) -> Path:
    """Move a file to the first free numbered name."""
    number = 2
    while True:
        beside = final.with_name(numbered(final, number))
        if disk.move_if_free(path, beside):
            return beside
        number += 1


def _put_away(final: Path) -> None:
    """Move an existing file to the trash; where there is none, keep it beside the output."""
    with contextlib.suppress(OSError), _trashing_alone():
        disk.trash(final)
    if os.path.lexists(final):
        kept = final.with_name(fitted(final.stem, f" (before Everycore){final.suffix}"))
        if not disk.move_if_free(final, kept):
            _placed_beside(final, kept)


@contextlib.contextmanager
def _trashing_alone() -> Iterator[None]:
    """Let one worker at a time use the trash.

    send2trash looks for a free name in the trash and then renames over it: two workers that
    replace files of the same name at once would lose one of the originals.
    """
    if sys.platform != "linux":
        yield
        return
    import fcntl

    from workers.trash_places import trash_lock

    with trash_lock().open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
