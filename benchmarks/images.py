"""Picture work beside ImageMagick, GraphicsMagick, sharp, libvips' own tool and Pillow scripts.

    python benchmarks/images.py [--quick] [--json] [--only WORK...] [--beside PEER...]
                                [--most PICTURES] [--rounds N] [--workers N] [--tree FOLDER]
                                [--node-modules FOLDER]

Each (peer, work, round) is a program of its own, run by turns over the same pictures, which the
system has in its cache; the table shows medians. `whole` is from the start of the program to its
end, `own` what Everycore (job_finished) and the floor say of the work alone, `CPU` what all
processes of a peer took from the cores, which tells most where others use them too. `alike` is the
similarity of the outputs to the floor's. Memory is looked at in a pass of its own, outside the
clock. The pictures: benchmarks/pictures.py, made anew unless `--tree` names a folder of them.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import isnan, nan
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Final

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.likeness import likeness
from benchmarks.measuring import heed_termination
from benchmarks.picture_passes import Pass, Task
from benchmarks.picture_peers import FLOOR, OURS, PEERS, Peer
from benchmarks.picture_works import ALONE, BEST_POOL, BY_POOL, WORKS, Goal, Work
from benchmarks.pictures import PHOTOS, SCREENS, make_pictures, pictures_in
from benchmarks.verdicts import Verdict, print_verdict

COUNT: Final = 48
QUICK_COUNT: Final = 8
ROUNDS: Final = 3
COMPARED: Final = 3
MEMORY_GOAL_MB: Final = 160.0
# A worker's peak does not grow with the number of pictures it has done.
MEMORY_COUNT: Final = 8
# The name in the table, the work, and the peer that does it.
Turn = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """Over which pictures, how often and by how many workers."""

    tree: Path
    rounds: int
    workers: int


class WorkRun:
    """The rounds of one work: what was measured, what could not be."""

    def __init__(self, work: Work, setting: Setting, peers: Sequence[Peer]) -> None:
        self._work = work
        self._setting = setting
        self._files = tuple(map(str, pictures_in(setting.tree, work.source)))
        # The name in the table, the work, and the peer that does it.
        self._turns = [(peer.name, work.name, peer.name) for peer in peers]
        if not work.is_plain:
            self._turns.insert(0, (ALONE.says, ALONE.name, OURS))
        self._passes: dict[str, list[Pass]] = {}
        self.alike: dict[str, float] = {}
        self.problems: dict[str, str] = {}

    def run(self) -> None:
        """Measure all in turns; one that failed is not tried again."""
        with TemporaryDirectory(prefix="ec-pictures-", ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            for turn in self._turns:
                # Compiled modules and programs are in the system's cache before the clock runs.
                self._take(turn, self._files[:2], place / "first")
                shutil.rmtree(place / "first", ignore_errors=True)
            for _ in range(self._setting.rounds):
                for turn in self._turns:
                    if turn[0] not in self.problems:
                        self._measure(turn, place)

    def rows(self) -> dict[str, Pass]:
        """Return the medians of each that was measured."""
        return {name: middle(passes) for name, passes in self._passes.items()}

    def peak_mb(self) -> float:
        """Return the most memory that one of our workers held, in a pass outside the clock."""
        with TemporaryDirectory(prefix="ec-pictures-", ignore_cleanup_errors=True) as folder:
            files, workers = self._files[:MEMORY_COUNT], self._setting.workers
            out = str(Path(folder) / "out")
            ended = Task(self._work.name, OURS, workers, files, out, looks_at_memory=True).run()
        return nan if ended.said is None else float(ended.said["peak_mb"])

    def _measure(self, turn: Turn, place: Path) -> None:
        """Note a pass; the first of each is compared with the floor's first, which stays."""
        row, floor = turn[0], place / "floor"
        out = floor if row == FLOOR and not floor.exists() else place / "out"
        measured = self._take(turn, self._files, out)
        if measured is not None:
            self._passes.setdefault(row, []).append(measured)
            if floor.exists() and row not in self.alike:
                self.alike[row] = _mean_likeness(floor, out)
        if out != floor:
            shutil.rmtree(out, ignore_errors=True)

    def _take(self, turn: Turn, files: tuple[str, ...], out: Path) -> Pass | None:
        row, work, peer = turn
        ended = Task(work, peer, self._setting.workers, files, str(out)).run()
        if ended.problem or ended.said is None:
            self.problems[row] = ended.problem or "said nothing"
            return None
        if ended.left_behind:
            self.problems[row] = f"left {ended.left_behind} processes behind; they were ended"
        return Pass(**ended.said)


def _mean_likeness(floor: Path, out: Path) -> float:
    """Compare a few pictures with the floor's, by their names."""
    files = sorted(floor.iterdir())[:COMPARED]
    return mean(likeness(file, next(out.rglob(file.name))) for file in files)


def middle(passes: Sequence[Pass]) -> Pass:
    """Return the medians of the passes of one peer."""
    return Pass(*(median(getattr(one, field.name) for one in passes) for field in fields(Pass)))


def verdicts(work: Work, rows: Mapping[str, Pass]) -> Iterator[Verdict]:
    """Yield what was reached of the goals beside those peers that were measured."""
    ours = rows.get(OURS)
    if ours is None:
        yield Verdict(f"images.{work.name}", "not measured", None, "x", None, is_least=True)
        return
    for goal in work.goals:
        peer = _best_pool(rows) if goal.peer == BEST_POOL else goal.peer
        if peer in rows:
            yield _verdict(work, goal, peer, rows)


