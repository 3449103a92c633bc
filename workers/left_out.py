"""Points of a sweep that kill their worker: found by the worker's mark, left out of the next try.

Belongs to the engine's thread. A point is left out when its worker was killed for its deadline,
or died twice on it; the other points of its block lose nothing.
"""

from msgspec.structs import replace

from workers.events import WorkerLost
from workers.job import TaskId
from workers.worker_endings import ending_words


class LeftOutPoints:
    """For each block that lost a worker: the points not to run, each with its sentence."""

    def __init__(self) -> None:
        """Start with every point in."""
        self._sentences: dict[TaskId, dict[int, str]] = {}
        self._crashed_at: dict[TaskId, int] = {}

    def of(self, task: TaskId) -> dict[int, str]:
        """Return the points of a block that are left out, by their offset in it."""
        return self._sentences.get(task, {})

    def judged(self, event: WorkerLost, task: TaskId) -> WorkerLost:
        """Return the event, excused when the guilty point is now left out."""
        is_second = self._crashed_at.get(task) == event.position
        self._crashed_at[task] = event.position
        if event.cause is None and not is_second:
            return event
        crashed = f"The worker crashed twice here ({ending_words(event.exit_code)})."
        sentence = event.cause.message if event.cause is not None else crashed
        self._sentences.setdefault(task, {})[event.position] = sentence
        return replace(event, is_excused=True)
