"""The scheduler alone: no process, no file, no clock."""

from tests.engine.crew import Crew, offered
from workers.actions import (
    Dispatch,
    GrantMemory,
    RequeueTask,
    StartWorker,
    TakeBackTask,
)
from workers.circuit_breaker import CRASHES_IN_A_ROW, EARLY_DEATHS_IN_A_ROW
from workers.events import (
    AttemptEnded,
    JobCancelled,
    JobContinued,
    JobPaused,
    LastTaskOffered,
    MemoryChanged,
    MemoryWanted,
    OutputBlocked,
    TasksExhausted,
    TasksExpected,
    WorkerLost,
    WorkerReady,
    WorkersResized,
)
from workers.job import TaskId, WorkerId
from workers.outcome import Failure, FailureKind, Success


def test_the_last_task_waits_until_all_others_have_ended_and_no_more_are_expected() -> None:
    crew = Crew(target=2)
    crew.tell(LastTaskOffered(TaskId(9)))
    crew.tell(offered(1, 2))
    crew.tell(TasksExhausted())
    crew.start_all()
    first, second = crew.given
    crew.succeed(first)
    crew.tell(TasksExpected())
    crew.succeed(second)
    assert crew.given == {first: [], second: []}
    crew.tell(TasksExhausted())
    assert sorted(crew.given.values()) == [[], [9]]
    assert not crew.is_finished
    crew.succeed(next(worker for worker, tasks in crew.given.items() if tasks))
    assert crew.is_finished
    assert list(crew.ended) == [1, 2, 9]


def test_each_ready_worker_gets_a_task_and_no_more_start_than_there_are_tasks() -> None:
    crew = Crew(target=8)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    assert [len(tasks) for tasks in crew.given.values()] == [1, 1, 1]


def test_a_second_task_waits_at_a_worker_only_while_tasks_are_short() -> None:
    for seconds, expected in ((0.001, 2), (1.0, 1)):
        crew = Crew(target=1)
        crew.tell(offered(*range(1, 50)))
        crew.start_all()
        crew.succeed(WorkerId(1), seconds)
        assert len(crew.given[WorkerId(1)]) == expected


def test_lost_worker_costs_one_attempt_of_the_running_task_only() -> None:
    crew = Crew(target=1)
    crew.tell(offered(*range(1, 50)))
    crew.start_all()
    crew.succeed(WorkerId(1), 0.001)
    running, waiting = crew.given[WorkerId(1)]
    crew.lose(WorkerId(1))
    requeued = {a.task: a.is_charged for a in crew.seen if isinstance(a, RequeueTask)}
    assert requeued == {running: True, waiting: False}
    crew.start_all()
    assert crew.given[WorkerId(2)] == [running], "a suspect runs alone"


def test_task_that_crashes_twice_is_set_aside_with_the_signal_named() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1, 2))
    crew.tell(TasksExhausted())
    crew.start_all()
    crew.lose(WorkerId(1))
    crew.start_all()
    crew.lose(WorkerId(2))
    outcome = crew.ended[TaskId(1)].outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.WORKER_LOST
    assert outcome.message == "The worker process crashed twice on this file (SIGSEGV)."
    crew.start_all()
    crew.succeed(WorkerId(3))
    assert crew.is_finished


def test_idle_workers_death_charges_nobody() -> None:
    crew = Crew(target=2)
    crew.tell(offered(1, 2))
    crew.start_all()
    crew.succeed(WorkerId(2))
    crew.lose(WorkerId(2), while_running=False)
    assert not any(isinstance(action, RequeueTask) for action in crew.seen)


def test_timed_out_task_fails_without_another_try() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1))
    crew.start_all()
    cause = Failure(FailureKind.TIMED_OUT, "Took longer than 1 s.")
    crew.tell(WorkerLost(WorkerId(1), -9, TaskId(1), True, cause))
    assert crew.ended[TaskId(1)].outcome == cause


def test_resize_down_retires_idle_workers_first() -> None:
    crew = Crew(target=3)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    crew.succeed(WorkerId(2))
    crew.tell(WorkersResized(2))
    assert crew.leaving == {WorkerId(2)}


def test_resize_up_starts_workers_at_once() -> None:
    crew = Crew(target=1)
    crew.tell(offered(*range(1, 20)))
    crew.start_all()
    actions = crew.tell(WorkersResized(4))
    assert actions.count(StartWorker()) == 3


