"""Which journalled job a repeated command line goes on with."""

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from workers.command_line.unfinished import Wanted, find_unfinished
from workers.folders import journals_folder
from workers.job import Axis, InputFilter, JobId, JobSpec, JobState, Pipeline, Step, Sweep
from workers.journal import Journal

SHRINK = Pipeline("Shrink", (Step("images.resize", {"width": 640}),))


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    spec = JobSpec(output=tmp_path / "out", pipeline=SHRINK)
    return Wanted(spec, (tmp_path / "in",), InputFilter(include=("*.jpg",)))


def record(wanted: Wanted, state: JobState = JobState.RUNNING) -> JobId:
    journal = Journal.create(journals_folder(), "in")
    journal.set_inputs(wanted.inputs, wanted.filter)
    journal.set_spec(wanted.spec)
    journal.set_state(state)
    journal.close()
    return journal.job


def test_the_same_line_finds_its_job_again(wanted: Wanted) -> None:
    job = record(wanted)
    found = find_unfinished(wanted)
    assert found is not None
    assert found.entry.job == job
    assert found.entry.state is JobState.STOPPED
    assert not found.has_other_options


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.CANCELLED, JobState.DRAFT])
def test_only_an_unfinished_job_goes_on(wanted: Wanted, state: JobState) -> None:
    record(wanted, state)
    assert find_unfinished(wanted) is None


def test_other_inputs_filter_output_or_pipeline_are_another_job(
    wanted: Wanted, tmp_path: Path
) -> None:
    record(wanted)
    other = Pipeline("Shrink", (Step("images.resize", {"width": 641}),))
    assert find_unfinished(replace(wanted, inputs=(tmp_path / "else",))) is None
    assert find_unfinished(replace(wanted, filter=InputFilter())) is None
    for change in ({"output": tmp_path / "out2"}, {"pipeline": other}):
        assert find_unfinished(replace(wanted, spec=replace(wanted.spec, **change))) is None


def test_another_name_of_the_same_pipeline_is_the_same_job(wanted: Wanted) -> None:
    record(wanted)
    renamed = replace(SHRINK, name="Make small", id="make-small")
    assert find_unfinished(replace(wanted, spec=replace(wanted.spec, pipeline=renamed)))


def test_without_an_output_the_job_keeps_its_own(wanted: Wanted, tmp_path: Path) -> None:
    record(wanted)
    spec = replace(wanted.spec, output=tmp_path / "in (Everycore) 2")
    found = find_unfinished(replace(wanted, spec=spec, has_output=False))
    assert found is not None
    assert found.spec.output == tmp_path / "out"


def test_other_limits_are_told(wanted: Wanted) -> None:
    record(wanted)
    found = find_unfinished(replace(wanted, spec=replace(wanted.spec, timeout_s=3.0)))
    assert found is not None
    assert found.has_other_options


def test_a_sweep_keeps_whole_numbers_apart_from_floats(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path / "f.py", "f", (Axis("x", 0, 10), Axis("y", 0.0, 1.0, 0.5)))
    wanted = Wanted(JobSpec(output=tmp_path / "r.npy", sweep=sweep))
    record(wanted)
    found = find_unfinished(wanted)
    assert found is not None
    assert found.spec.sweep is not None
    axis, _ = found.spec.sweep.axes
    assert type(axis.stop) is int


def test_edited_own_code_is_another_job(tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    code.write_text("def process(path, output): ...\n", encoding="utf-8")

    def asked() -> Wanted:
        digest = hashlib.sha256(code.read_bytes()).hexdigest()
        pipeline = Pipeline("Own", (Step("user.process", {}, code),))
        spec = JobSpec(output=tmp_path / "out", pipeline=pipeline, trusted=(digest,))
        return Wanted(spec, (tmp_path / "in",))

    record(asked())
    assert find_unfinished(asked()) is not None
    code.write_text("def process(path, output): pass\n", encoding="utf-8")
    assert find_unfinished(asked()) is None


def test_a_job_whose_own_code_is_gone_stands_in_nobodys_way(wanted: Wanted, tmp_path: Path) -> None:
    gone = Pipeline("Own", (Step("user.process", {}, tmp_path / "gone.py"),))
    record(replace(wanted, spec=replace(wanted.spec, pipeline=gone)))
    assert find_unfinished(wanted) is None


def test_a_damaged_journal_stands_in_nobodys_way(wanted: Wanted) -> None:
    (journals_folder() / "20200101-000000-x-0000.sqlite").write_bytes(b"no database at all")
    job = record(wanted)
    found = find_unfinished(wanted)
    assert found is not None
    assert found.entry.job == job
