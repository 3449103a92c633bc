"""The composition root: builds bridge, controller, models, views and window, and connects them.

Nothing else creates objects of more than one room. Signals go to bound methods only.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gui_app.bridge import EngineBridge
from gui_app.collector import Collector
from gui_app.controller import Controller, auto_workers
from gui_app.end_signals import EndSignals
from gui_app.error_report import ErrorReport
from gui_app.leaving import Leaving
from gui_app.main_window import MainWindow, WindowViews
from gui_app.models.baseline import Baseline
from gui_app.models.sweep_values import SweepValues
from gui_app.models.task_table_model import TaskTableModel
from gui_app.preset_shelf import PresetShelf
from gui_app.preview_bridge import PreviewBridge
from gui_app.previewing import Previewing
from gui_app.sampling import Sampling
from gui_app.session import Parts, Session
from gui_app.settings import load_choices, window_settings
from gui_app.theme import Theme
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
from workers import Pipeline
from workers.errors import PipelineError
from workers.folders import home_problem, logs_folder
from workers.load import usable_cores
from workers.operations import all_operations
from workers.pipeline import load_pipeline, preset_pipelines


class RunningApp(Struct, frozen=True):
    """The application as `build` hands it over; tests reach its parts through it."""

    parts: Parts
    session: Session
    leaving: Leaving

    def load_the_rest_soon(self) -> None:
        """Load the chart once the window stands: at the first drop it would hold it for 0.3 s."""
        plot = self.views.throughput_plot
        plot.chart_loaded.connect(self.parts.collector.settle)
        QTimer.singleShot(LOAD_AFTER_MS, plot.load_chart)

    @property
    def window(self) -> MainWindow:
        """Return the main window."""
        return self.parts.window

    @property
    def views(self) -> WindowViews:
        """Return the views in the window."""
        return self.parts.window.views

    @property
    def bridge(self) -> EngineBridge:
        """Return the door to the engine."""
        return self.parts.bridge

    @property
    def controller(self) -> Controller:
        """Return what decides."""
        return self.parts.controller


# After the first paint, before a hand is at the mouse.
LOAD_AFTER_MS: Final = 800
_NO_SCREEN: Final = (
    "There is no screen to open a window on. In a terminal: "
    "everycore run shrink-for-sharing FOLDER --output DIR"
)


def run(arguments: Sequence[str]) -> int:
    """Open the window and serve it until it is closed; return the exit status.

    `arguments` are files and folders to put into the job; `--samples` stands for the samples.
    """
    if not _has_screen():
        print(_NO_SCREEN, file=sys.stderr)
        return 2
    application = QApplication(["everycore"])
    # Files that were named belong to a job of their own, not to one that runs already.
    running = build(application, is_fresh=bool(arguments))
    ErrorReport(logs_folder(), running.views.notice_bar.show_sentence).install()
    signals = EndSignals(application)
    signals.end_asked.connect(running.leaving.leave)
    application.commitDataRequest.connect(running.leaving.take_logout)
    running.window.show()
    running.load_the_rest_soon()
    running.views.notice_bar.show_sentence(home_problem())
    paths = tuple(Path(argument).absolute() for argument in arguments if argument != "--samples")
    if "--samples" in arguments:
        running.controller.add_samples()
    running.controller.add_paths(paths)
    return application.exec()


def _has_screen() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def build(application: QApplication, *, is_fresh: bool = False) -> RunningApp:
    """Build the window and the engine behind it; `show` and `exec` are the caller's.

    Unless it is to be fresh, it opens on the job that an earlier window left running.
    """
    application.setApplicationName("Everycore")
    application.setQuitOnLastWindowClosed(True)
    choices = load_choices()
    theme = Theme(application, choices.theme)
    workers = choices.workers or auto_workers(usable_cores())
    pipeline = _chosen_pipeline(choices.preset)
    bridge = EngineBridge(workers, application, is_fresh=is_fresh)
    controller = Controller(bridge, pipeline, parent=application)
    model = TaskTableModel(application)
    values = SweepValues(application)
    baseline = Baseline(application)
    window = MainWindow(_views(model, values, baseline), window_settings())
    collector = Collector(application)
    previews = PreviewBridge(application)
    previewing = Previewing(previews, pipeline, window)
    parts = Parts(
        application,
        theme,
        bridge,
        controller,
        model,
        window,
        collector,
        previews,
        previewing,
        values,
        PresetShelf(pipeline, window),
        Sampling(bridge, previewing, window),
        baseline,
    )
    running = RunningApp(parts, Session(parts, choices), Leaving(parts))
    _connect(running)
    running.session.restore(pipeline)
    bridge.start()
    previews.start()
    bridge.request_history()
    return running


def _chosen_pipeline(preset: str) -> Pipeline:
    try:
        return load_pipeline(preset)
    except PipelineError:
        return preset_pipelines()[0]


def _views(model: TaskTableModel, values: SweepValues, baseline: Baseline) -> WindowViews:
    return WindowViews(
        header=Header(),
        drop_area=DropArea(),
        pipeline_panel=PipelinePanel(all_operations()),
        output_panel=OutputPanel(),
        task_table=TaskTable(model),
        throughput_plot=ThroughputPlot(),
        sweep_form=SweepForm(),
        sweep_chart=SweepChart(values),
        preview_panel=PreviewPanel(),
        core_loads=CoreLoads(),
        worker_lanes=WorkerLanes(),
        worker_slider=WorkerSlider(),
        speed_panel=SpeedPanel(baseline),
        failure_panel=FailurePanel(),
        notice_bar=NoticeBar(),
        result_summary=ResultSummary(baseline),
        footer=Footer(),
    )


def _connect(running: RunningApp) -> None:
    _connect_snapshots(running)
    _connect_table(running)
    _connect_gestures(running)
    _connect_actions(running)
    _connect_preview(running)
    _connect_sweep(running)
    _connect_presets(running)
    session, leaving = running.session, running.leaving
    running.window.close_asked.connect(leaving.ask)
    running.window.closed.connect(leaving.end)
    running.bridge.snapshot_ready.connect(leaving.take_snapshot)
    running.bridge.job_met.connect(leaving.greet)
    running.bridge.history_ready.connect(session.take_history)
    running.bridge.engine_lost.connect(running.views.notice_bar.show_sentence)


def _connect_snapshots(running: RunningApp) -> None:
    views, ready = running.views, running.bridge.snapshot_ready
    ready.connect(running.controller.take_snapshot)
    ready.connect(running.window.apply)
    ready.connect(running.parts.model.apply)
    ready.connect(running.session.take_snapshot)
    for view in (
        running.parts.baseline,
        views.header,
        views.pipeline_panel,
        views.output_panel,
        views.task_table,
        views.throughput_plot,
        views.core_loads,
        views.worker_lanes,
        views.worker_slider,
        views.speed_panel,
        views.notice_bar,
        views.result_summary,
        views.footer,
    ):
        ready.connect(view.apply)


def _connect_table(running: RunningApp) -> None:
    views, controller, table = running.views, running.controller, running.views.task_table
    running.parts.model.rows_wanted.connect(running.bridge.request_rows)
    running.bridge.page_ready.connect(running.parts.model.apply_page)
    table.row_selected.connect(views.failure_panel.apply_row)
    table.retry_wanted.connect(controller.retry)
    table.open_file_wanted.connect(controller.open_file)
    table.show_in_folder_wanted.connect(controller.show_in_folder)
    views.failure_panel.retry_pressed.connect(controller.retry)
    views.failure_panel.open_file_pressed.connect(controller.open_file)
    views.notice_bar.details_pressed.connect(table.show_problems)
    views.result_summary.problems_pressed.connect(table.show_problems)


def _connect_preview(running: RunningApp) -> None:
    previewing, panel = running.parts.previewing, running.views.preview_panel
    running.bridge.snapshot_ready.connect(previewing.take_snapshot)
    running.bridge.page_ready.connect(previewing.take_page)
    running.views.task_table.row_selected.connect(previewing.take_row)
    running.views.pipeline_panel.pipeline_changed.connect(previewing.take_pipeline)
    running.controller.pipeline_offered.connect(previewing.take_pipeline)
    running.window.rooms.preview_opened.connect(previewing.show)
    sampling = running.parts.sampling
    running.bridge.snapshot_ready.connect(sampling.take_snapshot)
    running.bridge.snapshot_ready.connect(panel.apply_state)
    running.bridge.page_ready.connect(sampling.take_page)
    running.views.pipeline_panel.pipeline_changed.connect(panel.forget_estimate)
    panel.estimate_pressed.connect(sampling.start)
    sampling.progressed.connect(panel.show_progress)
    sampling.estimated.connect(panel.show_estimate)
    sampling.estimated.connect(running.parts.baseline.take)
    running.views.pipeline_panel.pipeline_changed.connect(running.parts.baseline.forget)
    previewing.begun.connect(panel.begin)
    previewing.answered.connect(panel.apply)


def _connect_presets(running: RunningApp) -> None:
    shelf, panel = running.parts.shelf, running.views.pipeline_panel
    panel.save_wanted.connect(running.session.ask_preset_name)
    panel.import_wanted.connect(shelf.import_file)
    panel.export_wanted.connect(shelf.export_file)
    panel.forget_wanted.connect(shelf.forget)
    panel.pipeline_changed.connect(shelf.take_pipeline)
    running.controller.pipeline_offered.connect(shelf.take_pipeline)
    running.controller.presets_dropped.connect(shelf.take_in)
    shelf.presets_changed.connect(panel.apply_presets)
    shelf.preset_offered.connect(running.controller.offer_pipeline)
    shelf.preset_offered.connect(running.session.take_pipeline)
    shelf.said.connect(running.views.notice_bar.show_sentence)


def _connect_sweep(running: RunningApp) -> None:
    values, bridge = running.parts.values, running.bridge
    bridge.snapshot_ready.connect(values.apply)
    bridge.snapshot_ready.connect(running.views.sweep_form.apply)
    bridge.values_ready.connect(values.take)
    values.values_wanted.connect(bridge.request_values)
    running.views.sweep_form.start_pressed.connect(running.controller.start_sweep)


def _connect_gestures(running: RunningApp) -> None:
    views, controller, session = running.views, running.controller, running.session
    views.drop_area.paths_dropped.connect(controller.add_paths)
    views.drop_area.drop_refused.connect(views.notice_bar.show_sentence)
    views.drop_area.try_samples_pressed.connect(controller.add_samples)
    views.drop_area.continue_pressed.connect(controller.continue_job)
    views.drop_area.results_pressed.connect(controller.show_job)
    views.drop_area.discard_pressed.connect(controller.discard_job)
    running.window.paths_chosen.connect(controller.add_paths)
    views.pipeline_panel.pipeline_changed.connect(controller.choose_pipeline)
    views.pipeline_panel.pipeline_changed.connect(session.take_pipeline)
    views.output_panel.output_chosen.connect(controller.choose_output)
    views.output_panel.on_existing_chosen.connect(controller.choose_on_existing)
    views.output_panel.on_existing_chosen.connect(session.take_on_existing)
    views.output_panel.choices_changed.connect(controller.choose_outputs)
    views.output_panel.choices_changed.connect(session.take_outputs)
    views.worker_slider.workers_changed.connect(controller.resize)
    views.worker_slider.workers_changed.connect(session.take_workers)
    views.worker_slider.auto_chosen.connect(controller.choose_auto_workers)
    views.worker_slider.auto_chosen.connect(session.take_auto_workers)
    views.worker_slider.responsive_changed.connect(controller.choose_responsive)
    views.worker_slider.responsive_changed.connect(session.take_responsive)
    views.speed_panel.workers_wanted.connect(controller.resize)
    controller.said.connect(views.notice_bar.show_sentence)
    controller.pipeline_offered.connect(views.pipeline_panel.show_pipeline)
    controller.pipeline_offered.connect(session.show_names)
    controller.output_changed.connect(views.output_panel.apply_output)
    controller.beside_changed.connect(views.output_panel.apply_beside)
    controller.outputs_changed.connect(views.output_panel.apply_choices)
    controller.outputs_changed.connect(session.show_outputs)
    controller.outputs_changed.connect(views.footer.apply_choices)
    controller.outputs_changed.connect(running.window.actions_offered.apply_choices)
    controller.replacing_asked.connect(session.ask_replacing)
    controller.trust_needed.connect(session.ask_trust)
    controller.open_wanted.connect(session.open_path)


def _connect_actions(running: RunningApp) -> None:
    footer, actions = running.views.footer, running.window.actions_offered
    controller, session = running.controller, running.session
    for button, action, slot in (
        (footer.start_pressed, actions.start, controller.start),
        (footer.pause_pressed, actions.pause, controller.pause),
        (footer.continue_pressed, actions.resume, controller.resume),
        (footer.cancel_pressed, actions.cancel, controller.cancel),
        (footer.stop_watching_pressed, actions.stop_watching, controller.stop_watching),
        (footer.retry_pressed, actions.retry, controller.retry_all),
        (footer.run_again_pressed, actions.run_again, controller.run_again),
        (footer.open_folder_pressed, actions.open_output, controller.open_output),
        (footer.new_job_pressed, actions.new_job, controller.close_job),
        (running.views.header.jobs_pressed, actions.jobs, session.show_history),
        (running.views.header.settings_pressed, actions.settings, session.show_settings),
    ):
        button.connect(slot)
        action.triggered.connect(slot)
    actions.about.triggered.connect(session.show_about)
