"""What the pool keeps of each of its workers: its process, its channel, its leases, its mark.

Belongs to the thread that calls `WorkerPool.wait`.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from msgspec import Struct

from workers.channel import Channel
from workers.job import WorkerId
from workers.mark import BEGUN_NS, RUNNING
from workers.pool_events import KillReason
from workers.snapshot import WorkerState


@dataclass(slots=True)
class Lease:
    """Work that a worker was given; the time limit holds for each of its points.

    `given_at` (awake seconds) is when it could begin, `lost_s` what the clock had slept then.
    """

    number: int
    timeout_s: float | None
    given_at: float = 0.0
    lost_s: float = 0.0


@dataclass(slots=True)
class Member:
    """A worker process as the pool sees it."""

    worker: WorkerId
    lane: int
    process: BaseProcess
    channel: Channel
    mark: memoryview
    born_at: float
    leases: deque[Lease] = field(default_factory=deque)
    is_up: bool = False
    is_held: bool = False
    leave_by: float | None = None
    reason: KillReason | None = None
    limit: float = 0.0
    frozen_looks: int = 0
    cpu_s: float = -1.0
    cpu_share: float = -1.0

    @property
    def running(self) -> Lease | None:
        """Return the lease at the head: it runs, or is about to."""
        return self.leases[0] if self.leases else None

    @property
    def has_begun(self) -> bool:
        """Say whether the worker itself says that it runs the lease at the head."""
        return bool(self.leases) and self.mark[RUNNING] == self.leases[0].number

    def point_seconds(self, now: float, lost_s: float) -> float:
        """Return how long the point at hand has run, in awake seconds."""
        lease = self.running
        if lease is None:
            return 0.0
        if not self.has_begun:
            return now - lease.given_at
        since = time.monotonic() - self.mark[BEGUN_NS] / 1e9
        return max(0.0, since - (lost_s - lease.lost_s))

    def view(self, now: float) -> "WorkerView":
        """Return what it does now."""
        lease = self.running
        if self.leave_by is not None:
            state = WorkerState.LEAVING
        elif lease is not None:
            state = WorkerState.RUNNING
        else:
            state = WorkerState.IDLE if self.is_up else WorkerState.STARTING
        return WorkerView(
            self.worker,
            self.lane,
            self.process.pid or 0,
            state,
            lease.number if lease else None,
            now - lease.given_at if lease else 0.0,
            lease.timeout_s if lease else None,
        )


class WorkerView(Struct, frozen=True):
    """What a worker does now; `running_s` since its lease began.

    `lane` is its place among the workers, from 1; a replacement takes its predecessor's.
    """

    worker: WorkerId
    lane: int
    pid: int
    state: WorkerState
    lease: int | None
    running_s: float
    limit_s: float | None
