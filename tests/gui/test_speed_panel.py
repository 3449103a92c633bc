"""Why not faster: one sentence and, where there is one, a remedy of one click."""

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gui_app.models.baseline import Baseline
from gui_app.views.plain_label import PlainLabel
from gui_app.views.result_summary import ResultSummary
from gui_app.views.speed_advice import Advice, speed_advice
from gui_app.views.speed_panel import SpeedPanel
from workers import Counts, JobId, JobSnapshot, JobState
from workers.sampling import Estimate

RUNNING = JobSnapshot(
    1,
    JobId("j"),
    "Holiday",
    JobState.RUNNING,
    counts=Counts(waiting=400, running=4, succeeded=800),
    elapsed_s=20.0,
    remaining_s=(8.0, 10.0),
    speed_up=3.7,
    workers_target=4,
    workers_maximum=8,
    core_loads=(90.0,) * 4 + (5.0,) * 4,
    memory_free=8_000_000_000,
)


def test_few_workers_are_told_with_the_number_that_helps() -> None:
    assert speed_advice(RUNNING) == Advice(
        "Only 4 of 8 cores may work. With 7 workers this job would end in about 6 s.", 7
    )


def test_last_files_leave_cores_idle() -> None:
    ending = replace(RUNNING, counts=Counts(0, 2, 1200))
    assert speed_advice(ending).sentence.startswith("Only 2 files are left")


def test_little_memory_asks_for_fewer_workers() -> None:
    assert speed_advice(replace(RUNNING, memory_free=300_000_000)) == Advice(
        "Only 300 MB of memory is free.", 3
    )


def test_idle_cores_of_busy_workers_mean_the_drive() -> None:
    waiting = replace(RUNNING, workers_target=8, core_loads=(12.0,) * 8)
    assert "drive" in speed_advice(waiting).sentence


def test_all_cores_at_work_need_no_remedy() -> None:
    full = replace(RUNNING, workers_target=8, core_loads=(97.0,) * 8)
    assert speed_advice(full) == Advice("Every core works.")


def test_first_seconds_tell_nothing_yet() -> None:
    assert speed_advice(replace(RUNNING, elapsed_s=0.5)) == Advice("Measuring…")


def test_remedy_is_one_click(qtbot: QtBot) -> None:
    panel = SpeedPanel()
    qtbot.addWidget(panel)
    panel.apply(RUNNING)
    button = panel.findChild(QPushButton)
    assert isinstance(button, QPushButton)
    assert button.text() == "Use 7 workers"
    with qtbot.waitSignal(panel.workers_wanted) as told:
        button.click()
    assert told.args == [7]


def test_no_speed_up_no_card(qtbot: QtBot) -> None:
    panel = SpeedPanel()
    qtbot.addWidget(panel)
    panel.apply(replace(RUNNING, speed_up=None))
    assert panel.isHidden()


@pytest.fixture
def baseline() -> Baseline:
    """Return what knows that one core takes 100 s for the job."""
    made = Baseline()
    made.apply(replace(RUNNING, state=JobState.DRAFT, speed_up=None))
    made.take(Estimate(seconds=100.0, written=1, tried=5), 4)
    return made


HALF = replace(RUNNING, bytes_total=1000, bytes_ended=500, elapsed_s=20.0)


def test_files_that_were_tried_on_one_core_are_what_it_is_compared_with(
    qtbot: QtBot, baseline: Baseline
) -> None:
    """What busy workers take is no measure of one core: they are in each other's way."""
    panel = SpeedPanel(baseline)
    qtbot.addWidget(panel)
    panel.apply(replace(HALF, bytes_ended=50))
    assert "3.7×" in shown(panel)

    panel.apply(HALF)
    assert {"2.5×", "against one core, as tried", "62 % of what 4 can do"} <= shown(panel)

    panel.apply(replace(HALF, job=JobId("another")))
    assert {"3.7×", "against one core"} <= shown(panel)


def test_result_tells_the_same_speed_up(qtbot: QtBot, baseline: Baseline) -> None:
    summary = ResultSummary(baseline)
    qtbot.addWidget(summary)
    summary.apply(replace(HALF, state=JobState.FINISHED, bytes_ended=1000, elapsed_s=40.0))
    assert "2.5×" in shown(summary)


def test_other_steps_make_the_trial_void_until_the_job_has_begun(baseline: Baseline) -> None:
    baseline.apply(HALF)
    baseline.forget()
    assert baseline.speed_up(HALF) == 2.5

    baseline.apply(replace(HALF, state=JobState.DRAFT))
    baseline.forget()
    assert baseline.speed_up(HALF) is None


def shown(view: QWidget) -> set[str]:
    return {label.text() for label in view.findChildren(PlainLabel)}
