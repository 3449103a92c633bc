"""A program: jobs of the window, killed at random moments and gone on with, until they end.

    python -m tests.faults.window_kills FOLDER KILLS

A person starts each job by mouse and keys and later presses the Continue that the window offers.
Killed are the window, sometimes its engine, sometimes a worker; at its start, while files are
looked for, between the drop and Start, right at Start, while the job runs, near its end, and at
Continue. After each kill nothing of the killed runs on. After each job: every input stands once in
the journal, as succeeded; the originals are as before; in the output folder is what an undisturbed
run makes and no more. Prints as JSON how many kills and jobs that took, how many inputs were done
again, the seconds, and more; stops at the first thing that is wrong and prints where it stood.
"""

import contextlib
import json
import random
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pyvirtualdisplay.display import Display

from tests.end_to_end.everycore_program import Everycore, everycore_in
from tests.faults.kills import KILLS_PER_JOB
from tests.faults.undisturbed import FILES, PRESET_NAME, WORKERS, Undisturbed
from tests.faults.visit import Part, Visit
from workers import JobState, TaskState
from workers.job import JobId
from workers.journal import JournalReader, journal_path, list_jobs
from workers.snapshot import JobEntry, RowQuery


class Moment(NamedTuple):
    """When to kill: so many seconds after the person told a word, or after so many ended."""

    name: str
    word: str
    soonest_s: float
    latest_s: float
    weight: int


# A window needs about a second to stand, a job about two.
_RUNNING: Final = (
    Moment("while it runs", "pressed", 0.1, 1.8, 4),
    Moment("near the end", "done", 0.0, 0.1, 2),
)
_AT_FIRST: Final = (
    Moment("at its start", "", 0.02, 1.6, 2),
    Moment("while it looks for files", "dropped", 0.0, 0.06, 3),
    Moment("between the drop and Start", "ready", 0.0, 0.15, 3),
    Moment("right at Start", "pressed", 0.0, 0.12, 3),
    *_RUNNING,
)
_LATER: Final = (
    Moment("at its start", "", 0.02, 1.6, 1),
    Moment("before Continue", "offered", 0.0, 0.15, 1),
    Moment("right at Continue", "pressed", 0.0, 0.25, 2),
    *_RUNNING,
)
_PARTS: Final = {Part.WINDOW: 8, Part.ENGINE: 1, Part.WORKER: 1}
# So few files are left "near the end".
_LAST_FILES: Final = 12


