"""Jobs whose workers run in a sandbox, on a real engine: they do what they do without one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import resources
from tests.engine.conftest import Running, own_code
from tests.engine.test_engine import busy_workers, fill
from workers.commands import AddInputs, ContinueJob, PauseJob, StartJob
from workers.job import JobSpec, JobState, OnExisting, Pipeline, Step
from workers.operations.user_function import digest
from workers.pipeline import load_pipeline
from workers.sandbox import offered
from workers.trash_places import trash_places

pytestmark = pytest.mark.skipif(
    not offered().protects_files, reason="the kernel offers no Landlock of version 2 or newer"
)

SAMPLES = resources.samples_path()
SHRINK = Pipeline("Shrink", (Step("images.resize", {"width": 32, "height": 32}),))

# Writes how each attempt to leave the sandbox ended.
LEAVE = """
import os, signal, socket, subprocess, tempfile
def ended(attempt, *given):
    try:
        attempt(*given)
    except OSError as error:
        return type(error).__name__
    return "done"
def process(path, output):
    with tempfile.NamedTemporaryFile() as file:
        near = os.path.dirname(file.name).startswith(os.path.dirname(str(output)))
    output.write_text("\\n".join((
        ended(open, "/etc/passwd"), ended(socket.socket), ended(os.kill, os.getppid(), 0),
        ended(subprocess.run, ["/bin/true"]), str(near),
    )))
"""

# Runs until the file beside the inputs says go.
HELD = """
import time
def process(path, output):
    while not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_bytes(path.read_bytes())
"""

# Has the thread beside it, which looks after what is printed, open a file in its place.
BORROW = """
import time
from workers.capture import Capture
ended = []
def trim(self):
    try:
        open("/etc/passwd").close()
        ended.append("done")
    except OSError as error:
        ended.append(type(error).__name__)
    return False
Capture.trim = trim
def process(path, output):
    while not ended:
        time.sleep(0.005)
    output.write_text(ended[0])
"""


def spec_of(output: Path, pipeline: Pipeline, *, sandboxed: bool | None = None) -> JobSpec:
    trusted = tuple(digest(step.file) for step in pipeline.steps if step.file is not None)
    return JobSpec(output, pipeline, trusted=trusted, sandboxed=sandboxed)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def pictures(folder: Path, count: int) -> Path:
    """Copy a small picture so many times into a new folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        shutil.copy(SAMPLES / "pictures" / "turned-6.jpg", folder / f"{number:03d}.jpg")
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Running]:
    """Return a second engine with journals of its own."""
    journals = tmp_path / "other-jobs"
    journals.mkdir()
    running = Running(journals, workers=2)
    yield running
    running.engine.close()


def test_all_samples_come_out_the_same_with_and_without_it(
    running: Running, other: Running, tmp_path: Path
) -> None:
    tour, ends = load_pipeline("samples-tour"), []
    for engine, name in ((running, "with"), (other, "without")):
        spec = spec_of(tmp_path / name, tour, sandboxed=None if name == "with" else False)
        engine.post(AddInputs((SAMPLES, resources.probes_path())), StartJob(spec))
        ends.append(engine.until_ended())
    assert ends[0].counts == ends[1].counts
    assert ends[0].counts.failed == 5
    assert contents(tmp_path / "with") == contents(tmp_path / "without")
    told = [{row.name: row.message for row in engine.ended} for engine in (running, other)]
    assert told[0] == told[1]


def test_own_code_cannot_leave_a_sandbox_that_was_asked_for(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 3)
    spec = spec_of(tmp_path / "out", own_code(tmp_path, LEAVE), sandboxed=True)
    running.post(AddInputs((folder,)), StartJob(spec))
    assert running.until_ended().counts.succeeded == 3
    for text in contents(tmp_path / "out").values():
        *refused, is_near = text.decode().splitlines()
        assert refused == ["PermissionError"] * 4
        assert is_near == "True"


