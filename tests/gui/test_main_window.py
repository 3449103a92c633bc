"""The window: pages, actions, drops anywhere, a narrow screen, and what it remembers."""

from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gui_app.main_window import MainWindow, WindowViews
from gui_app.models.sweep_values import SweepValues
from gui_app.models.task_table_model import TaskTableModel
from gui_app.theme import Theme, ThemeChoice
from gui_app.views.core_loads import CoreLoads
from gui_app.views.drop_area import DropArea
from gui_app.views.failure_panel import FailurePanel
from gui_app.views.footer import Footer
from gui_app.views.header import Header
from gui_app.views.notice_bar import NoticeBar
from gui_app.views.output_panel import OutputPanel
from gui_app.views.pipeline_panel import PipelinePanel
from gui_app.views.preview_panel import PreviewPanel
from gui_app.views.result_summary import ResultSummary
from gui_app.views.speed_panel import SpeedPanel
from gui_app.views.sweep_chart import SweepChart
from gui_app.views.sweep_form import SweepForm
from gui_app.views.task_table import TaskTable
from gui_app.views.throughput_plot import ThroughputPlot
from gui_app.views.worker_lanes import WorkerLanes
from gui_app.views.worker_slider import WorkerSlider
from workers import (
    Counts,
    JobId,
    JobSnapshot,
    JobState,
    Kind,
    Pipeline,
    Step,
    TaskId,
    TaskRow,
    TaskState,
)
from workers.operations import all_operations

DRAFT = JobSnapshot(1, JobId("j"), "Holiday", JobState.DRAFT, counts=Counts(waiting=3))
RUNNING = replace(DRAFT, state=JobState.RUNNING, counts=Counts(1, 1, 1))
PAUSED = replace(RUNNING, state=JobState.PAUSED)
FINISHED = replace(DRAFT, state=JobState.FINISHED, counts=Counts(0, 0, 2, 1))


def _views() -> WindowViews:
    return WindowViews(
        header=Header(),
        drop_area=DropArea(),
        pipeline_panel=PipelinePanel(all_operations()),
        output_panel=OutputPanel(),
        task_table=TaskTable(TaskTableModel()),
        throughput_plot=ThroughputPlot(),
        preview_panel=PreviewPanel(),
        sweep_form=SweepForm(),
        sweep_chart=SweepChart(SweepValues()),
        core_loads=CoreLoads(),
        worker_lanes=WorkerLanes(),
        worker_slider=WorkerSlider(),
        speed_panel=SpeedPanel(),
        failure_panel=FailurePanel(),
        notice_bar=NoticeBar(),
        result_summary=ResultSummary(),
        footer=Footer(),
    )


def _window(qtbot: QtBot, qapp: QApplication, settings: QSettings) -> MainWindow:
    Theme(qapp, ThemeChoice.LIGHT)
    window = MainWindow(_views(), settings)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, settings: QSettings) -> MainWindow:
    return _window(qtbot, qapp, settings)


def test_empty_window_shows_the_drop_area(window: MainWindow) -> None:
    assert window.views.drop_area.isVisible()
    assert not window.views.task_table.isVisible()
    assert not window.actions_offered.start.isEnabled()


def test_job_shows_the_table_and_its_name(window: MainWindow) -> None:
    window.apply(DRAFT)
    assert window.views.task_table.isVisible()
    assert not window.views.result_summary.isVisible()
    assert window.windowTitle().startswith("Holiday")
    assert window.actions_offered.start.isEnabled()


def test_keyboard_begins_at_choose_folder_and_goes_on_to_the_rows(
    qtbot: QtBot, window: MainWindow
) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    focused = QApplication.focusWidget()
    assert isinstance(focused, QPushButton)
    assert focused.text() == "Choose folder…"
    window.apply(DRAFT)
    assert window.views.task_table.rows.hasFocus()
    window.apply(JobSnapshot(sequence=2))
    assert focused.hasFocus()


def test_ended_job_shows_its_result(window: MainWindow) -> None:
    window.apply(FINISHED)
    assert window.views.result_summary.isVisible()
    assert window.actions_offered.retry.isEnabled()


def test_pause_and_continue_share_a_key_but_never_at_once(window: MainWindow) -> None:
    actions = window.actions_offered
    window.apply(RUNNING)
    assert (actions.pause.isEnabled(), actions.resume.isEnabled()) == (True, False)
    window.apply(PAUSED)
    assert (actions.pause.isEnabled(), actions.resume.isEnabled()) == (False, True)
    window.apply(RUNNING)
    assert (actions.pause.isVisible(), actions.resume.isVisible()) == (True, False)


