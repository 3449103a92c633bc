"""A thousand commands and kills at random moments of one job."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of, own_code
from workers.commands import CancelJob, Command, ContinueJob, PauseJob, ResizeWorkers, RetryTasks
from workers.job import JobState
from workers.snapshot import JobSnapshot

FILES = 4_000
COMMANDS = 1_000
# So many of them, at most, come while files are still being found.
EARLY_COMMANDS = 100
# A worker that is killed takes its start with it: a new command waits for so many more tasks.
TASKS_BETWEEN = 6
LIMIT_S = 600.0

COPY = """
def process(path, output):
    output.write_bytes(path.read_bytes())
"""


class Storm:
    """What happens to the job, drawn by lot; counts what was done."""

    def __init__(self, running: Running, seed: int) -> None:
        self.done: dict[str, int] = {}
        self._running = running
        self._chance = random.Random(seed)

    def strike(self, snapshot: JobSnapshot) -> None:
        lot = self._chance.random()
        if lot < 0.3 and snapshot.lanes:
            try:
                os.kill(self._chance.choice(snapshot.lanes).pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self._note("kill")
        elif lot < 0.6:
            self._post("resize", ResizeWorkers(self._chance.choice((1, 2, 3, 4))))
        elif lot < 0.97:
            for _ in range(self._chance.randint(1, 5)):  # a hand that hammers on the button
                self._post("pause", PauseJob())
                self._post("continue", ContinueJob())
        else:
            self._post("cancel", CancelJob())
            self._post("retry", RetryTasks())

    def _post(self, name: str, command: Command) -> None:
        self._running.post(command)
        self._note(name)

    def _note(self, name: str) -> None:
        self.done[name] = self.done.get(name, 0) + 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_thousand_random_commands_lose_and_double_no_task(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    for number in range(FILES):
        (folder / f"{number:05}.txt").write_text(str(number))
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, COPY)))
    storm = Storm(running, seed=4)
    ended_at_last = 0
    give_up = time.monotonic() + LIMIT_S
    while sum(storm.done.values()) < COMMANDS and time.monotonic() < give_up:
        running.engine.turn(0.02)
        snapshot = running.engine.snapshot()
        ended = len(running.ended)
        if snapshot.state is JobState.PAUSED:  # the breaker: so many deaths in a row are no chance
            running.post(ContinueJob())
        if snapshot.state.is_ended:
            running.post(RetryTasks())
        is_early = snapshot.counts.total < FILES and sum(storm.done.values()) < EARLY_COMMANDS
        if ended - ended_at_last >= TASKS_BETWEEN or is_early:
            ended_at_last = ended
            storm.strike(snapshot)
    end = _until_all_succeeded(running, give_up)
    assert sum(storm.done.values()) >= COMMANDS
    counts = end.counts
    assert (counts.total, counts.succeeded) == (FILES, FILES)
    outputs = {file.name: file.read_text() for file in (tmp_path / "out").rglob("*.txt")}
    assert outputs == {f"{number:05}.txt": str(number) for number in range(FILES)}
    assert not [file for file in (tmp_path / "out").iterdir() if file.name.startswith(".")]


def _until_all_succeeded(running: Running, give_up: float) -> JobSnapshot:
    """Let the job end; retry what was cancelled, or hit by two kills."""
    while time.monotonic() < give_up:
        running.engine.turn(0.05)
        snapshot = running.engine.snapshot()
        if snapshot.state is JobState.PAUSED:
            running.post(ContinueJob())
        elif snapshot.state.is_ended:
            if snapshot.counts.succeeded == FILES:
                return snapshot
            running.post(RetryTasks())
            running.engine.turn(0.0)
    raise AssertionError(f"the job does not end: {running.engine.snapshot()}")
