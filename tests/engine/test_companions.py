"""Several outputs of one input: all published, none lost to another's name, all taken back."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.conftest import Running, job_of
from tests.engine.test_engine import outputs_of
from tests.engine.test_plug_ins import FAMILY, install  # noqa: F401  # a fixture
from tests.engine.test_run_again import run_again
from workers.commands import AddInputs, ClearInputs, StartJob, UndoJob
from workers.job import JobState, OnExisting, Pipeline, Step, TaskState

PAIR = FAMILY.replace(
    "def memory_need",
    """from workers.operations import Companion, companion_path

SMALL = Companion("-small", ".txt")

def companions(steps, suffix):
    return (SMALL,)

def memory_need""",
).replace(
    "    target.write_bytes(source.read() * times)\n",
    "    target.write_bytes(source.read() * times)\n"
    "    companion_path(target, SMALL).write_bytes(source.read()[:1])\n",
)
SHOUT = Pipeline("Shout", (Step("shout.repeat", {"times": 2}),))


@pytest.fixture(autouse=True)
def _pair(install: Path) -> None:  # noqa: F811  # the fixture
    (install / "shouting.py").write_text(PAIR)


def ran(running: Running, folder: Path, output: Path, **changes: object) -> None:
    """Run a job anew."""
    added, start = job_of(folder, output, SHOUT)
    assert isinstance(start, StartJob)
    running.ended.clear()
    running.post(ClearInputs(), added, StartJob(replace(start.spec, **changes)))
    running.until_ended()


def test_both_outputs_are_published_and_in_the_row(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("abc")
    ran(running, folder, tmp_path / "out")
    assert outputs_of(tmp_path / "out") == {"a.txt": "abcabc", "a-small.txt": "a"}
    (row,) = running.ended
    assert [output.name for output in row.outputs] == ["a.txt", "a-small.txt"]
    assert row.bytes_out == 7


@pytest.mark.parametrize("on_existing", OnExisting)
def test_no_output_is_lost_to_the_name_of_another(
    running: Running, folder: Path, tmp_path: Path, on_existing: OnExisting
) -> None:
    for name in ("a.txt", "a-small.txt", "a-small-small.txt", "b-small.txt", "b.txt"):
        (folder / name).write_text(name)
    ran(running, folder, tmp_path / "out", on_existing=on_existing)
    assert all(row.state is TaskState.SUCCEEDED for row in running.ended)
    contents = outputs_of(tmp_path / "out")
    assert len(contents) == 10
    for name in ("a.txt", "a-small.txt", "a-small-small.txt", "b-small.txt", "b.txt"):
        assert 2 * name in contents.values()


def test_unchanged_input_is_skipped_and_a_changed_one_makes_both_anew(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    ran(running, folder, tmp_path / "out")
    ran(running, folder, tmp_path / "out")
    assert {row.state for row in running.ended} == {TaskState.SKIPPED}
    (tmp_path / "out" / "a-small.txt").unlink()
    ran(running, folder, tmp_path / "out", on_existing=OnExisting.REPLACE)
    assert [row.name for row in running.ended if row.state is TaskState.SUCCEEDED] == ["a.txt"]
    (folder / "b.txt").write_text("changed")
    assert run_again(running) == ["b.txt"]
    assert outputs_of(tmp_path / "out") == {
        "a.txt": "a.txta.txt",
        "a-small.txt": "a",
        "b.txt": "changedchanged",
        "b-small.txt": "c",
    }


def test_companion_that_was_there_before_is_kept_with_a_sentence(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("abc")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a-small.txt").write_text("mine")
    ran(running, folder, tmp_path / "out")
    assert outputs_of(tmp_path / "out") == {"a.txt": "abcabc", "a-small.txt": "mine"}
    (row,) = running.ended
    assert row.message == "a-small.txt was there already; it was kept."
    assert row.has_warning


def test_companion_that_had_to_take_a_number_keeps_it_when_the_file_changes(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a-small.txt").write_text("mine")
    for text in ("abc", "xy"):
        (folder / "a.txt").write_text(text)
        ran(running, folder, tmp_path / "out", on_existing=OnExisting.RENAME)
    wanted = {"a.txt": "xyxy", "a-small.txt": "mine", "a-small (2).txt": "x"}
    assert outputs_of(tmp_path / "out") == wanted


def test_undo_takes_both_back(running: Running, folder: Path, tmp_path: Path, trash: Path) -> None:
    (folder / "a.txt").write_text("abc")
    ran(running, folder, tmp_path / "out")
    job = running.last.job
    assert job is not None
    running.post(UndoJob(job))
    running.until(lambda now: now.state is JobState.CANCELLED and not running.engine.is_busy)
    assert outputs_of(tmp_path / "out") == {}
    assert len(list((trash / "files").iterdir())) == 2


def test_job_in_place_with_several_outputs_is_refused(running: Running, folder: Path) -> None:
    (folder / "a.txt").write_text("abc")
    added, start = job_of(folder, folder, SHOUT)
    assert isinstance(start, StartJob)
    assert isinstance(added, AddInputs)
    running.post(added, StartJob(replace(start.spec, is_in_place=True)))
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == "This pipeline makes several files of one; none can take its place."
    assert (folder / "a.txt").read_text() == "abc"
