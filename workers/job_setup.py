"""What the workers of a job are told before their first task."""

from workers.job import JobSpec, OnExisting
from workers.journal import Journal
from workers.messages import Setup
from workers.output import Staging
from workers.reduction import Reduction
from workers.sandbox_choice import sandbox_of


def setup_for(
    journal: Journal, spec: JobSpec, staging: Staging, reduction: Reduction | None, threads: int
) -> Setup:
    """Return it; the libraries of each worker may use so many threads.

    Partials are each made in their place, whatever the output is to be like.
    """
    inputs, _ = journal.inputs()
    is_reduced = reduction is not None
    partials = () if reduction is None else (reduction.folder,)
    return Setup(
        journal.job,
        OnExisting.REPLACE if is_reduced else spec.on_existing,
        spec.pipeline,
        spec.sweep,
        spec.trusted,
        threads,
        sandbox_of(spec, inputs, staging.temporary, partials),
        spec.keeps_dates and not is_reduced,
        journal.created_ns,
        spec.is_in_place,
        spec.only_smaller and not is_reduced,
        spec.by_content,
    )


def threads_each(workers: int, tasks: int | None) -> int:
    """Return how many threads a worker's libraries may use: more where cores would idle.

    `tasks` is None while their number is not known.
    """
    if not tasks or tasks >= workers:
        return 1
    return workers // tasks
