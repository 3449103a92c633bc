"""What the pool keeps of each of its workers: its process, its channel, its leases.

Belongs to the thread that calls `WorkerPool.wait`.
"""

from collections import deque
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from workers.job import TaskId, WorkerId
from workers.outcome import Failure
from workers.snapshot import WorkerState


@dataclass(frozen=True, slots=True)
class WorkerView:
    """What a worker does now; `running_s` since its task began.

    `lane` is its place among the workers, from 1; a replacement takes its predecessor's.
    """

    worker: WorkerId
    lane: int
    pid: int
    state: WorkerState
    task: TaskId | None
    running_s: float


@dataclass(slots=True)
class Lease:
    """A task that a worker was given; `since` is when its running point began."""

    number: int
    task: TaskId
    timeout_s: float | None
    begun: float = 0.0
    since: float = 0.0
    position: int = 0


@dataclass(slots=True)
class Member:
    """A worker process as the pool sees it."""

    worker: WorkerId
    lane: int
    process: SpawnProcess
    channel: Connection
    mark: MutableSequence[int]
    capture: Path
    leases: deque[Lease] = field(default_factory=deque)
    is_ready: bool = False
    is_prepared: bool = False
    leave_by: float | None = None
    cause: Failure | None = None
    frozen_looks: int = 0

    def view(self, now: float) -> WorkerView:
        """Return what it does now."""
        lease = self.leases[0] if self.leases else None
        if self.leave_by is not None:
            state = WorkerState.LEAVING
        elif lease is not None:
            state = WorkerState.RUNNING
        else:
            state = WorkerState.IDLE if self.is_ready else WorkerState.STARTING
        return WorkerView(
            self.worker,
            self.lane,
            self.process.pid or 0,
            state,
            lease.task if lease else None,
            now - lease.begun if lease else 0.0,
        )
