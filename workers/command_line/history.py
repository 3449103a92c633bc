"""`everycore jobs`, `resume`, `retry` and `discard`: what the journals tell, and going on."""

import time
from typing import Final

from workers.command_line.events import entry_line
from workers.command_line.exit_status import ExitStatus
from workers.command_line.options import (
    DiscardOptions,
    JobsOptions,
    ResumeOptions,
    RetryOptions,
)
from workers.command_line.summary import counts_words
from workers.errors import FolderGone, UsageError
from workers.folders import journals_folder
from workers.job import JobState
from workers.snapshot import JobEntry
from workers.wording import printable

UNFINISHED: Final = (JobState.STOPPED, JobState.PAUSED)


def jobs(options: JobsOptions) -> ExitStatus:
    """Print the journalled jobs, newest first."""
    entries = _newest_first()
    if options.is_json:
        for entry in entries:
            print(entry_line(entry))
    elif not entries:
        print("No jobs yet.")
    else:
        for entry in entries:
            print("\n".join(_entry_lines(entry)))
    return ExitStatus.DONE


def resume(options: ResumeOptions) -> ExitStatus:
    """Go on with a job; raise UsageError when there is none to go on with."""
    from workers.command_line.following import Undertaking, follow
    from workers.commands import ContinueJob, OpenJob
    from workers.report import check_report_target

    if options.following.report is not None:
        check_report_target(options.following.report)
    if options.job:
        entry = find_job(options.job)
    else:
        unfinished = [entry for entry in _newest_first() if entry.state in UNFINISHED]
        if not unfinished:
            raise UsageError("There is no unfinished job.")
        entry = unfinished[0]
    if entry.state.is_ended:
        raise UsageError(
            f"Job {entry.job} has run to its end; `everycore retry {entry.job}` runs again "
            "what failed."
        )
    return follow(Undertaking((OpenJob(entry.job), ContinueJob())), options.following)


def retry(options: RetryOptions) -> ExitStatus:
    """Run the failed and cancelled tasks of a job again, and what has changed if asked for."""
    from workers.command_line.following import Undertaking, follow
    from workers.commands import OpenJob, RetryTasks, RunAgain
    from workers.report import check_report_target

    if options.following.report is not None:
        check_report_target(options.following.report)
    entry = find_job(options.job)
    if not entry.state.is_ended:
        raise UsageError(
            f"Job {entry.job} is not finished; `everycore resume {entry.job}` goes on with it."
        )
    if options.with_changed:
        return follow(Undertaking((OpenJob(entry.job), RunAgain())), options.following)
    if not entry.counts.failed and not entry.counts.cancelled:
        print(f"Nothing failed in job {entry.job}.")
        return ExitStatus.DONE
    return follow(Undertaking((OpenJob(entry.job), RetryTasks())), options.following)


def discard(options: DiscardOptions) -> ExitStatus:
    """Give originals back that wait for their outputs, then delete the journal; outputs stay."""
    from workers.discarding import forget

    entry = find_job(options.job)
    try:
        forget(journals_folder(), entry.job, is_gone_for_good=options.is_folder_gone)
    except FolderGone as error:
        raise FolderGone(f"{error} If it is gone for good, add --folder-gone.") from error
    print(f"Forgot job {entry.job}; its outputs stay.")
    return ExitStatus.DONE


def find_job(name: str) -> JobEntry:
    """Return the one job whose id is or begins with the name; raise UsageError."""
    entries = _newest_first()
    found = [entry for entry in entries if entry.job == name] or [
        entry for entry in entries if entry.job.startswith(name)
    ]
    if not found:
        raise UsageError(f"There is no job {name!r}; `everycore jobs` lists them.")
    if len(found) > 1:
        raise UsageError(f"{len(found)} jobs begin with {name!r}; write more of the name.")
    return found[0]


def _newest_first() -> list[JobEntry]:
    from workers.journal import list_jobs

    entries = list_jobs(journals_folder())
    return sorted(entries, key=_created_at, reverse=True)


def _created_at(entry: JobEntry) -> float:
    return entry.created_at


def _entry_lines(entry: JobEntry) -> list[str]:
    counts = entry.counts
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created_at))
    title = f"{printable(entry.name)}: {printable(entry.pipeline_name)}"
    lines = [
        f"{entry.job}  {entry.state.value}  {when}  {title}",
        f"    {counts.ended:,} of {counts.total:,} ended: {counts_words(counts)}",
    ]
    if entry.output is not None:
        lines.append(f"    {printable(entry.output)}")
    return lines
