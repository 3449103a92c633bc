"""Drives the engine on the main thread until a job ends, stops or pauses itself.

Everything that runs a job goes through `follow`: run, map, resume and retry.
"""

import sys
import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from workers.command_line.events import job_line
from workers.command_line.exit_status import ExitStatus
from workers.command_line.options import Following
from workers.command_line.screen import Screen, open_screen
from workers.command_line.stopping import StopWish, stop_wishes
from workers.command_line.summary import (
    MOST_NAMED,
    failed_lines,
    stopped_sentence,
    summary_lines,
)
from workers.command_line.terminal import say_error
from workers.commands import Command
from workers.engine import Engine
from workers.errors import JobRefused
from workers.folders import journals_folder
from workers.job import JobState, TaskState
from workers.journal import JournalReader, journal_path
from workers.keeper import kept
from workers.limits import adopt_orphans, descendants, end_descendants
from workers.load import usable_cores
from workers.report import write_report
from workers.snapshot import JobSnapshot, RowPage, RowQuery, TaskRow

# One turn waits at most so long: a signal is then seen in that time.
_TURN_S: Final = 0.1
_SHOW_EVERY_S: Final = 0.1
# Rows of the journal read at a time for a report.
_PAGE: Final = 5_000


class Undertaking(Struct, frozen=True):
    """What the engine is asked to do, and what its tasks are called ("file", "point")."""

    commands: tuple[Command, ...]
    unit: str = "file"


def follow(undertaking: Undertaking, following: Following) -> ExitStatus:
    """Carry the commands out and show it; return how it ended.

    Blocks. Raises JobRefused with the engine's sentence when it refuses a command.
    """
    ended: list[TaskRow] = []
    adopt_orphans()
    with kept(), stop_wishes() as wish:
        spared = descendants()
        screen = open_screen(following, undertaking.unit)
        engine = Engine(
            journals_folder(),
            workers=following.workers or usable_cores(),
            listener=ended.append,
        )
        try:
            snapshot = _obeyed(engine, undertaking.commands)
            if not snapshot.refusal:
                snapshot = _turn_until_ended(engine, screen, ended, wish)
        finally:
            # Ends the workers; an unfinished job stays resumable.
            engine.close()
            end_descendants(spared)
            screen.close()
        screen.report(ended)
    if snapshot.refusal:
        raise JobRefused(snapshot.refusal)
    return _conclude(snapshot, following, wish)


def _obeyed(engine: Engine, commands: tuple[Command, ...]) -> JobSnapshot:
    """Give the commands one by one; return the snapshot after the first refusal, or the last."""
    snapshot = engine.snapshot()
    for command in commands:
        engine.post(command)
        engine.turn(0.0)
        snapshot = engine.snapshot()
        if snapshot.refusal:
            break
    return snapshot


def _turn_until_ended(
    engine: Engine, screen: Screen, ended: list[TaskRow], wish: StopWish
) -> JobSnapshot:
    """Return the last snapshot; its refusal is set when a command was refused."""
    snapshot, shown_s, notice, reason = engine.snapshot(), 0.0, "", ""
    is_going = True
    while is_going and wish.status is None and not snapshot.refusal:
        engine.turn(_TURN_S)
        # A person at a terminal can make room; a script is told and ends.
        is_going = engine.is_busy or (engine.waits_for_disk and sys.stdout.isatty())
        now_s = time.monotonic()
        if is_going and now_s - shown_s < _SHOW_EVERY_S:
            continue
        snapshot, shown_s = engine.snapshot(), now_s
        screen.show(snapshot, ended)
        ended.clear()
        if snapshot.notice and snapshot.notice != notice:
            notice = snapshot.notice
            screen.say(notice)
        if snapshot.pause_reason and snapshot.pause_reason != reason:
            screen.say(f"Paused. {snapshot.pause_reason} The job then goes on.")
        reason = snapshot.pause_reason
    return snapshot


def _conclude(snapshot: JobSnapshot, following: Following, wish: StopWish) -> ExitStatus:
    """Write the report and the summary; return the exit status."""
    failed = None
    if snapshot.job is not None and _has_record(snapshot):
        reader = JournalReader(journal_path(journals_folder(), snapshot.job))
        try:
            entry = reader.entry()
            # Attempts that ended while the engine closed are in the journal only. A job in place
            # whose originals could not be put away is not over in its record.
            is_over = entry.state.is_ended or not snapshot.state.is_ended
            state = snapshot.state if is_over else entry.state
            snapshot = replace(snapshot, counts=entry.counts, state=state)
            failed = reader.rows(RowQuery(0, MOST_NAMED, states=(TaskState.FAILED,)))
            if following.report is not None:
                write_report(entry, _all_rows(reader), following.report, reader.timeline())
        finally:
            reader.close()
    if following.is_json:
        sys.stdout.write(job_line(snapshot) + "\n")
        sys.stdout.flush()
    else:
        _print_words(snapshot, failed, is_quiet=following.is_quiet)
    if not snapshot.state.is_ended:
        say_error(stopped_sentence(snapshot))
    return _status(snapshot, wish)


def _has_record(snapshot: JobSnapshot) -> bool:
    """Say whether the closed engine kept a journal; that of a draft it forgets."""
    return snapshot.state not in (JobState.EMPTY, JobState.DRAFT)


def _print_words(snapshot: JobSnapshot, failed: RowPage | None, *, is_quiet: bool) -> None:
    if is_quiet:
        for line in failed_lines(failed):
            print(line, file=sys.stderr)
        return
    lines = summary_lines(snapshot, failed)
    if snapshot.counts.total == 0:
        lines = ["The inputs hold no file to work on.", *lines]
    print("\n".join(lines), flush=True)


def _all_rows(reader: JournalReader) -> Iterator[TaskRow]:
    first = 0
    while True:
        page = reader.rows(RowQuery(first, _PAGE))
        yield from page.rows
        first += len(page.rows)
        if not page.rows or first >= page.matches:
            return


def _status(snapshot: JobSnapshot, wish: StopWish) -> ExitStatus:
    if not snapshot.state.is_ended:
        return wish.status or ExitStatus.COULD_NOT_RUN
    if snapshot.counts.failed or snapshot.counts.cancelled:
        return ExitStatus.SOME_FAILED
    return ExitStatus.DONE
