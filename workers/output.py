"""Writing outputs so that nothing partial ever stands under a final name.

An operation writes into a staging folder inside the output folder; publishing.py moves what it
wrote to its final name. Runs in workers and in the engine; light to import.
"""

import contextlib
import errno
import os
import re
import shutil
from pathlib import Path
from typing import Final
from unicodedata import normalize

from workers.job import JobId, TaskId
from workers.outcome import Failure, FailureKind
from workers.wording import printable, size_words

STAGING_PREFIX: Final = ".everycore-"
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

    def folds_names(self) -> bool:
        """Say whether the disk takes names for one that differ in case or in how é is written.

        The folder must be there; where it cannot be tried out, better two names than one.
        """
        # As bytes: where the language of the system is C, a name cannot be written otherwise.
        probe, *others = (
            self._folder / os.fsdecode(name.encode())
            for name in ("probe-é", "PROBE-é", normalize("NFD", "probe-é"))
        )
        try:
            probe.touch()
            try:
                return any(map(os.path.lexists, others))
            finally:
                probe.unlink(missing_ok=True)
        except OSError:
            return True

    def takes(self, size: int) -> bool:
        """Say whether a file of so many bytes can be written now; the folder must be there."""
        probe = self._folder / "probe"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            try:
                with probe.open("wb") as file:
                    file.write(bytes(size))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)
        except OSError:
            return False
        return True

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
        "EXDEV": f"It lies on another drive than {shown}. Drop a folder of that drive itself.",
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
