"""The main job in the window: drop a folder, press Start, read the results."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from PIL import Image
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QPushButton, QSlider

from gui_app.dialogs.leaving import LeavingDialog
from gui_app.dialogs.trust import TrustDialog
from gui_app.settings import Choices, save_choices
from tests.end_to_end.conftest import PATIENCE_MS, Person
from tests.end_to_end.everycore_program import ROOT
from tests.end_to_end.gestures import choose_preset
from workers import JobSnapshot, JobState, TaskState
from workers.folders import journals_folder, presets_folder
from workers.journal import list_jobs
from workers.operations.user_function import digest
from workers.snapshot import WorkerState
from workers.trust import trust

PRESET = """
format = 1
name = "Crash test"
[[steps]]
operation = "user.process"
file = "{file}"
[[steps]]
operation = "images.resize"
mode = "fit"
width = 64
height = 64
[[steps]]
operation = "images.convert"
format = "webp"
"""

# Takes its time, so that the slider can move meanwhile, and crashes on one of the files.
OWN_CODE = """
import os, signal, time
def process(path, output):
    if path.stem == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(0.05)
    output.write_bytes(path.read_bytes())
"""
# Waits with the later half until it is told to go on.
HELD_CODE = """
import time
def process(path, output):
    while int(path.stem[-2:]) >= 20 and not (path.parent.parent / "go").exists():
        time.sleep(0.01)
    output.write_bytes(path.read_bytes())
"""


def make_pictures(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (200, 100 + number), (number * 4 % 256, 90, 160)).save(
            folder / f"good-{number:02}.jpg"
        )


@pytest.fixture
def own_code(everycore_home: Path, tmp_path: Path) -> Path:
    """Return a file of own code, and keep a preset of the person's that uses it."""
    file = tmp_path / "own.py"
    file.write_text(OWN_CODE)
    (presets_folder() / "crash-test.toml").write_text(PRESET.format(file=file))
    return file


def start_job(person: Person, own_code: Path, folder: Path, count: int) -> JobSnapshot:
    """Drop pictures, press Start, and wait until the first of them are done."""
    make_pictures(folder, count)
    trust(digest(own_code), own_code)
    choose_preset(person.app.views.pipeline_panel, "Crash test")
    person.drop(folder)
    person.until(lambda s: s.counts.total == count)
    person.press("Start")
    return person.until(lambda s: s.counts.succeeded >= 2)


def answer(person: Person, text: str) -> None:
    """Click the button of that text in the question about the job under way."""
    (dialog,) = person.app.window.findChildren(LeavingDialog)
    assert person.app.window.isVisible()
    button = next(b for b in dialog.findChildren(QPushButton) if b.text() == text)
    person.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def table_rows(person: Person) -> dict[str, tuple[TaskState, str]]:
    """Return what the table shows, by file name."""
    model = person.app.parts.model

    def rows() -> dict[str, tuple[TaskState, str]]:
        found = {}
        for number in range(model.rowCount(QModelIndex())):
            row = model.row_at(number)
            if row is not None:
                found[row.name] = (row.state, row.message)
        return found

    person.qtbot.waitUntil(
        lambda: (
            len(rows()) == person.last.counts.total
            and all(state.is_final for state, _ in rows().values())
        ),
        timeout=PATIENCE_MS,
    )
    return rows()