def test_drop_anywhere_on_the_window_is_told(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    window.apply(DRAFT)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    no_key = Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(9, 99), copy, mime, left, no_key)
    QApplication.sendEvent(window, entering)
    assert entering.isAccepted()
    with qtbot.waitSignal(window.views.drop_area.paths_dropped) as told:
        drop = QDropEvent(QPointF(9, 99), copy, mime, left, no_key)
        QApplication.sendEvent(window, drop)
    assert told.args == [(tmp_path,)]


def test_refused_drop_is_told_on_the_empty_page_and_beside_a_job(window: MainWindow) -> None:
    bar = window.views.notice_bar
    bar.show_sentence("http: addresses are not files on this computer.")
    assert bar.isVisible()
    window.apply(DRAFT)
    assert bar.sentence == "http: addresses are not files on this computer."
    bar.show_sentence("Again.")
    assert bar.isVisible()
    window.apply(JobSnapshot(9))
    bar.show_sentence("And again.")
    assert bar.isVisible()


def test_narrow_window_puts_the_right_panel_under_a_tab(window: MainWindow) -> None:
    window.resize(1180, 760)
    assert window.views.worker_slider.isVisible()
    window.resize(860, 620)
    assert not window.views.worker_slider.isVisible()
    assert window.views.pipeline_panel.isVisible()
    window.resize(1180, 760)
    assert window.views.worker_slider.isVisible()


def test_every_form_fits_the_least_panel(window: MainWindow) -> None:
    window.resize(1180, 760)
    panel = window.views.pipeline_panel
    room = panel.width()
    for operation in all_operations():
        shown = [one.shown_when for one in operation.parameters if one.shown_when]
        for values in ({}, *({name: choices[0]} for name, choices in shown)):
            panel.show_pipeline(Pipeline("One", (Step(operation.id, values),)))
            panel.cards[0].toggle()
            QApplication.sendPostedEvents()
            assert panel.minimumSizeHint().width() <= room, (operation.id, values)


def test_panels_fold(window: MainWindow) -> None:
    window.resize(1180, 760)
    window.actions_offered.show_pipeline.trigger()
    assert not window.views.pipeline_panel.isVisible()
    window.actions_offered.show_workers.trigger()
    assert not window.views.worker_slider.isVisible()
    window.actions_offered.show_pipeline.trigger()
    assert window.views.pipeline_panel.isVisible()


def test_window_remembers_size_and_folded_panels(
    qtbot: QtBot, qapp: QApplication, window: MainWindow, settings: QSettings
) -> None:
    window.resize(1100, 700)
    window.actions_offered.show_workers.trigger()
    with qtbot.waitSignal(window.closed):
        window.close()
    again = _window(qtbot, qapp, settings)
    assert (again.width(), again.height()) == (1100, 700)
    assert not again.views.worker_slider.isVisible()


def test_damaged_geometry_does_no_harm(
    qtbot: QtBot, qapp: QApplication, settings: QSettings
) -> None:
    for name in ("geometry", "sides", "rooms", "show_workers"):
        settings.setValue(name, b"\x00nonsense")
    window = _window(qtbot, qapp, settings)
    assert window.width() >= window.minimumWidth()


def test_nothing_is_wider_than_the_smallest_window(window: MainWindow) -> None:
    window.apply(FINISHED)
    window.resize(window.minimumSize())
    footer = window.views.footer
    assert footer.minimumSizeHint().width() <= window.minimumWidth()
    for view in (footer, window.views.header, window.views.result_summary):
        assert view.width() <= window.width()


def test_reason_of_a_failure_is_readable_in_a_low_window(qtbot: QtBot, window: MainWindow) -> None:
    window.apply(FINISHED)
    window.resize(1180, window.minimumHeight())
    panel = window.views.failure_panel
    panel.apply_row(
        TaskRow(
            TaskId(1),
            "cut-short.jpg",
            Path("/in/cut-short.jpg"),
            Kind.IMAGE,
            9000,
            TaskState.FAILED,
            message="Not a readable JPEG (file ends early).",
            detail="premature end",
        )
    )
    qtbot.waitUntil(partial(_is_readable, panel))


def _is_readable(panel: QWidget) -> bool:
    labels = [label for label in panel.findChildren(QLabel) if label.text()]
    buttons = [button for button in panel.findChildren(QPushButton) if button.isVisible()]
    assert len(labels) == 2
    assert buttons
    return all(
        not widget.visibleRegion().isEmpty() and widget.height() >= widget.sizeHint().height()
        for widget in (labels[0], *buttons)
    ) and labels[1].height() >= labels[1].heightForWidth(labels[1].width())
