"""The scheduler under random orders of events."""

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.engine.crew import Crew, offered
from workers.events import (
    AttemptEnded,
    JobCancelled,
    JobContinued,
    JobPaused,
    LastTaskOffered,
    MemoryChanged,
    MemoryWanted,
    TaskReturned,
    TasksExhausted,
    TasksExpected,
    WorkerLost,
    WorkerReady,
    WorkersOutdated,
    WorkersResized,
)
from workers.job import TaskId, WorkerId
from workers.outcome import Failure, FailureKind, Skip, Success
from workers.typed import override


class SchedulerMachine(RuleBasedStateMachine):
    """Random orders of events; after each, nothing is lost, doubled or over the target."""

    def __init__(self) -> None:
        super().__init__()
        self.crew = Crew(target=2, memory_budget=100)
        self.target = 2
        self.offered = 0
        self.is_cancelled = False
        self.last: TaskId | None = None

    def _busy(self) -> list[WorkerId]:
        return [worker for worker, tasks in self.crew.given.items() if tasks]

    @rule(count=st.integers(1, 20))
    def offer(self, count: int) -> None:
        if self.crew.is_finished:
            return
        first = self.offered + 1
        self.offered += count
        self.crew.tell(offered(*range(first, first + count)))

    @precondition(lambda self: self.last is None)
    @rule()
    def offer_last(self) -> None:
        if self.crew.is_finished:
            return
        self.offered += 1
        self.last = TaskId(self.offered)
        self.crew.tell(LastTaskOffered(self.last))

    @rule(is_expected=st.booleans())
    def more_tasks_are_expected_or_none(self, is_expected: bool) -> None:
        if not self.crew.is_finished and self.last is not None:
            self.crew.tell(TasksExpected() if is_expected else TasksExhausted())

    @rule(choice=st.integers(0, 99))
    def worker_becomes_ready(self, choice: int) -> None:
        starting = [w for w in self.crew.given if w not in self.crew.ready]
        if starting:
            worker = starting[choice % len(starting)]
            self.crew.ready.add(worker)
            self.crew.tell(WorkerReady(worker))

    @precondition(lambda self: self._busy())
    @rule(choice=st.integers(0, 99), seconds=st.sampled_from([0.001, 1.0]), kind=st.integers(0, 2))
    def attempt_ends(self, choice: int, seconds: float, kind: int) -> None:
        busy = self._busy()
        worker = busy[choice % len(busy)]
        task = self.crew.given[worker].pop(0)
        outcome = (Success(), Failure(FailureKind.BAD_INPUT, "bad"), Skip("no"))[kind]
        self.crew.tell(AttemptEnded(worker, task, outcome, seconds))

    @precondition(lambda self: self.crew.given)
    @rule(choice=st.integers(0, 99), while_running=st.booleans(), is_excused=st.booleans())
    def worker_dies(self, choice: int, while_running: bool, is_excused: bool) -> None:
        worker = list(self.crew.given)[choice % len(self.crew.given)]
        tasks = self.crew.given.pop(worker)
        running = tasks[0] if tasks and while_running else None
        self.crew.tell(
            WorkerLost(worker, -9, running, worker in self.crew.ready, is_excused=is_excused)
        )

    @precondition(lambda self: self.crew.given)
    @rule(choice=st.integers(0, 99))
    def system_has_no_room_for_a_worker(self, choice: int) -> None:
        worker = list(self.crew.given)[choice % len(self.crew.given)]
        self.crew.given.pop(worker)
        self.crew.tell(WorkerLost(worker, 75, None, worker in self.crew.ready, lacked_room=True))

    @precondition(lambda self: self._busy())
    @rule(choice=st.integers(0, 99), is_killed=st.booleans())
    def task_lacks_memory(self, choice: int, is_killed: bool) -> None:
        busy = self._busy()
        worker = busy[choice % len(busy)]
        task = self.crew.given[worker][0]
        lack = Failure(FailureKind.OUT_OF_MEMORY, "no memory")
        if is_killed:
            del self.crew.given[worker]
            self.crew.tell(WorkerLost(worker, -9, task, True, cause=lack))
        else:
            self.crew.given[worker].pop(0)
            self.crew.tell(AttemptEnded(worker, task, lack, 1.0, is_spent=True))

    @precondition(lambda self: self._busy())
    @rule(choice=st.integers(0, 99), need=st.sampled_from([1, 60, 1000]))
    def task_wants_memory(self, choice: int, need: int) -> None:
        worker = self._busy()[choice % len(self._busy())]
        self.crew.tell(MemoryWanted(worker, self.crew.given[worker][0], need))

    @rule()
    def workers_become_outdated(self) -> None:
        self.crew.tell(WorkersOutdated())

    @rule(is_scarce=st.booleans())
    def memory_changes(self, is_scarce: bool) -> None:
        self.crew.tell(MemoryChanged(is_scarce))

    @precondition(lambda self: any(len(tasks) > 1 for tasks in self.crew.given.values()))
    @rule(choice=st.integers(0, 99))
    def task_comes_back(self, choice: int) -> None:
        worker = next(w for w, tasks in self.crew.given.items() if len(tasks) > 1)
        task = self.crew.given[worker].pop()
        self.crew.tell(TaskReturned(worker, task))

    @rule(count=st.integers(0, 6))
    def resize(self, count: int) -> None:
        self.target = count
        self.crew.tell(WorkersResized(count))

    @rule(is_paused=st.booleans())
    def pause_or_continue(self, is_paused: bool) -> None:
        self.crew.tell(JobPaused() if is_paused else JobContinued())

    @rule()
    def cancel(self) -> None:
        if self.offered > 40:
            self.is_cancelled = True
            self.crew.tell(JobCancelled())
            for worker in self.crew.given:
                self.crew.given[worker] = []

    @invariant()
    def every_task_is_in_one_place(self) -> None:
        live = self.crew.scheduler.live_tasks
        assert live.isdisjoint(self.crew.ended)
        assert len(live) + len(self.crew.ended) == self.offered
        given = [task for tasks in self.crew.given.values() for task in tasks]
        assert len(given) == len(set(given))
        assert set(given) <= live
        is_held = self.crew.scheduler.backlog == len(live) - len(given) - 1 and self.last in live
        assert is_held or self.crew.scheduler.backlog == len(live) - len(given)

    @invariant()
    def the_last_task_waits_for_all_others(self) -> None:
        assert not self.crew.beside.get(self.last), "others had not ended when it was given out"

    @invariant()
    def no_more_workers_stay_than_wanted(self) -> None:
        staying = [w for w in self.crew.given if w not in self.crew.leaving]
        assert len(staying) <= self.target

    @override
    def teardown(self) -> None:
        """Let the job run to its end: each task must end, and the job once."""
        crew = self.crew
        crew.tell(WorkersResized(2))
        crew.tell(MemoryChanged(is_scarce=False))
        if not crew.is_finished:
            crew.tell(TasksExhausted())
        rounds = 0
        while not crew.is_finished:
            rounds += 1
            assert rounds < 10 * self.offered + 100, "the job does not end"
            crew.tell(JobContinued())
            crew.start_all()
            for worker in tuple(crew.given):
                if crew.given[worker]:
                    crew.succeed(worker)
                elif worker in crew.leaving:
                    crew.lose(worker, while_running=False, exit_code=0)
        assert len(crew.ended) == self.offered


SchedulerMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None
)
TestScheduler = SchedulerMachine.TestCase
