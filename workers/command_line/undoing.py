"""`everycore undo`: a job's outputs to the trash, what they replaced back in its place."""

from workers.command_line.exit_status import ExitStatus
from workers.command_line.history import find_job
from workers.command_line.options import UndoOptions
from workers.errors import UsageError
from workers.folders import journals_folder
from workers.job import JobState
from workers.journal import Journal, journal_path
from workers.undo import Undone, undo
from workers.wording import count_words


def undo_job(options: UndoOptions) -> ExitStatus:
    """Undo a job that does not run and print what came of it; raises UsageError."""
    entry = find_job(options.job)
    if not entry.state.is_ended and entry.state is not JobState.STOPPED:
        raise UsageError(f"Job {entry.job} is {entry.state.value}; it must have ended.")
    journal = Journal.open(journal_path(journals_folder(), entry.job))
    done = Undone()
    try:
        for so_far in undo(journal):
            done = so_far
        journal.set_state(JobState.CANCELLED)
    finally:
        journal.close()
    print("\n".join(undone_lines(done)))
    return ExitStatus.DONE


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
    return lines
