"""The task table: chips, filter, keys, the selection that follows its task, the menu."""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from gui_app.models.row_words import Column
from gui_app.models.task_table_model import TaskTableModel
from gui_app.theme import ROW_HEIGHT, Theme, ThemeChoice, current_tokens
from gui_app.views.row_follower import RowFollower
from gui_app.views.task_table import TaskTable
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
RUNNING = JobSnapshot(1, JOB, "Holiday", JobState.RUNNING, counts=Counts(450, 3, 828, 2, 1))
FINISHED = replace(RUNNING, state=JobState.FINISHED, counts=Counts(0, 0, 1281, 2, 1))
BROKEN = "Not a readable JPEG (file ends early)."


def a_row(task: int, state: TaskState = TaskState.SUCCEEDED, message: str = "") -> TaskRow:
    name = f"IMG_{task:04}.jpg"
    return TaskRow(
        TaskId(task),
        name,
        Path("/in") / name,
        Kind.IMAGE,
        5_200_000,
        state,
        seconds=0.09,
        bytes_out=214_000 if state is TaskState.SUCCEEDED else 0,
        message=message,
    )


ROWS = (
    a_row(1),
    a_row(2, TaskState.FAILED, BROKEN),
    a_row(3, TaskState.RUNNING),
    a_row(4, TaskState.SKIPPED, "Already done, unchanged since last time."),
    a_row(5, TaskState.WAITING),
)


class Shown:
    """A table in a window, and the queries it made."""

    def __init__(self) -> None:
        self.model = TaskTableModel()
        self.queries: list[RowQuery] = []
        self.selected: list[TaskRow | None] = []
        self.model.rows_wanted.connect(self.queries.append)
        self.table = TaskTable(self.model)
        self.table.row_selected.connect(self.selected.append)

    def apply(self, snapshot: JobSnapshot) -> None:
        self.model.apply(snapshot)
        self.table.apply(snapshot)

    def answer(self, rows: tuple[TaskRow, ...]) -> None:
        self.model.apply_page(RowPage(JOB, self.queries[-1], len(rows), rows))

    def words(self) -> list[str]:
        chips = self.table.chips
        words = ("All", "Waiting", "Done", "Problems", "Skipped", "Cancelled")
        return [
            f"{word} {chips.chip(word).count}" for word in words if chips.chip(word).isVisible()
        ]


@pytest.fixture
def shown(qtbot: QtBot, qapp: QApplication) -> Shown:
    Theme(qapp, ThemeChoice.LIGHT)
    made = Shown()
    qtbot.addWidget(made.table)
    made.table.resize(640, 480)
    made.apply(RUNNING)
    made.answer(ROWS)
    with qtbot.waitActive(made.table):
        made.table.show()
        made.table.activateWindow()
    return made


def test_chips_count_what_the_snapshot_tells(shown: Shown) -> None:
    assert shown.words() == ["All 1,284", "Waiting 450", "Done 828", "Problems 2", "Skipped 1"]


def test_ended_job_waits_for_nothing(shown: Shown) -> None:
    shown.table.chips.choose("Waiting")
    shown.apply(FINISHED)
    assert shown.words() == ["All 1,284", "Done 1,281", "Problems 2", "Skipped 1"]
    assert shown.table.chips.chosen == "All"


def test_cancelled_tasks_have_a_chip_where_there_are_some(shown: Shown) -> None:
    shown.apply(replace(FINISHED, counts=Counts(0, 0, 800, 0, 0, 484)))
    assert "Cancelled 484" in shown.words()


def test_chip_filters_the_rows(qtbot: QtBot, shown: Shown) -> None:
    qtbot.mouseClick(shown.table.chips.chip("Problems"), Qt.MouseButton.LeftButton)
    assert shown.queries[-1].states == (TaskState.FAILED,)
    assert not shown.table.chips.chip("All").isChecked()