def test_refused_worker_is_not_asked_for_again_while_others_work() -> None:
    crew = Crew(target=8)
    crew.limit = 2
    crew.tell(offered(*range(1, 9)))
    crew.start_all()
    assert [len(tasks) for tasks in crew.given.values()] == [1, 1]
    starts = sum(isinstance(action, StartWorker) for action in crew.seen)
    crew.succeed(WorkerId(1))
    assert sum(isinstance(action, StartWorker) for action in crew.seen) == starts


def test_job_pauses_when_no_worker_at_all_can_be_started() -> None:
    crew = Crew(target=4)
    crew.limit = 0
    crew.tell(offered(1, 2))
    assert crew.pauses == ["No worker can be started: Too many open files."]


def test_workers_that_leave_keep_their_place_until_they_are_gone() -> None:
    crew = Crew(target=8)
    crew.tell(offered(*range(1, 1000)))
    crew.start_all()
    for _ in range(50):
        crew.tell(WorkersResized(1))
        crew.tell(WorkersResized(8))
        crew.start_all()
    assert len(crew.given) == 8, "the slider moves, nobody has ended a task"
    leaving = next(iter(crew.leaving))
    crew.succeed(leaving)
    crew.lose(leaving, while_running=False, exit_code=0)
    assert sum(isinstance(action, StartWorker) for action in crew.seen) == 9


def test_workers_of_the_job_before_are_neither_seated_nor_counted_as_early_deaths() -> None:
    crew = Crew(target=1)
    crew.tell(offered(*range(1, 10)))
    former = WorkerId(77)
    assert not any(isinstance(a, Dispatch) for a in crew.tell(WorkerReady(former)))
    for _ in range(EARLY_DEATHS_IN_A_ROW):
        crew.tell(WorkerLost(former, -9, None, was_ready=False))
    assert crew.pauses == []


def test_job_waits_for_a_search_that_began_while_it_ran() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1))
    crew.tell(TasksExhausted())
    crew.start_all()
    crew.tell(TasksExpected())
    crew.succeed(WorkerId(1))
    assert not crew.is_finished
    crew.tell(offered(2))
    crew.tell(TasksExhausted())
    crew.start_all()
    crew.succeed(max(crew.given))
    assert crew.is_finished


def test_paused_job_hands_out_nothing_and_goes_on_where_it_was() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1, 2))
    crew.start_all()
    crew.tell(JobPaused())
    crew.succeed(WorkerId(1))
    assert crew.given[WorkerId(1)] == []
    crew.tell(JobContinued())
    assert crew.given[WorkerId(1)] == [TaskId(2)]


def test_cancel_ends_every_task_and_kills_those_that_run() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    crew.tell(JobCancelled())
    assert {task: end.outcome for task, end in crew.ended.items()} == {1: None, 2: None, 3: None}
    assert crew.is_finished
    assert crew.leaving == {WorkerId(1)}


def test_answer_for_a_cancelled_task_is_ignored() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1))
    crew.start_all()
    crew.tell(JobCancelled())
    crew.tell(AttemptEnded(WorkerId(1), TaskId(1), Success(), 1.0))
    assert crew.ended[TaskId(1)].outcome is None


def test_crash_loop_pauses_the_job_with_a_sentence() -> None:
    crew = Crew(target=1)
    crew.tell(offered(*range(1, 100)))
    crashes = 0
    while not crew.pauses:
        crew.start_all()
        worker = next(w for w, tasks in crew.given.items() if tasks)
        crew.lose(worker)
        crashes += 1
    assert crashes == CRASHES_IN_A_ROW
    assert "SIGSEGV" in crew.pauses[0]


def test_workers_that_die_before_they_are_ready_are_not_started_for_ever() -> None:
    crew = Crew(target=2)
    crew.tell(offered(1, 2, 3))
    while not crew.pauses:
        crew.lose(next(iter(crew.given)), exit_code=1)
    starts = sum(isinstance(action, StartWorker) for action in crew.seen)
    assert starts <= EARLY_DEATHS_IN_A_ROW + 2
    assert crew.pauses == ["Workers end before they are ready (exit 1)."]


def test_big_tasks_take_turns_in_the_memory_budget() -> None:
    crew = Crew(target=3, memory_budget=100)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    workers = list(crew.given)
    for worker in workers:
        crew.tell(MemoryWanted(worker, crew.given[worker][0], 60))
    assert crew.take(GrantMemory) == [GrantMemory(workers[0])]
    crew.succeed(workers[0])
    assert crew.take(GrantMemory) == [GrantMemory(workers[1])]
    crew.lose(workers[1])
    assert crew.take(GrantMemory) == [GrantMemory(workers[2])]


