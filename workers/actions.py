"""What to do, in the imperative: the scheduler's answers, performed by the engine."""

from msgspec import Struct

from workers.job import TaskId, WorkerId
from workers.outcome import Outcome


class StartWorker(Struct, frozen=True):
    """Start one more worker process."""


class RetireWorker(Struct, frozen=True):
    """Let a worker finish what it has, then leave."""

    worker: WorkerId


class KillWorker(Struct, frozen=True):
    """End a worker process now."""

    worker: WorkerId


class Dispatch(Struct, frozen=True):
    """Send a task to a worker as its attempt number `attempt` (from 1)."""

    worker: WorkerId
    task: TaskId
    attempt: int


class TakeBackTask(Struct, frozen=True):
    """Ask for a task that waits behind another, since a worker is idle."""

    worker: WorkerId
    task: TaskId


class GrantMemory(Struct, frozen=True):
    """Let the task that a worker runs take the memory it asked for."""

    worker: WorkerId


class EndTask(Struct, frozen=True):
    """Record a task's final outcome; None stands for cancelled."""

    task: TaskId
    outcome: Outcome | None
    attempts: int
    seconds: float
    worker: WorkerId | None = None


class RequeueTask(Struct, frozen=True):
    """Record that a task waits again after its worker was lost."""

    task: TaskId
    attempts: int
    is_charged: bool


class PauseItself(Struct, frozen=True):
    """Tell the person that the job was paused by the engine, and why."""

    reason: str


class RefuseJob(Struct, frozen=True):
    """End the job at once: it can never run; its tasks stay as they are."""

    reason: str


class FinishJob(Struct, frozen=True):
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
