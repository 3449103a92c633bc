"""The words at the end of a job: what became of the inputs, in how long, and which failed."""

from pathlib import Path
from typing import Final

from workers.job import JobState
from workers.snapshot import Counts, JobSnapshot, RowPage
from workers.wording import (
    count_words,
    finds_originals,
    printable,
    size_words,
    time_words,
    trash_name,
)

MOST_NAMED: Final = 20


def summary_lines(snapshot: JobSnapshot, failed: RowPage | None) -> list[str]:
    """Return the lines of the summary; `failed` is the first page of failed tasks."""
    counts = snapshot.counts
    lines = [counts_words(counts), _cost_line(snapshot)]
    if counts.skipped and counts.skipped == counts.total:
        lines.insert(0, "Nothing to do.")
    if snapshot.warnings:
        lines.append(f"{count_words(snapshot.warnings, 'warning')}; --report names them")
    # A sweep that has not ended has no output yet.
    if snapshot.output is not None and snapshot.state.is_ended:
        lines.append(_output_line(snapshot, snapshot.output))
    return lines + failed_lines(failed)


def counts_words(counts: Counts) -> str:
    """Return '1,280 succeeded, 3 failed, 1 skipped, 0 cancelled'."""
    return (
        f"{counts.succeeded:,} succeeded, {counts.failed:,} failed, "
        f"{counts.skipped:,} skipped, {counts.cancelled:,} cancelled"
    )


def failed_lines(failed: RowPage | None) -> list[str]:
    """Return a heading and one line for each failed input, at most MOST_NAMED of them."""
    if failed is None or not failed.rows:
        return []
    lines = ["Failed:"]
    for row in failed.rows[:MOST_NAMED]:
        name = printable(row.name if row.path is None else row.path)
        # What failed in a block of points names the point already.
        words = printable(row.message).removeprefix(f"{name}: ")
        lines.append(f"  {name}: {words}")
    unnamed = failed.matches - len(lines) + 1
    if unnamed > 0:
        lines.append(f"  and {unnamed:,} more")
    return lines


def stopped_sentence(snapshot: JobSnapshot) -> str:
    """Return what stopped, how far it was and how to go on."""
    counts = snapshot.counts
    if snapshot.job is None or snapshot.state in (JobState.EMPTY, JobState.DRAFT):
        return "Stopped before the job began."
    where = f"Stopped at {counts.ended:,} of {counts.total:,}"
    if snapshot.state is JobState.PAUSED and snapshot.pause_reason:
        where = f"Paused at {counts.ended:,} of {counts.total:,}: {snapshot.pause_reason}"
    return f"{where.rstrip('.')}. To go on: everycore resume {snapshot.job}"


def _output_line(snapshot: JobSnapshot, output: Path) -> str:
    if not snapshot.is_in_place:
        return f"Output: {printable(output)}"
    if not snapshot.counts.succeeded:
        return "Nothing was replaced."
    if not finds_originals():
        return f"In place; the originals lie in the {trash_name()}."
    return f"In place; to put the originals back: everycore undo {snapshot.job}"


def _cost_line(snapshot: JobSnapshot) -> str:
    words = f"Took {time_words(snapshot.elapsed_s)}"
    if snapshot.bytes_ended or snapshot.bytes_out:
        words = (
            f"Read {size_words(snapshot.bytes_ended)}, wrote {size_words(snapshot.bytes_out)} "
            f"in {time_words(snapshot.elapsed_s)}"
        )
    if snapshot.speed_up is not None:
        words += f", {snapshot.speed_up:.1f} times one core"
    return words
