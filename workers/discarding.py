"""Forgetting a job: its journal, and partials that no other job can use; on the caller's thread."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from workers import journal_files
from workers.errors import JournalError, PipelineError
from workers.job import JobId
from workers.journal_files import SUFFIX, journal_path
from workers.journal_reader import JournalReader
from workers.originals import give_back_unfinished
from workers.partials import partials_folder


def forget(journals: Path, job: JobId, *, is_gone_for_good: bool = False) -> None:
    """Give back originals that wait for their outputs, then delete what is kept of a job.

    Outputs stay. Raises JournalError while a live process has the job open, FileNotFoundError
    where there is none, FolderGone where originals may lie in one, unless that is gone for good.
    """
    give_back_unfinished(journals, job, is_gone_for_good=is_gone_for_good)
    folder = _partials_of(journal_path(journals, job))
    journal_files.discard(journals, job)
    if folder is not None and folder.is_dir() and folder not in set(_used(journals)):
        shutil.rmtree(folder, ignore_errors=True)


def _used(journals: Path) -> Iterator[Path]:
    for path in journals.glob(f"*{SUFFIX}"):
        if (folder := _partials_of(path)) is not None:
            yield folder


def _partials_of(journal: Path) -> Path | None:
    """Return the folder of a job's partials; None where it has none, or cannot be read."""
    with contextlib.suppress(JournalError, PipelineError):
        reader = JournalReader(journal)
        with contextlib.closing(reader):
            spec = reader.spec()
            if spec is not None:
                return partials_folder(journal.parent, JobId(journal.stem), spec)
    return None