def _verdict(work: Work, goal: Goal, peer: str, rows: Mapping[str, Pass]) -> Verdict:
    theirs, ours = rows[peer], rows[OURS]
    value = theirs.whole_s / ours.whole_s if goal.is_whole else theirs.own_s / ours.own_s
    clock = "" if goal.is_whole else ", work alone"
    says = f"speed / {peer}{clock}"
    if not work.is_plain:
        value, says = 1 / value, f"time / {peer}{clock}"
    return Verdict(
        f"images.{work.name}.{goal.key}", says, value, "x", goal.bound, is_least=work.is_plain
    )


def _best_pool(rows: Mapping[str, Pass]) -> str:
    known = [name for name in BY_POOL if name in rows]
    return min(known, key=lambda name: rows[name].whole_s, default="")


def print_rows(run: WorkRun, rows: Mapping[str, Pass], count: int) -> None:
    """Print one aligned line for each peer, then who is not among them and why."""
    ours = rows.get(OURS)
    titles = f"{'whole s':>9}{'pictures/s':>12}{'time/ours':>11}{'own s':>9}{'CPU s':>9}"
    print(f"{'':28}{titles}{'kB each':>10}{'alike':>9}")
    for name, row in rows.items():
        against = f"{row.whole_s / ours.whole_s:.2f}" if ours else "-"
        own = "-" if isnan(row.own_s) else f"{row.own_s:.2f}"
        alike = f"{run.alike[name]:.4f}" if name in run.alike else "-"
        numbers = (
            f"{row.whole_s:>9.2f}{count / row.whole_s:>12.1f}{against:>11}{own:>9}{row.cpu_s:>9.2f}"
        )
        print(f"{name:28}{numbers}{row.kilobytes:>10,.0f}{alike:>9}")
    for name, problem in run.problems.items():
        print(f"{name:28}  {'then' if name in rows else 'not measured'}: {problem}")


def measure_work(work: Work, setting: Setting, versions: Mapping[str, str]) -> list[Verdict]:
    """Run a work, print its table, return what was reached."""
    count = len(pictures_in(setting.tree, work.source))
    title = f"{work.name}: {count} x {work.says}"
    print(f"\n{title}; {setting.workers} workers, median of {setting.rounds}", flush=True)
    if problem := work.problem():
        print(f"  skipped: {problem}")
        return []
    peers = [peer for peer in PEERS.values() if work.name in peer.works and versions.get(peer.name)]
    run = WorkRun(work, setting, peers)
    run.run()
    rows = run.rows()
    print_rows(run, rows, count)
    reached = list(verdicts(work, rows))
    peak = run.peak_mb() if work.source == PHOTOS else nan
    if not isnan(peak):
        key, says = f"images.{work.name}.memory", "most memory of a worker"
        reached.append(Verdict(key, says, peak, "MB", MEMORY_GOAL_MB, is_least=False))
    for verdict in reached:
        print_verdict(verdict)
    sys.stdout.flush()
    return reached


def asked_versions(names: Collection[str]) -> dict[str, str]:
    """Ask each peer for its version and print it, or how to install it; others have none."""
    versions = {name: peer.version() for name, peer in PEERS.items() if name in names}
    for name, said in versions.items():
        print(f"{name:28}{said or f'not installed: {PEERS[name].install}'}", flush=True)
    return versions


@contextmanager
def tree_of(kinds: Collection[str], count: int, given: Path | None) -> Iterator[Path]:
    """Yield the folder with the pictures; one of our own goes away in the end."""
    if given is not None and given.is_dir():
        yield given.resolve()
        return
    with TemporaryDirectory(prefix="ec-pictures-", ignore_cleanup_errors=True) as place:
        tree = (given or Path(place) / "tree").resolve()
        begin = time.perf_counter()
        # One that stays may be asked for other works the next time.
        drawn = kinds if given is None else (PHOTOS, SCREENS)
        make_pictures(tree, drawn, count)
        print(
            f"{len(drawn) * count} pictures made in {time.perf_counter() - begin:.1f} s", flush=True
        )
        yield tree


def main() -> int:
    """Print a table for each work and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_COUNT} pictures")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--only", nargs="+", choices=WORKS, help="do these works alone")
    parser.add_argument("--beside", nargs="+", choices=PEERS, help="compare with these alone")
    parser.add_argument("--most", type=int, help="take at most so many pictures")
    parser.add_argument("--rounds", type=int, help=f"measure so often (default {ROUNDS}, quick 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: cores")
    parser.add_argument("--tree", type=Path, help="pictures that are there, or are to be made")
    parser.add_argument("--node-modules", type=Path, help="where npm put sharp")
    chosen = parser.parse_args()
    heed_termination()
    if chosen.node_modules is not None:
        os.environ["NODE_PATH"] = str(chosen.node_modules.resolve())
    rounds = max(1, chosen.rounds or (1 if chosen.quick else ROUNDS))
    versions = asked_versions({OURS, *(chosen.beside or PEERS)})
    works = [WORKS[name] for name in chosen.only or WORKS]
    count = QUICK_COUNT if chosen.quick else COUNT
    count = min(count, chosen.most or count)
    with tree_of({work.source for work in works}, count, chosen.tree) as tree:
        setting = Setting(tree, rounds, max(1, chosen.workers))
        reached = [found for work in works for found in measure_work(work, setting, versions)]
    if chosen.json:
        print(json.dumps({verdict.key: verdict.figure() for verdict in reached}))
    return 0 if all(verdict.held for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
