"""A million tiny files: how soon they are there, what each costs, how soon a killed job goes on.

    python benchmarks/million.py [--quick] [--json] [--most FILES] [--tree FOLDER]

Makes the files, drops their folder on a real engine process and looks at it as the window does:
snapshots from its socket, rows from the journal. Side by side, a plain `os.walk` with `os.stat`
over the same files is the floor. Then it starts the job, kills the engine with SIGKILL and
measures how long a new one takes from its start to the first newly ended file. `--quick` takes
fifty thousand files; `--tree` a folder that is there, as left by an earlier run.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import heed_termination, run_apart, say
from workers.commands import AddInputs, CancelJob, Command, ContinueJob, OpenJob, Quit, StartJob
from workers.engine_process import EngineProcess
from workers.folders import journals_folder
from workers.job import JobSpec, JobState, Pipeline, Step, TaskState
from workers.journal_files import journal_path
from workers.journal_reader import JournalReader
from workers.snapshot import JobSnapshot, RowQuery, RowSort

FILES: Final = 1_000_000
QUICK_FILES: Final = 50_000
A_FOLDER: Final = 1000
CONTENT: Final = b"a\n1\n"
LIMIT_S: Final = 600.0
MOST_ENDED_BEFORE_KILL: Final = 1000
# What a measurement is called, its unit, and its goal (at most) for a million files.
FIGURES: Final[dict[str, tuple[str, str, float | None]]] = {
    "floor": ("os.walk + os.stat, the floor", "s", None),
    "first_row": ("first row to be seen", "s", 0.3),
    "listed": ("all files listed", "s", 6.0),
    "listed_of_floor": ("all files listed / floor", "x", None),
    "memory": ("engine's memory per task", "B", 300.0),
    "disk": ("journal per task", "B", None),
    "middle": ("100 rows from the middle", "s", None),
    "filter": ("100 rows of a state", "s", None),
    "search": ("100 rows that hold a word", "s", None),
    "sort": ("100 rows by name, from the end", "s", None),
    "started": ("from Start to the first ended", "s", None),
    "resumed": ("new engine after SIGKILL, to the first ended", "s", None),
    "cancelled": ("from Cancel to cancelled", "s", None),
}


def make_tree(tree: Path, count: int) -> None:
    """Write `count` tiny tables, a thousand to a folder."""
    for first in range(0, count, A_FOLDER):
        folder = tree / f"{first // A_FOLDER:04d}"
        folder.mkdir(parents=True)
        for number in range(first, min(first + A_FOLDER, count)):
            (folder / f"{number:07d}.csv").write_bytes(CONTENT)


class Window:
    """An engine process with what it showed last."""

    def __init__(self) -> None:
        self.engine = EngineProcess.start(workers=2)
        self.last: JobSnapshot = self.engine.receive()

    def send(self, *commands: Command) -> None:
        """Post commands."""
        for command in commands:
            self.engine.send(command)

    def until(self, is_true: Callable[[JobSnapshot], bool]) -> float:
        """Return the seconds until a snapshot satisfies the claim."""
        begin = time.perf_counter()
        while not is_true(self.last):
            self.last = self.engine.receive()
            if self.last.refusal:
                raise SystemExit(self.last.refusal)
        return time.perf_counter() - begin

    @property
    def memory(self) -> int:
        """Return the bytes the engine holds."""
        held: int = psutil.Process(self.engine.pid).memory_info().rss
        return held

    def reader(self) -> JournalReader:
        """Return a reader of the open job's rows."""
        assert self.last.job is not None
        return JournalReader(journal_path(journals_folder(), self.last.job))


