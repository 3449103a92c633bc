"""Everycore's process pool beside its peers, on eight kinds of work and one of faults.

    python benchmarks/engine.py [--quick] [--json] [--only CASE...] [--most TASKS] [--rounds N]
                                [--workers N]

Each (peer, case, round) runs in a process group of its own, the peers by turns in each round, on a
pool that is warm (except for `start`); the table shows medians. A peer tries several batch sizes
in the first round and keeps the best; Everycore gets the plain standard call. The cases and what is
fair about them: benchmarks/cases.py. The peers: `pip install everycore[bench]`; one that is not
installed is named.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cases import (
    CASES,
    Case,
    Measured,
    Setting,
    measure_faults,
    measure_start,
    measure_stream,
    warm,
)
from benchmarks.measuring import heed_termination, run_apart, say
from benchmarks.peers import CHOOSE_THEMSELVES, FLOORS, OURS, OWN_CHOICE, PEERS, OurPool
from benchmarks.verdicts import Verdict, middle, print_rows, print_verdict, verdicts

ROUNDS: Final = 3
# The slowest pass seen took a minute, with 64 workers of Ray on two cores.
LIMIT_S: Final = 180.0
QUICK_LIMIT_S: Final = 20.0


def run_here(case_name: str, peer_name: str, setting: Setting, batch: int) -> None:
    """Measure one peer in this process and say what it came to."""
    case, peer = CASES[case_name], PEERS[peer_name]()
    workers = case.workers(setting)
    if case.name == "start":
        measured = measure_start(peer, setting)
    elif case.name == "faulty":
        assert isinstance(peer, OurPool)
        measured = measure_faults(peer, setting, case.count(setting))
    else:
        peer.open(workers)
        if peer_name != "serial":
            warm(peer, workers, case.module)
        measured = measure_stream(case, peer, setting, batch)
    say(asdict(measured))
    peer.close()


# What a peer that failed came to: never the quickest.
_NOTHING: Final = Measured(float("inf"))


class CaseRun:
    """The rounds of one case: what was measured, what could not be."""

    def __init__(self, case: Case, setting: Setting) -> None:
        self._case = case
        self._setting = setting
        self._passes: dict[str, list[Measured]] = {}
        self._chosen: dict[str, int] = {}
        self.problems: dict[str, str] = {}

    def run(self, rounds: int) -> None:
        """Measure all peers in turns; one that failed is not tried again."""
        names = self._case.quick_peers if self._setting.is_quick else self._case.peers
        for _ in range(rounds * self._case.turns(self._setting)):
            for name in names:
                if name not in self._chosen:
                    self._chosen[name] = self._best_batch(name)
                if name not in self.problems:
                    self._measure(name, self._chosen[name])

    def rows(self) -> dict[str, Measured]:
        """Return each peer's medians with its best batch size, in the order of the peers."""
        rows = {name: middle(passes) for name, passes in self._passes.items()}
        return {name: rows[name] for name in PEERS if name in rows}

    def _best_batch(self, name: str) -> int:
        """Return the batch size that is quickest for a peer; tried on the quick run's tasks."""
        batches = self._batches(name)
        if len(batches) == 1:
            return batches[0]
        seconds = {batch: self._tried(name, batch, is_quick=True).seconds for batch in batches}
        return min(seconds, key=lambda batch: seconds[batch])

    def _measure(self, name: str, batch: int) -> None:
        measured = self._tried(name, batch, is_quick=self._setting.is_quick)
        if measured is not _NOTHING:
            self._passes.setdefault(name, []).append(measured)

    def _tried(self, name: str, batch: int, *, is_quick: bool) -> Measured:
        setting = replace(self._setting, is_quick=is_quick)
        call = f"run_here({self._case.name!r}, {name!r}, {setting}, {batch})"
        code = f"from benchmarks.engine import Setting, run_here; {call}"
        ended = run_apart(code, QUICK_LIMIT_S if is_quick else LIMIT_S)
        if ended.left_behind:
            self.problems[name] = f"left {ended.left_behind} processes behind; they were ended"
        if ended.problem or ended.said is None:
            self.problems[name] = ended.problem or "said nothing"
        return _NOTHING if ended.said is None else Measured(**ended.said)

    def _batches(self, name: str) -> list[int]:
        """Return the batch sizes to try."""
        if name in OURS or name == "serial":
            return [OWN_CHOICE]
        if name in FLOORS:
            # Large results cross one by one, as they do from the peers.
            return [1 if self._case.name in ("bytes", "arrays") else OWN_CHOICE]
        # Of a generator they know no length to choose by.
        is_known = name in CHOOSE_THEMSELVES and self._case.name != "generator"
        own = [OWN_CHOICE] if is_known else []
        sizes = [size for size in self._case.batches if size != OWN_CHOICE] or [1]
        if self._setting.is_quick:
            return [sizes[len(sizes) // 2]]
        return own + sizes


def measure_case(case: Case, setting: Setting, rounds: int) -> list[Verdict]:
    """Run a case, print its table, return what was reached."""
    count, workers = case.count(setting), case.workers(setting)
    passes = rounds * case.turns(setting)
    title = f"{case.name}: {count:,} {case.says}"
    print(f"\n{title}; {workers} workers, median of {passes}", flush=True)
    run = CaseRun(case, setting)
    run.run(rounds)
    rows = run.rows()
    print_rows(rows, count, run.problems)
    taking_part = case.quick_peers if setting.is_quick else case.peers
    faces = tuple(face for face in OURS if face in taking_part)
    reached = verdicts(case, rows, workers, faces)
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
    parser.add_argument("--most", type=int, help="give at most so many tasks (at least 20)")
    parser.add_argument("--rounds", type=int, help=f"measure so often (default {ROUNDS}, quick 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: cores")
    chosen = parser.parse_args()
    heed_termination()
    setting = Setting(max(1, chosen.workers), chosen.quick, chosen.most)
    rounds = max(1, chosen.rounds or (1 if chosen.quick else ROUNDS))
    cases = [CASES[name] for name in chosen.only or CASES]
    reached = [verdict for case in cases for verdict in measure_case(case, setting, rounds)]
    if chosen.json:
        print(json.dumps({verdict.key: verdict.figure() for verdict in reached}))
    return 0 if all(verdict.held for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
