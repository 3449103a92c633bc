"""Consecutive steps of one family, run one after the other on one input; runs in a worker."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import groupby
from pathlib import Path

from workers.job import Step
from workers.operations.input_file import InputFile, open_input
from workers.outcome import Failure, FailureKind, Salvaged


def family_of(step: Step) -> str:
    """Return the part of a step's operation before the dot."""
    return step.operation.partition(".")[0]


def predicted_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that the steps will take at their peak, from the input's header alone.

    One family's run has ended before the next begins, so the greatest counts. What a run will
    find is not there yet: it is taken to be like the input. Who asked again later, while holding
    what was granted, could wait for another that does the same.
    """
    from workers.operations import find_family

    return max(find_family(family_of(run[0])).memory_need(run, source) for run in _runs(steps))


def run_steps(source: InputFile, steps: Sequence[Step], target: Path) -> Failure | str:
    """Run the steps family by family; in between, the file stands beside the target.

    Returns a warning sentence, Salvaged where a step says so, or "". Raises OSError when the
    output cannot be written.
    """
    from workers.operations import find_family

    runs = _runs(steps)
    warnings: list[str] = []
    with ExitStack() as between:
        for number, run in enumerate(runs):
            family = find_family(family_of(run[0]))
            is_last = number == len(runs) - 1
            suffix = family.output_suffix(run, source.suffix)
            goal = target if is_last else target.with_suffix(f".{number}{suffix}")
            if not is_last:
                between.callback(forget, goal)
            result = family.run(run, source, goal)
            if isinstance(result, Failure):
                return result
            warnings += [result] if result else []
            if not is_last:
                opened = open_input(goal)
                if not isinstance(opened, InputFile):
                    return Failure(FailureKind.OPERATION_FAILED, "A step wrote nothing.")
                source = between.enter_context(opened)
    words = " ".join(warnings)
    return Salvaged(words) if any(isinstance(each, Salvaged) for each in warnings) else words


def forget(unfinished: Path) -> None:
    """Delete a temporary file or folder; what cannot be deleted is left for the job's end."""
    with suppress(OSError):
        if unfinished.is_dir() and not unfinished.is_symlink():
            shutil.rmtree(unfinished)
        else:
            unfinished.unlink()


def _runs(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    return [tuple(run) for _, run in groupby(steps, family_of)]
