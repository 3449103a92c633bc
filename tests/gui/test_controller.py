"""What gestures cause, with a real bridge and engine behind them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui_app.bridge import EngineBridge
from gui_app.controller import Controller, auto_workers
from gui_app.output_choices import OutputChoices
from workers import JobId, JobSnapshot, JobState, Pipeline, Step
from workers.operations.user_function import digest
from workers.trust import is_trusted, trust

# Only a hang reaches it.
PATIENCE_MS = 30_000
ONLY_WITH_LEAVE = """
def process(path, output):
    if not (path.parent / "leave").exists():
        raise ValueError("no leave")
    output.write_bytes(path.read_bytes() * 2)
"""


class Desk:
    """A controller, its bridge and the last snapshot."""

    def __init__(self, qtbot: QtBot, application: QApplication, pipeline: Pipeline) -> None:
        self.qtbot = qtbot
        self.bridge = EngineBridge(1)
        self.controller = Controller(self.bridge, pipeline, parent=application)
        self.last = JobSnapshot(sequence=0)
        self.bridge.snapshot_ready.connect(self.controller.take_snapshot)
        self.bridge.snapshot_ready.connect(self.take)
        self.bridge.start()

    def take(self, snapshot: JobSnapshot) -> None:
        self.last = snapshot

    def until(self, state: JobState, total: int) -> None:
        self.qtbot.waitUntil(
            lambda: self.last.state is state and self.last.counts.total == total,
            timeout=PATIENCE_MS,
        )


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "own.py"
    file.write_text("def process(path, output): output.write_bytes(path.read_bytes())\n")
    return file


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, code: Path) -> Iterator[Desk]:
    desk = Desk(qtbot, qapp, Pipeline("Own", (Step("user.process", file=code),)))
    yield desk
    desk.bridge.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Letters"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    return folder


def test_own_code_needs_leave_before_the_job_starts(
    qtbot: QtBot, desk: Desk, folder: Path, code: Path
) -> None:
    desk.controller.add_paths((folder,))
    desk.until(JobState.DRAFT, 3)
    with qtbot.waitSignal(desk.controller.trust_needed, timeout=PATIENCE_MS) as asked:
        desk.controller.start()
    assert asked.args == [code, digest(code)]
    assert desk.last.state is JobState.DRAFT
    desk.controller.allow(code, digest(code))
    desk.until(JobState.FINISHED, 3)
    assert is_trusted(digest(code))


def test_outputs_go_beside_the_dropped_folder_unless_another_is_chosen(
    qtbot: QtBot, desk: Desk, folder: Path, code: Path, tmp_path: Path
) -> None:
    with qtbot.waitSignal(desk.controller.beside_changed, timeout=PATIENCE_MS) as told:
        desk.controller.add_paths((folder,))
    assert told.args == [tmp_path / "Letters (Everycore)"]
    desk.until(JobState.DRAFT, 3)
    desk.controller.choose_output(tmp_path / "elsewhere")
    desk.controller.allow(code, digest(code))
    desk.until(JobState.FINISHED, 3)
    assert sorted(file.name for file in (tmp_path / "elsewhere").iterdir()) == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]
    assert not (tmp_path / "Letters (Everycore)").exists()


def test_outputs_are_named_by_the_template_and_a_wrong_one_starts_nothing(
    desk: Desk, code: Path, folder: Path
) -> None:
    said: list[str] = []
    desk.controller.said.connect(said.append)
    trust(digest(code), code)
    desk.controller.add_paths([folder])
    desk.until(JobState.DRAFT, 3)
    desk.controller.choose_outputs(OutputChoices("{nam}"))
    desk.controller.start()
    assert said[0].startswith("The name '{nam}' has a field {nam}; there are {name}")
    desk.controller.choose_outputs(OutputChoices("{parent}/{index}-{name}", keeps_dates=True))
    desk.controller.start()
    desk.until(JobState.FINISHED, 3)
    made = folder.with_name("Letters (Everycore)") / "Letters"
    assert sorted(file.name for file in made.iterdir()) == ["1-a.txt", "2-b.txt", "3-c.txt"]
    assert (made / "1-a.txt").stat().st_mtime_ns == (folder / "a.txt").stat().st_mtime_ns


def test_closed_job_stays_in_the_history_and_can_be_shown_again(
    qtbot: QtBot, desk: Desk, folder: Path, code: Path
) -> None:
    desk.controller.add_paths((folder,))
    desk.until(JobState.DRAFT, 3)
    desk.controller.allow(code, digest(code))
    desk.until(JobState.FINISHED, 3)
    desk.controller.close_job()
    desk.until(JobState.EMPTY, 0)
    with qtbot.waitSignal(desk.bridge.history_ready, timeout=PATIENCE_MS) as told:
        desk.bridge.request_history()
    (entry,) = told.args[0]
    desk.controller.show_job(entry.job)
    desk.until(JobState.FINISHED, 3)
    desk.controller.discard_job(entry.job)
    desk.until(JobState.EMPTY, 0)


def test_job_that_is_opened_shows_its_own_pipeline(
    qtbot: QtBot, desk: Desk, folder: Path, code: Path
) -> None:
    desk.controller.add_paths((folder,))
    desk.until(JobState.DRAFT, 3)
    desk.controller.allow(code, digest(code))
    desk.until(JobState.FINISHED, 3)
    job = desk.last.job
    assert job is not None
    desk.controller.close_job()
    desk.until(JobState.EMPTY, 0)
    desk.controller.choose_pipeline(Pipeline("Another", (Step("images.auto_orient"),)))
    with qtbot.waitSignal(desk.controller.pipeline_offered, timeout=PATIENCE_MS) as offered:
        desk.controller.show_job(job)
    assert offered.args == [Pipeline("Own", (Step("user.process", file=code),))]


needs_trash = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")
Gesture = Callable[[Controller, JobId, Path], None]


def _drop(controller: Controller, _job: JobId, folder: Path) -> None:
    controller.add_paths((folder,))


def _close(controller: Controller, _job: JobId, _folder: Path) -> None:
    controller.close_job()


def _show(controller: Controller, job: JobId, _folder: Path) -> None:
    controller.show_job(job)


def _go_on(controller: Controller, job: JobId, _folder: Path) -> None:
    controller.continue_job(job)


def _undo(controller: Controller, job: JobId, _folder: Path) -> None:
    controller.undo_job(job)


def _ended_in_place(desk: Desk, code: Path, folder: Path) -> JobId:
    """Replace the originals of the folder; return the job."""
    trust(digest(code), code)
    desk.controller.add_paths((folder,))
    desk.until(JobState.DRAFT, 3)
    desk.controller.choose_outputs(OutputChoices(keeps_dates=True, is_in_place=True))
    desk.controller.start()
    desk.controller.replace_originals()
    desk.until(JobState.FINISHED, 3)
    assert desk.last.job is not None
    assert desk.last.is_in_place
    return desk.last.job


@needs_trash
@pytest.mark.parametrize("gesture", [_drop, _close, _show, _go_on, _undo])
def test_replacing_the_originals_of_one_job_is_not_meant_for_the_next(
    trash: Path, qtbot: QtBot, desk: Desk, code: Path, folder: Path, gesture: Gesture
) -> None:
    job = _ended_in_place(desk, code, folder)
    with qtbot.waitSignal(desk.controller.outputs_changed, timeout=PATIENCE_MS) as told:
        gesture(desk.controller, job, folder)
    assert told.args == [OutputChoices(keeps_dates=True)]


@needs_trash
def test_originals_are_replaced_again_only_after_a_yes(
    trash: Path, qtbot: QtBot, desk: Desk, code: Path, folder: Path
) -> None:
    _ended_in_place(desk, code, folder)
    (folder / "d.txt").write_text("d")
    for gesture in (desk.controller.retry_all, desk.controller.run_again):
        with qtbot.waitSignal(desk.controller.replacing_asked, timeout=PATIENCE_MS) as asked:
            gesture()
        assert asked.args == [desk.last, False]
    desk.controller.resize(2)
    qtbot.waitUntil(lambda: desk.last.workers_target == 2, timeout=PATIENCE_MS)
    assert desk.last.state is JobState.FINISHED
    desk.controller.replace_originals()
    desk.until(JobState.FINISHED, 4)


@needs_trash
def test_problems_of_a_job_in_place_are_retried_after_a_yes(
    trash: Path, qtbot: QtBot, desk: Desk, code: Path, folder: Path
) -> None:
    code.write_text(ONLY_WITH_LEAVE)
    job = _ended_in_place(desk, code, folder)
    assert desk.last.counts.failed == 3
    (folder / "leave").touch()
    desk.controller.retry_all()
    desk.controller.show_job(job)
    desk.controller.replace_originals()  # of a job that was left meanwhile
    desk.controller.resize(2)
    qtbot.waitUntil(lambda: desk.last.workers_target == 2, timeout=PATIENCE_MS)
    assert desk.last.counts.failed == 3
    desk.controller.retry_all()
    desk.controller.replace_originals()
    qtbot.waitUntil(lambda: desk.last.counts.succeeded == 3, timeout=PATIENCE_MS)


def test_job_beside_its_originals_is_run_again_unasked(
    qtbot: QtBot, desk: Desk, code: Path, folder: Path
) -> None:
    trust(digest(code), code)
    desk.controller.add_paths((folder,))
    desk.until(JobState.DRAFT, 3)
    desk.controller.start()
    desk.until(JobState.FINISHED, 3)
    (folder / "d.txt").write_text("d")
    with qtbot.assertNotEmitted(desk.controller.replacing_asked):
        desk.controller.run_again()
        desk.until(JobState.FINISHED, 4)


def test_output_folder_that_is_gone_is_told_in_a_sentence(qtbot: QtBot, desk: Desk) -> None:
    with qtbot.waitSignal(desk.controller.said, timeout=PATIENCE_MS) as said:
        desk.controller.open_file(Path("/nowhere/at-all.jpg"))
    assert said.args == ["at-all.jpg is no longer there."]


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (4, 4), (8, 7), (64, 63)])
def test_auto_leaves_a_core_free_where_there_are_many(cores: int, workers: int) -> None:
    assert auto_workers(cores) == workers
