"""Outputs are opened again before they get their names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.conftest import Running, job_of
from tests.engine.pictures import FORMATS
from tests.engine.test_memory_need import run as attempt
from workers.job import ParameterValue, Pipeline, Step
from workers.operations import images
from workers.operations.reopening import reopens
from workers.outcome import Failure


def run(running: Running, folder: Path, output: Path, name: str, **values: ParameterValue) -> None:
    running.post(*job_of(folder, output, Pipeline("Test", (Step(name, values),))))
    running.until_ended()
    assert [row.message for row in running.ended] == [""]


@pytest.mark.parametrize("word", FORMATS)
def test_every_format_that_is_written_opens_again(
    running: Running, folder: Path, tmp_path: Path, word: str
) -> None:
    Image.effect_noise((60, 40), 50).convert("RGB").save(folder / "a.png")
    run(running, folder, tmp_path / "out", "images.convert", format=word)
    (made,) = (tmp_path / "out").iterdir()
    assert reopens(made)
    made.write_bytes(made.read_bytes()[:20])
    assert not reopens(made)


@pytest.mark.parametrize("word", ["csv", "parquet"])
def test_every_table_that_is_written_opens_again(
    running: Running, folder: Path, tmp_path: Path, word: str
) -> None:
    (folder / "a.csv").write_text("a,b\n1,2\n")
    run(running, folder, tmp_path / "out", "tables.convert", format=word)
    (made,) = (tmp_path / "out").iterdir()
    assert reopens(made)
    if word == "parquet":
        made.write_bytes(made.read_bytes()[:-1])
        assert not reopens(made)
        made.write_bytes(b"PA")
        assert not reopens(made)


def test_arrays_that_are_written_open_again(running: Running, folder: Path, tmp_path: Path) -> None:
    np.save(folder / "a.npy", np.arange(12.0).reshape(3, 4))
    run(running, folder, tmp_path / "out", "arrays.fft_magnitude", axis=-1)
    (made,) = (tmp_path / "out").iterdir()
    assert reopens(made)
    made.write_bytes(made.read_bytes()[1:])
    assert not reopens(made)


def test_output_that_does_not_open_fails_and_gets_no_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (20, 20)).save(folder / "a.png")

    def half_written(steps: object, source: object, target: Path) -> str:
        target.write_bytes(b"\xff\xd8\xff\xe0 and then the disk lied")
        return ""

    monkeypatch.setattr(images, "run", half_written)
    outcome, _ = attempt(tmp_path, folder / "a.png", Step("images.convert", {"format": "jpeg"}))
    assert isinstance(outcome, Failure)
    assert outcome.message == "The output that was written does not open again."
    assert [file for file in (tmp_path / "output").iterdir() if file.is_file()] == []
