"""How long a task may take and how much memory there is: the pure parts."""

from workers.awake import AwakeClock
from workers.deadlines import LEAST_S, SAMPLES_LEAST, TIMES_SIMILAR, Deadlines
from workers.job import Kind
from workers.memory_budget import RECYCLE_LEAST, RECYCLE_MOST, Scarcity, memory_budget

GB = 1 << 30


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_clock_stands_still_while_the_computer_sleeps() -> None:
    hands = Hands()
    clock = AwakeClock(hands)
    begun = clock.tick()
    hands.now += 0.5
    assert clock.tick(0.5) == begun + 0.5
    hands.now += 8 * 3600.0  # the lid was closed during a wait of one second
    assert clock.tick(1.0) - begun < 3.0
    assert clock.lost_s > 8 * 3600.0 - 2.0


def test_long_wait_that_was_asked_for_is_no_sleep() -> None:
    hands = Hands()
    clock = AwakeClock(hands)
    begun = clock.tick()
    hands.now += 60.0
    assert clock.tick(60.0) == begun + 60.0


def test_limit_is_learned_from_similar_tasks_and_never_short() -> None:
    deadlines = Deadlines(None)
    assert deadlines.limit(Kind.IMAGE, 1000) is None
    for _ in range(SAMPLES_LEAST):
        deadlines.note(Kind.IMAGE, 1000, 0.01)
    assert deadlines.limit(Kind.IMAGE, 1000) == LEAST_S
    for _ in range(500):
        deadlines.note(Kind.IMAGE, 1000, 5.0)
    assert deadlines.limit(Kind.IMAGE, 1000) == TIMES_SIMILAR * 5.0
    assert deadlines.limit(Kind.IMAGE, 1_000_000) is None, "a big one is not like a small one"
    assert deadlines.limit(Kind.TABLE, 1000) is None


def test_limit_that_was_given_holds_for_all() -> None:
    assert Deadlines(7.0).limit(Kind.IMAGE, 1) == 7.0
    assert Deadlines(float("inf")).limit(Kind.IMAGE, 1) is None


def test_budget_leaves_memory_for_others_and_its_parts_are_sane() -> None:
    budget = memory_budget(available=16 * GB, total=24 * GB, workers=8)
    assert budget.together < 16 * GB
    assert budget.each < 16 * GB
    assert RECYCLE_LEAST <= budget.recycle_above <= RECYCLE_MOST


def test_memory_once_scarce_is_scarce_until_there_is_plenty() -> None:
    scarcity = Scarcity(total=16 * GB)
    assert not scarcity.has_changed(4 * GB)
    assert scarcity.has_changed(GB // 4)
    assert not scarcity.has_changed(int(0.8 * GB)), "not plenty yet"
    assert scarcity.is_scarce
    assert scarcity.has_changed(8 * GB)
    assert not scarcity.is_scarce
