"""The table's model: pages on demand, few requests, no reset while only rows change."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from gui_app.models.row_pages import PAGE_ROWS, PAGES_MOST, RowPages
from gui_app.models.row_words import Column
from gui_app.models.task_table_model import PLACEHOLDER, TaskTableModel
from workers import (
    Counts,
    JobId,
    JobSnapshot,
    JobState,
    Kind,
    RowPage,
    RowQuery,
    TaskId,
    TaskRow,
    TaskState,
)
from workers.snapshot import RowSort

JOB = JobId("holiday")
RUNNING = JobSnapshot(1, JOB, "Holiday", JobState.RUNNING, counts=Counts(waiting=1000))
FINISHED = replace(RUNNING, state=JobState.FINISHED, counts=Counts(succeeded=1000))
ROLE = Qt.ItemDataRole


def a_row(number: int, state: TaskState = TaskState.WAITING, message: str = "") -> TaskRow:
    name = f"IMG_{number:04}.jpg"
    return TaskRow(
        TaskId(number), name, Path("/in") / name, Kind.IMAGE, 5_000_000, state, message=message
    )


class Journal:
    """Answers queries as the bridge does, when told to."""

    def __init__(self, model: TaskTableModel, matches: int) -> None:
        self.model = model
        self.matches = matches
        self.state = TaskState.WAITING
        self.queries: list[RowQuery] = []
        model.rows_wanted.connect(self.queries.append)

    def page(self, query: RowQuery) -> RowPage:
        last = min(query.first + query.count, self.matches)
        rows = tuple(a_row(number, self.state) for number in range(query.first, last))
        return RowPage(JOB, query, self.matches, rows)

    def answer(self) -> None:
        self.model.apply_page(self.page(self.queries[-1]))


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Signals:
    """Counts what a view would hear."""

    def __init__(self, model: TaskTableModel) -> None:
        self.resets = 0
        self.changes: list[tuple[int, int]] = []
        self.inserted: list[tuple[int, int]] = []
        self.removed: list[tuple[int, int]] = []
        model.modelReset.connect(self._count_reset)
        model.dataChanged.connect(self._note_change)
        model.rowsInserted.connect(self._note_inserted)
        model.rowsRemoved.connect(self._note_removed)

    def _count_reset(self) -> None:
        self.resets += 1

    def _note_change(self, first: QModelIndex, last: QModelIndex) -> None:
        self.changes.append((first.row(), last.row()))

    def _note_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.inserted.append((first, last))

    def _note_removed(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.removed.append((first, last))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(qtbot: QtBot, clock: Clock) -> TaskTableModel:
    return TaskTableModel(clock=clock)


@pytest.fixture
def journal(model: TaskTableModel) -> Journal:
    """Return the journal of a job whose first page is shown."""
    made = Journal(model, 1000)
    model.apply(RUNNING)
    made.answer()
    return made


def test_new_job_asks_for_its_first_page_at_once(model: TaskTableModel) -> None:
    journal = Journal(model, 1000)
    model.apply(RUNNING)
    assert journal.queries == [RowQuery(0, 200)]
    assert model.rowCount() == 0
    assert not model.has_answer
    journal.answer()
    assert model.rowCount() == 1000
    row = model.row_at(7)
    assert row is not None
    assert row.task == 7


def test_window_without_a_job_asks_for_nothing(model: TaskTableModel) -> None:
    journal = Journal(model, 0)
    model.apply(JobSnapshot(1))
    model.show_text("a")
    assert journal.queries == []
    assert model.rowCount() == 0


def test_closed_job_leaves_an_empty_table(model: TaskTableModel, journal: Journal) -> None:
    model.apply(JobSnapshot(2))
    assert model.rowCount() == 0
    journal.answer()
    assert model.rowCount() == 0


def test_missing_row_is_a_placeholder_until_its_page_comes(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    index = model.index(650, Column.NAME)
    signals = Signals(model)
    with qtbot.waitSignal(model.rows_wanted) as wanted:
        assert index.data() == PLACEHOLDER
    assert wanted.args == [RowQuery(600, 200)]
    journal.answer()
    assert index.data() == "IMG_0650.jpg"
    assert signals.changes == [(600, 799)]
    assert signals.resets == 0


def test_changed_rows_are_read_again_without_a_reset(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    signals = Signals(model)
    with qtbot.waitSignal(model.rows_wanted) as wanted:
        model.apply(replace(RUNNING, sequence=2, changed_tasks=None))
    assert wanted.args == [RowQuery(0, 200)]
    journal.state = TaskState.SUCCEEDED
    journal.answer()
    assert signals.changes == [(0, 199)]
    assert signals.resets == 0


def test_page_that_changed_nothing_repaints_nothing(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    signals = Signals(model)
    with qtbot.waitSignal(model.rows_wanted):
        model.apply(replace(RUNNING, sequence=2, changed_tasks=(TaskId(900),)))
    journal.answer()
    assert signals.changes == []


def test_snapshot_that_changed_nothing_asks_for_nothing(
    qtbot: QtBot, model: TaskTableModel, journal: Journal, clock: Clock
) -> None:
    clock.now = 5.0
    with qtbot.waitSignal(model.rows_wanted):
        pass  # what the last change left to be read once more
    journal.answer()
    with qtbot.assertNotEmitted(model.rows_wanted, wait=300):
        model.apply(replace(RUNNING, sequence=2))


def test_thirty_snapshots_a_second_make_at_most_eight_requests(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    model.rows_wanted.connect(journal.answer)
    del journal.queries[:]
    sequences = iter(range(2, 100))

    def has_told_thirty() -> bool:
        sequence = next(sequences)
        model.apply(replace(RUNNING, sequence=sequence, changed_tasks=None))
        return sequence > 80

    started = time.monotonic()
    qtbot.waitUntil(has_told_thirty, timeout=10_000)
    assert 1 <= len(journal.queries) <= 8 * (time.monotonic() - started) + 1


def test_only_the_watched_pages_are_read_again(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    with qtbot.waitSignal(model.rows_wanted):
        model.watch(390, 410)
    journal.answer()
    with qtbot.waitSignal(model.rows_wanted):
        pass
    journal.answer()
    del journal.queries[:]
    model.apply(replace(RUNNING, sequence=2, changed_tasks=None))
    qtbot.waitUntil(lambda: len(journal.queries) == 2)
    assert {query.first for query in journal.queries} == {200, 400}


def test_unanswered_request_is_repeated_after_a_second(
    qtbot: QtBot, model: TaskTableModel, clock: Clock
) -> None:
    journal = Journal(model, 1000)
    model.apply(RUNNING)
    with qtbot.assertNotEmitted(model.rows_wanted, wait=300):
        clock.now = 0.9
    clock.now = 1.1
    qtbot.waitUntil(lambda: len(journal.queries) == 2)


def test_answer_older_than_the_change_is_read_again(
    qtbot: QtBot, model: TaskTableModel, journal: Journal
) -> None:
    with qtbot.waitSignal(model.rows_wanted):
        model.apply(replace(RUNNING, sequence=2, changed_tasks=None))
    model.apply(replace(RUNNING, sequence=3, changed_tasks=None))
    with qtbot.waitSignal(model.rows_wanted):
        journal.answer()


def test_last_change_is_read_again_once_the_journal_holds_it(
    qtbot: QtBot, model: TaskTableModel, journal: Journal, clock: Clock
) -> None:
    with qtbot.waitSignal(model.rows_wanted):
        model.apply(replace(RUNNING, sequence=2, changed_tasks=None))
    journal.answer()
    with qtbot.waitSignal(model.rows_wanted):
        clock.now = 0.5


def test_more_matches_insert_rows_and_fewer_remove_them(
    model: TaskTableModel, journal: Journal
) -> None:
    signals = Signals(model)
    journal.matches = 1200
    journal.answer()
    assert (signals.inserted, model.rowCount()) == ([(1000, 1199)], 1200)
    journal.matches = 100
    journal.answer()
    assert (signals.removed, model.rowCount()) == ([(100, 1199)], 100)
    assert model.row_at(99) is not None
    assert model.row_at(100) is None
    assert signals.resets == 0


def test_other_rows_stay_until_the_filtered_ones_are_here(
    model: TaskTableModel, journal: Journal
) -> None:
    signals = Signals(model)
    model.show_states((TaskState.FAILED,))
    assert journal.queries[-1] == RowQuery(0, 200, (TaskState.FAILED,))
    assert (signals.resets, model.rowCount()) == (0, 1000)
    journal.matches = 2
    journal.answer()
    assert (signals.resets, model.rowCount()) == (1, 2)


def test_answer_to_an_older_question_is_dropped(model: TaskTableModel, journal: Journal) -> None:
    late = journal.page(journal.queries[-1])
    model.show_text("IMG")
    journal.matches = 3
    journal.answer()
    model.apply_page(late)
    model.apply_page(replace(late, job=JobId("another")))
    assert model.rowCount() == 3


def test_ended_job_shows_its_problems_first(model: TaskTableModel, journal: Journal) -> None:
    model.apply(FINISHED)
    sorts = [query.sort for query in journal.queries]
    assert sorts == [RowSort.ADDED, RowSort.PROBLEMS_FIRST]


@pytest.mark.parametrize(
    ("column", "sort"),
    [
        (Column.STATE, RowSort.STATE),
        (Column.NAME, RowSort.NAME),
        (Column.BEFORE, RowSort.SIZE),
        (Column.AFTER, RowSort.BYTES_OUT),
        (Column.TIME, RowSort.SECONDS),
    ],
)
def test_order_that_a_person_chose_outlives_the_end_of_the_job(
    model: TaskTableModel, journal: Journal, column: Column, sort: RowSort
) -> None:
    model.sort(column, Qt.SortOrder.DescendingOrder)
    assert (journal.queries[-1].sort, journal.queries[-1].is_descending) == (sort, True)
    asked = len(journal.queries)
    model.apply(FINISHED)
    assert all(query.sort is sort for query in journal.queries[asked:])
    model.sort(-1)
    assert journal.queries[-1] == RowQuery(0, 200, sort=RowSort.PROBLEMS_FIRST)


def test_few_pages_are_held_however_far_a_person_scrolls() -> None:
    pages = RowPages()
    for number in range(3 * PAGES_MOST):
        pages.keep(number * PAGE_ROWS, (a_row(number * PAGE_ROWS),))
    assert len(pages) == PAGES_MOST
    assert pages.row(0) is None
    assert pages.row((3 * PAGES_MOST - 1) * PAGE_ROWS) is not None


@pytest.mark.parametrize("state", TaskState)
def test_state_is_said_as_a_word(model: TaskTableModel, state: TaskState) -> None:
    model.apply(RUNNING)
    row = a_row(0, state, "Not a readable JPEG (file ends early).")
    model.apply_page(RowPage(JOB, RowQuery(0, 200), 1, (row,)))
    word = model.index(0, Column.STATE).data(ROLE.AccessibleTextRole)
    assert word == ("Done" if state is TaskState.SUCCEEDED else state.value.capitalize())
    assert model.index(0, Column.STATE).data() == ""


def test_tool_tip_shows_a_name_as_it_is(model: TaskTableModel) -> None:
    model.apply(RUNNING)
    row = replace(a_row(0), name="<img src=x>.jpg")
    model.apply_page(RowPage(JOB, RowQuery(0, 200), 1, (row,)))
    tip = model.index(0, Column.NAME).data(ROLE.ToolTipRole)
    assert tip == "<qt>&lt;img src=x&gt;.jpg</qt>"


def test_warning_of_a_done_task_is_its_tool_tip(model: TaskTableModel) -> None:
    model.apply(RUNNING)
    row = replace(a_row(0, TaskState.SUCCEEDED, "The profile was left out."), has_warning=True)
    model.apply_page(RowPage(JOB, RowQuery(0, 200), 1, (row,)))
    state = model.index(0, Column.STATE)
    assert state.data(ROLE.ToolTipRole) == "<qt>The profile was left out.</qt>"
    assert state.data(ROLE.AccessibleTextRole) == "Done with a warning"
