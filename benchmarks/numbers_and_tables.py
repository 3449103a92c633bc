"""Everycore over many numbers and many small tables, beside the standard library's pools.

    python benchmarks/numbers_and_tables.py [--quick] [--json] [--only CASE...] [--most N]
                                            [--rounds N]

Each (peer, case, round) is a whole program, measured from its start to its end, the peers by turns
in each round; the table shows medians. All of them write their results as a CSV file. Everycore
runs through its real command line (`everycore map`, `everycore run`) and behind the words of
multiprocessing.Pool. The standard pools get a chunk size; `static shards` is the floor: processes
that each loop over a fixed share, with no queue. All start their workers anew and give each library
one thread. A first, short pass of each is not measured.

`square`    a million numbers squared: what it costs to bring a number there and back
`primes`    is_prime by trial division: microseconds each, longer and longer
`pi`        Monte Carlo pi, some milliseconds a block
`describe`  CSV files of 2 MB: `everycore run table-summary` counts distinct values too and makes
            its outputs safe on the disk; polars and pandas write their `describe`
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import points
from benchmarks.measuring import Ended, heed_termination, run_apart, say
from benchmarks.pool_programs import FLOOR, OUTPUT, POOLS, QUICK_POOLS
from benchmarks.verdicts import Verdict, print_verdict

ROUNDS: Final = 5
LIMIT_S: Final = 180.0
ROWS: Final = 40_000
QUICK_ROWS: Final = 10_000
ONE_THREAD: Final = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
OURS: Final = ("everycore", "Everycore Pool")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work; `full` and `quick` are how many points or files it has.

    `functions` by the word that tells them apart in the table, which is empty for a single one.
    """

    name: str
    says: str
    full: int
    quick: int
    functions: dict[str, str]

    def peers(self, *, is_quick: bool) -> tuple[str, ...]:
        """Return all that take part: everycore's command line and each pool with each function."""
        pools = QUICK_POOLS if is_quick else POOLS
        with_words = [f"{pool} {word}".strip() for word in self.functions for pool in pools]
        return ("everycore", *with_words)


CASES: Final = {
    case.name: case
    for case in (
        Case("square", "numbers squared", 1_000_000, 100_000, {"": "square"}),
        Case("primes", "numbers tested", 300_000, 50_000, {"": "is_prime"}),
        Case("pi", "blocks of 20,000 throws", 400, 60, {"": "pi_block"}),
        Case(
            "describe",
            "CSV files",
            48,
            8,
            {"polars": "describe_by_polars", "pandas": "describe_by_pandas"},
        ),
    )
}


def measure_here(case_name: str, peer: str, count: int, workers: int, rows: int) -> None:
    """Run a program in this folder and say how long it took and what its results add up to."""
    case = CASES[case_name]
    items = _drawn(count, rows) if case_name == "describe" else range(count)
    command = _command(case, peer, items, workers)
    environment = os.environ if peer == "everycore" else {**os.environ, **ONE_THREAD}
    start = time.perf_counter()
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    say({"seconds": seconds, "total": _added_up(case, peer, count)})


def _drawn(count: int, rows: int) -> list[str]:
    """Return the files of a new folder, copies of one, just written: none comes from the disk."""
    folder = Path("tables").absolute()
    folder.mkdir()
    points.draw_table(Path("table.csv"), rows)
    for number in range(count):
        shutil.copyfile("table.csv", folder / f"{number:03d}.csv")
    return [str(file) for file in sorted(folder.iterdir())]


def _command(case: Case, peer: str, items: Sequence[Any], workers: int) -> list[str]:
    ours = [sys.executable, "-m", "workers"]
    options = ["--workers", str(workers), "--quiet"]
    if peer == "everycore" and case.name == "describe":
        return [*ours, "run", "table-summary", "tables", "--output", "summaries", *options]
    if peer == "everycore":
        function = f"{points.__file__}:{case.functions['']}"
        over = ["--over", f"n=0:{len(items)}", "--output", OUTPUT]
        return [*ours, "map", function, *over, *options]
    pool = next(name for name in POOLS if peer.startswith(name))
    function = case.functions[peer.removeprefix(pool).strip()]
    call = f"run_pool({pool!r}, {function!r}, {items!r}, {workers})"
    return [sys.executable, "-c", f"from benchmarks.pool_programs import run_pool; {call}"]


def _added_up(case: Case, peer: str, count: int) -> int:
    """Return the sum of all results; of descriptions, how many columns they are of."""
    if peer == "everycore" and case.name == "describe":
        made = list(Path("summaries").glob("*.csv"))
        return sum(file.read_text(encoding="utf-8").count("\n") - 1 for file in made)
    with Path(OUTPUT).open(encoding="utf-8") as stream:
        values = [int(line.rpartition(",")[2]) for line in list(stream)[1:]]
    if len(values) != count:
        raise ValueError(f"{len(values)} results of {count}")
    return sum(values)


