"""The plot, the core bars and the lanes: what they say, and that they paint in both themes."""

from collections.abc import Iterator
from functools import partial

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice, current_tokens
from gui_app.views.core_loads import CoreLoads
from gui_app.views.throughput_plot import ThroughputPlot, throughput_words
from gui_app.views.worker_lanes import WorkerLanes, computer_words
from workers import Counts, JobId, JobSnapshot, JobState, WorkerId
from workers.snapshot import AttemptEnd, Lane, LaneSegment, Marker, MarkerKind, WorkerState


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp, ThemeChoice.LIGHT)
    yield made
    made.choose(ThemeChoice.LIGHT)
    made.deleteLater()


def _running(elapsed_s: float = 30.0, rate: float = 51.8) -> JobSnapshot:
    crash = LaneSegment(5.0, 4.0, AttemptEnd.CRASHED)
    return JobSnapshot(
        1,
        JobId("one"),
        state=JobState.RUNNING,
        counts=Counts(waiting=10, running=2, succeeded=88),
        bytes_total=1000,
        bytes_ended=880,
        elapsed_s=elapsed_s,
        tasks_per_s=rate,
        bytes_per_s=261e6,
        workers_maximum=8,
        memory_free=11_400_000_000,
        lanes=(
            Lane(WorkerId(1), 11, WorkerState.RUNNING, "<b>IMG</b>.jpg", 2.44, (crash,)),
            Lane(WorkerId(2), 12, WorkerState.STARTING),
        ),
        core_loads=(87.2, 3.0),
    )


def _shown(qtbot: QtBot, widget: QWidget, width: int = 400, height: int = 180) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)


def _colors(widget: QWidget) -> set[str]:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return {
        QColor(image.pixel(x, y)).name().upper()
        for x in range(image.width())
        for y in range(image.height())
    }


def _has_colors(widget: QWidget, expected: set[str]) -> bool:
    return expected <= _colors(widget)


def _content(lanes: WorkerLanes) -> QWidget:
    content = lanes.widget()
    assert content is not None
    return content


def test_rate_is_told_in_files_and_bytes() -> None:
    assert throughput_words(_running()) == ("51.8", "files/s · 261 MB/s")


def test_sweep_has_no_bytes_to_tell() -> None:
    sweep = JobSnapshot(1, JobId("one"), state=JobState.RUNNING, tasks_per_s=2345.6)
    assert throughput_words(sweep) == ("2,346", "tasks/s")


def test_ended_job_tells_its_average() -> None:
    ended = JobSnapshot(
        1,
        JobId("one"),
        state=JobState.FINISHED,
        counts=Counts(succeeded=90, failed=10),
        bytes_total=50_000_000,
        bytes_ended=50_000_000,
        elapsed_s=10.0,
    )
    assert throughput_words(ended) == ("10.0", "files/s · 5.0 MB/s on average")


def test_cancelled_and_skipped_files_make_no_job_faster() -> None:
    ended = JobSnapshot(
        1,
        JobId("one"),
        state=JobState.CANCELLED,
        counts=Counts(succeeded=90, failed=10, skipped=400, cancelled=9500),
        bytes_total=50_000_000,
        bytes_ended=50_000_000,
        elapsed_s=10.0,
    )
    assert throughput_words(ended) == ("10.0", "files/s on average")


@pytest.mark.parametrize("state", [JobState.EMPTY, JobState.DRAFT])
def test_job_that_has_not_started_has_no_rate(state: JobState) -> None:
    assert throughput_words(JobSnapshot(1, state=state)) == ("", "")


def test_job_that_ended_at_once_divides_by_nothing() -> None:
    ended = JobSnapshot(1, JobId("one"), state=JobState.CANCELLED)
    assert throughput_words(ended) == ("0.0", "tasks/s on average")


def test_plot_draws_curve_and_markers_and_follows_the_theme(qtbot: QtBot, theme: Theme) -> None:
    plot = ThroughputPlot()
    _shown(qtbot, plot)
    for number in range(100):
        plot.apply(_running(number / 2, 40.0 + number % 7))
    crash = Marker(MarkerKind.CRASHED, 40.0, "crash")
    plot.apply(
        JobSnapshot(
            2, JobId("one"), state=JobState.RUNNING, elapsed_s=50.0, tasks_per_s=9, markers=(crash,)
        )
    )
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        theme.choose(choice)
        tokens = current_tokens()
        expected = {tokens.accent.upper(), tokens.fail.upper(), tokens.surface.upper()}
        qtbot.waitUntil(partial(_has_colors, plot, expected))
    assert plot.accessibleDescription() == "9.0 tasks/s"


def test_plot_before_a_job_shows_its_axes_only(qtbot: QtBot, theme: Theme) -> None:
    plot = ThroughputPlot()
    _shown(qtbot, plot)
    plot.load_chart()
    plot.apply(JobSnapshot(1))
    qtbot.waitUntil(lambda: current_tokens().line.upper() in _colors(plot))
    assert current_tokens().accent.upper() not in _colors(plot)