def test_no_thread_of_a_worker_is_outside_its_sandbox(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    spec = spec_of(tmp_path / "out", own_code(tmp_path, BORROW), sandboxed=True)
    running.post(AddInputs((folder,)), StartJob(spec))
    assert running.until_ended().counts.succeeded == 1
    assert list(contents(tmp_path / "out").values()) == [b"PermissionError"]


def test_own_code_is_left_alone_when_nobody_asked(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    spec = spec_of(tmp_path / "out", own_code(tmp_path, LEAVE))
    running.post(AddInputs((folder,)), StartJob(spec))
    assert running.until_ended().counts.succeeded == 1
    (text,) = contents(tmp_path / "out").values()
    assert text.decode().splitlines()[0] == "done"


def test_inputs_added_while_the_job_runs_are_processed(running: Running, tmp_path: Path) -> None:
    first, second = pictures(tmp_path / "first", 60), pictures(tmp_path / "second", 5)
    running.post(AddInputs((first,)), StartJob(spec_of(tmp_path / "out", SHRINK)))
    running.until(lambda snapshot: snapshot.counts.succeeded > 0)
    running.post(PauseJob())
    assert running.until(lambda snapshot: snapshot.state is JobState.PAUSED).counts.waiting
    running.post(AddInputs((second,)), ContinueJob())
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.total) == (65, 65)


def test_workers_go_on_in_an_output_folder_that_was_made_anew(
    running: Running, tmp_path: Path
) -> None:
    inputs, out = pictures(tmp_path / "in", 60), tmp_path / "out"
    running.post(AddInputs((inputs,)), StartJob(spec_of(out, SHRINK)))
    running.until(lambda snapshot: snapshot.counts.succeeded > 0)
    out.rename(tmp_path / "moved")
    running.until(lambda snapshot: snapshot.state is JobState.PAUSED)
    paused = running.until(lambda snapshot: not busy_workers(snapshot))
    assert "is gone" in paused.pause_reason
    out.mkdir()
    running.post(ContinueJob())
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 60
    assert set(contents(out)) | set(contents(tmp_path / "moved")) >= set(contents(inputs))


def test_inputs_below_a_linked_folder_are_read(running: Running, tmp_path: Path) -> None:
    pictures(tmp_path / "real" / "deep", 3)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    chosen = AddInputs((tmp_path / "link" / "deep", tmp_path / "link" / "deep" / "001.jpg"))
    running.post(chosen, StartJob(spec_of(tmp_path / "out", SHRINK)))
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 3


def test_replaced_files_still_reach_the_trash(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    inputs, out = pictures(tmp_path / "in", 3), tmp_path / "out"
    out.mkdir()
    (out / "000.jpg").write_bytes(b"old")
    (out / "target").write_bytes(b"linked")
    (out / "001.jpg").symlink_to(out / "target")
    spec = replace(spec_of(out, SHRINK), on_existing=OnExisting.REPLACE)
    running.post(AddInputs((inputs,)), StartJob(spec))
    assert running.until_ended().counts.succeeded == 3
    trash = trash_places(out)[0]
    assert (trash / "000.jpg").read_bytes() == b"old"
    assert (trash / "001.jpg").is_symlink()
    assert (out / "target").read_bytes() == b"linked"


def test_a_job_in_a_sandbox_leaves_no_temporary_folder(running: Running, tmp_path: Path) -> None:
    inputs = pictures(tmp_path / "in", 3)
    running.post(AddInputs((inputs,)), StartJob(spec_of(tmp_path / "out", SHRINK)))
    running.until_ended()
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [
        f"{number:03d}.jpg" for number in range(3)
    ]


def test_a_worker_that_runs_when_inputs_are_added_ends_its_task_first(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    further = tmp_path / "further"
    further.mkdir()
    fill(further, 3)
    spec = spec_of(tmp_path / "out", own_code(tmp_path, HELD), sandboxed=True)
    running.post(AddInputs((folder,)), StartJob(spec))
    running.until(lambda snapshot: busy_workers(snapshot) == 2)
    running.post(AddInputs((further,)))
    running.until(lambda snapshot: snapshot.counts.total == 7)
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.succeeded == end.counts.total == 7
