"""EngineBridge: the one door to the engine process and to the journals.

A QThread of its own. It sleeps until the engine speaks or the window asks; commands go in, only
frozen values come out. At most one snapshot leaves in 33 ms: those that come faster are merged.
It works in Python for no more than a few milliseconds at a stretch, since each of them is one
in which the window's thread may have to wait for the interpreter.
"""

import logging
import time
from collections import deque
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import QObject, QThread, Signal

from workers import JobId, JobSnapshot, JobState, RowQuery, TaskId, WorkerId
from workers.commands import Command, OpenJob
from workers.engine_process import EngineProcess, take_left_job
from workers.errors import EngineLost, EverycoreError
from workers.folders import journals_folder
from workers.journal import JournalReader, discard_drafts, journal_path, list_jobs
from workers.operations.sweep import numbers_of
from workers.snapshot import LaneSegment
from workers.typed import override

SNAPSHOT_EVERY_S: Final = 0.033
# A block holds some thousand values at most: a few milliseconds.
BLOCKS_AT_ONCE: Final = 4
# An engine that dies again and again is not started for ever.
RESTARTS_MOST: Final = 3
STEADY_AFTER_S: Final = 60.0
_log: Final = logging.getLogger(__name__)


class EngineBridge(QThread):
    """Starts or finds the engine, carries commands to it and snapshots and rows from it."""

    snapshot_ready = Signal(object)
    page_ready = Signal(object)
    history_ready = Signal(object)
    # (job, [(first point, numbers)]) of a sweep's blocks that have ended since
    values_ready = Signal(object, object)
    engine_lost = Signal(str)
    # the first snapshot of a job that an earlier window had left running
    job_met = Signal(object)

    def __init__(
        self, workers: int, parent: QObject | None = None, *, is_fresh: bool = False
    ) -> None:
        """Prepare for an engine with so many workers; `start` starts both thread and engine.

        Unless it is to be fresh, an engine that runs without a window is taken over instead.
        """
        super().__init__(parent)
        self.setObjectName("engine-bridge")
        self._workers = workers
        self._may_attach = not is_fresh
        self._is_detaching = False
        self._is_meeting = False
        self._commands: deque[Command] = deque()
        self._queries: deque[RowQuery] = deque()
        self._is_history_wanted = False
        self._are_values_wanted = False
        self._told_values: set[TaskId] = set()
        self._has_ended = False
        self._has_told_history = False
        self._is_stopping = False
        self._is_rung = False
        self._bell, self._button = Pipe(duplex=False)
        self._waiting: JobSnapshot | None = None
        self._emitted_at = 0.0
        self._job: JobId | None = None
        self._reader: JournalReader | None = None

    # ---- from any thread

    def send(self, command: Command) -> None:
        """Ask the engine for something; returns at once."""
        self._commands.append(command)
        self._ring()

    def request_rows(self, query: RowQuery) -> None:
        """Ask for rows of the open job; `page_ready` answers, later queries may overtake."""
        self._queries.append(query)
        self._ring()

    def request_values(self) -> None:
        """Ask for a sweep's values that have come since; `values_ready` answers."""
        self._are_values_wanted = True
        self._ring()

    def request_history(self) -> None:
        """Ask for the list of journalled jobs; `history_ready` answers."""
        self._is_history_wanted = True
        self._ring()

    def detach(self) -> None:
        """End this thread and let the engine go on alone, once it has all that was sent."""
        self._is_detaching = True
        self.stop()

    def stop(self) -> None:
        """End the engine and this thread; waits for both."""
        self._is_stopping = True
        self._ring()
        self.wait()

    def _ring(self) -> None:
        if not self._is_rung:  # one ring is enough, and many could fill the pipe
            self._is_rung = True
            self._button.send_bytes(b"!")

    # ---- the bridge's thread

    @override
    def run(self) -> None:
        """Serve the window until it stops us; an engine that dies is started again."""
        restarts = 0
        while not self._is_stopping:
            started_at = time.monotonic()
            try:
                self._serve_one_engine()
            except EngineLost as error:
                has_served = time.monotonic() - started_at > STEADY_AFTER_S
                restarts = 1 if has_served else restarts + 1
                _log.error("engine lost: %s", error)
                self.engine_lost.emit(_lost_words(restarts))
                if restarts > RESTARTS_MOST:
                    return
                if self._job is not None:
                    self._commands.appendleft(OpenJob(self._job))
            except Exception:  # noqa: BLE001  # Qt only prints what a thread raises: tell it
                _log.exception("the bridge failed")
                self.engine_lost.emit("Everycore met an error of its own; see the log.")
                return

    def _serve_one_engine(self) -> None:
        engine = self._find_engine()
        try:
            while not self._is_stopping:
                self._turn(engine)
            if self._is_detaching:
                self._send_all(engine)
                engine.detach()
        finally:
            engine.close()
            self._close_reader()

    def _find_engine(self) -> EngineProcess:
        """Return the engine that an earlier window left running, else one of our own."""
        if self._may_attach:
            self._may_attach = False  # whoever replaces a lost engine is our own
            if (engine := EngineProcess.attach()) is not None:
                self._is_meeting = True
                return engine
            if (left := take_left_job()) is not None and _can_be_opened(left):
                self._is_meeting = True
                self._commands.appendleft(OpenJob(left))
        return EngineProcess.start(self._workers)

    def _turn(self, engine: EngineProcess) -> None:
        ready = wait([engine.connection, self._bell], self._pause_s())
        if self._bell in ready:
            self._bell.recv_bytes()
            self._is_rung = False
        self._send_all(engine)
        if engine.connection in ready:
            self._take(engine.receive())
        self._emit_snapshot()
        if self._queries:
            self._answer(self._queries.popleft())
        if self._is_history_wanted:
            self._is_history_wanted = False
            self._tell_history()
        if self._are_values_wanted:
            self._are_values_wanted = False
            self._tell_values()

    def _tell_history(self) -> None:
        entries = list_jobs(journals_folder())
        self.history_ready.emit(entries)
        if not self._has_told_history:  # later a draft may be our own, of an engine just lost
            self._has_told_history = True
            discard_drafts(journals_folder(), entries)

    def _send_all(self, engine: EngineProcess) -> None:
        while self._commands:
            engine.send(self._commands.popleft())

    def _pause_s(self) -> float | None:
        """Return how long to sleep at most: not at all, until a snapshot is due, or for ever."""
        if self._queries or self._is_history_wanted or self._are_values_wanted:
            return 0.0
        if self._waiting is not None:
            return max(0.0, self._emitted_at + SNAPSHOT_EVERY_S - time.monotonic())
        return None

    def _take(self, snapshot: JobSnapshot) -> None:
        if snapshot.job != self._job:
            self._job = snapshot.job
            self._close_reader()
        if self._has_ended and not snapshot.state.is_ended:
            self._told_values.clear()  # what failed is run again
        self._has_ended = snapshot.state.is_ended
        self._waiting = snapshot if self._waiting is None else merged(self._waiting, snapshot)

    def _emit_snapshot(self) -> None:
        now = time.monotonic()
        if self._waiting is not None and now - self._emitted_at >= SNAPSHOT_EVERY_S:
            self._emitted_at = now
            snapshot, self._waiting = self._waiting, None
            self.snapshot_ready.emit(snapshot)
            if self._is_meeting and snapshot.job is not None:
                self._is_meeting = False
                self.job_met.emit(snapshot)

    def _answer(self, query: RowQuery) -> None:
        if self._job is None:
            return
        # A job that was closed a moment ago has no rows any more; nobody waits for them.
        with suppress(EverycoreError, OSError):
            self.page_ready.emit(self._opened(self._job).rows(query))

    def _tell_values(self) -> None:
        """Tell a few blocks at a time, and come back for the others."""
        if self._job is None:
            return
        with suppress(EverycoreError, OSError):
            reader = self._opened(self._job)
            new = [task for task in reader.blocks_with_values() if task not in self._told_values]
            some = new[:BLOCKS_AT_ONCE]
            blocks = reader.block_values(some) if some else []
            self._told_values.update(some)
            if blocks:
                numbers = [(first, numbers_of(encoded)) for first, encoded in blocks]
                self.values_ready.emit(self._job, numbers)
            self._are_values_wanted = len(new) > len(some)

    def _opened(self, job: JobId) -> JournalReader:
        if self._reader is None:
            self._reader = JournalReader(journal_path(journals_folder(), job))
        return self._reader

    def _close_reader(self) -> None:
        self._told_values.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _can_be_opened(job: JobId) -> bool:
    """Say whether the job's journal is there and nobody else works on it."""
    entries = list_jobs(journals_folder())
    closed = (JobState.STOPPED, JobState.FINISHED, JobState.CANCELLED)
    return any(entry.job == job and entry.state in closed for entry in entries)


def _lost_words(restarts: int) -> str:
    if restarts > RESTARTS_MOST:
        return "The engine keeps stopping. Restart Everycore to continue the job."
    return "The engine stopped unexpectedly and was started again. Nothing that was done is lost."


def merged(earlier: JobSnapshot, later: JobSnapshot) -> JobSnapshot:
    """Return the later snapshot with the news of the earlier one in front of its own."""
    if earlier.job != later.job:
        return later
    segments: dict[WorkerId, tuple[LaneSegment, ...]] = {
        lane.worker: lane.segments for lane in earlier.lanes
    }
    lanes = tuple(
        replace(lane, segments=segments.get(lane.worker, ()) + lane.segments)
        for lane in later.lanes
    )
    changed = None
    if earlier.changed_tasks is not None and later.changed_tasks is not None:
        changed = earlier.changed_tasks + later.changed_tasks
    return replace(
        later,
        lanes=lanes,
        markers=earlier.markers + later.markers,
        changed_tasks=changed,
        refusal=later.refusal or earlier.refusal,
    )
