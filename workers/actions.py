"""What to do, in the imperative: the scheduler's answers, performed by the engine."""

from dataclasses import dataclass

from workers.job import TaskId, WorkerId
from workers.outcome import Outcome


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Start one more worker process."""


@dataclass(frozen=True, slots=True)
class RetireWorker:
    """Let a worker finish what it has, then leave."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class KillWorker:
    """End a worker process now."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send a task to a worker as its attempt number `attempt` (from 1)."""

    worker: WorkerId
    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class TakeBackTask:
    """Ask for a task that waits behind another, since a worker is idle."""

    worker: WorkerId
    task: TaskId


@dataclass(frozen=True, slots=True)
class GrantMemory:
    """Let the task that a worker runs take the memory it asked for."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class EndTask:
    """Record a task's final outcome; None stands for cancelled."""

    task: TaskId
    outcome: Outcome | None
    attempts: int
    seconds: float
    worker: WorkerId | None = None


@dataclass(frozen=True, slots=True)
class RequeueTask:
    """Record that a task waits again after its worker was lost."""

    task: TaskId
    attempts: int
    is_charged: bool


@dataclass(frozen=True, slots=True)
class PauseItself:
    """Tell the person that the job was paused by the engine, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefuseJob:
    """End the job at once: it can never run; its tasks stay as they are."""

    reason: str


@dataclass(frozen=True, slots=True)
class FinishJob:
    """All tasks have ended."""


Action = (
    StartWorker
    | RetireWorker
    | KillWorker
    | Dispatch
    | TakeBackTask
    | GrantMemory
    | EndTask
    | RequeueTask
    | PauseItself
    | RefuseJob
    | FinishJob
)
