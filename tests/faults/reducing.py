"""A program: puts partials together in a folder for each step, and is killed before that step.

python -m tests.faults.reducing FOLDER SCENE STEPS
"""

import sys
from pathlib import Path

from tests.engine.reduced import Reducing
from tests.faults.publishing import die_at_each
from workers.job import Step

STEP = Step("files.manifest", {"names_from": "input"})


def prepared(place: Path) -> Reducing:
    """Make some files and their partials."""
    folder = place / "in"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"{number}")
    return Reducing(folder, place / "out", STEP)


def main() -> None:
    place, steps = Path(sys.argv[1]), int(sys.argv[3])
    ready = [prepared(place / str(number)) for number in range(1, steps + 1)]
    die_at_each(steps, lambda number: ready[number - 1].reduce())


if __name__ == "__main__":
    main()
