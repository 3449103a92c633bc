"""A program: jobs of the terminal, killed at random moments and gone on with, until they end.

    python -m tests.faults.kills FOLDER KILLS [--in-place]

After each job: every input ended once, the originals are as before, nothing partial stands in the
output folder, and the outputs are those of a run that nobody disturbed. In place, each job has a
fresh copy of the originals, which lie in the trash afterwards, and nothing hidden is left. Prints
how many kills and jobs that took and how many inputs were done again, as JSON; stops at the first
thing that is wrong.
"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.everycore_program import Everycore, everycore_in
from tests.faults.undisturbed import FILES, Undisturbed
from tests.faults.undisturbed_in_place import UndisturbedInPlace

# From the start of the interpreter to after the end of a job that nobody kills.
SOONEST_S, LATEST_S = 0.15, 1.6
KILLS_PER_JOB: Final = 10


class Disturbed:
    """Runs jobs over one folder of pictures and kills them."""

    def __init__(self, program: Everycore, seed: int, *, is_in_place: bool) -> None:
        self._program = program
        self._random = random.Random(seed)
        self.kills = self.jobs = self.redone = 0
        self._wanted: Undisturbed | UndisturbedInPlace
        if is_in_place:
            self._wanted = UndisturbedInPlace(program)
        else:
            self._wanted = Undisturbed(program, program.folder / "small.toml")

    def run_job(self, kills: int) -> None:
        """Run one job to its end, killed at most so many times; check what it left."""
        killed, told = 0, ""
        self._wanted.prepare()
        while killed < kills and not (told := self._told_unless_killed()):
            killed += 1
        if not told:
            ended = self._program.run(*self._wanted.line())
            assert ended.returncode == 0, ended.stderr
            told = ended.stdout
        _check_summary(json.loads(told.splitlines()[-1]))
        self.redone += self._wanted.check(killed)
        self.kills += killed
        self.jobs += 1

    def _told_unless_killed(self) -> str:
        process = self._program.start(*self._wanted.line(), stderr=subprocess.DEVNULL)
        try:
            told, _ = process.communicate(timeout=self._random.uniform(SOONEST_S, LATEST_S))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return ""
        assert process.returncode == 0
        return told


def _check_summary(summary: dict[str, Any]) -> None:
    assert summary["event"] == "job_finished"
    # All skipped: the kill came when the job had ended, but not yet the program.
    ended = [summary[word] for word in ("succeeded", "skipped", "failed", "cancelled")]
    assert ended in ([FILES, 0, 0, 0], [0, FILES, 0, 0]), summary


def main() -> None:
    """Kill until so many kills have been survived."""
    folder, wanted, *choices = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    started = time.monotonic()
    with everycore_in(folder) as program:
        disturbed = Disturbed(program, seed=wanted, is_in_place="--in-place" in choices)
        while disturbed.kills < wanted:
            disturbed.run_job(min(KILLS_PER_JOB, wanted - disturbed.kills))
    seconds = time.monotonic() - started
    counts = (disturbed.kills, disturbed.jobs, disturbed.redone)
    print(json.dumps([*counts, round(seconds)]))


if __name__ == "__main__":
    main()