class Disturbed:
    """Runs jobs of the window over one folder of pictures and kills them."""

    def __init__(self, program: Everycore, seed: int) -> None:
        self._program = program
        self._random = random.Random(seed)
        self._home = program.folder / "home"
        presets = self._home / "config" / "presets"
        presets.mkdir(parents=True)
        (self._home / "config" / "settings.toml").write_text(f"workers = {WORKERS}\n")
        self._wanted = Undisturbed(program, presets / "small.toml")
        self._ended = self._jobs_in(JobState.FINISHED)
        self._parts = dict(_PARTS)
        self._visits = 0
        self._story: list[str] = []
        self.kills = self.jobs = self.redone = 0
        self.killed: Counter[str] = Counter()
        self.slowest_s = 0.0

    def run_job(self, kills: int) -> None:
        """Run one job to its end, killed at most so many times; check what it left."""
        shutil.rmtree(self._wanted.output, ignore_errors=True)
        self._wanted.output.mkdir()
        self._parts = dict(_PARTS)
        self._story.clear()
        killed = 0
        while not (finished := self._jobs_in(JobState.FINISHED) - self._ended):
            killed += self._visit(kills - killed)
        self.kills += killed
        self.redone += self._wanted.check(killed)
        self.jobs += 1
        self._ended |= finished
        self._check_journals(finished)

    def _visit(self, kills: int) -> int:
        """Open the window once; kill it, or let the job end; return how often was killed."""
        self._visits += 1
        is_offered = bool(self._jobs_in(JobState.STOPPED))
        arguments = (self._wanted.pictures, PRESET_NAME, self._wanted.output)
        visit = Visit(self._visits, map(str, arguments), self._program.environment)
        killed: list[str] = []
        try:
            while len(killed) < kills and (words := self._kill(visit, is_offered=is_offered)):
                killed.append(words)
            if not killed or not killed[-1].startswith(Part.WINDOW.name):
                assert visit.end() == 0
            seen = {word for word, _ in visit.told} & {"offered", "empty", "dropped"}
            assert seen <= ({"offered"} if is_offered else {"empty", "dropped"}), seen
            self._check_between()
        finally:
            visit.give_up()
            self._story += [f"visit {self._visits}", *killed, *map(str, visit.told)]
        self.killed.update(killed)
        return len(killed)

    def _kill(self, visit: Visit, *, is_offered: bool) -> str:
        """Kill something at a random moment; say what and when, or nothing: the visit is over."""
        moments = _LATER if is_offered else _AT_FIRST
        (moment,) = self._random.choices(moments, [moment.weight for moment in moments])
        (part,) = self._random.choices(list(self._parts), list(self._parts.values()))
        if not self._has_come(moment, visit):
            return ""
        seconds = visit.kill(part)
        if seconds is None:  # there is none yet, or none any more
            part = Part.WINDOW
            seconds = visit.kill(part)
        if part is Part.WORKER:  # a second one could hold the same input, which would then fail
            self._parts[part] = 0
        self.slowest_s = max(self.slowest_s, seconds or 0.0)
        return f"{part.name} {moment.name}"

    def _has_come(self, moment: Moment, visit: Visit) -> bool:
        """Wait for a moment; False when the visit was over before."""
        least = FILES - self._random.randint(1, _LAST_FILES) if moment.word == "done" else 0

        def is_told() -> bool:
            return any(word == moment.word and (more or 0) >= least for word, more in visit.told)

        if moment.word and not visit.until(is_told):
            return False
        return visit.lasts(self._random.uniform(moment.soonest_s, moment.latest_s))

    def _check_between(self) -> None:
        """Check what is never wrong: the originals, and that a job never started left nothing."""
        self._wanted.check_originals()
        if (
            not self._jobs_in(JobState.STOPPED)
            and not self._jobs_in(JobState.FINISHED) - self._ended
        ):
            assert list(self._wanted.output.iterdir()) == []

    def _check_journals(self, finished: set[JobId]) -> None:
        (job,) = finished
        path = journal_path(self._home / "jobs", job)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with contextlib.closing(JournalReader(path)) as reader:
            rows = reader.rows(RowQuery(0, 2 * FILES)).rows
        assert [row.state for row in rows] == [TaskState.SUCCEEDED] * FILES
        assert {row.path for row in rows} == set(self._wanted.pictures.iterdir())
        assert {entry.job for entry in self._entries()} == self._ended, self._entries()

    def _jobs_in(self, state: JobState) -> set[JobId]:
        return {entry.job for entry in self._entries() if entry.state is state}

    def _entries(self) -> tuple[JobEntry, ...]:
        return list_jobs(self._home / "jobs")

    def state(self) -> str:
        """Return the story of the job under way, and what lies in the folders."""
        files = [*self._home.rglob("*"), *self._wanted.output.glob(".*")]
        return "\n".join([*self._story, *map(str, files), *map(str, self._entries())])


@contextlib.contextmanager
def _screen() -> Iterator[dict[str, str]]:
    """Yield the environment of a screen that nobody sees; without Xvfb nothing is drawn."""
    if shutil.which("Xvfb") is None:
        yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    with Display(size=(1600, 1000), manage_global_env=False) as display:
        yield {"QT_QPA_PLATFORM": "xcb", "DISPLAY": display.new_display_var}


def main() -> None:
    """Kill until so many kills have been survived."""
    folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
    started = time.monotonic()
    with everycore_in(folder) as program, _screen() as screen:
        homes = ("HOME", *(f"XDG_{kind}_HOME" for kind in ("CONFIG", "DATA", "STATE", "CACHE")))
        program.environment.update(screen, **dict.fromkeys(homes, str(folder)))
        disturbed = Disturbed(program, seed=wanted)
        try:
            while disturbed.kills < wanted:
                disturbed.run_job(min(KILLS_PER_JOB, wanted - disturbed.kills))
        except BaseException:
            print(disturbed.state(), file=sys.stderr)
            raise
    told = {
        "kills": disturbed.kills,
        "jobs": disturbed.jobs,
        "redone": disturbed.redone,
        "seconds": round(time.monotonic() - started),
        "slowest_end_s": round(disturbed.slowest_s, 2),
        "killed": dict(disturbed.killed.most_common()),
        "screen": screen["QT_QPA_PLATFORM"],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
