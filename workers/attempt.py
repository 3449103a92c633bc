"""One attempt of one task, from the opened input to the published output; runs in a worker."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from workers import limits
from workers.errors import JobRefused
from workers.job import Kind, OnExisting, Pipeline, Step, Sweep
from workers.mark import Mark
from workers.messages import Earlier, RunBlock, RunFile, Setup
from workers.name_template import filled_in, is_late
from workers.operations.input_file import InputFile, open_input
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.output import Staging, output_failure
from workers.output_names import fitted
from workers.pipeline import output_suffix, own_code, steps_for
from workers.publishing import KEPT, Ours, checked, is_as_published, is_since, publish
from workers.sandbox import enter

ASK_ABOVE: Final = 64 * 2**20
"""A task that needs less memory than this does not ask: many of them fit any computer."""

MemoryAsk = Callable[[int], None]
"""Called with the bytes a task will take at its peak; returns when it may go on."""

_UP_TO_DATE: Final = "Nothing has changed since its output was made."
_NOT_REOPENED: Final = Failure(
    FailureKind.OPERATION_FAILED, "The output that was written does not open again."
)
_OWN_CODE: Final = "user"
_CHANGED: Final = Failure(FailureKind.BAD_INPUT, "The file changed while it was being read.")
_READ_WORDS = {Kind.IMAGE: "pictures", Kind.TABLE: "tables", Kind.ARRAY: "arrays"}
_WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


def _unasked(_need_bytes: int) -> None:
    """Let every task go on."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a worker holds ready for the tasks of one job."""

    setup: Setup

    def run_file(self, request: RunFile, ask: MemoryAsk = _unasked) -> Outcome:
        """Run the pipeline on one file; its output stands whole under its name, or not at all.

        Calls `ask` at most once, before the first step, when the steps need much memory.
        """
        pipeline = self.setup.pipeline
        if pipeline is None:
            raise JobRefused("This job has no pipeline for files.")
        earlier = _standing(request.earlier)
        if earlier is not None and _is_up_to_date(request.path, earlier):
            return Skip(_UP_TO_DATE, earlier.outputs, earlier.checks)
        outdated = earlier.outputs if earlier is not None else ()
        if self._is_kept(request, outdated):
            return Skip(KEPT)
        outcome = self._read_and_run(request, pipeline, ask, outdated)
        if outcome == _CHANGED:  # somebody just saved it: once more, with what it is now
            outcome = self._read_and_run(request, pipeline, _unasked, outdated)
        return outcome

    def _read_and_run(
        self, request: RunFile, pipeline: Pipeline, ask: MemoryAsk, outdated: Sequence[Path]
    ) -> Outcome:
        opened = open_input(request.path)
        if not isinstance(opened, InputFile):
            return opened
        with opened as source:
            steps = steps_for(pipeline, source.kind)
            if not steps:
                return Skip(_not_read(pipeline))
            need = predicted_need(steps, source)
            if need >= ASK_ABOVE:
                ask(need)
            return self._produce(request, source, steps, outdated)

    def _is_kept(self, request: RunFile, outdated: Sequence[Path]) -> bool:
        """Say whether a file of before the job keeps its place, so that no work is needed."""
        if self.setup.on_existing is not OnExisting.SKIP or request.planned in outdated:
            return False
        if not os.path.lexists(request.planned):
            return False
        mtime_ns = _mtime_ns(request.path) if self.setup.keeps_dates else None
        return not is_since(request.planned, request.own_since_ns, mtime_ns)

    def _produce(
        self,
        request: RunFile,
        source: InputFile,
        steps: Sequence[Step],
        outdated: Sequence[Path],
    ) -> Outcome:
        pipeline = self.setup.pipeline
        assert pipeline is not None
        suffix = output_suffix(pipeline, source.kind, source.suffix)
        staging = Staging(self.setup.output, self.setup.job)
        target = staging.target(request.task, request.attempt, suffix)
        mtime_ns = source.mtime_ns
        try:
            result = self._run_steps(source, steps, target)
            if source.has_changed():
                return _CHANGED
            if isinstance(result, Failure):
                return result
            if (failure := _not_reopened(steps, target)) is not None:
                return failure
            final = _with_suffix(request.planned, suffix)
            is_unplanned = is_late(final)
            if is_unplanned:
                final = _filled_in(final, target)
            elif len(outdated) == 1 and outdated[0].suffix == final.suffix:
                final = outdated[0]  # it may have had to take a number then
            published = publish(
                target,
                final,
                self.setup.on_existing,
                Ours(
                    since_ns=request.own_since_ns,
                    outdated=outdated,
                    shared_since_ns=self.setup.since_ns if is_unplanned else None,
                    mtime_ns=mtime_ns if self.setup.keeps_dates else None,
                ),
            )
            if not isinstance(published, Path):
                return published
            check = checked(published)
        except OSError as error:
            if error.errno in _WRITE_ERRORS or error.filename == str(target):
                return output_failure(self.setup.output, error)
            raise
        finally:
            _forget(target)
        return Success((published,), check.size, warning=result, checks=(check,))

    def _run_steps(self, source: InputFile, steps: Sequence[Step], target: Path) -> Failure | str:
        """Run the steps family by family; in between, the file stands in the staging folder."""
        from workers.operations import find_family

        runs = _runs(steps)
        warnings: list[str] = []
        with ExitStack() as between:
            for number, run in enumerate(runs):
                family = find_family(_family(run[0]))
                is_last = number == len(runs) - 1
                suffix = family.output_suffix(run, source.suffix)
                goal = target if is_last else target.with_suffix(f".{number}{suffix}")
                if not is_last:
                    between.callback(_forget, goal)
                result = family.run(run, source, goal)
                if isinstance(result, Failure):
                    return result
                warnings += [result] if result else []
                if not is_last:
                    opened = open_input(goal)
                    if not isinstance(opened, InputFile):
                        return Failure(FailureKind.OPERATION_FAILED, "A step wrote nothing.")
                    source = between.enter_context(opened)
        return " ".join(warnings)

    def run_block(self, request: RunBlock, mark: Mark) -> Outcome:
        """Evaluate a block of the sweep's points, marking each before it runs."""
        from workers.operations.sweep import evaluate

        if self.setup.sweep is None:
            raise JobRefused("This job has no sweep.")
        return evaluate(self.setup.sweep, self.setup.trusted, request, mark)


