"""One attempt of one task, from the opened input to the published output; runs in a worker."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from workers import disk, limits
from workers.errors import JobRefused
from workers.in_place import CHANGED, standing
from workers.job import Kind, OnExisting, Pipeline, Step
from workers.mark import Mark
from workers.messages import Earlier, RunBlock, RunFile, RunReduce, Setup
from workers.operations import FOLDER, find_family
from workers.operations.input_file import EMPTY, InputFile, open_input
from workers.outcome import Failure, FailureKind, Outcome, OutputCheck, Salvaged, Skip, Success
from workers.output import Staging, output_failure
from workers.pipeline import (
    companions,
    families_of,
    output_suffix,
    own_steps,
    reduce_step,
    steps_for,
    takes_empty,
)
from workers.placing import Made, place
from workers.publishing import KEPT, checked, is_as_published, is_since
from workers.sandbox import enter
from workers.step_runs import family_of, forget, predicted_need, run_steps

ASK_ABOVE: Final = 64 * 2**20
"""A task that needs less memory than this does not ask: many of them fit any computer."""

MemoryAsk = Callable[[int], None]
"""Called with the bytes a task will take at its peak; returns when it may go on."""

_DONE_BEFORE: Final = "It is the result of this pipeline already."
_SUMMARY: Final = "The pipeline writes a summary, which does not take the place of the original."
_UP_TO_DATE: Final = "Nothing has changed since its output was made."
_NOT_REOPENED: Final = Failure(
    FailureKind.OPERATION_FAILED, "The output that was written does not open again."
)
_OWN_CODE: Final = "user"
_READ_WORDS = {Kind.IMAGE: "pictures", Kind.TABLE: "tables", Kind.ARRAY: "arrays"}
_WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


def _unasked(_need_bytes: int) -> None:
    """Let every task go on."""


class Preparation(Struct, frozen=True):
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
        if earlier is None and request.earlier is not None and request.earlier.is_own:
            # Somebody has edited what this job made: it is theirs now.
            request = replace(request, own_since_ns=None)
        if self.setup.is_in_place:
            if (known := self._known_in_place(request, earlier)) is not None:
                return known
        elif earlier is not None and self._is_up_to_date(request.path, earlier):
            return Skip(_UP_TO_DATE, earlier.outputs, earlier.checks)
        outdated = earlier.outputs if earlier is not None else ()
        if self._is_kept(request, outdated):
            return Skip(KEPT)
        outcome = self._read_and_run(request, pipeline, ask, outdated)
        if outcome == CHANGED:  # somebody just saved it: once more, with what it is now
            outcome = self._read_and_run(request, pipeline, _unasked, outdated)
        return outcome

    def _is_up_to_date(self, path: Path, earlier: Earlier) -> bool:
        """Say whether the input is what it was; by its content where that was asked for."""
        try:
            status = path.lstat()
            if status.st_size != earlier.size or earlier.is_outdated:
                return False
            known = earlier.checks[0].input_sha256 if earlier.checks else ""
            if self.setup.by_content and known and stat.S_ISREG(status.st_mode):
                return checked(path).sha256 == known
        except OSError:
            return False
        return status.st_mtime_ns == earlier.mtime_ns

    def _known_in_place(self, request: RunFile, earlier: Earlier | None) -> Outcome | None:
        """Return how the task ended already, in an attempt that was killed or in an earlier job."""
        if self.setup.by_content:
            if (check := _result(request)) is not None:
                return Skip(_DONE_BEFORE, (request.path,), (check,))
        elif earlier is not None and not earlier.is_outdated:
            return Skip(_DONE_BEFORE, earlier.outputs, earlier.checks)
        if request.own_since_ns is None:
            return None
        try:
            made = standing(request.folder, self.setup.job, request.task, request.path)
        except OSError as error:
            return output_failure(request.folder, error)
        if made is None:
            return None
        output, check = made
        return Success((output,), check.size, checks=(check,))

    def _read_and_run(
        self, request: RunFile, pipeline: Pipeline, ask: MemoryAsk, outdated: Sequence[Path]
    ) -> Outcome:
        opened = open_input(request.path, may_be_empty=True)
        if not isinstance(opened, InputFile):
            return self._unopened(request, opened)
        with opened as source:
            steps = steps_for(pipeline, source.kind)
            if not steps:
                return Skip(_not_read(pipeline))
            if not source.size and not takes_empty(pipeline):
                return Failure(FailureKind.BAD_INPUT, EMPTY)
            need = predicted_need(steps, source)
            if need >= ASK_ABOVE:
                ask(need)
            return self._produce(request, source, steps, outdated)

    def _unopened(self, request: RunFile, why: Failure | Skip) -> Failure | Skip:
        """Return why an input was not opened: in place, its drive may be away, and come back."""
        if self.setup.is_in_place and not request.folder.is_dir():
            gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(request.folder))
            return output_failure(request.folder, gone)
        return why

    def _is_kept(self, request: RunFile, outdated: Sequence[Path]) -> bool:
        """Say whether a file of before the job keeps its place, so that no work is needed."""
        if self.setup.is_in_place or self.setup.on_existing is not OnExisting.SKIP:
            return False
        if self._makes_folder():  # of which the files are not known yet
            return False
        if request.planned in outdated:
            return False
        if not os.path.lexists(request.planned):
            return False
        mtime_ns = _mtime_ns(request.path) if self.setup.keeps_dates else None
        return not is_since(request.planned, request.own_since_ns, mtime_ns)

    def _makes_folder(self) -> bool:
        assert self.setup.pipeline is not None
        pipeline = self.setup.pipeline
        return any(FOLDER in companions(pipeline, kind, "") for kind in Kind)

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
        staging = Staging(request.folder, self.setup.job)
        if self.setup.is_in_place:
            if suffix.count(".") > 1:
                return Skip(_SUMMARY)
            if (failure := staging.restore()) is not None:
                return failure
        target = staging.target(request.task, request.attempt, suffix)
        beside = companions(pipeline, source.kind, source.suffix)
        made = Made(self.setup, request, target, suffix, tuple(outdated), beside)
        try:
            result = run_steps(source, steps, target)
            if source.has_changed():
                return CHANGED
            if isinstance(result, Failure):
                return result
            if (failure := _not_reopened(steps, made.written)) is not None:
                return failure
            outcome = place(made._replace(is_salvaged=isinstance(result, Salvaged)), source)
        except OSError as error:
            if error.errno in _WRITE_ERRORS or error.filename == str(target):
                return output_failure(request.folder, error)
            raise
        finally:
            for written in made.written:
                forget(written)
        if isinstance(outcome, Success):
            outcome = self._with_input(outcome, source)
            if reduce_step(pipeline) is not None:  # what counts as written is what they become
                outcome = replace(outcome, bytes_out=0)
            words = " ".join(part for part in (result, outcome.warning) if part)
            return replace(outcome, warning=words)
        return outcome

    def _with_input(self, made: Success, source: InputFile) -> Success:
        """Note what the input was, where a later job is to know it by that."""
        if not self.setup.by_content or self.setup.is_in_place:
            return made
        sha256 = disk.digest(source.fileno())
        return replace(made, checks=tuple(replace(c, input_sha256=sha256) for c in made.checks))

    def run_reduce(self, request: RunReduce, ask: MemoryAsk = _unasked) -> Outcome:
        """Put what was made of all inputs into one output, whole under its name or not at all."""
        from workers.reduce_attempt import reduce

        if self.setup.pipeline is None:
            raise JobRefused("This job has no pipeline for files.")
        return reduce(self.setup.job, self.setup.pipeline, request, ask)

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


def _result(request: RunFile) -> OutputCheck | None:
    """Return what the file is now where an earlier job made its content, whatever its time."""
    earlier = request.earlier
    if earlier is None or earlier.is_outdated:
        return None
    try:
        if request.path.lstat().st_size not in {check.size for check in earlier.checks}:
            return None
        check = checked(request.path)
    except OSError:  # to read it says why
        return None
    return check if check.sha256 in {each.sha256 for each in earlier.checks} else None


def _mtime_ns(path: Path) -> int | None:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return None


def _not_reopened(steps: Sequence[Step], written: Sequence[Path]) -> Failure | None:
    """Return why an output of ours is none, if so; own code may write what it likes."""
    from workers.operations.reopening import reopens

    if family_of(steps[-1]) == _OWN_CODE:
        return None
    for made in written:
        with suppress(OSError):  # to publish what is not there, or empty, says so better
            if made.stat().st_size and not reopens(made):
                return _NOT_REOPENED
    return None


def _not_read(pipeline: Pipeline) -> str:
    from workers.operations import find_operation

    last = reduce_step(pipeline)
    steps = pipeline.steps if last is None else (last,)
    kinds = dict.fromkeys(find_operation(step.operation).reads for step in steps)
    words = [_READ_WORDS[kind] for kind in kinds if kind in _READ_WORDS]
    return f"This pipeline reads {' and '.join(words) or 'other files'} only."


def prepare(setup: Setup) -> Preparation:
    """Enter the job's sandbox, then check that steps can run; raise what own code raises.

    Raises JobRefused where a family says that its steps can run on no input.
    """
    if setup.sandbox is not None:
        enter(setup.sandbox)
        limits.renew_lifeline()
    if setup.sweep is not None:
        from workers.operations.user_function import load_function

        load_function(setup.sweep.file, setup.sweep.function, setup.trusted)
    for step in () if setup.pipeline is None else own_steps(setup.pipeline):
        from workers.operations.user_function import load_step

        load_step(step, setup.trusted)
    for family, steps in families_of(setup.pipeline.steps if setup.pipeline else ()):
        told = getattr(find_family(family), "refusal", None)
        if told is not None and (said := told(steps)):
            raise JobRefused(said)
    return Preparation(setup)