def test_arrow_keys_move_the_choice_among_the_chips(qtbot: QtBot, shown: Shown) -> None:
    shown.table.chips.chip("All").setFocus()
    qtbot.keyClick(shown.table.chips.chip("All"), Qt.Key.Key_Right)
    assert shown.table.chips.chosen == "Waiting"
    assert shown.queries[-1].states == (TaskState.WAITING,)


def test_problems_can_be_shown_from_elsewhere(shown: Shown) -> None:
    shown.table.show_problems()
    assert shown.table.chips.chosen == "Problems"
    assert shown.queries[-1].states == (TaskState.FAILED,)


def test_filter_waits_for_a_word_and_asks_once(qtbot: QtBot, shown: Shown) -> None:
    asked = len(shown.queries)
    with qtbot.waitSignal(shown.model.rows_wanted, check_params_cb=lambda query: query.text):
        qtbot.keyClicks(shown.table.filter, "img")
    assert [query.text for query in shown.queries[asked:] if query.text] == ["img"]


def test_filter_key_leads_to_the_filter_and_escape_back(qtbot: QtBot, shown: Shown) -> None:
    shown.table.rows.setFocus()
    qtbot.keyClick(shown.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(shown.table.filter.hasFocus)
    shown.table.filter.setText("img")
    qtbot.keyClick(shown.table.filter, Qt.Key.Key_Escape)
    assert shown.table.filter.text() == ""
    qtbot.keyClick(shown.table.filter, Qt.Key.Key_Escape)
    assert shown.table.rows.hasFocus()


def test_another_job_starts_with_all_of_its_tasks(shown: Shown) -> None:
    shown.table.show_problems()
    shown.table.filter.setText("img")
    shown.apply(replace(RUNNING, job=JobId("another")))
    assert shown.table.chips.chosen == "All"
    assert (shown.queries[-1].states, shown.queries[-1].text) == ((), "")


def test_heading_sorts_and_a_third_press_gives_the_own_order_back(
    qtbot: QtBot, shown: Shown
) -> None:
    head = shown.table.rows.horizontalHeader()
    place = head.viewport().rect().center()
    place.setX(head.sectionViewportPosition(Column.BEFORE) + 20)
    told = []
    for _press in range(3):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
        told.append((shown.queries[-1].sort, shown.queries[-1].is_descending))
    assert told == [(RowSort.SIZE, False), (RowSort.SIZE, True), (RowSort.ADDED, False)]


def test_heading_without_an_order_leaves_the_order_alone(shown: Shown) -> None:
    head = shown.table.rows.horizontalHeader()
    head.setSortIndicator(Column.NAME, Qt.SortOrder.DescendingOrder)
    head.setSortIndicator(Column.CHANGE, Qt.SortOrder.AscendingOrder)
    assert head.sortIndicatorSection() == Column.NAME
    assert (shown.queries[-1].sort, shown.queries[-1].is_descending) == (RowSort.NAME, True)


def test_selected_row_is_told_and_told_again_when_it_changed(shown: Shown) -> None:
    shown.table.rows.selectRow(2)
    done = a_row(3)
    shown.answer((*ROWS[:2], done, *ROWS[3:]))
    assert shown.selected == [ROWS[2], done]


def test_selection_follows_its_task_to_another_place(shown: Shown) -> None:
    shown.table.rows.selectRow(2)
    shown.answer((ROWS[2], *ROWS[:2], *ROWS[3:]))
    assert shown.table.rows.selectionModel().selectedRows()[0].row() == 0
    assert shown.selected == [ROWS[2]]


def test_selection_follows_its_task_through_another_order(shown: Shown) -> None:
    shown.table.rows.selectRow(2)
    shown.apply(FINISHED)
    shown.answer((ROWS[1], ROWS[2]))
    assert shown.table.rows.selectionModel().selectedRows()[0].row() == 1
    assert shown.selected == [ROWS[2]]


def test_selection_follows_its_task_when_rows_before_it_go(shown: Shown) -> None:
    shown.table.rows.selectRow(4)
    shown.answer((ROWS[4],))
    assert shown.table.rows.selectionModel().selectedRows()[0].row() == 0
    assert shown.selected == [ROWS[4]]


def test_selection_ends_when_its_task_is_not_shown_any_more(shown: Shown) -> None:
    shown.table.rows.selectRow(2)
    shown.table.show_problems()
    shown.answer((ROWS[1],))
    assert shown.selected == [ROWS[2], None]
    assert not shown.table.rows.selectionModel().hasSelection()


def test_enter_opens_the_selected_file(qtbot: QtBot, shown: Shown) -> None:
    shown.table.rows.selectRow(1)
    with qtbot.waitSignal(shown.table.open_file_wanted) as opened:
        qtbot.keyClick(shown.table.rows, Qt.Key.Key_Return)
    assert opened.args == [Path("/in/IMG_0002.jpg")]


def test_end_key_leads_to_the_last_row(qtbot: QtBot, shown: Shown) -> None:
    shown.table.rows.selectRow(0)
    qtbot.keyClick(shown.table.rows, Qt.Key.Key_End)
    assert shown.selected[-1] == ROWS[-1]


def _offered(shown: Shown, row: TaskRow) -> list[str]:
    menu = shown.table.offer_actions(row)
    return [action.text() for action in menu.actions() if action.isVisible()]


def test_menu_offers_only_what_applies(shown: Shown) -> None:
    files = ["Open file", "Show in folder"]
    assert _offered(shown, ROWS[0]) == files
    assert _offered(shown, ROWS[1]) == [*files, "Copy reason"]
    shown.apply(FINISHED)
    assert _offered(shown, ROWS[1]) == [*files, "Retry", "Copy reason"]
    assert _offered(shown, ROWS[3]) == [*files, "Copy reason"]
    assert _offered(shown, replace(ROWS[0], path=None)) == []


def test_menu_tells_what_was_chosen(qtbot: QtBot, shown: Shown) -> None:
    shown.table.rows.selectRow(1)
    actions = {action.text(): action for action in shown.table.offer_actions(ROWS[1]).actions()}
    with qtbot.waitSignal(shown.table.retry_wanted) as retried:
        actions["Retry"].trigger()
    assert retried.args == [TaskId(2)]
    with qtbot.waitSignal(shown.table.show_in_folder_wanted) as found:
        actions["Show in folder"].trigger()
    assert found.args == [Path("/in/IMG_0002.jpg")]
    actions["Copy reason"].trigger()
    assert QGuiApplication.clipboard().text() == BROKEN


def test_arcs_turn_only_while_something_runs_and_is_seen(shown: Shown) -> None:
    assert shown.table.rows.is_turning
    shown.table.hide()
    assert not shown.table.rows.is_turning
    shown.table.show()
    assert shown.table.rows.is_turning
    shown.apply(FINISHED)
    assert not shown.table.rows.is_turning


def _has_color(image: QImage, area: QRect, color: str) -> bool:
    wanted = QColor(color).rgb()
    places = (
        (x, y) for x in range(area.left(), area.right()) for y in range(area.top(), area.bottom())
    )
    return any(image.pixel(x, y) == wanted for x, y in places)


def test_reason_runs_across_the_number_columns(qtbot: QtBot, shown: Shown) -> None:
    rows = shown.table.rows
    image = QImage(rows.viewport().size(), QImage.Format.Format_RGB32)
    image.fill(QColor(current_tokens().surface))
    painter = QPainter(image)
    for column in (Column.BEFORE, Column.AFTER, Column.TIME):
        index = shown.model.index(1, column)
        option = QStyleOptionViewItem()
        rows.initViewItemOption(option)
        option.rect = rows.visualRect(index)
        rows.itemDelegate().paint(painter, option, index)
    painter.end()
    for column in (Column.BEFORE, Column.AFTER, Column.TIME):
        area = rows.visualRect(shown.model.index(1, column)).intersected(image.rect())
        assert _has_color(image, area, current_tokens().fail)


def test_long_reason_takes_the_room_that_a_short_name_leaves(shown: Shown) -> None:
    rows = shown.table.rows
    long = "An output with this name was there already, and its input was therefore skipped."
    shown.answer((a_row(1), a_row(2, TaskState.FAILED, long), *ROWS[2:]))
    image = QImage(rows.viewport().size(), QImage.Format.Format_RGB32)
    image.fill(QColor(current_tokens().surface))
    painter = QPainter(image)
    index = shown.model.index(1, Column.NAME)
    option = QStyleOptionViewItem()
    rows.initViewItemOption(option)
    option.rect = rows.visualRect(index)
    rows.itemDelegate().paint(painter, option, index)
    painter.end()
    assert _has_color(image, option.rect, current_tokens().fail)


def test_narrow_table_keeps_its_names_readable(shown: Shown) -> None:
    rows = shown.table.rows
    shown.table.setMinimumSize(1, 1)
    rows.resize(400, 300)
    assert rows.isColumnHidden(Column.CHANGE)
    assert rows.columnWidth(Column.NAME) >= 100
    rows.resize(640, 300)
    assert not rows.isColumnHidden(Column.CHANGE)


def test_rows_are_thirty_pixels_high(shown: Shown) -> None:
    assert shown.table.rows.rowHeight(0) == ROW_HEIGHT == 30


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (TaskTable.show_problems, "No problems."),
        (lambda table: table.filter.setText("<b>"), "No name here holds “<b>”."),
    ],
    ids=["problems", "filter"],
)
def test_empty_table_says_why(
    qtbot: QtBot, shown: Shown, prepare: Callable[[TaskTable], None], sentence: str
) -> None:
    asked = len(shown.queries)
    prepare(shown.table)
    qtbot.waitUntil(lambda: len(shown.queries) > asked)
    qtbot.waitUntil(lambda: shown.table.rows.empty_sentence == sentence)
    shown.answer(())
    assert shown.model.rowCount() == 0


