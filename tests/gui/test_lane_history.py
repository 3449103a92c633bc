"""The lanes of the workers: a minute each, bounded, and a replaced worker goes on with its lane."""

from gui_app.models.lane_history import LaneHistory
from workers import JobId, JobSnapshot, WorkerId
from workers.snapshot import AttemptEnd, Lane, LaneSegment, WorkerState


def _lane(worker: int, *segments: LaneSegment) -> Lane:
    return Lane(WorkerId(worker), 1000 + worker, WorkerState.RUNNING, "a.png", 0.1, segments)


def _snapshot(elapsed_s: float, *lanes: Lane, job: str = "one") -> JobSnapshot:
    return JobSnapshot(1, JobId(job), elapsed_s=elapsed_s, lanes=lanes)


def _done(started_s: float, seconds: float, end: AttemptEnd = AttemptEnd.DONE) -> LaneSegment:
    return LaneSegment(started_s, seconds, end)


def test_long_attempts_stay_apart_with_shades_of_their_own() -> None:
    history = LaneHistory()
    history.add(_snapshot(3.0, _lane(1, _done(0.0, 1.0), _done(1.0, 1.0), _done(2.0, 1.0))))
    (lane,) = history.lanes
    assert [(one.started_s, one.ended_s) for one in lane.stretches] == [(0, 1), (1, 2), (2, 3)]
    assert len({one.shade for one in lane.stretches}) == 3


def test_minute_of_500_files_a_second_stays_bounded() -> None:
    history = LaneHistory()
    for tick in range(70 * 10):
        start = tick / 10
        segments = [_done(start + number * 0.002, 0.002) for number in range(50)]
        history.add(_snapshot(start + 0.1, _lane(1, *segments)))
    (lane,) = history.lanes
    assert len(lane.stretches) < 600
    assert lane.stretches[0].ended_s >= 9.9
    assert lane.stretches[-1].ended_s > 69.9


def test_crash_between_tiny_attempts_stays_visible() -> None:
    history = LaneHistory()
    crash = _done(0.01, 0.002, AttemptEnd.CRASHED)
    history.add(_snapshot(1.0, _lane(1, _done(0.0, 0.01), crash, _done(0.012, 0.01))))
    ends = [one.end for one in history.lanes[0].stretches]
    assert ends == [AttemptEnd.DONE, AttemptEnd.CRASHED, AttemptEnd.DONE]


def test_pause_between_tiny_attempts_stays_a_gap() -> None:
    history = LaneHistory()
    history.add(_snapshot(1.0, _lane(1, _done(0.0, 0.01), _done(0.07, 0.01))))
    assert len(history.lanes[0].stretches) == 2


def test_what_is_older_than_a_minute_leaves() -> None:
    history = LaneHistory()
    history.add(_snapshot(1.0, _lane(1, _done(0.0, 1.0))))
    history.add(_snapshot(61.5, _lane(1)))
    assert not history.lanes[0].stretches


def test_worker_that_replaces_a_lost_one_takes_over_its_lane() -> None:
    history = LaneHistory()
    history.add(_snapshot(2.0, _lane(1), _lane(2, _done(0.0, 2.0, AttemptEnd.CRASHED)), _lane(3)))
    history.add(_snapshot(3.0, _lane(1), _lane(3), _lane(4)))
    assert [shown.lane.worker for shown in history.lanes] == [1, 4, 3]
    assert history.lanes[1].stretches[0].end is AttemptEnd.CRASHED


def test_fewer_workers_are_fewer_lanes() -> None:
    history = LaneHistory()
    history.add(_snapshot(2.0, _lane(1), _lane(2), _lane(3)))
    history.add(_snapshot(3.0, _lane(1), _lane(3)))
    assert [shown.lane.worker for shown in history.lanes] == [1, 3]


def test_another_job_starts_with_empty_lanes() -> None:
    history = LaneHistory()
    history.add(_snapshot(2.0, _lane(1, _done(0.0, 2.0))))
    history.add(_snapshot(0.1, _lane(1), job="two"))
    assert not history.lanes[0].stretches
