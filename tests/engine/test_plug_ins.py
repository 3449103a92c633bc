"""Operations of installed packages: found by their entry point, run in workers."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of
from tests.engine.test_engine import fill, outputs_of
from workers import operations
from workers.errors import PipelineError
from workers.job import Pipeline, Step
from workers.pipeline import parse_pipeline

FAMILY = """
from workers.job import Kind
from workers.operations.declaration import Operation, Parameter, ParameterKind

def _summary(values):
    return str(values["times"])

OPERATIONS = (
    Operation("shout.repeat", "Repeat", "Writes a file several times over.", Kind.ANY,
              (Parameter("times", ParameterKind.INTEGER, "Times", "", 2, minimum=1),), _summary),
)

def output_suffix(steps, suffix):
    return suffix

def memory_need(steps, source):
    return 0

def run(steps, source, target):
    times = steps[-1].parameters.get("times", 2)
    target.write_bytes(source.read() * times)
    return ""
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder on the path, in which a package offers the family `shout`."""
    site = tmp_path / "site"
    offered = site / "shouting-1.0.dist-info"
    offered.mkdir(parents=True)
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (offered / "entry_points.txt").write_text("[everycore.operations]\nshout = shouting\n")
    (site / "shouting.py").write_text(FAMILY)
    monkeypatch.syspath_prepend(str(site))
    _forget()
    yield site
    _forget()


def _forget() -> None:
    operations._offered.cache_clear()
    operations._plugged_in.cache_clear()
    sys.modules.pop("shouting", None)


def test_operation_of_a_package_is_listed_checked_and_run(
    install: Path, running: Running, folder: Path, tmp_path: Path
) -> None:
    assert "shout.repeat" in [operation.id for operation in operations.all_operations()]
    with pytest.raises(PipelineError, match="times"):
        parse_pipeline('[[steps]]\noperation = "shout.repeat"\ntimes = 0\n', "p.toml")
    fill(folder, 2)
    pipeline = Pipeline("Shout", (Step("shout.repeat", {"times": 3}),))
    running.post(*job_of(folder, tmp_path / "out", pipeline))
    end = running.until_ended()
    assert end.counts.succeeded == 2
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert outputs_of(tmp_path / "out") == {name: 3 * text for name, text in before.items()}


@pytest.mark.parametrize(
    "source",
    ["raise OSError('no licence')", "OPERATIONS = 3", FAMILY.replace("shout.repeat", "images.x")],
)
def test_broken_package_is_told_of_and_harms_nothing_else(install: Path, source: str) -> None:
    (install / "shouting.py").write_text(source)
    ids = [operation.id for operation in operations.all_operations()]
    assert "images.resize" in ids
    assert not [found for found in ids if found.startswith("shout")]
    with pytest.raises(PipelineError, match="'shout' cannot be loaded"):
        operations.find_family("shout")