def test_dropped_folder_of_good_corrupt_and_crashing_files_is_processed(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    folder = tmp_path / "Holiday"
    make_pictures(folder, 40)
    (folder / "crash.jpg").write_bytes((folder / "good-00.jpg").read_bytes())
    (folder / "corrupt.jpg").write_bytes((folder / "good-01.jpg").read_bytes()[:300])
    trust(digest(own_code), own_code)

    choose_preset(person.app.views.pipeline_panel, "Crash test")
    person.drop(folder)
    person.until(lambda s: s.state is JobState.DRAFT and s.counts.total == 42)
    person.press("Start")
    person.until(lambda s: s.counts.succeeded >= 3)
    slider = person.app.views.worker_slider.findChild(QSlider)
    assert isinstance(slider, QSlider)
    slider.setFocus()
    person.qtbot.keyClick(slider, Qt.Key.Key_Home)
    person.until(lambda s: s.workers_target == 1)
    person.until(lambda s: sum(lane.state is WorkerState.RUNNING for lane in s.lanes) == 1)
    person.qtbot.keyClick(slider, Qt.Key.Key_End)
    person.until(lambda s: s.workers_target == s.workers_maximum)
    end = person.until(lambda s: s.state.is_ended)

    assert (end.counts.succeeded, end.counts.failed) == (40, 2)
    output = tmp_path / "Holiday (Everycore)"
    assert end.output == output
    written = sorted(output.iterdir())
    assert [file.name for file in written] == [f"good-{n:02}.webp" for n in range(40)]
    for number, file in enumerate(written):
        with Image.open(file) as picture:
            expected = (64, round((100 + number) * 64 / 200))
            assert picture.format == "WEBP"
            assert picture.size == expected
    rows = table_rows(person)
    assert rows["good-00.jpg"][0] is TaskState.SUCCEEDED
    assert rows["crash.jpg"] == (
        TaskState.FAILED,
        "The worker process crashed twice on this file (SIGSEGV).",
    )
    assert rows["corrupt.jpg"] == (TaskState.FAILED, "Not a readable JPEG (file ends early).")
    assert person.app.views.footer.sentences[0] == "Finished"


def test_own_code_runs_only_after_the_person_said_yes(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    make_pictures(folder, 2)
    choose_preset(person.app.views.pipeline_panel, "Crash test")
    person.drop(folder)
    person.until(lambda s: s.counts.total == 2)
    person.press("Start")
    person.qtbot.waitUntil(lambda: bool(person.app.window.findChildren(TrustDialog)))
    assert person.last.state is JobState.DRAFT
    (dialog,) = person.app.window.findChildren(TrustDialog)
    run = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Run this file")
    person.qtbot.mouseClick(run, Qt.MouseButton.LeftButton)
    assert person.until(lambda s: s.state.is_ended).counts.succeeded == 2


def test_job_is_paused_continued_and_cancelled(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    start_job(person, own_code, tmp_path / "in", 60)
    person.press("Pause")
    person.until(lambda s: s.state is JobState.PAUSED and s.counts.running == 0)
    person.press("Continue")
    person.until(lambda s: s.state is JobState.RUNNING)
    person.press("Cancel")
    end = person.until(lambda s: s.state is JobState.CANCELLED)
    assert end.counts.ended == 60
    assert end.counts.cancelled > 0


def test_closed_window_offers_to_continue_the_job_at_the_next_start(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    running = start_job(person, own_code, tmp_path / "in", 60)
    engine = psutil.Process(psutil.Process(running.lanes[0].pid).ppid())
    family = [engine, *engine.children(recursive=True)]
    person.app.window.close()
    answer(person, "Stop and continue later")
    assert person.app.bridge.isFinished()
    (entry,) = list_jobs(journals_folder())
    assert entry.state is JobState.STOPPED
    _gone, alive = psutil.wait_procs(family, timeout=PATIENCE_MS / 1000)
    assert alive == []


# The window as a program of its own: starts a job, and when asked to quits with "Keep running".
LEAVES = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication, QPushButton
from gui_app.app import build
from gui_app.dialogs.leaving import LeavingDialog
from workers import JobState
application = QApplication(["everycore"])
running = build(application)
running.controller.choose_pipeline(running.views.pipeline_panel.pipeline)
running.window.show()
steps = [
    (lambda s: s.sequence > 0, lambda: running.controller.add_paths((Path(sys.argv[1]),))),
    (lambda s: s.counts.total == 40, running.controller.start),
    (lambda s: s.counts.succeeded >= 2, running.window.close),
]
def take(snapshot):
    if steps and steps[0][0](snapshot):
        steps.pop(0)[1]()
    for dialog in running.window.findChildren(LeavingDialog):
        next(b for b in dialog.findChildren(QPushButton) if b.text() == "Keep running").click()
running.bridge.snapshot_ready.connect(take)
print(application.exec(), flush=True)
"""


def test_job_keeps_running_without_its_window_and_the_next_window_shows_it(
    own_code: Path, open_window: Callable[[], Person], tmp_path: Path
) -> None:
    folder = tmp_path / "Holiday"
    make_pictures(folder, 40)
    own_code.write_text(HELD_CODE)
    trust(digest(own_code), own_code)
    save_choices(replace(Choices(), preset="crash-test", workers=1))
    script = tmp_path / "window.py"
    script.write_text(LEAVES)
    window = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_MS / 1000,
        check=False,
    )
    assert window.stdout == "0\n", window.stderr
    (entry,) = list_jobs(journals_folder())
    assert entry.state is JobState.RUNNING
    person = open_window()
    met = person.until(lambda s: s.job == entry.job)
    assert met.state is JobState.RUNNING
    assert 2 <= met.counts.succeeded < 40
    assert met.counts.total == 40
    assert person.app.views.notice_bar.sentence == "'Holiday' is still running."
    person.until(lambda s: any(lane.state is WorkerState.RUNNING for lane in s.lanes))
    (tmp_path / "go").touch()
    end = person.until(lambda s: s.state.is_ended)
    assert end.counts.succeeded == 40
    assert len(table_rows(person)) == 40
    assert len(list((tmp_path / "Holiday (Everycore)").iterdir())) == 40


def test_next_window_opens_on_a_job_that_ended_without_one(
    own_code: Path, person: Person, open_window: Callable[[], Person], tmp_path: Path
) -> None:
    running = start_job(person, own_code, tmp_path / "Holiday", 10)
    engine = psutil.Process(psutil.Process(running.lanes[0].pid).ppid())
    person.app.window.close()
    answer(person, "Keep running")
    assert not person.app.window.isVisible()
    assert person.app.bridge.isFinished()
    engine.wait(PATIENCE_MS / 1000)
    later = open_window()
    end = later.until(lambda s: s.job == running.job)
    assert (end.state, end.counts.succeeded) == (JobState.FINISHED, 10)
    sentence = "'Holiday' has ended while the window was closed."
    assert later.app.views.notice_bar.sentence == sentence


def test_window_stays_open_when_the_question_is_cancelled(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    start_job(person, own_code, tmp_path / "in", 60)
    person.app.window.close()
    answer(person, "Cancel")
    assert person.app.window.isVisible()
    person.until(lambda s: s.counts.succeeded >= 5)
    person.app.leaving.leave()  # as SIGTERM does: nobody is there to answer
    assert person.app.bridge.isFinished()
    (entry,) = list_jobs(journals_folder())
    assert entry.state is JobState.STOPPED


def test_killed_engine_is_replaced_and_the_job_can_be_continued(
    own_code: Path, person: Person, tmp_path: Path
) -> None:
    running = start_job(person, own_code, tmp_path / "in", 40)
    os.kill(psutil.Process(running.lanes[0].pid).ppid(), signal.SIGKILL)
    person.until(lambda s: s.state is JobState.STOPPED and s.job == running.job)
    person.press("Continue")
    end = person.until(lambda s: s.state.is_ended)
    assert end.counts.succeeded == 40
    assert len(list((tmp_path / "in (Everycore)").iterdir())) == 40


def test_samples_are_ready_to_start(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    drop_area = person.app.views.drop_area
    button = next(b for b in drop_area.findChildren(QPushButton) if "samples" in b.text())
    person.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    person.until(lambda s: s.counts.total > 70)
    person.app.window.actions_offered.start.trigger()
    end = person.until(lambda s: s.state.is_ended)
    assert end.counts.succeeded >= 78
    assert end.output == tmp_path / "Everycore samples"
