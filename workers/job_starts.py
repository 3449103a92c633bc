"""Whether a job, as it stands, can do what is asked of it. Belongs to the engine's thread."""

from collections.abc import Iterator
from pathlib import Path

from workers.active_job import ActiveJob
from workers.errors import JobRefused, PipelineError
from workers.job import JobSpec, JobState, Kind
from workers.name_template import NameTemplate
from workers.operations import find_operation
from workers.operations.code_steps import check_step
from workers.operations.table_declarations import SPLIT
from workers.operations.tables import SPLIT_IS_LAST
from workers.operations.user_function import check_source, digest
from workers.operations.watermark_picture import problem_of
from workers.pipeline import (
    companions,
    named_pictures,
    own_steps,
    reduce_problem,
    reduce_step,
    steps_for,
)
from workers.undo import undo, undone_lines
from workers.wording import printable


def undoing(job: ActiveJob) -> Iterator[None]:
    """Return what undoes a job, some tasks at each step; JobRefused while it is not over."""
    if not (job.state.is_ended or job.state is JobState.STOPPED):
        raise JobRefused("Only a job that is over can be undone.")
    return _undone(job)


def _undone(job: ActiveJob) -> Iterator[None]:
    words = "Nothing was there to undo."
    for done in undo(job.journal):
        if done is not None:
            words = " ".join(undone_lines(done))
            job.undone(words, is_over=False)
        yield
    job.undone(words, is_over=True)


def again(job: ActiveJob) -> JobSpec:
    """Return what an ended job does, to be done again; raise JobRefused where that makes no sense.

    A sweep is the same each time; own code must be what was allowed.
    """
    if not job.state.is_ended or job.spec is None or job.spec.sweep is not None:
        raise JobRefused("Only a job over files that has ended can be run again.")
    check_spec(job.spec)
    return job.spec


def may_start(job: ActiveJob, spec: JobSpec) -> bool:
    """Say whether a job may be started as the spec says; a sweep takes an ended one's place."""
    if spec.sweep is not None:
        return not job.is_open_ended
    is_sweep = job.spec is not None and job.spec.sweep is not None
    return job.state in (JobState.DRAFT, JobState.STOPPED) and not is_sweep


def is_of(job: ActiveJob | None, spec: JobSpec) -> bool:
    """Say whether a stopped job is of this very sweep and code, so that its results count."""
    if job is None or job.state is not JobState.STOPPED or job.spec is None:
        return False
    return (job.spec.sweep, job.spec.trusted) == (spec.sweep, spec.trusted)


def check_spec(spec: JobSpec) -> None:
    """Raise JobRefused where the job asks for code, pictures, places or names it cannot have."""
    _check_own_code(spec)
    _check_pictures(spec)
    _check_in_place(spec)
    _check_reduce(spec)
    _check_split(spec)


def _check_reduce(spec: JobSpec) -> None:
    """Raise JobRefused where all inputs are to become one output, and that cannot be."""
    if spec.pipeline is None:
        return
    if (problem := reduce_problem(spec.pipeline)) is not None:
        raise JobRefused(problem[1])
    step = reduce_step(spec.pipeline)
    if step is None:
        return
    label = find_operation(step.operation).label
    if spec.is_in_place:
        raise JobRefused(f"{label} makes one file of all; it cannot take the place of each.")
    if spec.is_watching:
        raise JobRefused(
            f"{label} needs all files before it begins, and a watch never has them all. "
            "Run the job again when there are new files: what has not changed is not read again."
        )
    if spec.names:
        raise JobRefused(
            f"{label} names its file itself; a template for names is not for this pipeline."
        )


def _check_in_place(spec: JobSpec) -> None:
    """Raise JobRefused where outputs are to take their inputs' places, and there are several."""
    if spec.is_in_place and spec.pipeline is not None:
        suffixes = (".jpg", ".csv", ".npy", ".txt")
        pairs = ((kind, suffix) for kind in Kind for suffix in suffixes)
        if any(companions(spec.pipeline, kind, suffix) for kind, suffix in pairs):
            raise JobRefused("This pipeline makes several files of one; none can take its place.")


def _check_split(spec: JobSpec) -> None:
    """Raise JobRefused where one step makes a folder of files and another is to go on with it."""
    if spec.pipeline is None:
        return
    for kind in Kind:
        steps = steps_for(spec.pipeline, kind)
        if any(step.operation == SPLIT for step in steps[:-1]):
            raise JobRefused(SPLIT_IS_LAST)
        is_split = bool(steps) and steps[-1].operation == SPLIT
        if is_split and spec.names and NameTemplate(spec.names).is_late:
            raise JobRefused("A folder of files is not named by {width}, {height} or {hash}.")


def _check_pictures(spec: JobSpec) -> None:
    """Raise JobRefused where a picture that the pipeline lays over others cannot be one."""
    for picture in named_pictures(spec.pipeline) if spec.pipeline is not None else ():
        if problem := problem_of(picture):
            raise JobRefused(problem)


def _check_own_code(spec: JobSpec) -> None:
    """Raise JobRefused unless each .py file of the job is sound and was allowed by its digest."""
    if spec.sweep is not None:
        _check_file(spec, spec.sweep.file, spec.sweep.function)
    for step in () if spec.pipeline is None else own_steps(spec.pipeline):
        assert step.file is not None
        try:
            function = check_step(step)
        except PipelineError as error:
            raise JobRefused(str(error)) from error
        _check_file(spec, step.file, function.name)


def _check_file(spec: JobSpec, file: Path, function: str) -> None:
    if problem := check_source(file, function):
        raise JobRefused(problem)
    if digest(file) not in spec.trusted:
        raise JobRefused(f"{printable(file.name)} has not been allowed to run.")
