"""The open job as a snapshot shows it; in the engine's thread."""

from collections.abc import Iterable
from operator import attrgetter

from msgspec.structs import replace

from workers.active_job import ActiveJob
from workers.job import JobState, WorkerId
from workers.job_workers import TaskView
from workers.snapshot import JobSnapshot, Lane


def lanes_of(job: ActiveJob, views: Iterable[TaskView]) -> tuple[Lane, ...]:
    """Return the lane of each worker; takes their news along."""
    return tuple(
        Lane(
            WorkerId(view.lane),
            view.pid,
            view.state,
            job.name_of(view.task) if view.task is not None else "",
            view.running_s,
            job.view.take_segments(view.lane),
            view.limit_s,
        )
        for view in sorted(views, key=attrgetter("lane"))
    )


def shown_in(frame: JobSnapshot, job: ActiveJob, now: float) -> JobSnapshot:
    """Return the snapshot with the job in it; takes the news along."""
    counts, view = job.counts(), job.view
    bytes_total, bytes_ended, bytes_out, warnings = job.journal.totals()
    tasks_per_s, bytes_per_s = view.throughput.rates(now)
    remaining = None
    if job.is_resting:
        tasks_per_s = bytes_per_s = 0.0
    elif job.state is JobState.RUNNING and not job.is_discovering:
        tasks_left = counts.waiting + counts.running
        remaining = view.throughput.remaining(tasks_left, bytes_total - bytes_ended, now)
    return replace(
        frame,
        job=job.journal.job,
        name=job.journal.name,
        state=job.state,
        is_discovering=job.is_discovering,
        is_watching=job.is_watching,
        counts=counts,
        warnings=warnings,
        bytes_total=bytes_total,
        bytes_ended=bytes_ended,
        bytes_out=bytes_out,
        elapsed_s=view.elapsed(now),
        remaining_s=remaining,
        tasks_per_s=tasks_per_s,
        bytes_per_s=bytes_per_s,
        speed_up=view.speed_up(now),
        markers=view.take_markers(),
        notice=view.notice,
        pause_reason=job.pause_reason,
        refusal=frame.refusal or job.refusal,
        changed_tasks=view.take_changed(),
        output=job.spec.output if job.spec is not None else None,
        pipeline=job.spec.pipeline if job.spec is not None else None,
        sweep=job.spec.sweep if job.spec is not None else None,
        is_in_place=job.spec is not None and job.spec.is_in_place,
    )
