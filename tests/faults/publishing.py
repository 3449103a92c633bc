"""One output on its way to its final name, refused or killed at a step of the disk.

As a program: publishes in a folder for each step, and is killed before that step.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers import disk
from workers.job import JobId, OnExisting, TaskId
from workers.outcome import Failure, Skip
from workers.output import Staging
from workers.publishing import Ours, publish

ROOT: Final = Path(__file__).parents[2]
JOB: Final = JobId("20250101-120000-holiday-1a2b")
OLD, NEW = b"old" * 1000, b"new" * 2000
# Long before any test: a file of before the job.
BEFORE_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Scene:
    """What stands under the final name before, and what the person chose for that."""

    name: str
    on_existing: OnExisting
    is_taken: bool = False
    is_retry: bool = False
    mtime_ns: int | None = None
    is_unplanned: bool = False

    def set_up(self, place: Path) -> Staging:
        staging = Staging(place / "out", JOB)
        assert staging.prepare() is None
        if self.is_taken or self.is_retry:
            self.final(place).parent.mkdir()
            self.final(place).write_bytes(OLD)
        if self.is_taken:
            os.utime(self.final(place), ns=(BEFORE_NS, BEFORE_NS))
        return staging

    def publish(self, place: Path, attempt: int = 1) -> Path | Failure | Skip:
        temp = Staging(place / "out", JOB).target(TaskId(1), attempt, ".jpg")
        temp.write_bytes(NEW)
        since_ns = 2 * BEFORE_NS if self.is_retry or attempt > 1 else None
        shared_since_ns = 2 * BEFORE_NS if self.is_unplanned else None
        ours = Ours(since_ns, shared_since_ns=shared_since_ns, mtime_ns=self.mtime_ns)
        return publish(temp, self.final(place), self.on_existing, ours)

    def final(self, place: Path) -> Path:
        return place / "out" / "folder" / "a.jpg"


SCENES: Final = (
    Scene("free", OnExisting.SKIP),
    Scene("kept", OnExisting.SKIP, is_taken=True),
    Scene("numbered", OnExisting.RENAME, is_taken=True),
    Scene("replaced", OnExisting.REPLACE, is_taken=True),
    Scene("own", OnExisting.SKIP, is_retry=True),
    Scene("dated", OnExisting.SKIP, mtime_ns=BEFORE_NS),
    Scene("dated and own", OnExisting.SKIP, is_retry=True, mtime_ns=BEFORE_NS),
    Scene("unplanned", OnExisting.SKIP, is_unplanned=True),
)


def counted(act: Callable[[], object]) -> list[str]:
    """Return the steps that an undisturbed run takes."""
    steps: list[str] = []
    disk.failpoint = steps.append
    try:
        act()
    finally:
        disk.failpoint = lambda _step: None
    return steps


def at_step(number: int, act: Callable[[], None]) -> Callable[[str], None]:
    """Return a failpoint that acts before the step of that number, counted from 1."""
    steps: list[str] = []

    def reached(step: str) -> None:
        steps.append(step)
        if len(steps) == number:
            act()

    return reached


def die_at_each(steps: int, act: Callable[[int], object]) -> None:
    """Act in a process for each step, which is killed before it; raise where one lives on."""
    for number in range(1, steps + 1):
        if (child := os.fork()) == 0:
            disk.failpoint = at_step(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
            act(number)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, number


def died_at_each(program: str, place: Path, scene: str, steps: int) -> None:
    """Run a program of `die_at_each`, with the folder, the scene and how many steps there are."""
    ended = subprocess.run(
        [sys.executable, "-m", program, str(place), scene, str(steps)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def main() -> None:
    place, scene = Path(sys.argv[1]), next(s for s in SCENES if s.name == sys.argv[2])

    def publish(number: int) -> None:
        os.environ["XDG_DATA_HOME"] = str(place / str(number))
        scene.publish(place / str(number))

    die_at_each(int(sys.argv[3]), publish)


if __name__ == "__main__":
    main()