def test_chart_is_loaded_once_and_only_after_the_first_paint(qtbot: QtBot, theme: Theme) -> None:
    plot = ThroughputPlot()
    loaded: list[None] = []
    plot.chart_loaded.connect(partial(loaded.append, None))
    with qtbot.waitSignal(plot.chart_loaded):
        _shown(qtbot, plot)
    plot.load_chart()
    assert len(loaded) == 1


def test_hidden_plot_draws_nothing(qtbot: QtBot, theme: Theme) -> None:
    plot = ThroughputPlot()
    qtbot.addWidget(plot)
    with qtbot.assertNotEmitted(plot.chart_loaded, wait=250):
        plot.apply(_running())
    assert plot.accessibleDescription() == ""


def test_core_bars_say_their_loads(qtbot: QtBot, theme: Theme) -> None:
    cores = CoreLoads()
    _shown(qtbot, cores, 200, 44)
    cores.apply(_running())
    assert cores.loads == (87, 3)
    assert cores.accessibleDescription() == "2 cores, 45 % busy on average"
    assert cores.core_at(cores.bar_of(1).center()) == 1
    assert {current_tokens().accent.upper(), current_tokens().sunk.upper()} <= _colors(cores)


@pytest.mark.parametrize(("cores", "rows"), [(1, 1), (8, 1), (32, 1), (33, 2), (64, 2), (256, 2)])
def test_core_bars_fill_the_width_in_one_or_two_rows(qtbot: QtBot, cores: int, rows: int) -> None:
    bars = CoreLoads()
    qtbot.addWidget(bars)
    bars.resize(266, 44)
    bars.apply(JobSnapshot(1, core_loads=(50.0,) * cores))
    places = [bars.bar_of(core) for core in range(cores)]
    assert len({place.top() for place in places}) == rows
    assert max(place.right() for place in places) == pytest.approx(266)
    assert max(place.bottom() for place in places) == pytest.approx(44)
    assert all(place.width() > 0.5 for place in places)


def test_lanes_show_names_states_and_crashes(qtbot: QtBot, theme: Theme) -> None:
    lanes = WorkerLanes()
    _shown(qtbot, lanes, 260, 120)
    lanes.apply(_running())
    inner = _content(lanes)
    assert {current_tokens().fail.upper(), current_tokens().muted.upper()} <= _colors(inner)
    assert inner.minimumHeight() == 2 * 36


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        (
            Lane(WorkerId(1), 1, WorkerState.RUNNING, "a\nb.jpg", 2.44),
            "Worker 1: a\\x0ab.jpg, 2.4 s",
        ),
        (Lane(WorkerId(1), 1, WorkerState.RUNNING, "a.jpg", 130.0), "Worker 1: a.jpg, 2 min"),
        (Lane(WorkerId(1), 1, WorkerState.LEAVING, "a.jpg"), "Worker 1: a.jpg, leaving"),
        (Lane(WorkerId(1), 1, WorkerState.LEAVING), "Worker 1: leaving"),
        (Lane(WorkerId(1), 1, WorkerState.STARTING), "Worker 1: starting"),
        (Lane(WorkerId(1), 1, WorkerState.IDLE), "Worker 1: idle"),
    ],
)
def test_tool_tip_of_a_lane(qtbot: QtBot, lane: Lane, words: str) -> None:
    lanes = WorkerLanes()
    qtbot.addWidget(lanes)
    lanes.apply(JobSnapshot(1, JobId("one"), state=JobState.RUNNING, lanes=(lane,)))
    assert lanes.tool_tip_at(QPoint(20, 10)) == words
    assert lanes.tool_tip_at(QPoint(20, 90)) == ""


def test_more_than_eight_lanes_are_thin_and_scroll(qtbot: QtBot, theme: Theme) -> None:
    lanes = WorkerLanes()
    _shown(qtbot, lanes, 260, 120)
    many = tuple(Lane(WorkerId(number), number, WorkerState.IDLE) for number in range(64))
    lanes.apply(JobSnapshot(1, JobId("one"), state=JobState.RUNNING, lanes=many))
    assert _content(lanes).minimumHeight() == 64 * 14
    qtbot.waitUntil(lambda: lanes.verticalScrollBar().maximum() > 0)
    assert lanes.tool_tip_at(QPoint(20, 14 * 10)).startswith("Worker 11:")


def test_ended_job_shows_no_lanes(qtbot: QtBot, theme: Theme) -> None:
    lanes = WorkerLanes()
    _shown(qtbot, lanes, 260, 120)
    lanes.apply(_running())
    idle = Lane(WorkerId(1), 11, WorkerState.IDLE)
    lanes.apply(JobSnapshot(2, JobId("one"), state=JobState.FINISHED, lanes=(idle,)))
    assert lanes.tool_tip_at(QPoint(20, 10)) == ""


def test_computer_is_told_in_words() -> None:
    assert computer_words(_running()) == "8 cores, 11.4 GB of memory free."
    assert computer_words(JobSnapshot(1)) == "1 core."
