"""Decide which worker runs which task: events in, actions out; pure.

Two rules hold after every event:
1. every offered task is in exactly one place: the backlog, the suspects, the solos, held back
   as the last, one worker's desk, or ended; it ends exactly once;
2. a worker runs one task at a time, and no more than `target` workers run.

A desk is what one worker has been given: the first task runs, the second waits beside it, so
that the core does not idle while the engine answers. A suspect is a task whose worker died
under it: it is tried again alone, with nothing behind it that a second death could touch. A
solo is a task that ran out of memory: it is tried again when nothing else runs. The last task
is given out once all others have ended and no more are expected.
The scheduler knows no clock, file or process; time is passed in, the engine acts.
"""

import enum
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, assert_never

from msgspec.structs import replace

from workers.actions import (
    Action,
    Dispatch,
    EndTask,
    FinishJob,
    GrantMemory,
    KillWorker,
    PauseItself,
    RefuseJob,
    RequeueTask,
    RetireWorker,
    StartWorker,
    TakeBackTask,
)
from workers.circuit_breaker import CircuitBreaker
from workers.events import (
    AttemptEnded,
    Event,
    JobCancelled,
    JobContinued,
    JobPaused,
    LastTaskOffered,
    MemoryChanged,
    MemoryWanted,
    OutputBlocked,
    SetupRefused,
    TaskReturned,
    TasksExhausted,
    TasksExpected,
    TasksOffered,
    WorkerLost,
    WorkerNotStarted,
    WorkerReady,
    WorkersOutdated,
    WorkersResized,
)
from workers.job import TaskId, TaskState, WorkerId
from workers.memory_grants import MemoryGrants
from workers.outcome import Failure, Outcome, Skip, Success, lacks_memory
from workers.room import NO_ROOM, NO_WORKER
from workers.worker_endings import lost_failure


class Cause(enum.Enum):
    """Why a task changes its state."""

    DISPATCHED = "dispatched"
    HANDED_BACK = "handed back"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


_S: Final = TaskState
TRANSITIONS: Final[Mapping[tuple[TaskState, Cause], TaskState]] = MappingProxyType(
    {
        (_S.WAITING, Cause.DISPATCHED): _S.RUNNING,
        (_S.WAITING, Cause.CANCELLED): _S.CANCELLED,
        (_S.RUNNING, Cause.HANDED_BACK): _S.WAITING,
        (_S.RUNNING, Cause.SUCCEEDED): _S.SUCCEEDED,
        (_S.RUNNING, Cause.FAILED): _S.FAILED,
        (_S.RUNNING, Cause.SKIPPED): _S.SKIPPED,
        (_S.RUNNING, Cause.CANCELLED): _S.CANCELLED,
    }
)

# A second task waits at a worker only while tasks are short: a long one would hold it up.
PREFETCH_BELOW_S: Final = 0.05


class _WorkerStage(enum.Enum):
    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


@dataclass(slots=True)
class _Desk:
    stage: _WorkerStage = _WorkerStage.STARTING
    tasks: deque[TaskId] = field(default_factory=deque)
    is_asked_back: bool = False
    before_continue: frozenset[TaskId] = frozenset()


