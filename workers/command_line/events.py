"""The lines of `--json`: one object a line, ASCII only, exact.

`task_finished` comes once for each task that ends, `job_finished` last; a job that was
interrupted or paused itself ends with `job_stopped` instead. `watching` says that a job with
`--watch` has found all that was there and now waits for what comes. `state` is a task's final
state, `failure` the stable code of why it failed, `message` the sentence. A path that is not UTF-8
is written escaped, with its exact bytes in base64 beside it.
"""

import base64
import json
import os
from typing import Final

from workers.job import JobState
from workers.report import exact_name, input_name
from workers.snapshot import JobEntry, JobSnapshot, TaskRow

# A traceback or an error text of user code may be of any length.
_LONGEST_DETAIL: Final = 20_000


def task_line(row: TaskRow) -> str:
    """Return the `task_finished` line of an ended task."""
    name, name_base64 = input_name(row)
    event: dict[str, object] = {
        "event": "task_finished",
        "input": name,
        "outputs": [exact_name(path)[0] for path in row.outputs],
        "state": row.state.value,
        "seconds": round(row.seconds, 6),
        "bytes_in": row.size,
        "bytes_out": row.bytes_out,
        "message": row.message,
        "kind": row.kind.value,
        "failure": None if row.failure is None else row.failure.value,
        "attempts": row.attempts,
    }
    if name_base64:
        event["input_base64"] = name_base64
    if any(exact_name(path)[1] for path in row.outputs):
        event["outputs_base64"] = [
            base64.b64encode(os.fsencode(path)).decode("ascii") for path in row.outputs
        ]
    if row.has_warning:
        event["warning"] = True
    if row.path is None:
        event["points"] = row.points
        event["failed_points"] = row.failed_points
    if row.detail:
        event["detail"] = row.detail[:_LONGEST_DETAIL]
    return json.dumps(event)


def watching_line() -> str:
    """Return the `watching` line."""
    return json.dumps({"event": "watching"})


def job_line(snapshot: JobSnapshot) -> str:
    """Return the last line: `job_finished`, or `job_stopped` where something is left to do."""
    counts = snapshot.counts
    event: dict[str, object] = {
        "event": "job_finished" if snapshot.state.is_ended else "job_stopped",
        "job": snapshot.job,
        # The engine has closed: what it had not finished is stopped now.
        "state": (snapshot.state if snapshot.state.is_ended else JobState.STOPPED).value,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "cancelled": counts.cancelled,
        "bytes_in": snapshot.bytes_ended,
        "bytes_out": snapshot.bytes_out,
        "seconds": round(snapshot.elapsed_s, 3),
        "speed_up": None if snapshot.speed_up is None else round(snapshot.speed_up, 2),
    }
    if snapshot.output is not None:
        event["output"], output_base64 = exact_name(snapshot.output)
        if output_base64:
            event["output_base64"] = output_base64
    if not snapshot.state.is_ended:
        event["waiting"] = counts.waiting + counts.running
        event["reason"] = snapshot.pause_reason
    return json.dumps(event)


def entry_line(entry: JobEntry) -> str:
    """Return a journalled job as `everycore jobs --json` prints it."""
    counts = entry.counts
    event: dict[str, object] = {
        "event": "job",
        "job": entry.job,
        "name": exact_name(entry.name)[0],
        "state": entry.state.value,
        "pipeline": exact_name(entry.pipeline_name)[0],
        "created_at": entry.created_at,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "cancelled": counts.cancelled,
        "waiting": counts.waiting + counts.running,
        "seconds": round(entry.elapsed_s, 3),
        "can_resume": entry.state in (JobState.STOPPED, JobState.PAUSED),
    }
    if entry.output is not None:
        event["output"], output_base64 = exact_name(entry.output)
        if output_base64:
            event["output_base64"] = output_base64
    return json.dumps(event)
