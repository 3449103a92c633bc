"""Whether what a task made, and what it was made from, still is as the journal has it."""

from pathlib import Path

from workers.journal_rows import MadeByTask
from workers.outcome import OutputCheck


def is_lost(made: tuple[Path, OutputCheck]) -> bool:
    """Say whether an output is gone, or cut short; one that is newer somebody has edited."""
    output, check = made
    try:
        status = output.lstat()
    except OSError:
        return True
    if not status.st_size:
        return True
    return status.st_size != check.size and status.st_mtime_ns <= check.mtime_ns


def has_its_input(made: MadeByTask) -> bool:
    """Say whether a task's input is as it was found."""
    try:
        status = made.path.lstat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (made.size, made.mtime_ns)
