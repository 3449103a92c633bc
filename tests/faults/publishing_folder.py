"""A folder of outputs on its way to its final name, refused or killed at a step of the disk.

As a program: publishes in a folder for each step, and is killed before that step.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.publishing import BEFORE_NS, JOB, OLD, die_at_each
from workers.folder_publishing import Published, publish_folder
from workers.job import OnExisting, TaskId
from workers.operations import FOLDER, companion_path
from workers.outcome import Failure
from workers.output import Staging
from workers.publishing import Ours

FILES: Final = {"DE.csv": b"de" * 1000, "FR.csv": b"fr" * 2000}


@dataclass(frozen=True)
class Scene:
    """What the folder's name holds before: nothing, a person's file, or this task's own."""

    name: str
    before: bytes = b""
    since_ns: int | None = None

    def set_up(self, place: Path) -> None:
        assert Staging(place / "out", JOB).prepare() is None
        if self.before:
            self.final(place).mkdir()
            (self.final(place) / "DE.csv").write_bytes(self.before)

    def publish(self, place: Path, attempt: int = 1) -> Published | Failure:
        target = Staging(place / "out", JOB).target(TaskId(1), attempt, ".csv")
        staged = companion_path(target, FOLDER)
        staged.mkdir()
        for name, content in FILES.items():
            (staged / name).write_bytes(content)
        ours = Ours(2 * BEFORE_NS if attempt > 1 else self.since_ns)
        return publish_folder(staged, self.final(place), OnExisting.RENAME, ours)

    def final(self, place: Path) -> Path:
        return place / "out" / "orders"


SCENES: Final = (
    Scene("free"),
    Scene("taken", OLD),
    Scene("own", FILES["DE.csv"], 2 * BEFORE_NS),
)


def main() -> None:
    place, scene = Path(sys.argv[1]), next(s for s in SCENES if s.name == sys.argv[2])
    die_at_each(int(sys.argv[3]), lambda number: scene.publish(place / str(number)))


if __name__ == "__main__":
    main()
