"""What is seen of a running job: a bar on a terminal, plain lines elsewhere, or JSON.

Progress and sentences go to stderr, events to stdout. Without a terminal nothing holds a
control character; names are escaped everywhere but in JSON, whose own escapes keep it ASCII.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from workers.command_line.events import task_line, watching_line
from workers.command_line.options import Following
from workers.command_line.terminal import is_terminal
from workers.job_words import ended_words
from workers.snapshot import JobSnapshot, TaskRow
from workers.wording import printable, rate_words, remaining_words

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# A line every ten seconds, later every tenth of the time so far: a job of hours adds some
# dozens of lines to a log.
_LINE_EVERY_S: Final = 10.0
_LINE_EVERY_PART: Final = 0.1


class Bar:
    """A progress bar on a terminal, to be closed."""

    def __init__(self, unit: str, stream: TextIO) -> None:
        self._unit = unit
        self._progress, self._task = _progress(stream)
        self._was_resting = False
        self._progress.start()

    def show(self, snapshot: JobSnapshot) -> None:
        """Redraw the bar."""
        if snapshot.is_resting and self._was_resting:
            return  # it may stand like this for days
        self._was_resting = snapshot.is_resting
        counts = snapshot.counts
        self._progress.update(
            self._task,
            completed=counts.ended,
            total=None if snapshot.is_discovering else counts.total,
            description=progress_words(snapshot, self._unit),
        )
        self._progress.refresh()

    def say(self, sentence: str) -> None:
        """Print the sentence above the bar."""
        from rich.text import Text

        self._progress.console.print(Text(sentence))

    def close(self) -> None:
        """Take the bar away and show the cursor again."""
        self._progress.stop()


class Lines:
    """A plain line now and then, for logs and pipes."""

    def __init__(
        self, unit: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unit = unit
        self._stream = stream
        self._clock = clock
        self._started_s = clock()
        self._next_s = self._started_s + _LINE_EVERY_S
        self._was_resting = False

    def show(self, snapshot: JobSnapshot) -> None:
        """Print a line when the last one is long enough ago."""
        now_s = self._clock()
        is_news = not (snapshot.is_resting and self._was_resting)
        if now_s >= self._next_s and is_news:
            self._was_resting = snapshot.is_resting
            so_far_s = now_s - self._started_s
            self._next_s = now_s + max(_LINE_EVERY_S, so_far_s * _LINE_EVERY_PART)
            self.say(progress_words(snapshot, self._unit))

    def say(self, sentence: str) -> None:
        """Print the sentence."""
        print(sentence, file=self._stream, flush=True)


class Screen:
    """Where a running job is shown; each part may be missing."""

    def __init__(
        self,
        progress: Bar | Lines | None = None,
        *,
        events: TextIO | None = None,
        sentences: TextIO | None = None,
    ) -> None:
        """Show progress, write an event a line for each task, and print sentences."""
        self._progress = progress
        self._events = events
        self._sentences = sentences
        self._is_watching = False

    def show(self, snapshot: JobSnapshot, ended: Sequence[TaskRow]) -> None:
        """Show how far the job is, and what ended since the last call."""
        self.report(ended)
        is_watching = snapshot.is_watching and not snapshot.is_discovering
        if is_watching and not self._is_watching:
            self._tell_watching(snapshot)
        self._is_watching = is_watching
        if self._progress is not None:
            self._progress.show(snapshot)

    def _tell_watching(self, snapshot: JobSnapshot) -> None:
        if self._events is not None:
            self._events.write(watching_line() + "\n")
            self._events.flush()
        else:
            self.say(f"{_watching_words(snapshot)}. Ctrl-C stops; `everycore resume` watches on.")

    def report(self, ended: Sequence[TaskRow]) -> None:
        """Write the events of ended tasks, and hand them over."""
        if self._events is not None and ended:
            self._events.writelines(task_line(row) + "\n" for row in ended)
            self._events.flush()

    def say(self, sentence: str) -> None:
        """Show a sentence that stays."""
        if self._progress is not None:
            self._progress.say(printable(sentence))
        elif self._sentences is not None:
            print(printable(sentence), file=self._sentences, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if isinstance(self._progress, Bar):
            self._progress.close()


def open_screen(following: Following, unit: str) -> Screen:
    """Return the screen that the options and the terminal ask for."""
    if following.is_json:
        return Screen(events=sys.stdout, sentences=sys.stderr)
    if following.is_quiet:
        return Screen()
    if is_terminal(sys.stderr):
        return Screen(Bar(unit, sys.stderr))
    return Screen(Lines(unit, sys.stderr))


def progress_words(snapshot: JobSnapshot, unit: str) -> str:
    """Return how far the job is, in a few words."""
    counts = snapshot.counts
    words = [ended_words(snapshot)]
    if snapshot.is_resting:
        words = [_watching_words(snapshot), f"{counts.ended:,} done so far"]
    if snapshot.is_discovering:
        words = [f"{words[0]} found so far"]
    if counts.failed:
        words.append(f"{counts.failed:,} failed")
    if snapshot.tasks_per_s > 0:
        words.append(rate_words(snapshot.tasks_per_s, unit + "s"))
    if snapshot.remaining_s is not None:
        words.append(remaining_words(*snapshot.remaining_s))
    return ", ".join(words)


def _watching_words(snapshot: JobSnapshot) -> str:
    return f"Watching {snapshot.name} for new files"


def _progress(stream: TextIO) -> "tuple[Progress, TaskID]":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    words = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")
    )
    progress = Progress(
        BarColumn(bar_width=24),
        words,
        console=Console(file=stream, markup=False, highlight=False, emoji=False),
        # A thread that draws would compete with the engine for the interpreter.
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    return progress, progress.add_task("Starting", total=None)
