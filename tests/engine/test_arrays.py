"""The array operations on real .npy files, checked against NumPy."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workers import Failure, FailureKind, ParameterValue, Step
from workers.operations import array_statistics, array_values, arrays
from workers.operations.input_file import InputFile, open_input


def run(source: Path, *steps: Step) -> tuple[Failure | str, Path]:
    opened = open_input(source)
    assert isinstance(opened, InputFile)
    with opened:
        target = source.parent / f"staged{arrays.output_suffix(steps, opened.suffix)}"
        return arrays.run(steps, opened, target), target


def statistics(array: NDArray[np.generic], folder: Path, **values: ParameterValue) -> Path:
    np.save(folder / "array.npy", array, allow_pickle=False)
    answer, target = run(folder / "array.npy", Step("arrays.statistics", values))
    assert isinstance(answer, str), answer
    return target


def failed(folder: Path, content: bytes, step: str = "arrays.statistics") -> Failure:
    (folder / "array.npy").write_bytes(content)
    answer, _target = run(folder / "array.npy", Step(step))
    assert isinstance(answer, Failure)
    return answer


def numbers(shape: tuple[int, ...] = (30, 40)) -> NDArray[np.float64]:
    return np.random.default_rng(5).normal(1e6, 3.0, shape)


def row(file: Path) -> dict[str, str]:
    with file.open(newline="") as stream:
        (only,) = csv.DictReader(stream)
    return only


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "u1", "bool", ">f8", "<u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_statistics_are_those_of_numpy(tmp_path: Path, kind: str, order: str) -> None:
    values = (numbers() % 200).astype(kind, order="K")
    array = np.asfortranarray(values) if order == "F" else values
    found = row(statistics(array, tmp_path))
    wide = array.astype(np.float64)
    assert float(found["mean"]) == pytest.approx(wide.mean(), rel=1e-12)
    assert float(found["std"]) == pytest.approx(wide.std(), rel=1e-9)
    assert (found["min"], found["max"]) == (str(array.min().item()), str(array.max().item()))
    assert (found["shape"], found["dtype"]) == ("30x40", str(array.dtype))
    assert (found["count"], found["nan"]) == ("1200", "0")


def test_many_blocks_give_the_numbers_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_statistics, "_BLOCK", 7)
    array = numbers((13, 11))
    found = row(statistics(array, tmp_path))
    assert float(found["mean"]) == pytest.approx(array.mean(), rel=1e-14)
    assert float(found["std"]) == pytest.approx(array.std(), rel=1e-9)


def test_a_large_file_is_mapped_and_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = statistics(np.asfortranarray(numbers()), tmp_path)
    expected = read.read_text()
    read.unlink()
    monkeypatch.setattr(array_values, "MAP_LIMIT", 10)
    assert statistics(np.asfortranarray(numbers()), tmp_path).read_text() == expected


def test_nan_is_counted_and_left_out(tmp_path: Path) -> None:
    array = numbers()
    array[3:5] = np.nan
    found = row(statistics(array, tmp_path))
    assert found["nan"] == "80"
    assert found["count"] == "1120"
    assert float(found["mean"]) == pytest.approx(np.nanmean(array))
    assert float(found["max"]) == np.nanmax(array)


def test_whole_numbers_beyond_53_bits_stay_exact(tmp_path: Path) -> None:
    found = row(statistics(np.array([2**63 - 1, -(2**63)]), tmp_path))
    assert (found["min"], found["max"]) == (str(-(2**63)), str(2**63 - 1))


def test_json_holds_the_same_and_has_no_words_beyond_json(tmp_path: Path) -> None:
    file = statistics(np.array([1.0, np.inf, np.nan]), tmp_path, format="json")
    assert file.name == "staged.statistics.json"
    found = json.loads(file.read_text())
    assert (found["count"], found["nan"], found["max"]) == (2, 1, "inf")


@pytest.mark.parametrize("array", [np.zeros((0, 4)), np.full(3, np.nan)])
def test_nothing_to_count_leaves_the_cells_empty(
    tmp_path: Path, array: NDArray[np.float64]
) -> None:
    found = row(statistics(array, tmp_path))
    assert (found["count"], found["mean"], found["min"]) == ("0", "", "")


def test_a_single_number_has_statistics(tmp_path: Path) -> None:
    found = row(statistics(np.array(4.5), tmp_path))
    assert (found["shape"], found["mean"], found["std"]) == ("scalar", "4.5", "0.0")


def test_complex_numbers_are_measured_by_magnitude_and_said_so(tmp_path: Path) -> None:
    array = np.array([3 + 4j, 0, 1j])
    np.save(tmp_path / "array.npy", array)
    answer, target = run(tmp_path / "array.npy", Step("arrays.statistics"))
    assert answer == "The numbers are complex; the statistics are of their magnitude."
    assert float(row(target)["max"]) == 5.0


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["f8", "i2", "c16"])
def test_the_spectrum_is_that_of_numpy(tmp_path: Path, axis: int, kind: str) -> None:
    array = (numbers() % 100).astype(kind)
    np.save(tmp_path / "array.npy", array)
    answer, target = run(tmp_path / "array.npy", Step("arrays.fft_magnitude", {"axis": axis}))
    assert answer == ""
    spectrum = np.load(target, allow_pickle=False)
    np.testing.assert_allclose(spectrum, np.abs(np.fft.fft(array, axis=axis)))


def test_a_spectrum_can_be_measured_in_the_same_pass(tmp_path: Path) -> None:
    array = numbers()
    np.save(tmp_path / "array.npy", array)
    steps = Step("arrays.fft_magnitude"), Step("arrays.statistics")
    answer, target = run(tmp_path / "array.npy", *steps)
    assert answer == ""
    assert float(row(target)["max"]) == pytest.approx(np.abs(np.fft.fft(array)).max())


def test_no_step_follows_statistics(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", numbers())
    steps = Step("arrays.statistics"), Step("arrays.fft_magnitude")
    answer, _target = run(tmp_path / "array.npy", *steps)
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.OPERATION_FAILED


def test_a_missing_axis_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", numbers())
    answer, _target = run(tmp_path / "array.npy", Step("arrays.fft_magnitude", {"axis": 5}))
    assert isinstance(answer, Failure)
    assert answer.message == "The array has 2 axes; there is no axis 5."


def header(text: str, rest: bytes = b"") -> bytes:
    padded = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + rest


def test_an_array_of_objects_is_refused_unopened(tmp_path: Path) -> None:
    flag = tmp_path / "PWNED"
    pickle = f"cos\nsystem\n(S'touch {flag}'\ntR.".encode()
    shape = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    failure = failed(tmp_path, header(shape, pickle))
    assert failure.kind is FailureKind.BAD_INPUT
    assert failure.message == (
        "Not a readable array (it holds Python objects, which could run code)."
    )
    assert not flag.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
            "file ends early",
        ),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,), }", "its header is damaged"),
        ("{'descr': '<f8', 'fortran_order': False}", "its header is damaged"),
        ("__import__('os').system('true')", "its header is damaged"),
        ("{'descr': '<U5', 'fortran_order': False, 'shape': (0,), }", "it holds text, not numbers"),
    ],
)
def test_a_bad_header_is_refused_before_memory_is_taken(
    tmp_path: Path, text: str, reason: str
) -> None:
    assert failed(tmp_path, header(text)).message == f"Not a readable array ({reason})."


def test_a_file_that_ends_early_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "whole.npy", numbers())
    content = (tmp_path / "whole.npy").read_bytes()
    expected = "Not a readable array (file ends early)."
    assert failed(tmp_path, content[:-8]).message == expected
    assert failed(tmp_path, content[:-8], "arrays.fft_magnitude").message == expected
    monkeypatch.setattr(array_values, "MAP_LIMIT", 10)
    assert failed(tmp_path, content[:-8]).message == expected
    assert failed(tmp_path, content[:20]).message == "Not a readable array (its header is damaged)."


def test_a_disk_that_takes_no_more_is_an_error_with_its_reason(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no file size limit on this system")
    np.save(tmp_path / "array.npy", numbers())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            run(tmp_path / "array.npy", Step("arrays.fft_magnitude"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
