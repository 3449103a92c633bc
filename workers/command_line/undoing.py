"""`everycore undo`: a job's outputs to the trash, what they replaced back in its place."""

from workers.command_line.exit_status import ExitStatus
from workers.command_line.history import find_job
from workers.command_line.options import UndoOptions
from workers.errors import UsageError
from workers.folders import journals_folder
from workers.job import JobState
from workers.journal import Journal, journal_path
from workers.undo import Undone, undo, undone_lines


def undo_job(options: UndoOptions) -> ExitStatus:
    """Undo a job that does not run and print what came of it; raises UsageError."""
    entry = find_job(options.job)
    if not entry.state.is_ended and entry.state is not JobState.STOPPED:
        raise UsageError(f"Job {entry.job} is {entry.state.value}; it must have ended.")
    journal = Journal.open(journal_path(journals_folder(), entry.job))
    done = Undone()
    try:
        for so_far in undo(journal):
            done = so_far or done
        journal.set_state(JobState.CANCELLED)
    finally:
        journal.close()
    print("\n".join(undone_lines(done)))
    return ExitStatus.DONE