def measure_here(tree: str, count: int) -> None:
    """Measure all in this process; say each figure as it comes."""
    figures: dict[str, float] = {}

    def note(**values: float) -> None:
        figures.update(values)
        say(figures)

    floor = timed(lambda: walk(tree))
    note(floor=floor)
    window = Window()
    held = window.memory
    begin = time.perf_counter()
    window.send(AddInputs((Path(tree),)))
    window.until(lambda now: now.counts.total > 0)
    reader = window.reader()
    assert reader.rows(RowQuery(0, 100)).rows
    note(first_row=time.perf_counter() - begin)
    window.until(lambda now: not now.is_discovering and now.counts.total == count)
    listed = time.perf_counter() - begin
    note(listed=listed, listed_of_floor=listed / floor, memory=(window.memory - held) / count)
    note(disk=reader_path(window).stat().st_size / count)
    look_around(reader, count, note)
    reader.close()
    window.send(StartJob(spec_for(tree)))
    note(started=window.until(lambda now: now.counts.ended > 0))
    window.until(lambda now: now.counts.ended >= min(MOST_ENDED_BEFORE_KILL, count // 8))
    job = window.last.job
    assert job is not None
    os.kill(window.engine.pid, signal.SIGKILL)
    ended = ended_of(window)
    begin = time.perf_counter()
    window = Window()
    window.send(OpenJob(job), ContinueJob())
    window.until(lambda now: now.state is JobState.RUNNING and now.counts.ended > ended)
    note(resumed=time.perf_counter() - begin)
    window.send(CancelJob())
    note(cancelled=window.until(lambda now: now.state is JobState.CANCELLED))
    window.send(Quit())
    window.engine.close()


def reader_path(window: Window) -> Path:
    """Return the journal of the open job."""
    assert window.last.job is not None
    return journal_path(journals_folder(), window.last.job)


def ended_of(window: Window) -> int:
    """Return how many tasks the journal of a killed engine knows as ended."""
    reader = window.reader()
    try:
        return reader.entry().counts.ended
    finally:
        reader.close()


def look_around(reader: JournalReader, count: int, note: Callable[..., None]) -> None:
    """Measure what a person does with the table: scroll, filter, search, sort."""
    looks = {
        "middle": RowQuery(count // 2, 100),
        "filter": RowQuery(0, 100, states=(TaskState.WAITING,)),
        "search": RowQuery(0, 100, text="0999.c"),
        "sort": RowQuery(count - 100, 100, sort=RowSort.NAME),
    }
    for name, query in looks.items():
        note(**{name: timed(lambda query=query: reader.rows(query))})  # type: ignore[misc]


def spec_for(tree: str) -> JobSpec:
    """Return a job that turns each table into Parquet, beside the tree."""
    steps = (Step("tables.convert", {"format": "parquet"}),)
    return JobSpec(Path.cwd() / "out", Pipeline("Convert", steps))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def walk(tree: str) -> int:
    """Return how many bytes the files hold, by the loop that anybody would write."""
    return sum(
        os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118  # the usual loop
        for folder, _folders, names in os.walk(tree)
        for name in names
    )


@contextmanager
def tree_of(count: int, given: Path | None) -> Iterator[Path]:
    """Yield the folder with the files; one of our own goes away in the end."""
    if given is not None and given.is_dir():
        yield given
        return
    with TemporaryDirectory(prefix="ec-million-", ignore_cleanup_errors=True) as place:
        tree = given or Path(place) / "tree"
        if shutil.disk_usage(tree.parent).free < count * 5000:
            raise SystemExit(f"There is no room for {count:,} files in {tree.parent}.")
        begin = time.perf_counter()
        make_tree(tree, count)
        print(f"{count:,} files made in {time.perf_counter() - begin:.1f} s", flush=True)
        yield tree


def main() -> int:
    """Print the table and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fifty thousand files")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--most", type=int, help="take at most so many files")
    parser.add_argument("--tree", type=Path, help="a folder that is there, or is to be made")
    chosen = parser.parse_args()
    heed_termination()
    count = QUICK_FILES if chosen.quick else FILES
    count = min(count, chosen.most or count)
    with tree_of(count, chosen.tree) as tree:
        call = f"measure_here({str(tree)!r}, {count})"
        ended = run_apart(f"from benchmarks.million import measure_here; {call}", LIMIT_S)
    figures: dict[str, dict[str, float | str | bool | None]] = {}
    for name, (words, unit, goal) in FIGURES.items():
        value = None if ended.said is None else ended.said.get(name)
        held = value is not None and (goal is None or value <= goal)
        figures[f"million.{name}"] = {"value": value, "unit": unit, "goal": goal, "held": held}
        shown = "-" if value is None else f"{value:,.3f}" if unit != "B" else f"{value:,.0f}"
        said = "" if goal is None else f"  goal <= {goal:g}, {'held' if held else 'missed'}"
        print(f"{words:46}{shown:>10} {unit:2}{said}")
    if ended.problem:
        print(f"then: {ended.problem}")
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
