"""The ready-made views that the main window puts in their places."""

from msgspec import Struct

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


class WindowViews(Struct, frozen=True):
    """The ready-made views; the window puts them in their places."""

    header: Header
    drop_area: DropArea
    pipeline_panel: PipelinePanel
    output_panel: OutputPanel
    task_table: TaskTable
    throughput_plot: ThroughputPlot
    sweep_form: SweepForm
    sweep_chart: SweepChart
    preview_panel: PreviewPanel
    core_loads: CoreLoads
    worker_lanes: WorkerLanes
    worker_slider: WorkerSlider
    speed_panel: SpeedPanel
    failure_panel: FailurePanel
    notice_bar: NoticeBar
    result_summary: ResultSummary
    footer: Footer