def _long_table(qtbot: QtBot) -> TaskTable:
    model = TaskTableModel()
    table = TaskTable(model)
    qtbot.addWidget(table)
    table.resize(600, 400)
    table.show()
    start = replace(RUNNING, counts=Counts(waiting=150), changed_tasks=None)
    with qtbot.waitSignal(model.rows_wanted) as asked:
        model.apply(start)
    rows = tuple(a_row(number, TaskState.WAITING) for number in range(1, 151))
    model.apply_page(RowPage(JOB, asked.args[0], 150, rows))
    table.apply(start)
    return table


def test_rows_that_run_stay_in_view(qtbot: QtBot) -> None:
    table = _long_table(qtbot)
    middle = replace(RUNNING, counts=Counts(49, 1, 100))

    def shows_the_hundredth() -> bool:
        table.apply(middle)
        top = table.rows.rowAt(0)
        return bool(80 < top < 100 < table.rows.rowAt(table.rows.viewport().height() - 2))

    qtbot.waitUntil(shows_the_hundredth)


def test_table_that_the_person_took_in_hand_stays_where_it_is(qtbot: QtBot) -> None:
    table = _long_table(qtbot)
    rows = table.rows
    qtbot.waitUntil(lambda: rows.verticalScrollBar().maximum() > 100 * ROW_HEIGHT)
    seconds = count(0.0, 1.0)
    follower = RowFollower(rows, clock=partial(next, seconds))
    follower.follow(50)
    place = rows.verticalScrollBar().value()
    assert place > 0
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton)
    follower.follow(100)
    assert rows.verticalScrollBar().value() == place
    follower.start_over()
    follower.follow(100)
    assert rows.verticalScrollBar().value() > place
