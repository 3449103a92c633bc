"""One attempt of a reduce task: all partials become one output. Runs in a worker."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from workers.job import JobId, OnExisting, Pipeline, Step
from workers.messages import Earlier, RunReduce
from workers.operations import find_reducing
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.output import Staging, output_failure
from workers.partials import Partial, digest_of, read_list
from workers.pipeline import reduce_step
from workers.publishing import KEPT, Ours, checked, is_as_published, is_since, publish
from workers.step_runs import forget
from workers.wording import count_words, printable

ASK_ABOVE: Final = 64 * 2**20
UP_TO_DATE: Final = "Nothing has changed since its output was made."
NOTHING: Final = "There is nothing to put together: no file could be used."
_GONE: Final = "What was made of {} is gone from Everycore's own folder; start the job anew."


def reduce(
    job: JobId, pipeline: Pipeline, request: RunReduce, ask: Callable[[int], None]
) -> Outcome:
    """Put the listed partials together and publish the output, unless it stands already.

    Calls `ask` at most once, before the work, when it needs much memory.
    """
    step = reduce_step(pipeline)
    assert step is not None, "only a job with a reduce step has a reduce task"
    if request.problem is not None:
        return request.problem
    try:
        partials = read_list(request.listed)
    except OSError as error:
        return output_failure(request.listed.parent, error)
    if not partials:
        return Skip(NOTHING)
    for partial in partials:
        if not partial.path.is_file():
            words = _GONE.format(printable(partial.relative))
            return Failure(FailureKind.OPERATION_FAILED, words)
    earlier, digest = _standing(request), digest_of(partials)
    if earlier is not None and _is_up_to_date(earlier, digest):
        if not earlier.is_own:
            return Skip(UP_TO_DATE, earlier.outputs, earlier.checks)
        size = sum(check.size for check in earlier.checks)
        return Success(earlier.outputs, size, _left_out(request), checks=earlier.checks)
    if _is_kept(request, earlier):
        return Skip(KEPT)
    if (need := find_reducing(step).combined_need(step, partials)) >= ASK_ABOVE:
        ask(need)
    outdated = earlier.outputs if earlier is not None else ()
    outcome = _produce(job, step, partials, request, outdated)
    if not isinstance(outcome, Success):
        return outcome
    checks = tuple(replace(check, input_sha256=digest) for check in outcome.checks)
    words = " ".join(filter(None, (_left_out(request), outcome.warning)))
    return replace(outcome, warning=words, checks=checks)


def _standing(request: RunReduce) -> Earlier | None:
    """Return what was made before, if it is as it was: nobody has edited or moved it."""
    earlier = request.earlier
    if earlier is None or not earlier.outputs:
        return None
    pairs = zip(earlier.outputs, earlier.checks, strict=True)
    return earlier if all(is_as_published(*pair) for pair in pairs) else None


def _is_up_to_date(earlier: Earlier, digest: str) -> bool:
    is_same = all(check.input_sha256 == digest for check in earlier.checks)
    return is_same and not earlier.is_outdated


def _is_kept(request: RunReduce, earlier: Earlier | None) -> bool:
    """Say whether a file of before the job keeps its place, so that no work is needed."""
    if request.on_existing is not OnExisting.SKIP or not os.path.lexists(request.planned):
        return False
    if earlier is not None and request.planned in earlier.outputs:
        return False
    return not is_since(request.planned, _own_since(request, earlier), None)


def _own_since(request: RunReduce, earlier: Earlier | None) -> int | None:
    """Return since when a file under the name is of this task.

    None where the task knows what it made: somebody has edited that, it is theirs now.
    """
    is_edited = request.earlier is not None and request.earlier.is_own and earlier is None
    return None if is_edited else request.own_since_ns


def _produce(
    job: JobId, step: Step, partials: list[Partial], request: RunReduce, outdated: tuple[Path, ...]
) -> Outcome:
    from workers.operations.reopening import reopens

    final = request.planned
    target = Staging(request.folder, job).target(request.task, request.attempt, final.suffix)
    try:
        result = find_reducing(step).combine(step, partials, target)
        if isinstance(result, Failure):
            return result
        if not reopens(target):
            sentence = "The output that was written does not open again."
            return Failure(FailureKind.OPERATION_FAILED, sentence)
        if outdated and outdated[0].suffix == final.suffix:
            final = outdated[0]  # it may have had to take a number then
        earlier = request.earlier if outdated else None
        ours = Ours(since_ns=_own_since(request, earlier), outdated=outdated)
        published = publish(target, final, request.on_existing, ours)
        if not isinstance(published, Path):
            return published
        check = checked(published)
        return Success((published,), check.size, result, checks=(check,))
    except OSError as error:
        return output_failure(request.folder, error)
    finally:
        forget(target)


def _left_out(request: RunReduce) -> str:
    """Return a sentence that names inputs that are not in the output, or nothing."""
    if not request.left_out:
        return ""
    names = ", ".join(request.left_out_names)
    more = request.left_out - len(request.left_out_names)
    words = f"{names} and {more:,} more" if more else names
    return f"Left out, since they failed: {words} ({count_words(request.left_out, 'file')})."
