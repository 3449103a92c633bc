"""What the workers of a job are told before their first task."""

from workers.job import JobSpec
from workers.journal import Journal
from workers.messages import Setup
from workers.output import Staging
from workers.sandbox_choice import sandbox_of


def setup_for(journal: Journal, spec: JobSpec, staging: Staging, threads: int) -> Setup:
    """Return it; the libraries of each worker may use so many threads."""
    inputs, _ = journal.inputs()
    return Setup(
        journal.job,
        spec.on_existing,
        spec.pipeline,
        spec.sweep,
        spec.trusted,
        threads,
        sandbox_of(spec, inputs, staging.temporary),
        spec.keeps_dates,
        journal.created_ns,
        spec.is_in_place,
        spec.only_smaller,
        spec.by_content,
    )


def threads_each(workers: int, tasks: int | None) -> int:
    """Return how many threads a worker's libraries may use: more where cores would idle.

    `tasks` is None while their number is not known.
    """
    if not tasks or tasks >= workers:
        return 1
    return workers // tasks
