"""Several outputs of one input, in a folder of their own that gets its name in one step.

Where that name is taken, each file goes into the folder that is there, by itself and as the person
chose for outputs (publishing.py). Runs in workers.
"""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from workers import disk
from workers.job import OnExisting
from workers.outcome import Failure, FailureKind, Skip
from workers.output import output_failure
from workers.publishing import Ours, finished, leads_out, name_before, publish


class Published(NamedTuple):
    """The final names of the files, and those that a file of before keeps."""

    outputs: tuple[Path, ...]
    kept: tuple[Path, ...] = ()


def publish_folder(
    staged: Path, final: Path, on_existing: OnExisting, ours: Ours
) -> Published | Failure:
    """Move a folder of finished outputs to its final name, whole and on the disk.

    Whatever is not published is deleted.
    """
    folder = staged.parent.parent
    try:
        names = sorted(file.name for file in staged.iterdir())
        if not names:
            return Failure(FailureKind.OPERATION_FAILED, "The operation wrote nothing.")
        for name in names:
            if (failure := finished(staged / name, folder, ours)) is not None:
                return failure
        if not final.parent.resolve().is_relative_to(folder.resolve()):
            return leads_out(final.parent)
        _sync_folder(staged)
        disk.make_folder(final.parent)
        if disk.move_if_free(staged, final):
            return Published(tuple(final / name for name in names))
    except OSError as error:
        return output_failure(final.parent if final.parent.is_dir() else folder, error)
    else:
        return _one_by_one(staged, final, on_existing, ours)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _sync_folder(staged: Path) -> None:
    """Have the names of the files on the disk before the folder's own."""
    if os.name == "nt":  # it opens no folder
        return
    descriptor = os.open(staged, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def _one_by_one(
    staged: Path, final: Path, on_existing: OnExisting, ours: Ours
) -> Published | Failure:
    outputs, kept = [], []
    files = sorted(staged.iterdir())
    names = {final / file.name for file in files}
    for number, file in enumerate(files):
        # To publish finds the output folder two above the temporary file.
        single = staged.with_name(f"{staged.name}-{number}{file.suffix}")
        try:
            file.replace(single)
        except OSError as error:
            return output_failure(staged.parent.parent, error)
        name = name_before(final / file.name, ours, names)
        published = publish(single, name, on_existing, ours)
        match published:
            case Failure():
                return published
            case Skip():
                kept.append(final / file.name)
            case _:
                outputs.append(published)
    return Published(tuple(outputs), tuple(kept))
