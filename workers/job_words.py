"""How many files a job has, in words: the one that is made of them all is none of them. Pure."""

from workers.job import JobState
from workers.pipeline import reduce_step
from workers.snapshot import JobSnapshot
from workers.wording import count_words


def makes_one(snapshot: JobSnapshot) -> bool:
    """Say whether the job's pipeline puts all files into one."""
    return snapshot.pipeline is not None and reduce_step(snapshot.pipeline) is not None


def total_words(snapshot: JobSnapshot) -> str:
    """Return '1,284 files', or points: all that the job has by now."""
    return count_words(_total(snapshot), snapshot.unit)


def ended_words(snapshot: JobSnapshot) -> str:
    """Return '812 of 1,284 files': how many of them have ended."""
    return f"{min(snapshot.counts.ended, _total(snapshot)):,} of {total_words(snapshot)}"


def done_words(snapshot: JobSnapshot) -> str:
    """Return '1,281 files', or 'One file of 1,281': what came of an ended job."""
    done = snapshot.counts.succeeded
    if not makes_one(snapshot):
        return count_words(done, snapshot.unit)
    if snapshot.bytes_out and done:
        return f"One file of {done - 1:,}"
    return f"No new file of {count_words(done, snapshot.unit)}"


def _total(snapshot: JobSnapshot) -> int:
    """Return the number of tasks without the last one, which is there once all files are found."""
    total = snapshot.counts.total
    is_with_last = snapshot.state is not JobState.DRAFT and not snapshot.is_discovering
    return total - 1 if total and is_with_last and makes_one(snapshot) else total
