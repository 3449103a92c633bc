"""The worker pool as a job sees it: tasks and messages in, the scheduler's events out.

Belongs to the engine's thread. It knows which task each lease holds, tells each worker of the
job before its first task, and puts an ending into a Failure that a person can act on.
"""

import os
import shutil
import time
from multiprocessing import get_context
from typing import Final

from msgspec import Struct

from workers import limits, worker as worker_program
from workers.channel import Frame
from workers.errors import EngineLost
from workers.events import (
    AttemptEnded,
    Event,
    MemoryWanted,
    SetupRefused,
    TaskReturned,
    WorkerLost,
    WorkerReady,
)
from workers.job import TaskId, WorkerId
from workers.memory import oom_kills
from workers.messages import (
    Ended,
    Grant,
    MemoryNeeded,
    RunBlock,
    RunFile,
    RunReduce,
    Setup,
    Unprepared,
    decode,
    encode,
)
from workers.outcome import Failure
from workers.pool import WorkerPool
from workers.pool_events import (
    Answered,
    KillReason,
    LeaseCut,
    LeaseReturned,
    PoolEvent,
    WorkerEnded,
    WorkerUp,
)
from workers.room import NO_ROOM_EXIT
from workers.snapshot import WorkerState
from workers.streams import capture_folder, tail
from workers.worker_endings import killed_by_system, timed_out, too_large

# A worker's processor time is looked at once a second: a shorter task may not have been seen.
CPU_SHARE_KNOWN_AFTER_S: Final = 3.0
_SIGKILLED: Final = -9


class TaskView(Struct, frozen=True):
    """What a worker does now; `running_s` since its task began."""

    worker: WorkerId
    lane: int
    pid: int
    state: WorkerState
    task: TaskId | None
    running_s: float
    limit_s: float | None


