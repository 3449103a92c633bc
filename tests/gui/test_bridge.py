"""The bridge between the window and a real engine process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui_app.bridge import EngineBridge, merged
from workers import JobSnapshot, JobState, RowPage, RowQuery, TaskId, WorkerId
from workers.commands import AddInputs, PauseJob
from workers.engine_lock import detached_engines
from workers.folders import journals_folder
from workers.job import JobId
from workers.journal import Journal, list_jobs
from workers.snapshot import (
    AttemptEnd,
    JobEntry,
    Lane,
    LaneSegment,
    Marker,
    MarkerKind,
    WorkerState,
)

# Only a hang reaches it.
PATIENCE_MS = 30_000


@pytest.fixture
def bridge(qtbot: QtBot) -> Iterator[EngineBridge]:
    bridge = EngineBridge(1)
    with qtbot.waitSignal(bridge.snapshot_ready, timeout=PATIENCE_MS):
        bridge.start()
    yield bridge
    bridge.stop()


def is_draft_of_three(snapshot: JobSnapshot) -> bool:
    return snapshot.state is JobState.DRAFT and snapshot.counts.total == 3


def test_rows_of_dropped_files_can_be_asked_for(
    qtbot: QtBot, bridge: EngineBridge, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    with qtbot.waitSignal(
        bridge.snapshot_ready, timeout=PATIENCE_MS, check_params_cb=is_draft_of_three
    ):
        bridge.send(AddInputs((folder,)))
    with qtbot.waitSignal(bridge.page_ready, timeout=PATIENCE_MS) as answer:
        bridge.request_rows(RowQuery(0, 200))
    page = answer.args[0]
    assert isinstance(page, RowPage)
    assert [row.name for row in page.rows] == ["a.txt", "b.txt", "c.txt"]
    with qtbot.waitSignal(bridge.history_ready, timeout=PATIENCE_MS) as answer:
        bridge.request_history()
    (entry,) = answer.args[0]
    assert isinstance(entry, JobEntry)
    assert entry.state is JobState.DRAFT


def test_drafts_of_killed_windows_are_forgotten_and_living_ones_stay(qtbot: QtBot) -> None:
    left, living = (Journal.create(journals_folder(), name) for name in ("left", "living"))
    for journal in (left, living):
        journal.set_state(JobState.DRAFT)
    left.close()
    bridge = EngineBridge(1)
    with qtbot.waitSignal(bridge.history_ready, timeout=PATIENCE_MS):
        bridge.start()
        bridge.request_history()
    bridge.stop()
    assert [entry.job for entry in list_jobs(journals_folder())] == [living.job]
    living.close()


def test_refused_command_comes_back_as_a_sentence(qtbot: QtBot, bridge: EngineBridge) -> None:
    with qtbot.waitSignal(
        bridge.snapshot_ready,
        timeout=PATIENCE_MS,
        check_params_cb=lambda snapshot: snapshot.refusal == "No job is open.",
    ) as answer:
        bridge.send(PauseJob())
    assert answer.signal_triggered


def test_stopped_bridge_has_no_engine_left(qtbot: QtBot) -> None:
    bridge = EngineBridge(1)
    with qtbot.waitSignal(bridge.snapshot_ready, timeout=PATIENCE_MS):
        bridge.start()
    bridge.stop()
    assert bridge.isFinished()


def test_detached_bridge_has_handed_over_all_that_was_sent(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    first = EngineBridge(1)
    with qtbot.waitSignal(first.snapshot_ready, timeout=PATIENCE_MS):
        first.start()
    first.send(AddInputs((folder,)))
    first.detach()
    assert first.isFinished()
    second = EngineBridge(1)
    with qtbot.waitSignal(second.job_met, timeout=PATIENCE_MS) as met:
        second.start()
    second.stop()
    assert met.args[0].state is JobState.DRAFT


def test_fresh_bridge_leaves_a_running_engine_alone(qtbot: QtBot) -> None:
    first = EngineBridge(1)
    with qtbot.waitSignal(first.snapshot_ready, timeout=PATIENCE_MS):
        first.start()
    first.detach()
    (lock,) = detached_engines()
    fresh = EngineBridge(1, is_fresh=True)
    with qtbot.waitSignal(fresh.snapshot_ready, timeout=PATIENCE_MS):
        fresh.start()
    fresh.stop()
    assert lock.is_held
    later = EngineBridge(1)
    with qtbot.waitSignal(later.snapshot_ready, timeout=PATIENCE_MS):
        later.start()
    later.stop()
    assert not lock.is_held


def test_merged_snapshots_keep_the_news_of_both() -> None:
    segment = LaneSegment(0.0, 1.0, AttemptEnd.DONE)
    lane = Lane(WorkerId(1), 10, WorkerState.IDLE, segments=(segment,))
    marker = Marker(MarkerKind.PAUSED, 1.0, "paused")
    job = JobId("one")
    earlier = JobSnapshot(1, job, lanes=(lane,), markers=(marker,), changed_tasks=(TaskId(1),))
    later = JobSnapshot(2, job, lanes=(lane,), markers=(marker,), changed_tasks=(TaskId(2),))
    both = merged(earlier, later)
    assert both.sequence == 2
    assert both.lanes[0].segments == (segment, segment)
    assert both.markers == (marker, marker)
    assert both.changed_tasks == (1, 2)
    unnamed = JobSnapshot(3, job, changed_tasks=None)
    assert merged(both, unnamed).changed_tasks is None
    assert merged(both, JobSnapshot(4, JobId("two"))).markers == ()
