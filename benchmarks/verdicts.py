"""From the measured passes of a case to its table and to goals held or missed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from math import isnan
from statistics import median
from typing import Final

from benchmarks.cases import Case, Goal, Measured
from benchmarks.peers import FLOORS, IN_ORDER, OURS, PEERS

Rows = Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one face of Everycore reached of one goal; a value of None: not measured."""

    key: str
    says: str
    value: float | None
    unit: str
    goal: float | None
    is_least: bool

    @property
    def held(self) -> bool:
        """Say whether the goal was reached; without a goal, it only had to be measured."""
        if self.value is None:
            return False
        if self.goal is None:
            return True
        return self.value >= self.goal if self.is_least else self.value <= self.goal

    def figure(self) -> dict[str, float | str | bool | None]:
        """Return what `--json` prints."""
        value = None if self.value is None else round(self.value, 3)
        return {"value": value, "unit": self.unit, "goal": self.goal, "held": self.held}


@dataclass(frozen=True, slots=True)
class _Measure:
    """How a goal's value comes from the rows; says which way is better."""

    key: str
    unit: str
    is_least: bool
    value: Callable[[Rows, str, int], float | None]


def _against_best(rows: Rows, face: str, _workers: int) -> float | None:
    best = best_peer(rows, face)
    return rows[best].seconds / rows[face].seconds if best else None


def _against_shards(rows: Rows, face: str, _workers: int) -> float | None:
    floor = rows.get("static shards")
    return floor.seconds / rows[face].seconds if floor else None


def _against_executor(rows: Rows, face: str, _workers: int) -> float | None:
    stock = rows.get("ProcessPoolExecutor")
    return rows[face].seconds / stock.seconds if stock else None


def _worked(rows: Rows, face: str, workers: int) -> float | None:
    return rows[face].work_s / workers / rows[face].seconds


def _parent_cpu(rows: Rows, face: str, _workers: int) -> float | None:
    return rows[face].parent_cpu * 100


def _growth(rows: Rows, face: str, _workers: int) -> float | None:
    return rows[face].grown_mb


def _clean_share(rows: Rows, face: str, _workers: int) -> float | None:
    return rows[face].clean_share


MEASURES: Final = {
    "speed / best peer": _Measure("", "x", True, _against_best),
    "speed / static shards": _Measure("", "x", True, _against_shards),
    "work / time of all workers": _Measure("", "x", True, _worked),
    "time / ProcessPoolExecutor": _Measure("", "x", False, _against_executor),
    "good tasks' speed / without faults": _Measure("", "x", True, _clean_share),
    "parent's CPU": _Measure(".parent_cpu", "%", False, _parent_cpu),
    "parent's memory growth": _Measure(".memory", "MB", False, _growth),
}


def middle(passes: list[Measured]) -> Measured:
    """Return the medians of the passes of one peer with one batch size."""
    values = {
        field.name: median(getattr(one, field.name) for one in passes)
        for field in fields(Measured)
        if field.name != "batch"
    }
    return replace(passes[0], **values)


def best_peer(rows: Rows, face: str) -> str | None:
    """Return the quickest that is neither a floor nor ours and does what the face does.

    The executor's map keeps the order of its input: it is compared with what keeps it too.
    """
    others = IN_ORDER if face == "Everycore Executor" else PEERS
    peers = [name for name in rows if name in others and name not in (*FLOORS, *OURS)]
    return min(peers, key=lambda name: rows[name].seconds, default=None)


def verdicts(case: Case, rows: Rows, workers: int, faces: tuple[str, ...]) -> list[Verdict]:
    """Return what each face of Everycore that takes part reached of each goal."""
    return [_verdict(case, goal, rows, face, workers) for goal in case.goals for face in faces]


def _verdict(case: Case, goal: Goal, rows: Rows, face: str, workers: int) -> Verdict:
    measure = MEASURES[goal.measure]
    value = measure.value(rows, face, workers) if face in rows else None
    suffix = ".executor" if face == "Everycore Executor" else ""
    says = f"{face}: {goal.measure}"
    if goal.measure == "speed / best peer" and (best := best_peer(rows, face)):
        says += f" ({best})"
    key = f"engine.{case.name}{measure.key}{suffix}"
    return Verdict(key, says, value, measure.unit, goal.bound, measure.is_least)


def print_rows(rows: Rows, count: int, problems: Mapping[str, str]) -> None:
    """Print one aligned line for each peer, then who is not among them and why."""
    ours = rows.get("Everycore Pool")
    titles = f"{'seconds':>9}{'tasks/s':>12}{'time/ours':>11}{'batch':>8}"
    print(f"{'':22}{titles}{'parent CPU':>12}{'memory growth':>15}")
    for name, row in rows.items():
        against = f"{row.seconds / ours.seconds:.2f}" if ours else "-"
        batch = f"{row.batch:,}" if row.batch else "-"
        numbers = f"{row.seconds:>9.3f}{count / row.seconds:>12,.0f}{against:>11}{batch:>8}"
        cpu = "-" if isnan(row.parent_cpu) else f"{row.parent_cpu:.1%}"
        grown = "-" if isnan(row.grown_mb) else f"{row.grown_mb:.1f} MB"
        print(f"{name:22}{numbers}{cpu:>12}{grown:>15}")
    for name, problem in problems.items():
        print(f"{name:22}  {'then' if name in rows else 'not measured'}: {problem}")


def print_verdict(verdict: Verdict) -> None:
    """Print one line: the value, its goal, held or missed."""
    value = "-" if verdict.value is None else f"{verdict.value:.2f}"
    sign = ">=" if verdict.is_least else "<="
    goal = "" if verdict.goal is None else f"goal {sign} {verdict.goal:g}"
    word = "" if verdict.goal is None and verdict.held else "held" if verdict.held else "missed"
    print(f"  {verdict.says:58}{value:>8} {verdict.unit:3} {goal:14}{word}".rstrip())