class JobWorkers:
    """Worker processes that run a job's tasks."""

    def __init__(self, *, nice: int = limits.RESPONSIVE_NICE) -> None:
        """Start with no worker; those that come run at niceness `nice`."""
        self._nice = nice
        self._captures = capture_folder()
        self._pool = WorkerPool(get_context("spawn"), worker_program.main, self._arguments)
        self._setup: bytes | None = None
        self._prepared: set[WorkerId] = set()
        self._tasks: dict[int, TaskId] = {}
        self._oom_kills = oom_kills()

    def _arguments(self, worker: WorkerId) -> tuple[object, ...]:
        return str(self._captures / f"{worker}.log"), self._nice

    # ---- what the engine asks

    def prepare(self, setup: Setup, *, ahead: int = 0) -> None:
        """Let each worker, now or later, know of the job before its first task of it.

        `ahead` workers are wanted soon: their processes start now, before there is a task.
        """
        self._setup = encode(setup)
        self._prepared.clear()
        self._pool.keep_spares(are_wanted=True, ahead=ahead)

    def start_worker(self) -> WorkerId:
        """Start one worker; WorkerReady tells when it is up. Raises OSError without room."""
        return self._pool.start_worker()

    def send(
        self,
        worker: WorkerId,
        task: TaskId,
        request: RunFile | RunBlock | RunReduce,
        timeout_s: float | None,
    ) -> None:
        """Give a worker a task; the limit holds for the file, or for each point of a block."""
        if worker not in self._prepared and self._setup is not None:
            self._pool.tell(worker, self._setup)
            self._prepared.add(worker)
        lease = self._pool.next_lease()
        self._tasks[lease] = task
        self._pool.send(worker, lease, encode(request), timeout_s=timeout_s)

    def take_back(self, worker: WorkerId, task: TaskId) -> None:
        """Ask for a task that waits behind another; TaskReturned follows unless it has begun."""
        for lease, held in self._tasks.items():
            if held == task:
                self._pool.take_back(worker, lease)
                return

    def grant(self, worker: WorkerId) -> None:
        """Let the task of a worker take the memory it asked for."""
        self._pool.hold_limit(worker, is_held=False)
        self._pool.tell(worker, encode(Grant()))

    def retire(self, worker: WorkerId) -> None:
        """Let a worker end what it has been given, then leave."""
        self._pool.retire(worker)

    def kill(self, worker: WorkerId) -> None:
        """End a worker process now; WorkerLost follows."""
        self._pool.kill(worker)

    def kill_all(self) -> None:
        """End all worker processes now; a WorkerLost follows for each."""
        self._pool.kill_all()

    @property
    def has_workers(self) -> bool:
        """Say whether a worker process is left, be it that it was killed and is not gone yet."""
        return bool(self._pool.processes())

    def join(self, timeout_s: float) -> bool:
        """Wait for workers that were killed to be gone, at most so long; say whether all are."""
        give_up = time.monotonic() + timeout_s
        processes = list(self._pool.processes().values())
        for process in processes:
            process.join(max(0.0, give_up - time.monotonic()))
        return not any(process.is_alive() for process in processes)

    def rest(self) -> None:
        """Keep no spare process while there is no work."""
        self._pool.keep_spares(are_wanted=False)

    def set_nice(self, nice: int) -> None:
        """Run workers at another niceness from now on, living ones too where the system allows."""
        self._nice = nice
        if not hasattr(os, "setpriority"):
            return
        for process in self._pool.processes().values():
            try:
                os.setpriority(os.PRIO_PROCESS, process.pid or 0, nice)
            except (PermissionError, ProcessLookupError):
                continue  # raising priority needs a privilege; its successor will have it

    def set_memory_cap(self, cap_bytes: int | None) -> None:
        """End each worker that takes more resident memory than this, or adds the most to more."""
        self._pool.set_memory_cap(cap_bytes)

    def views(self) -> tuple[TaskView, ...]:
        """Return what each worker does now."""
        return tuple(
            TaskView(
                view.worker,
                view.lane,
                view.pid,
                view.state,
                self._tasks.get(view.lease) if view.lease is not None else None,
                view.running_s,
                view.limit_s,
            )
            for view in self._pool.views()
        )

    def wake(self) -> None:
        """Let a blocked `wait` return; any thread may call it."""
        self._pool.wake()

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened; waits for it at most `timeout_s` seconds."""
        events: list[Event] = []
        for told in self._pool.wait(timeout_s):
            events += self._event_of(told)
        return events

    def close(self) -> None:
        """End all workers now and release what they hold."""
        self._pool.close()
        shutil.rmtree(self._captures, ignore_errors=True)

    # ---- what the pool tells, in the scheduler's words

    def _event_of(self, told: PoolEvent) -> list[Event]:
        match told:
            case WorkerUp(worker):
                return [WorkerReady(worker)]
            case LeaseReturned(worker, lease):
                return [TaskReturned(worker, self._tasks.pop(lease))]
            case Answered(worker, lane, frame):
                return self._answer(worker, lane, frame)
            case WorkerEnded():
                return [self._lost(told)]
            case LeaseCut():
                return []  # the blocks of a sweep stay whole

    def _answer(self, worker: WorkerId, lane: int, frame: Frame) -> list[Event]:
        if frame.is_last and not frame.body:
            return [TaskReturned(worker, self._tasks.pop(frame.lease))]
        try:
            message = decode(frame.body)
        except EngineLost:  # not one of ours: own code has got hold of the channel
            self._pool.kill(worker)
            return []
        match message:
            case Ended():
                task = self._tasks.pop(frame.lease)
                return [
                    AttemptEnded(
                        worker,
                        task,
                        message.outcome,
                        message.seconds,
                        lane,
                        message.resident_bytes,
                        message.is_spent,
                    )
                ]
            case MemoryNeeded(need_bytes):
                self._pool.hold_limit(worker, is_held=True)
                return [MemoryWanted(worker, self._tasks[frame.lease], need_bytes)]
            case Unprepared(reason):
                return [SetupRefused(worker, reason)]
        return []

    def _lost(self, ended: WorkerEnded) -> WorkerLost:
        running = self._tasks.pop(ended.running, None) if ended.running is not None else None
        for lease in ended.waiting:
            self._tasks.pop(lease, None)
        self._prepared.discard(ended.worker)
        capture = self._captures / f"{ended.worker}.log"
        lost = WorkerLost(
            ended.worker,
            ended.exit_code,
            running,
            ended.was_up,
            self._cause(ended),
            ended.seconds,
            position=ended.position,
            detail=tail(capture),
            lane=ended.lane,
            silent_s=ended.limit if ended.reason is KillReason.NOT_READY else 0.0,
            lacked_room=running is None and ended.exit_code == NO_ROOM_EXIT,
        )
        capture.unlink(missing_ok=True)
        limits.end_adopted()  # what its task had started is ours now
        return lost

    def _cause(self, ended: WorkerEnded) -> Failure | None:
        """Return what its task did wrong, None when that is not known."""
        if ended.reason is KillReason.DEADLINE:
            is_known = ended.limit >= CPU_SHARE_KNOWN_AFTER_S
            return timed_out(ended.limit, ended.cpu_share if is_known else -1.0)
        if ended.reason is KillReason.MEMORY:
            return too_large(int(ended.limit))
        if ended.reason is None and ended.exit_code == _SIGKILLED:
            before, self._oom_kills = self._oom_kills, oom_kills()
            if self._oom_kills > before:
                return killed_by_system()
        return None
