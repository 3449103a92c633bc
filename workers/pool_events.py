"""What a WorkerPool tells of its workers, in the past tense."""

import enum

from msgspec import Struct

from workers.channel import Frame
from workers.job import WorkerId


class KillReason(enum.Enum):
    """Why the pool, or its owner, ended a worker process."""

    ASKED = "asked"
    DEADLINE = "deadline"
    MEMORY = "memory"
    FROZEN = "frozen"
    NOT_READY = "not ready"


class WorkerUp(Struct, frozen=True):
    """A worker process has started and reads its channel."""

    worker: WorkerId


class Answered(Struct, frozen=True):
    """A worker sent a frame; when it is the last of a lease, the lease has ended."""

    worker: WorkerId
    lane: int
    frame: Frame


class LeaseReturned(Struct, frozen=True):
    """A lease that waited at a worker was taken back before the worker began it."""

    worker: WorkerId
    lease: int


class LeaseCut(Struct, frozen=True):
    """A worker will end its running lease before `position`: the points from there on are ours."""

    worker: WorkerId
    lease: int
    position: int


class WorkerEnded(Struct, frozen=True):
    """A worker process has ended.

    `running` is the lease that its mark named, `position` the point in it, `seconds` how long
    that point had run; `waiting` are the leases behind. `exit_code` is negative for a signal.
    `limit` is what was exceeded: seconds for DEADLINE, bytes for MEMORY; `cpu_share` how busy
    the process was of late (0 to 1), negative when unknown.
    """

    worker: WorkerId
    lane: int
    exit_code: int
    was_up: bool
    reason: KillReason | None = None
    running: int | None = None
    position: int = 0
    seconds: float = 0.0
    waiting: tuple[int, ...] = ()
    limit: float = 0.0
    cpu_share: float = -1.0


PoolEvent = WorkerUp | Answered | LeaseReturned | LeaseCut | WorkerEnded
