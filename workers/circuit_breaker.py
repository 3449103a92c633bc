"""When deaths of workers are no longer one file's fault, and the job should pause; pure.

Counts what happens in a row: crashes under tasks, workers that end before they are ready, workers
that never say a word.
"""

from typing import Final

from workers.events import WorkerLost
from workers.worker_endings import ending_words

# So many in a row, and the cause is the operation or the computer, not one file.
CRASHES_IN_A_ROW: Final = 20
EARLY_DEATHS_IN_A_ROW: Final = 5
# Each of these costs the whole patience with a starting worker.
SILENCES_IN_A_ROW: Final = 2


class CircuitBreaker:
    """The counts of one job."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: somebody has looked at it and said Continue."""
        self._crashes = self._early_deaths = self._silences = 0

    def worker_ready(self) -> None:
        """Note that a worker got ready."""
        self._early_deaths = 0

    def attempt_ended(self) -> None:
        """Note that a worker survived a task, whatever came of it."""
        self._crashes = self._silences = 0

    def crashed(self) -> None:
        """Note that a task's worker died under it, and not by our hand."""
        self._crashes += 1

    def worker_lost(self, event: WorkerLost, *, is_leaving: bool) -> None:
        """Note that a worker is gone, however it was lost; one that was leaving may go unready."""
        if not event.was_ready and not event.lacked_room and not is_leaving:
            self._early_deaths += 1
        self._silences += event.silent_s > 0

    def reason(self, event: WorkerLost) -> str:
        """Return why the job should pause after that loss, empty when it need not."""
        words = ending_words(event.exit_code)
        if self._silences >= SILENCES_IN_A_ROW:
            return f"Workers do not get ready within {event.silent_s:.0f} s."
        if self._early_deaths >= EARLY_DEATHS_IN_A_ROW:
            return f"Workers end before they are ready ({words})."
        if self._crashes >= CRASHES_IN_A_ROW:
            return (
                f"The last {self._crashes} attempts all crashed their worker ({words}); "
                "the cause is probably not one file."
            )
        return ""
