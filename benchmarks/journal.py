"""What the journal costs: rows a second in bulk, and its share of a job of 10 ms tasks.

    python benchmarks/journal.py [--quick] [--json]

The floor beside it is SQLite itself: the same number of rows of the same columns written by one
`executemany` in one transaction. The share is the time of all that the engine tells the journal
of a task (its planned name, its dispatch, its end, a commit each 100 ms) over the time in which
two workers end a task of 10 ms.
"""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from workers import journal_rows
from workers.found_files import FoundFile, FoundFiles
from workers.job import Kind, TaskId, WorkerId
from workers.journal import Journal
from workers.journal_files import connected
from workers.journal_schema import create_tables
from workers.outcome import OutputCheck, Success

ROWS: Final = 300_000
QUICK_ROWS: Final = 50_000
ROUNDS: Final = 5
BATCH: Final = 1000
TASKS: Final = 4000
TASK_S: Final = 0.010
WORKERS: Final = 2
COMMIT_EVERY: Final = round(0.1 * WORKERS / TASK_S)
CHECK: Final = OutputCheck(300_000, 1_700_000_000_000_000_000, "0123456789abcdef" * 4)
ROOT: Final = Path("/pictures")
# What a measurement is called, its unit, its goal, whether that is the least.
FIGURES: Final[dict[str, tuple[str, str, float | None, bool]]] = {
    "floor": ("SQLite alone, rows written", "rows/s", None, True),
    "added": ("files added", "rows/s", 50_000, True),
    "ended": ("tasks planned, dispatched and ended", "rows/s", 50_000, True),
    "loaded": ("tasks of a journal opened again", "rows/s", 50_000, True),
    "share": ("share of a job of 10 ms tasks", "%", 1.0, False),
}


def files(count: int) -> list[FoundFile]:
    """Return found files."""
    return [
        FoundFile(ROOT, f"{number // 1000:04d}/picture-{number:07d}.jpg", 4_000_000, 1, Kind.IMAGE)
        for number in range(count)
    ]


def measure(count: int) -> dict[str, float]:
    """Return one round's figures."""
    found = files(count)
    with TemporaryDirectory(prefix="ec-journal-", ignore_cleanup_errors=True) as place:
        floor = _floor(Path(place), found)
        journal = Journal.create(Path(place), "measured")
        added = _seconds(lambda: _add(journal, found))
        successes = _successes(count)
        ended = _seconds(lambda: _end_all(journal, successes, commit_every=BATCH))
        journal.close()
        loaded = _seconds(lambda: Journal.open(journal.path).close())
        other = Journal.create(Path(place), "in small steps")
        other.add_files(found[:TASKS])
        stepwise = _seconds(lambda: _end_all(other, successes[:TASKS], commit_every=COMMIT_EVERY))
        other.close()
    return {
        "floor": count / floor,
        "added": count / added,
        "ended": count / ended,
        "loaded": count / loaded,
        "share": stepwise / TASKS / (TASK_S / WORKERS) * 100,
    }


def _floor(place: Path, found: list[FoundFile]) -> float:
    connection = connected(place / "floor.sqlite")
    create_tables(connection, "floor", 0.0)
    connection.execute("INSERT INTO root (id, path) VALUES (1, ?)", (b"/pictures",))
    files = FoundFiles.of(found)
    seconds = _seconds(lambda: _write(connection, files))
    connection.close()
    return seconds


def _write(connection: sqlite3.Connection, files: FoundFiles) -> None:
    connection.execute("BEGIN")
    journal_rows.add_files(connection, 1, files, {ROOT: 1})
    connection.execute("COMMIT")


def _add(journal: Journal, found: list[FoundFile]) -> None:
    for first in range(0, len(found), BATCH):
        journal.add_files(found[first : first + BATCH])


def _successes(count: int) -> list[Success]:
    output = Path("/output")
    return [
        Success((output / f"picture-{number:07d}.webp",), CHECK.size, checks=(CHECK,))
        for number in range(count)
    ]


def _end_all(journal: Journal, successes: list[Success], *, commit_every: int) -> None:
    for number, made in enumerate(successes, 1):
        task = TaskId(number)
        journal.plan(task, made.outputs[0])
        journal.dispatched(task, 1)
        journal.ended(task, made, 1, TASK_S, WorkerId(1))
        if not number % commit_every:
            journal.commit()
    journal.commit()


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> int:
    """Print the medians and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows, one round")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    chosen = parser.parse_args()
    count = QUICK_ROWS if chosen.quick else ROWS
    rounds = [measure(count) for _ in range(1 if chosen.quick else ROUNDS)]
    figures: dict[str, dict[str, float | str | bool | None]] = {}
    for name, (words, unit, goal, is_least) in FIGURES.items():
        value = median(one[name] for one in rounds)
        held = goal is None or (value >= goal if is_least else value <= goal)
        figures[f"journal.{name}"] = {"value": value, "unit": unit, "goal": goal, "held": held}
        sign = ">=" if is_least else "<="
        said = "" if goal is None else f"  goal {sign} {goal:,g}, {'held' if held else 'missed'}"
        print(f"{words:40}{value:>12,.2f} {unit:7}{said}")
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
