"""Workers that obey a scheduler, for its tests: no process, no file, no clock."""

from workers.actions import (
    Action,
    Dispatch,
    EndTask,
    FinishJob,
    KillWorker,
    PauseItself,
    RetireWorker,
    StartWorker,
)
from workers.events import (
    AttemptEnded,
    Event,
    TasksOffered,
    WorkerLost,
    WorkerNotStarted,
    WorkerReady,
)
from workers.job import TaskId, WorkerId
from workers.outcome import Success
from workers.scheduler import Scheduler


class Crew:
    """A scheduler with workers that obey: keeps what each was given and what has ended."""

    def __init__(
        self,
        *,
        target: int,
        retries: int = 1,
        memory_budget: int | None = None,
        recycle_above: int | None = None,
    ) -> None:
        self.scheduler = Scheduler(
            target=target,
            retries=retries,
            memory_budget=memory_budget,
            recycle_above=recycle_above,
        )
        self.given: dict[WorkerId, list[TaskId]] = {}
        self.ready: set[WorkerId] = set()
        self.leaving: set[WorkerId] = set()
        self.ended: dict[TaskId, EndTask] = {}
        # The tasks that had not ended when one was given out for the first time.
        self.beside: dict[TaskId | None, frozenset[TaskId]] = {}
        self.pauses: list[str] = []
        self.is_finished = False
        self.seen: list[Action] = []
        self.limit = 1000
        self._next_worker = 0

    def tell(self, event: Event) -> list[Action]:
        actions = self.scheduler.handle(event, now=0.0)
        for action in actions:
            self._obey(action)
        self.seen += actions
        return actions

    def _obey(self, action: Action) -> None:
        match action:
            case StartWorker() if len(self.given) >= self.limit:
                self.tell(WorkerNotStarted("Too many open files."))
            case StartWorker():
                self._next_worker += 1
                worker = WorkerId(self._next_worker)
                self.given[worker] = []
                self.scheduler.worker_started(worker)
            case RetireWorker(worker) | KillWorker(worker):
                self.leaving.add(worker)
            case Dispatch(worker, task, _):
                self.beside.setdefault(task, self.scheduler.live_tasks - {task})
                self.given[worker].append(task)
            case EndTask(task):
                assert task not in self.ended, f"task {task} ended twice"
                self.ended[task] = action
            case PauseItself(reason):
                self.pauses.append(reason)
            case FinishJob():
                assert not self.is_finished
                self.is_finished = True

    def take(self, kind: type[Action]) -> list[Action]:
        """Return the actions of a kind since the last call."""
        taken = [action for action in self.seen if isinstance(action, kind)]
        self.seen = [action for action in self.seen if not isinstance(action, kind)]
        return taken

    def start_all(self) -> None:
        for worker in tuple(self.given):
            if worker not in self.ready:
                self.ready.add(worker)
                self.tell(WorkerReady(worker))

    def succeed(self, worker: WorkerId, seconds: float = 1.0) -> None:
        task = self.given[worker].pop(0)
        self.tell(AttemptEnded(worker, task, Success(), seconds))

    def lose(self, worker: WorkerId, *, while_running: bool = True, exit_code: int = -11) -> None:
        tasks = self.given.pop(worker)
        running = tasks[0] if tasks and while_running else None
        was_ready = worker in self.ready
        self.tell(WorkerLost(worker, exit_code, running, was_ready))


def offered(*numbers: int) -> TasksOffered:
    return TasksOffered(tuple(TaskId(number) for number in numbers))
