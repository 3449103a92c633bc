"""The last minute of the throughput: bounded, on the job's own clock, storms told as one."""

from itertools import pairwise

import pytest

from gui_app.models.time_series import TimeSeries
from gui_app.views.plot_scale import RateScale, place_labels, round_top, tick_words
from workers import JobId, JobSnapshot
from workers.snapshot import Marker, MarkerKind


def _snapshot(
    elapsed_s: float, rate: float = 50.0, *markers: Marker, job: str = "one"
) -> JobSnapshot:
    return JobSnapshot(1, JobId(job), elapsed_s=elapsed_s, tasks_per_s=rate, markers=tuple(markers))


def _crash(at_s: float) -> Marker:
    return Marker(MarkerKind.CRASHED, at_s, "crash")


def _filled(seconds: float, per_second: int = 30) -> TimeSeries:
    series = TimeSeries()
    for number in range(int(seconds * per_second) + 1):
        series.add(_snapshot(number / per_second, float(number)))
    return series


def test_empty_series_has_no_points() -> None:
    assert TimeSeries().points() == ([], [])
    assert TimeSeries().markers() == ()


def test_window_without_a_job_has_no_points() -> None:
    series = TimeSeries()
    series.add(JobSnapshot(1))
    assert series.points() == ([], [])


def test_minute_at_thirty_snapshots_a_second_stays_below_300_points() -> None:
    at, rates = _filled(200).points()
    assert 250 <= len(at) == len(rates) <= 300


def test_points_reach_from_a_minute_ago_to_now_in_order() -> None:
    at, _ = _filled(90).points()
    assert at[0] == -60
    assert at[-1] == 0
    assert all(earlier < later for earlier, later in pairwise(at))


def test_rate_at_the_left_edge_is_between_its_neighbours() -> None:
    at, rates = _filled(90).points()
    # The rate grew by 30 a second, so the edge is known exactly.
    assert rates[0] == pytest.approx(30 * 30, abs=1)
    assert at[1] > -60


def test_last_point_is_the_newest_rate() -> None:
    series = _filled(10)
    series.add(_snapshot(10.05, 777.0))
    at, rates = series.points()
    assert (at[-1], rates[-1]) == (0.0, 777.0)


def test_curve_stands_while_the_clock_of_the_job_stands() -> None:
    series = _filled(10)
    before = series.points()
    series.add(_snapshot(10.0, 0.0))
    assert series.points() == before


def test_another_job_starts_anew() -> None:
    series = _filled(10)
    series.add(_snapshot(0.5, 3.0, job="two"))
    assert series.points() == ([0.0], [3.0])
    assert series.markers() == ()


def test_job_taken_up_a_little_earlier_keeps_its_curve() -> None:
    series = _filled(10)
    series.add(_snapshot(9.0, 4.0))
    series.add(_snapshot(9.5, 5.0))
    at, rates = series.points()
    assert at[0] == pytest.approx(-9.5)
    assert rates[-1] == 5.0


def test_markers_move_left_and_leave_after_a_minute() -> None:
    series = TimeSeries()
    resized = Marker(MarkerKind.RESIZED, 5.0, "3 → 4 workers")
    series.add(_snapshot(5.0, 50.0, resized))
    series.add(_snapshot(35.0))
    assert series.markers() == ((-30.0, resized),)
    series.add(_snapshot(65.1))
    assert series.markers() == ()


def test_storm_of_crashes_is_one_marker_with_a_count() -> None:
    series = TimeSeries()
    series.add(_snapshot(10.0, 50.0, *(_crash(4.0 + number) for number in range(6))))
    series.add(_snapshot(20.0, 50.0, _crash(19.0)))
    assert [(at, marker.text) for at, marker in series.markers()] == [
        (-16.0, "6 crashes"),
        (-1.0, "crash"),
    ]


def test_storm_that_does_not_end_is_shown_again() -> None:
    series = TimeSeries()
    for second in range(200):
        series.add(_snapshot(float(second), 50.0, _crash(second)))
    assert [marker.text for _, marker in series.markers()] == ["15 crashes"] * 3 + ["5 crashes"]


def test_many_markers_stay_bounded() -> None:
    series = TimeSeries()
    moves = [Marker(MarkerKind.RESIZED, number / 100, "1 → 2 workers") for number in range(5000)]
    series.add(_snapshot(50.0, 50.0, *moves))
    assert len(series.markers()) == 64


def test_scale_stands_while_the_peak_trembles() -> None:
    scale = RateScale()
    scale.fit(51.0)
    assert [scale.fit(peak) for peak in (48.0, 55.0, 60.0, 44.0, 59.9)] == [False] * 5
    assert scale.top == 60


@pytest.mark.parametrize("peak", [0.02, 0.7, 1.0, 3.3, 52.0, 999.0, 4821.0, 1e6])
def test_scale_holds_the_peak_and_wastes_less_than_half(peak: float) -> None:
    scale = RateScale()
    scale.fit(peak)
    assert 0.55 * scale.top <= peak <= scale.top
    assert scale.ticks()[0] == 0
    assert scale.ticks()[-1] == pytest.approx(scale.top)
    assert 3 <= len(scale.ticks()) <= 4
    assert not scale.fit(peak)


def test_scale_without_work_keeps_its_top() -> None:
    scale = RateScale()
    assert not scale.fit(0.0)
    assert scale.top == 10


def test_round_tops_are_at_most_half_as_large_again_as_the_one_before() -> None:
    tops = sorted({round_top(float(value))[0] for value in range(10, 9999)})
    assert all(later / earlier <= 1.5 for earlier, later in pairwise(tops))


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.5, "0.5"), (1.5, "1.5"), (40.0, "40"), (1500.0, "1,500"), (15e3, "15k")],
)
def test_ticks_are_short(value: float, words: str) -> None:
    assert tick_words(value) == words


def test_labels_stay_inside_and_apart() -> None:
    places = place_labels([100, 120, 495], [60, 60, 60], 0, 500)
    assert places == [(104, 0), (124, 1), (431, 0)]


def test_label_without_room_is_left_out() -> None:
    places = place_labels([100, 100, 100, 100, 100], [60] * 5, 0, 500)
    assert places == [(104, 0), (36, 0), (104, 1), (36, 1), None]
    assert place_labels([10], [60], 0, 50) == [None]
