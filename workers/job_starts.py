"""Whether a job, as it stands, can do what is asked of it. Belongs to the engine's thread."""

from workers.active_job import ActiveJob
from workers.errors import JobRefused
from workers.job import JobSpec, JobState
from workers.operations.user_function import check_source, digest
from workers.wording import printable


def over(job: ActiveJob) -> ActiveJob:
    """Return the job if it is over; JobRefused while it is not."""
    if not (job.state.is_ended or job.state is JobState.STOPPED):
        raise JobRefused("Only a job that is over can be undone.")
    return quiet(job)


def quiet(job: ActiveJob) -> ActiveJob:
    """Return the job; JobRefused while what it leaves is still being put in order."""
    if job.is_recording:
        raise JobRefused("The job is still being put in order; try again in a moment.")
    return job


def again(job: ActiveJob) -> JobSpec:
    """Return what an ended job does, to be done again; raise JobRefused where that makes no sense.

    A sweep is the same each time; own code must be what was allowed.
    """
    if not job.state.is_ended or job.spec is None or job.spec.sweep is not None:
        raise JobRefused("Only a job over files that has ended can be run again.")
    quiet(job)
    check_own_code(job.spec)
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


def check_own_code(spec: JobSpec) -> None:
    """Raise JobRefused unless each .py file of the job is sound and was allowed by its digest."""
    from workers.attempt import code_files

    for file, function in code_files(spec.pipeline, spec.sweep):
        if problem := check_source(file, function):
            raise JobRefused(problem)
        if digest(file) not in spec.trusted:
            raise JobRefused(f"{printable(file.name)} has not been allowed to run.")