class Scheduler:
    """The decisions of one job from its start to its end."""

    def __init__(
        self,
        *,
        target: int,
        retries: int = 1,
        memory_budget: int | None = None,
        recycle_above: int | None = None,
    ) -> None:
        """Prepare for a job on `target` workers; a lost worker's task is tried `retries` more.

        Tasks that say what memory they need get `memory_budget` bytes at once; a worker that
        holds more than `recycle_above` bytes after a task is replaced.
        """
        self._target = target
        self._retries = retries
        self._backlog: deque[TaskId] = deque()
        self._suspects: deque[TaskId] = deque()
        self._solos: deque[TaskId] = deque()
        self._soloist: WorkerId | None = None
        self._last: TaskId | None = None
        self._grants = MemoryGrants(memory_budget)
        self._recycle_above = recycle_above
        self._is_memory_scarce = False
        self._states: dict[TaskId, TaskState] = {}
        self._attempts: dict[TaskId, int] = {}
        self._desks: dict[WorkerId, _Desk] = {}
        self._starting = 0
        self._is_paused = False
        self._is_exhausted = False
        self._is_over = False
        self._breaker = CircuitBreaker()
        self._mean_s: float | None = None

    @property
    def backlog(self) -> int:
        """Return how many offered tasks wait for a worker."""
        waiting = len(self._backlog) + len(self._suspects) + len(self._solos)
        return waiting + self._is_last_due

    @property
    def running(self) -> int:
        """Return how many workers run a task now."""
        return sum(1 for desk in self._desks.values() if desk.tasks)

    def employs(self, worker: WorkerId) -> bool:
        """Say whether a worker was started for this job, and not for the one before."""
        return worker in self._desks

    @property
    def live_tasks(self) -> frozenset[TaskId]:
        """Return the offered tasks that have not ended."""
        return frozenset(self._states)

    @property
    def is_over(self) -> bool:
        """Say whether the job has ended; further events change nothing but workers."""
        return self._is_over

    def handle(self, event: Event, now: float) -> list[Action]:  # noqa: C901  # one case an event
        """Take in what happened at `now` (seconds, monotonic) and answer what to do."""
        actions: list[Action] = []
        match event:
            case TasksOffered(tasks):
                self._take_in(tasks)
            case LastTaskOffered(task):
                self._hold_back(task)
            case TasksExpected() | TasksExhausted():
                self._is_exhausted = isinstance(event, TasksExhausted)
            case WorkerReady(worker):
                self._seat(worker)
            case WorkerNotStarted(reason):
                self._starting -= 1
                actions += self._make_do(reason)
            case AttemptEnded():
                actions += self._attempt_ended(event)
            case WorkerLost():
                actions += self._worker_lost(event)
            case TaskReturned(worker, task):
                actions += self._task_returned(worker, task)
            case MemoryWanted(worker, _, need_bytes):
                self._grants.want(worker, need_bytes)
            case MemoryChanged(is_scarce):
                self._is_memory_scarce = is_scarce
            case SetupRefused(_, reason):
                actions += self._refuse(reason)
            case OutputBlocked():
                actions += self._output_blocked(event)
            case WorkersResized(target):
                self._target = target
            case WorkersOutdated():
                actions += self._retire(self._desks)
            case JobPaused(reason):
                actions += self._pause(reason)
            case JobContinued():
                self._continue()
            case JobCancelled():
                actions += self._cancel()
            case _:
                assert_never(event)
        return actions + self._next()

    # ---- what an event changes

    def _take_in(self, tasks: Iterable[TaskId]) -> None:
        self._states.update(dict.fromkeys(tasks, TaskState.WAITING))
        self._backlog.extend(tasks)

    def _hold_back(self, task: TaskId) -> None:
        self._states[task] = TaskState.WAITING
        self._last = task

    def _seat(self, worker: WorkerId) -> None:
        desk = self._desks.get(worker)
        if desk is None:
            return  # it was started for the job before, and leaves
        if desk.stage is _WorkerStage.STARTING:
            desk.stage = _WorkerStage.READY
        self._breaker.worker_ready()

    def worker_started(self, worker: WorkerId) -> None:
        """Give the worker that answers a StartWorker its id; it is ready when WorkerReady says."""
        self._desks[worker] = _Desk()
        self._starting -= 1

    def _make_do(self, reason: str) -> list[Action]:
        """Go on with the workers that are there; without any, pause."""
        staying = [d for d in self._desks.values() if d.stage is not _WorkerStage.LEAVING]
        self._target = len(staying) + self._starting
        if self._target or self._is_paused or self._is_over:
            return []
        self._target = 1
        return self._pause(f"{NO_WORKER} {reason}")

    def _attempt_ended(self, event: AttemptEnded) -> list[Action]:
        desk = self._desks.get(event.worker)
        if desk is None or event.task not in desk.tasks:
            return []  # a late word about a task that was cancelled meanwhile
        was_solo = self._clear_desk(event.worker, desk, event.task)
        self._breaker.attempt_ended()
        mean = self._mean_s
        self._mean_s = event.seconds if mean is None else 0.8 * mean + 0.2 * event.seconds
        actions = self._replaced_if_spent(event)
        attempts = self._attempts.get(event.task, 0) + 1
        if lacks_memory(event.outcome) and not was_solo and attempts <= self._retries:
            return [*actions, self._try_alone(event.task, attempts)]
        self._attempts.pop(event.task, None)
        end = self._end(event.task, event.outcome, attempts, event.seconds)
        return [*actions, replace(end, worker=event.worker)]

    def _clear_desk(self, worker: WorkerId, desk: _Desk, task: TaskId) -> bool:
        """Take a task that has ended from its desk; say whether it had run alone."""
        desk.tasks.remove(task)
        desk.is_asked_back = False
        self._grants.release(worker)
        was_solo = self._soloist == worker
        if was_solo:
            self._soloist = None
        return was_solo

    def _replaced_if_spent(self, event: AttemptEnded) -> list[Action]:
        is_bloated = self._recycle_above is not None and event.resident_bytes > self._recycle_above
        return self._retire([event.worker]) if event.is_spent or is_bloated else []

    def _try_alone(self, task: TaskId, attempts: int) -> Action:
        self._attempts[task] = attempts
        self._move(task, Cause.HANDED_BACK)
        self._solos.append(task)
        return RequeueTask(task, attempts, is_charged=True)

    def _task_returned(self, worker: WorkerId, task: TaskId) -> list[Action]:
        desk = self._desks.get(worker)
        if desk is None or task not in desk.tasks:
            return []
        desk.tasks.remove(task)
        desk.is_asked_back = False
        return [self._hand_back(task)]

    def _hand_back(self, task: TaskId) -> Action:
        """Put a task that is not at fault in front of the others."""
        self._move(task, Cause.HANDED_BACK)
        self._backlog.appendleft(task)
        return RequeueTask(task, self._attempts.get(task, 0), is_charged=False)

    def _output_blocked(self, event: OutputBlocked) -> list[Action]:
        desk = self._desks.get(event.worker)
        if desk is None or event.task not in desk.tasks:
            return []
        self._clear_desk(event.worker, desk, event.task)
        back = self._hand_back(event.task)
        # An attempt from before the pause says nothing about the disk after Continue.
        is_known = self._is_paused or event.task in desk.before_continue
        return [back, *([] if is_known else self._pause(event.reason))]

    def _worker_lost(self, event: WorkerLost) -> list[Action]:
        desk = self._desks.pop(event.worker, None)
        if desk is None:
            return []  # it was started for the job before
        is_leaving = desk.stage is _WorkerStage.LEAVING
        self._breaker.worker_lost(event, is_leaving=is_leaving)
        self._grants.release(event.worker)
        was_solo = self._soloist == event.worker
        if was_solo:
            self._soloist = None
        waiting = [task for task in desk.tasks if task != event.running]
        actions = [self._hand_back(task) for task in reversed(waiting)]
        if event.running is not None and event.running in desk.tasks:
            actions.append(self._blame(event.running, event, was_solo=was_solo))
        if event.lacked_room and not is_leaving:
            return actions + self._make_do(NO_ROOM)
        reason = "" if self._is_paused or self._is_over else self._breaker.reason(event)
        return actions + (self._pause(reason) if reason else [])

    def _blame(self, task: TaskId, event: WorkerLost, *, was_solo: bool) -> Action:
        attempts = self._attempts.get(task, 0) + 1
        if event.is_excused:
            self._move(task, Cause.HANDED_BACK)
            self._suspects.append(task)
            return RequeueTask(task, attempts - 1, is_charged=False)
        if event.cause is None:
            self._breaker.crashed()
            if attempts <= self._retries:
                self._attempts[task] = attempts
                self._move(task, Cause.HANDED_BACK)
                self._suspects.append(task)
                return RequeueTask(task, attempts, is_charged=True)
        elif lacks_memory(event.cause) and not was_solo and attempts <= self._retries:
            return self._try_alone(task, attempts)
        self._attempts.pop(task, None)
        outcome = event.cause or lost_failure(event.exit_code, attempts, event.detail)
        end = self._end(task, outcome, attempts, event.seconds)
        return replace(end, worker=event.worker)

    def _pause(self, reason: str) -> list[Action]:
        self._is_paused = True
        return [PauseItself(reason)] if reason else []

    def _continue(self) -> None:
        self._is_paused = False
        self._breaker.reset()
        for desk in self._desks.values():
            desk.before_continue = frozenset(desk.tasks)

    def _refuse(self, reason: str) -> list[Action]:
        if self._is_over:
            return []
        self._is_over = True
        return [RefuseJob(reason)]

    def _cancel(self) -> list[Action]:
        actions: list[Action] = []
        for worker, desk in self._desks.items():
            if desk.tasks:
                actions.append(KillWorker(worker))
                desk.stage = _WorkerStage.LEAVING
            desk.tasks.clear()
        actions += [
            self._end(task, None, self._attempts.pop(task, 0), 0.0) for task in tuple(self._states)
        ]
        self._backlog.clear()
        self._suspects.clear()
        self._solos.clear()
        self._last = None
        self._is_exhausted = True
        return actions

    # ---- what follows

    def _next(self) -> list[Action]:
        if not self._is_over and self._is_exhausted and not self._states:
            self._is_over = True
            return [FinishJob(), *self._retire(self._desks)]
        if self._is_over:
            return self._retire(self._desks)
        actions = self._crew()
        if not self._is_paused:
            actions += self._hand_out()
        return actions + [GrantMemory(worker) for worker in self._grants.grant()]

    def _crew(self) -> list[Action]:
        """Start or retire workers until as many as wanted stay."""
        staying = [w for w, d in self._desks.items() if d.stage is not _WorkerStage.LEAVING]
        surplus = len(staying) + self._starting - self._target
        if surplus > 0:
            staying.sort(key=lambda worker: len(self._desks[worker].tasks))
            return self._retire(staying[:surplus])
        if self._is_paused:
            return []
        # A worker that is leaving may run its last task for hours: it keeps its place till then.
        free = self._target - len(self._desks) - self._starting
        # No more processes than there are tasks to run on them.
        wanted = max(0, min(free, self.backlog - self._idle_or_starting()))
        self._starting += wanted
        return [StartWorker() for _ in range(wanted)]

    def _idle_or_starting(self) -> int:
        idle = sum(
            1 for d in self._desks.values() if not d.tasks and d.stage is not _WorkerStage.LEAVING
        )
        return idle + self._starting

    def _retire(self, workers: Iterable[WorkerId]) -> list[Action]:
        actions: list[Action] = []
        for worker in workers:
            if self._desks[worker].stage is not _WorkerStage.LEAVING:
                self._desks[worker].stage = _WorkerStage.LEAVING
                actions.append(RetireWorker(worker))
        return actions

    def _hand_out(self) -> list[Action]:
        ready = [(w, d) for w, d in self._desks.items() if d.stage is _WorkerStage.READY]
        if self._soloist is not None:
            return []
        if self._last is not None and self._is_last_due:
            return [self._give(*ready[0], self._last)] if ready else []
        if self._solos and not self._backlog and not self._suspects:
            return self._give_solo(ready)
        if self._is_memory_scarce:
            ready = [] if self.running else ready[:1]
        actions: list[Action] = []
        for worker, desk in ready:
            if not desk.tasks and self._suspects:
                actions.append(self._give(worker, desk, self._suspects.popleft()))
            elif not desk.tasks and self._backlog:
                actions.append(self._give(worker, desk, self._backlog.popleft()))
        return actions + self._prefetch(ready) + self._take_back(ready)

    def _give_solo(self, ready: list[tuple[WorkerId, _Desk]]) -> list[Action]:
        if not ready or any(desk.tasks for desk in self._desks.values()):
            return []
        worker, desk = ready[0]
        self._soloist = worker
        return [self._give(worker, desk, self._solos.popleft())]

    @property
    def _is_last_due(self) -> bool:
        return self._last is not None and self._is_exhausted and len(self._states) == 1

    def _prefetch(self, ready: list[tuple[WorkerId, _Desk]]) -> list[Action]:
        """Let a second task wait where the first will not be long."""
        actions: list[Action] = []
        if self._mean_s is None or self._mean_s >= PREFETCH_BELOW_S:
            return actions
        for worker, desk in ready:
            # Near the end each task goes to the first worker that is free.
            if len(self._backlog) <= 2 * len(ready):
                break
            if len(desk.tasks) == 1 and not self._attempts.get(desk.tasks[0]):
                actions.append(self._give(worker, desk, self._backlog.popleft()))
        return actions

    def _take_back(self, ready: list[tuple[WorkerId, _Desk]]) -> list[Action]:
        """Ask for the tasks that wait behind others while a worker has nothing to do."""
        idle = sum(1 for _, desk in ready if not desk.tasks)
        actions: list[Action] = []
        for worker, desk in self._desks.items():
            if len(actions) >= idle:
                break
            if len(desk.tasks) > 1 and not desk.is_asked_back:
                desk.is_asked_back = True
                actions.append(TakeBackTask(worker, desk.tasks[-1]))
        return actions

    def _give(self, worker: WorkerId, desk: _Desk, task: TaskId) -> Action:
        if task == self._last:
            self._last = None
        self._move(task, Cause.DISPATCHED)
        desk.tasks.append(task)
        return Dispatch(worker, task, self._attempts.get(task, 0) + 1)

    def _end(self, task: TaskId, outcome: Outcome | None, attempts: int, seconds: float) -> EndTask:
        self._move(task, _cause(outcome))
        del self._states[task]
        return EndTask(task, outcome, attempts, seconds)

    def _move(self, task: TaskId, cause: Cause) -> None:
        self._states[task] = TRANSITIONS[self._states[task], cause]


def _cause(outcome: Outcome | None) -> Cause:
    match outcome:
        case Success():
            return Cause.SUCCEEDED
        case Failure():
            return Cause.FAILED
        case Skip():
            return Cause.SKIPPED
        case None:
            return Cause.CANCELLED
