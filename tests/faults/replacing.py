"""One output that takes the place of its input, refused or killed at a step of the disk.

As a program: replaces in a folder for each step, and is killed before that step.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.publishing import die_at_each
from workers import no_clobber
from workers.found_files import FoundFile
from workers.in_place import Place, put, standing
from workers.job import JobSpec, Kind, TaskId, TaskState, WorkerId
from workers.journal import Journal
from workers.operations.input_file import InputFile, open_input
from workers.originals import put_away
from workers.outcome import Outcome, Success
from workers.output import Staging
from workers.publishing import Ours

OLD, NEW = b"old" * 1000, b"new" * 2000
TASK: Final = TaskId(1)


@dataclass(frozen=True)
class Scene:
    """What the output is called, and what the disk cannot do."""

    name: str
    output: str = "a.jpg"
    has_exchange: bool = True
    has_links: bool = True

    def set_up(self, place: Path) -> Journal:
        """Make the folder and a journal that has its file as a task."""
        self.folder(place).mkdir(parents=True)
        self.original(place).write_bytes(OLD)
        (place / "jobs").mkdir()
        journal = Journal.create(place / "jobs", "Photos")
        journal.set_spec(JobSpec(self.folder(place), is_in_place=True))
        journal.add_files([FoundFile(self.folder(place), "a.jpg", len(OLD), 1, Kind.IMAGE)])
        return journal

    def restrict(self) -> None:
        """Let this process's disks lack what the scene's lacks."""
        if not self.has_exchange:
            no_clobber._swapping = lambda: None
        if not self.has_links:
            os.link = _refused_link

    def run(self, place: Path, journal: Journal, attempt: int = 1) -> Outcome:
        """Do all that happens to the task: the attempt, the journal, the trash."""
        outcome = self.attempt(place, journal, attempt)
        if isinstance(outcome, Success):
            journal.dispatched(TASK, attempt)
            assert journal.ended(TASK, outcome, attempt, 0.0, WorkerId(1))
            journal.commit()
        put_away(journal.path, is_over=isinstance(outcome, Success))
        return outcome

    def attempt(self, place: Path, journal: Journal, attempt: int) -> Outcome:
        """Do what a worker does."""
        folder, original = self.folder(place), self.original(place)
        if attempt > 1 and (made := standing(folder, journal.job, TASK, original)) is not None:
            return Success((made[0],), made[1].size, checks=made[1:])
        staging = Staging(folder, journal.job)
        assert staging.prepare() is None
        temp = staging.target(TASK, attempt, ".jpg")
        temp.write_bytes(NEW)
        source = open_input(original)
        assert isinstance(source, InputFile)
        final = folder / self.output
        with source:
            since_ns = 1 if attempt > 1 else None
            ours = Ours(since_ns, shared_since_ns=1, like=source.fileno())
            outcome = put(temp, source, Place(journal.job, TASK, attempt, folder, final), ours)
        staging.remove()
        return outcome

    def folder(self, place: Path) -> Path:
        return place / "photos"

    def original(self, place: Path) -> Path:
        return self.folder(place) / "a.jpg"

    def final(self, place: Path) -> Path:
        return self.folder(place) / self.output

    def is_recorded(self, journal: Journal) -> bool:
        return journal.task(TASK).state is TaskState.SUCCEEDED


def _refused_link(*_arguments: object, **_choices: object) -> None:
    raise OSError(1, "Operation not permitted")  # as of FAT


SCENES: Final = (
    Scene("exchanged"),
    Scene("exchanged without links", has_links=False),
    Scene("replaced", has_exchange=False),
    Scene("replaced without links", has_exchange=False, has_links=False),
    Scene("beside", output="a.webp"),
    Scene("beside without links", output="a.webp", has_links=False),
)


def main() -> None:
    place, scene = Path(sys.argv[1]), next(s for s in SCENES if s.name == sys.argv[2])
    scene.restrict()

    def replace(number: int) -> None:
        os.environ["XDG_DATA_HOME"] = str(place / str(number))
        scene.run(place / str(number), scene.set_up(place / str(number)))

    die_at_each(int(sys.argv[3]), replace)


if __name__ == "__main__":
    main()
