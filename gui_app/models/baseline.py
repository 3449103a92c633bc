"""What one core takes for the job: measured where a few files were tried before the start."""

from typing import Final

from PySide6.QtCore import QObject

from workers import JobId, JobSnapshot, JobState
from workers.sampling import Estimate

# The share of the bytes from which on the first files do not sway what is told.
_TOLD_FROM: Final = 0.1


class Baseline(QObject):
    """Compares the job with the files that were tried; shared by all that show the speed-up."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._snapshot = JobSnapshot(sequence=0)
        self._measured: tuple[JobId, float] | None = None

    def apply(self, snapshot: JobSnapshot) -> None:
        """Remember the job."""
        self._snapshot = snapshot

    def take(self, found: Estimate | None, _workers: int = 1) -> None:
        """Compare from now on with what a few files took on one core, of the job as it is now."""
        job = self._snapshot.job
        self._measured = None if found is None or job is None else (job, found.seconds)

    def forget(self, *_pipeline: object) -> None:
        """Compare with no measurement, before the start: other steps take another time."""
        if self._snapshot.state in (JobState.EMPTY, JobState.DRAFT):
            self._measured = None

    def speed_up(self, snapshot: JobSnapshot) -> float | None:
        """Return how much faster the job is than one core was; None while that is not known."""
        if self._measured is None or self._measured[0] != snapshot.job:
            return None
        share = snapshot.bytes_ended / max(1, snapshot.bytes_total)
        if share < _TOLD_FROM or not snapshot.elapsed_s:
            return None
        return self._measured[1] * share / snapshot.elapsed_s