class CaseRun:
    """The rounds of one case: what each peer took, what could not be measured."""

    def __init__(self, case: Case, workers: int, most: int | None, *, is_quick: bool) -> None:
        self.case, self.workers = case, workers
        self._peers = case.peers(is_quick=is_quick)
        count = case.quick if is_quick else case.full
        self.count = min(count, most or count)
        self._rows = QUICK_ROWS if is_quick else ROWS
        self._passes: dict[str, list[float]] = {}
        self._totals: set[int] = set()
        self.problems: dict[str, str] = {}

    def run(self, rounds: int) -> None:
        """Measure all peers by turns, another one first in each round."""
        peers = self._peers
        for peer in peers:  # unmeasured: compiles modules and brings libraries from the disk
            self._run_apart(peer, self.workers)
        for number in range(rounds):
            first = number % len(peers)
            for peer in (*peers[first:], *peers[:first]):
                if peer not in self.problems:
                    self._measure(peer)

    def seconds(self) -> dict[str, float]:
        """Return the medians, in the order of the peers."""
        return {peer: median(self._passes[peer]) for peer in self._peers if peer in self._passes}

    def _run_apart(self, peer: str, count: int) -> Ended:
        told = f"{self.case.name!r}, {peer!r}, {count}, {self.workers}, {self._rows}"
        call = f"measure_here({told})"
        return run_apart(f"from benchmarks.numbers_and_tables import measure_here; {call}", LIMIT_S)

    def _measure(self, peer: str) -> None:
        ended = self._run_apart(peer, self.count)
        if ended.said is None or ended.problem:
            self.problems[peer] = ended.problem or "said nothing"
            return
        self._totals.add(ended.said["total"])
        if len(self._totals) > 1:
            self.problems[peer] = f"its results add up to {ended.said['total']}"
            return
        self._passes.setdefault(peer, []).append(ended.said["seconds"])


def verdicts(case: Case, seconds: dict[str, float]) -> list[Verdict]:
    """Return how both faces of Everycore compare with the best standard pool and the floor.

    Where there are several functions, the face is compared with the best of all of them.
    """
    reached = []
    for face in OURS:
        own = seconds.get(face) or _best(seconds, face)
        word = "map" if face == "everycore" and case.name != "describe" else "run"
        key = f"numbers.{case.name}.{'pool' if face != 'everycore' else word}"
        said = face if face != "everycore" else f"everycore {word}"
        for against, names, goal in (
            ("best", ("multiprocessing", "ProcessPool"), 1.0),
            ("floor", (FLOOR,), None),
        ):
            other = _best(seconds, *names)
            value = other / own if own and other else None
            says = f"{said}: speed / {'standard pools' if against == 'best' else FLOOR}"
            suffix = "" if against == "best" else ".floor"
            reached.append(Verdict(key + suffix, says, value, "x", goal, is_least=True))
    return reached


def _best(seconds: dict[str, float], *beginnings: str) -> float | None:
    return min(
        (took for peer, took in seconds.items() if peer.startswith(beginnings)), default=None
    )


def measure_case(run: CaseRun, rounds: int) -> list[Verdict]:
    """Run a case, print its table, return what was reached."""
    case = run.case
    print(f"\n{case.name}: {run.count:,} {case.says}; {run.workers} workers, median of {rounds}")
    run.run(rounds)
    seconds = run.seconds()
    best = _best(seconds, "multiprocessing", "ProcessPool")
    print(f"{'':30}{'seconds':>9}{'a second':>12}{'speed / best':>14}")
    for peer, took in seconds.items():
        ratio = f"{best / took:.2f}" if best else "-"
        print(f"{peer:30}{took:>9.3f}{run.count / took:>12,.0f}{ratio:>14}")
    for peer, problem in run.problems.items():
        print(f"{peer:30}  {problem}")
    reached = verdicts(case, seconds)
    for verdict in reached:
        print_verdict(verdict)
    sys.stdout.flush()
    return reached


def main() -> int:
    """Print a table for each case and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--only", nargs="+", choices=CASES, help="run these cases alone")
    parser.add_argument("--most", type=int, help="give at most so many numbers or tables")
    parser.add_argument("--rounds", type=int, help=f"measure so often (default {ROUNDS}, quick 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: cores")
    chosen = parser.parse_args()
    heed_termination()
    rounds = max(1, chosen.rounds or (1 if chosen.quick else ROUNDS))
    reached = [
        verdict
        for name in chosen.only or CASES
        for verdict in measure_case(
            CaseRun(CASES[name], max(1, chosen.workers), chosen.most, is_quick=chosen.quick), rounds
        )
    ]
    if chosen.json:
        print(json.dumps({verdict.key: verdict.figure() for verdict in reached}))
    return 0 if all(verdict.held for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