def _standing(earlier: Earlier | None) -> Earlier | None:
    """Return it if its outputs are as they were: nobody has edited, moved or replaced one."""
    if earlier is None:
        return None
    pairs = zip(earlier.outputs, earlier.checks, strict=True)
    return earlier if all(is_as_published(*pair) for pair in pairs) else None


def _mtime_ns(path: Path) -> int | None:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return None


def _is_up_to_date(path: Path, earlier: Earlier) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    is_same = (status.st_size, status.st_mtime_ns) == (earlier.size, earlier.mtime_ns)
    return is_same and not earlier.is_outdated


def predicted_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that the steps will take at their peak, from the input's header alone.

    One family's run has ended before the next begins, so the greatest counts. What a run will
    find is not there yet: it is taken to be like the input. Who asked again later, while holding
    what was granted, could wait for another that does the same.
    """
    from workers.operations import find_family

    return max(find_family(_family(run[0])).memory_need(run, source) for run in _runs(steps))


def _runs(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Return the steps as runs of one family each."""
    return [tuple(run) for _, run in groupby(steps, _family)]


def _family(step: Step) -> str:
    return step.operation.partition(".")[0]


def _with_suffix(planned: Path, suffix: str) -> Path:
    """Keep the planned name, but for a file whose content is not what its name said."""
    if planned.name.endswith(suffix):
        return planned
    return planned.with_name(planned.name.removesuffix(planned.suffix) + suffix)


def _not_reopened(steps: Sequence[Step], made: Path) -> Failure | None:
    """Return why an output of ours is none, if so; own code may write what it likes."""
    from workers.operations.reopening import reopens

    if _family(steps[-1]) == _OWN_CODE:
        return None
    with suppress(OSError):  # to publish what is not there, or empty, says so better
        if made.stat().st_size and not reopens(made):
            return _NOT_REOPENED
    return None


def _forget(unfinished: Path) -> None:
    """Delete a temporary file; one on a disk that takes no change is left for the job's end."""
    with suppress(OSError):
        unfinished.unlink()


def _filled_in(planned: Path, made: Path) -> Path:
    """Return the name of a finished output whose name waited for it."""
    from workers.operations.picture_size import picture_size

    try:
        sha256 = checked(made).sha256
    except OSError:  # there is none: to publish it says so
        return planned
    final = filled_in(planned, sha256, lambda: picture_size(made))
    return final.with_name(fitted(final.stem, final.suffix))


def _not_read(pipeline: Pipeline) -> str:
    from workers.operations import find_operation

    kinds = dict.fromkeys(find_operation(step.operation).reads for step in pipeline.steps)
    words = [_READ_WORDS[kind] for kind in kinds if kind in _READ_WORDS]
    return f"This pipeline reads {' and '.join(words) or 'other files'} only."


def prepare(setup: Setup) -> Preparation:
    """Enter the job's sandbox, then check that own code can be loaded; raise what it raises."""
    if setup.sandbox is not None:
        enter(setup.sandbox)
        limits.renew_lifeline()
    for file, function in code_files(setup.pipeline, setup.sweep):
        from workers.operations.user_function import load_function

        load_function(file, function, setup.trusted)
    return Preparation(setup)


def code_files(pipeline: Pipeline | None, sweep: Sweep | None) -> Iterator[tuple[Path, str]]:
    """Yield each file of own code in a job with the function it must define."""
    if sweep is not None:
        yield sweep.file, sweep.function
    if pipeline is not None:
        for file in own_code(pipeline):
            yield file, "process"
