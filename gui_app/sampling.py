"""Trying five files before the start; tells how long the job is likely to take.

Lives in the window's thread. The files are tried one after the other by the preview's process, on
one core; to look at another file meanwhile ends it.
"""

from collections import deque
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from gui_app.bridge import EngineBridge
from gui_app.previewing import Previewing
from workers import JobId, JobSnapshot, RowPage, RowQuery
from workers.preview import Preview
from workers.sampling import Tried, estimate, sample_queries


class Sampling(QObject):
    """Asks for the files, has them tried, tells the estimate."""

    # how many of how many were tried
    progressed = Signal(int, int)
    # an Estimate, None where no file could be tried; and the number of workers
    estimated = Signal(object, int)

    def __init__(self, bridge: EngineBridge, previewing: Previewing, parent: QObject) -> None:
        """Begin with nothing asked."""
        super().__init__(parent)
        self._bridge = bridge
        self._previewing = previewing
        self._snapshot = JobSnapshot(sequence=0)
        self._queries: deque[RowQuery] = deque()
        self._job: JobId | None = None
        self._files: dict[Path, int] = {}
        self._tried: list[Tried] = []
        self._done = 0
        previewing.measured.connect(self._take)
        previewing.interrupted.connect(self._give_up)

    def take_snapshot(self, snapshot: JobSnapshot) -> None:
        """Remember the job; another one ends what was asked of this."""
        if snapshot.job != self._snapshot.job:
            self._stop()
        self._snapshot = snapshot

    def start(self) -> None:
        """Try files of the job as it is now."""
        total = self._snapshot.counts.total
        self._stop()
        if not total:
            return
        self._job = self._snapshot.job
        self._queries.extend(sample_queries(total))
        self._bridge.request_rows(self._queries[0])

    def take_page(self, page: RowPage) -> None:
        """Collect the files, then have the first one tried."""
        if not self._queries or page.job != self._job or page.query != self._queries[0]:
            return
        self._queries.popleft()
        for row in page.rows:
            if row.path is not None and row.size:
                self._files.setdefault(row.path, row.size)
        if self._queries:
            self._bridge.request_rows(self._queries[0])
        else:
            self._next()

    def _next(self) -> None:
        left = list(self._files)[self._done :]
        self.progressed.emit(self._done, len(self._files))
        if left:
            self._previewing.measure(left[0])
            return
        counts, size = self._snapshot.counts, self._snapshot.bytes_total
        found = estimate(self._tried, counts.waiting, size)
        self.estimated.emit(found, self._snapshot.workers_target)
        self._stop()

    def _take(self, preview: Preview) -> None:
        size = self._files.get(preview.path)
        if size is None:
            return
        self._done += 1
        if preview.after is not None:
            written = None if preview.is_partial else preview.after.size
            self._tried.append(Tried(size, preview.seconds, written))
        self._next()

    def _give_up(self) -> None:
        self._stop()
        self.progressed.emit(0, 0)

    def _stop(self) -> None:
        self._queries.clear()
        self._files.clear()
        self._tried.clear()
        self._done = 0