def test_task_above_the_whole_budget_runs_when_no_other_holds_memory() -> None:
    crew = Crew(target=1, memory_budget=100)
    crew.tell(offered(1))
    crew.start_all()
    (worker,) = crew.given
    crew.tell(MemoryWanted(worker, TaskId(1), 5000))
    assert crew.take(GrantMemory) == [GrantMemory(worker)]


def test_task_that_lacked_memory_is_tried_again_when_nothing_else_runs() -> None:
    crew = Crew(target=2)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    first, second = crew.given
    task = crew.given[first].pop(0)
    crew.tell(AttemptEnded(first, task, Failure(FailureKind.OUT_OF_MEMORY, "no"), 1.0))
    assert task not in crew.ended
    crew.succeed(second)
    busy = [worker for worker, tasks in crew.given.items() if tasks]
    assert len(busy) == 1, "the rest runs first"
    crew.succeed(busy[0])
    alone = next(worker for worker, tasks in crew.given.items() if tasks)
    assert crew.given[alone] == [task]
    crew.given[alone].pop(0)
    crew.tell(AttemptEnded(alone, task, Failure(FailureKind.OUT_OF_MEMORY, "no"), 1.0))
    outcome = crew.ended[task].outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.OUT_OF_MEMORY
    assert crew.ended[task].attempts == 2


def test_task_that_needs_more_than_one_may_take_is_not_tried_again() -> None:
    crew = Crew(target=1)
    crew.tell(offered(1))
    crew.start_all()
    (worker,) = crew.given
    task = crew.given[worker].pop(0)
    failure = Failure(FailureKind.OUT_OF_MEMORY, "beyond", is_limit=True)
    crew.tell(AttemptEnded(worker, task, failure, 1.0))
    assert (crew.ended[task].outcome, crew.ended[task].attempts) == (failure, 1)


def test_worker_that_holds_too_much_after_a_task_is_replaced() -> None:
    crew = Crew(target=1, recycle_above=1000)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    (worker,) = crew.given
    task = crew.given[worker].pop(0)
    crew.tell(AttemptEnded(worker, task, Success(), 1.0, resident_bytes=1001))
    assert crew.leaving == {worker}
    crew.lose(worker, while_running=False, exit_code=0)
    crew.start_all()
    assert [w for w in crew.given if w != worker]


def test_scarce_memory_lets_one_task_run_at_a_time() -> None:
    crew = Crew(target=3)
    crew.tell(MemoryChanged(is_scarce=True))
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    assert sum(len(tasks) for tasks in crew.given.values()) == 1
    crew.tell(MemoryChanged(is_scarce=False))
    assert sum(len(tasks) for tasks in crew.given.values()) == 3


def test_waiting_task_is_asked_back_for_an_idle_worker() -> None:
    crew = Crew(target=2)
    crew.tell(offered(*range(1, 10)))
    crew.start_all()
    first, second = crew.given
    crew.succeed(first, seconds=0.001)
    waiting = next(tasks[1] for tasks in crew.given.values() if len(tasks) > 1)
    while len(crew.given[second]) < 2 and len(crew.given[first]) < 2:
        crew.succeed(second, seconds=0.001)
    holder = first if waiting in crew.given[first] else second
    other = second if holder == first else first
    while crew.given[other]:
        crew.succeed(other, seconds=0.001)
    asked = crew.take(TakeBackTask)
    assert asked == [TakeBackTask(holder, crew.given[holder][-1])]


def test_workers_that_never_get_ready_pause_the_job() -> None:
    crew = Crew(target=2)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    for worker in tuple(crew.given):
        del crew.given[worker]
        crew.tell(WorkerLost(worker, -9, None, True, silent_s=20.0))
    assert crew.pauses == ["Workers do not get ready within 20 s."]


def test_attempt_from_before_the_pause_does_not_pause_the_job_again() -> None:
    crew = Crew(target=2)
    crew.tell(offered(1, 2, 3))
    crew.start_all()
    first, second = crew.given
    crew.tell(OutputBlocked(first, crew.given[first].pop(0), "Disk full."))
    crew.tell(JobContinued())
    crew.tell(OutputBlocked(second, crew.given[second].pop(0), "Disk full."))
    assert crew.pauses == ["Disk full."]
