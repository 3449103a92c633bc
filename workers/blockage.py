"""When a job must pause because of an output's disk, and when it can go on by itself.

A full disk, a drive that is gone, a folder made read-only: every further output would fail alike,
so the job pauses and nothing fails. A job in place writes to each dropped folder, perhaps of
several drives: it waits for those that were refused. Whether the cause is gone is found out by
writing a little to each, on a thread of its own, since a drive that does not answer would hold
the engine. A disk that reports errors is another matter: three in a row pause the job, and a
person decides.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from workers.job import JobId
from workers.outcome import Failure, FailureKind, Outcome, Success
from workers.output import Staging, stops_job
from workers.wording import size_words

DISK_ERRORS_MOST: Final = 3
# A look costs a small file; one that was wrong, because outputs are larger, makes the next wait.
LOOK_EVERY_S: Final = 0.5
LOOK_EVERY_MOST_S: Final = 30.0
_PROBE_LEAST: Final = 4096
_PROBE_MOST: Final = 2**20
_DISK_ERROR: Final = ("EIO", "OSError(5,")
_FULL: Final = ("ENOSPC", "EDQUOT")


class Blockage:
    """Belongs to the engine's thread; only a look runs beside it."""

    def __init__(self, job: JobId) -> None:
        self._job = job
        self._blocked: set[Path] = set()
        self._errors = 0
        self.is_waiting = False
        self._cause = ""
        self._wait_s = LOOK_EVERY_S
        self._look_at = 0.0
        self._look: threading.Thread | None = None
        self._has_room = False
        self._made = self._outputs = 0

    def judge(self, outcome: Outcome, folder: Path, needed: Callable[[], int]) -> str | None:
        """Return why the job must pause now, if it must.

        `folder` is where the output belongs; `needed` tells the bytes still to come.
        """
        if isinstance(outcome, Success):
            self._errors = 0
            self._wait_s = LOOK_EVERY_S
            self._made, self._outputs = self._made + outcome.bytes_out, self._outputs + 1
            return None
        if not isinstance(outcome, Failure):
            return None
        if stops_job(outcome):
            self._blocked.add(folder)
            self._cause = outcome.message + _needs(outcome, needed)
            return self._cause
        if outcome.detail.startswith(_DISK_ERROR) and outcome.kind in (
            FailureKind.OUTPUT_FAILED,
            FailureKind.BAD_INPUT,
        ):
            self._errors += 1
            if self._errors >= DISK_ERRORS_MOST:
                self._errors = 0
                return f"{outcome.message} {DISK_ERRORS_MOST} files in a row met that."
        return None

    def begin(self, reason: str, now: float) -> None:
        """Wait, now that the job has paused, if the output's disk is the reason."""
        self.is_waiting = reason == self._cause
        self._look_at = now + self._wait_s
        self._wait_s = min(2 * self._wait_s, LOOK_EVERY_MOST_S)

    def end(self) -> None:
        """Wait no longer: the job goes on, or somebody else paused it."""
        self.is_waiting = self._has_room = False
        self._blocked.clear()

    def is_over(self, now: float) -> bool:
        """Say whether outputs can be written again; looks from time to time while it waits."""
        if not self.is_waiting:
            return False
        if self._look is not None and self._look.is_alive():
            return False
        if not self._has_room and now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            stagings = [Staging(folder, self._job) for folder in self._blocked]
            look = partial(self._try_out, stagings)
            self._look = threading.Thread(target=look, name="look", daemon=True)
            self._look.start()
        return self._has_room

    def _try_out(self, stagings: Sequence[Staging]) -> None:
        usual = self._made // self._outputs if self._outputs else 0
        size = min(max(usual, _PROBE_LEAST), _PROBE_MOST)
        self._has_room = all(staging.takes(size) for staging in stagings)


def _needs(failure: Failure, needed: Callable[[], int]) -> str:
    if not failure.detail.startswith(_FULL) or not (more := needed()):
        return ""
    return f" About {size_words(more)} more are needed."
