"""The array steps on real files, beside the formulas of NumPy and SciPy."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tests.engine.test_arrays import numbers, row, run, statistics
from workers import Failure, FailureKind, ParameterValue, Step
from workers.operations import array_lines, array_signals

RATE = 100.0
Reals = NDArray[np.float64]
Values = dict[str, ParameterValue]


def made(
    folder: Path, array: NDArray[np.generic], operation: str, **values: ParameterValue
) -> Path:
    np.save(folder / "array.npy", array, allow_pickle=False)
    answer, target = run(folder / "array.npy", Step(f"arrays.{operation}", values))
    assert answer == "", answer
    return target


def result(
    folder: Path, array: NDArray[np.generic], operation: str, **values: ParameterValue
) -> Reals:
    file = made(folder, array, operation, **values)
    found: Reals = np.load(file, allow_pickle=False)
    file.unlink()
    return found


def refusal(
    folder: Path, array: NDArray[np.generic], operation: str, **values: ParameterValue
) -> Failure:
    np.save(folder / "array.npy", array, allow_pickle=False)
    answer, target = run(folder / "array.npy", Step(f"arrays.{operation}", values))
    assert isinstance(answer, Failure)
    assert not target.exists()
    return answer


def tone(*frequencies: float, length: int = 2000) -> Reals:
    time = np.arange(length) / RATE
    noise = np.random.default_rng(3).normal(0, 0.1, length)
    return sum((np.sin(2 * np.pi * each * time) for each in frequencies), 5.0 + noise)


def signals(axis: int) -> Reals:
    three = np.stack([tone(5.0), tone(12.0), tone(5.0, 30.0)])
    return three if axis == -1 else np.ascontiguousarray(three.T)


@pytest.fixture(params=[1 << 20, 700], ids=["one block", "small blocks"], autouse=True)
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_lines, "_BLOCK", request.param)
    monkeypatch.setattr(array_signals, "_BLOCK", request.param)


def expected_scale(array: Reals, method: str, axis: int | None) -> Reals:
    low = np.nanmin(array, axis=axis, keepdims=True)
    shift, scale = np.zeros_like(low), np.sqrt(np.nansum(array**2, axis=axis, keepdims=True))
    if method == "range":
        shift, scale = low, np.nanmax(array, axis=axis, keepdims=True) - low
    elif method == "z-score":
        shift = np.nanmean(array, axis=axis, keepdims=True)
        scale = np.nanstd(array, axis=axis, keepdims=True)
    elif method == "peak":
        scale = np.nanmax(np.abs(array), axis=axis, keepdims=True)
    scaled: Reals = (array - shift) / scale
    return scaled


@pytest.mark.parametrize("method", ["range", "z-score", "norm", "peak"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("kind", ["f8", "f4", "i2"])
def test_normalising_is_by_the_formula(
    tmp_path: Path, method: str, axis: int | None, kind: str
) -> None:
    array = (np.random.default_rng(1).normal(20, 40, (30, 20, 5))).astype(kind)
    if kind == "f8":
        array[3, 4:6, 2:4] = np.nan
    where: Values = {"over": "all"} if axis is None else {"over": "axis", "axis": axis}
    for each in (array, np.asfortranarray(array)):
        found = result(tmp_path, each, "normalise", method=method, **where)
        assert found.dtype == np.float64
        np.testing.assert_allclose(
            found, expected_scale(array.astype("f8"), method, axis), rtol=1e-9, atol=1e-14
        )


def test_equal_huge_and_missing_numbers_are_normalised_without_noise(tmp_path: Path) -> None:
    equal = np.full((4, 5), 7.0)
    for method in ("range", "z-score"):
        np.testing.assert_array_equal(result(tmp_path, equal, "normalise", method=method), 0.0)
    huge = np.array([-1.5e308, 0.0, 1.5e308])
    assert result(tmp_path, huge, "normalise").tolist() == [0.0, 0.5, 1.0]
    norm = result(tmp_path, huge, "normalise", method="norm")
    np.testing.assert_allclose(norm, [-(0.5**0.5), 0, 0.5**0.5])
    assert np.isnan(result(tmp_path, np.full(3, np.nan), "normalise")).all()
    assert result(tmp_path, np.zeros((0, 3)), "normalise").shape == (0, 3)


def test_what_has_no_scale_is_refused(tmp_path: Path) -> None:
    assert "infinite" in refusal(tmp_path, np.array([1.0, np.inf]), "normalise").message
    assert "complex" in refusal(tmp_path, np.array([1j]), "normalise").message
    failure = refusal(tmp_path, numbers(), "normalise", over="axis", axis=2)
    assert failure.message == "The array has 2 axes; there is no axis 2."


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("window", ["hann", "boxcar", "flattop"])
@pytest.mark.parametrize("segment", [256, 255])
def test_the_power_spectrum_is_welchs(tmp_path: Path, axis: int, window: str, segment: int) -> None:
    array = signals(axis)
    chosen: Values = {"rate": RATE, "segment": segment, "window": window, "axis": axis}
    found = result(tmp_path, array, "power_spectral_density", **chosen)
    frequencies, density = signal.welch(array, RATE, window, segment, axis=axis)
    assert found.shape == (segment // 2 + 1, 4)
    np.testing.assert_allclose(found[:, 0], frequencies)
    np.testing.assert_allclose(found[:, 1:], density.T if axis == -1 else density, 1e-9, 1e-20)
    assert frequencies[found[:, 1].argmax()] == pytest.approx(5.0, abs=RATE / segment)


def test_the_power_spectrum_integrates_to_the_variance(tmp_path: Path) -> None:
    white = np.random.default_rng(2).normal(0, 3.0, 100_000)
    found = result(tmp_path, white, "power_spectral_density", rate=RATE)
    assert np.trapezoid(found[:, 1], found[:, 0]) == pytest.approx(9.0, rel=0.05)


def test_a_spectrum_is_written_as_csv(tmp_path: Path) -> None:
    chosen: Values = {"rate": RATE, "format": "csv"}
    file = made(tmp_path, signals(-1), "power_spectral_density", **chosen)
    assert file.name == "staged.spectrum.csv"
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["frequency_hz", "density_1", "density_2", "density_3"]
    found = [float(each["density_3"]) for each in rows]
    np.testing.assert_allclose(found, signal.welch(signals(-1), RATE)[1][2], rtol=1e-9)
    file.unlink()
    file = made(tmp_path, tone(5.0), "power_spectral_density", **chosen)
    assert file.read_text().startswith("frequency_hz,density\n0.0,")


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize(
    ("mode", "edges"), [("low-pass", 8.0), ("high-pass", 8.0), ("band-pass", [8.0, 20.0])]
)
def test_a_filter_is_butterworths_both_ways(
    tmp_path: Path, axis: int, mode: str, edges: float | list[float]
) -> None:
    array = signals(axis)
    chosen: Values = {
        "mode": mode,
        "cutoff": 8.0,
        "upper": 20.0,
        "order": 5,
        "rate": RATE,
        "axis": axis,
    }
    found = result(tmp_path, array, "filter", **chosen)
    sections = signal.butter(5, edges, mode[:-5], fs=RATE, output="sos")
    np.testing.assert_allclose(found, signal.sosfiltfilt(sections, array, axis=axis), atol=1e-12)


def test_a_filter_takes_a_tone_away_and_delays_nothing(tmp_path: Path) -> None:
    clean, time = np.sin(2 * np.pi * 2.0 * np.arange(2000) / RATE), np.arange(2000) / RATE
    found = result(
        tmp_path, clean + np.sin(2 * np.pi * 30.0 * time), "filter", cutoff=8.0, rate=RATE
    )
    assert np.abs(found - clean)[100:-100].max() < 0.001


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cutoff": 50.0}, "The cutoff of 50 Hz is not below half the sample rate, 50 Hz."),
        (
            {"mode": "band-pass", "cutoff": 9.0, "upper": 9.0},
            "The upper cutoff of 9 Hz is not above the lower one, 9 Hz.",
        ),
        (
            {"mode": "band-pass", "cutoff": 9.0, "upper": 60.0},
            "The cutoff of 60 Hz is not below half the sample rate, 50 Hz.",
        ),
        ({"cutoff": 9.0, "axis": 1}, "The array has 1 axis; there is no axis 1."),
    ],
)
def test_a_filter_that_cannot_be_is_refused(tmp_path: Path, values: Values, sentence: str) -> None:
    assert refusal(tmp_path, tone(5.0), "filter", rate=RATE, **values).message == sentence


@pytest.mark.parametrize("order", [1, 4, 12])
@pytest.mark.parametrize("mode", ["low-pass", "high-pass", "band-pass"])
def test_an_edge_beyond_the_numbers_of_the_machine_is_refused(
    tmp_path: Path, mode: str, order: int
) -> None:
    np.save(tmp_path / "array.npy", tone(5.0))
    answers = []
    for cutoff in (1e-9, 1e-7, 1e-5, 1e-3, 0.1, 0.49999999):
        edges: Values = {"cutoff": cutoff, "upper": cutoff * (1 + 1e-9), "order": order}
        step = Step("arrays.filter", {"mode": mode, **edges})
        answer, target = run(tmp_path / "array.npy", step)
        answers.append(answer)
        if answer == "":
            assert np.abs(np.load(target)).max() < 1e3
            target.unlink()
        else:
            assert isinstance(answer, Failure)
            assert "that close to" in answer.message
    assert "" in answers or mode == "band-pass"


def test_signals_that_are_too_short_are_refused(tmp_path: Path) -> None:
    failure = refusal(tmp_path, np.arange(15.0), "filter", cutoff=0.1)
    assert failure.message == (
        "The signal has 15 numbers along axis -1; this filter takes more than 15."
    )
    assert result(tmp_path, np.arange(16.0), "filter", cutoff=0.1).shape == (16,)
    failure = refusal(tmp_path, np.arange(255.0), "power_spectral_density")
    assert failure.message == "The signal has 255 numbers along axis -1; a segment takes 256."
    failure = refusal(tmp_path, np.zeros((3, 0)), "resample")
    assert failure.message == "The array is empty along that axis."


@pytest.mark.parametrize("operation", ["filter", "resample", "power_spectral_density"])
@pytest.mark.parametrize(("number", "word"), [(np.nan, "missing"), (np.inf, "infinite")])
def test_signals_with_gaps_are_refused(
    tmp_path: Path, operation: str, number: float, word: str
) -> None:
    array = tone(5.0)
    array[1900] = number
    failure = refusal(tmp_path, array, operation)
    assert failure.kind is FailureKind.BAD_INPUT
    assert word in failure.message
    assert "complex" in refusal(tmp_path, array.astype("c16"), operation).message


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize(
    ("new_rate", "up", "down"), [(48.0, 12, 25), (250.0, 5, 2), (33.3, 333, 1000), (100.0, 1, 1)]
)
def test_resampling_is_polyphase(
    tmp_path: Path, axis: int, new_rate: float, up: int, down: int
) -> None:
    array = signals(axis)
    found = result(tmp_path, array, "resample", rate=RATE, new_rate=new_rate, axis=axis)
    expected = signal.resample_poly(array, up, down, axis=axis, padtype="line")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.shape[axis] == -(-2000 * up // down)


@pytest.mark.parametrize("count", [1, 999, 2000, 3001])
def test_resampling_gives_the_count_that_was_asked_for(tmp_path: Path, count: int) -> None:
    found = result(tmp_path, signals(0), "resample", to="count", count=count, axis=0)
    assert found.shape == (count, 3)


def test_a_slow_signal_is_the_same_at_another_rate(tmp_path: Path) -> None:
    time, later = np.arange(2000) / RATE, np.arange(960) / 48.0
    found = result(tmp_path, 5 + np.sin(2 * np.pi * time), "resample", rate=RATE, new_rate=48.0)
    np.testing.assert_allclose(found, 5 + np.sin(2 * np.pi * later), atol=0.02)


def test_a_rate_without_a_simple_ratio_or_room_is_refused(tmp_path: Path) -> None:
    failure = refusal(tmp_path, tone(5.0), "resample", rate=100.0, new_rate=99.99999)
    assert failure.message == (
        "The new length is 9,999,999 / 10,000,000 of the old one; "
        "both numbers may be 200,000 at most."
    )
    failure = refusal(tmp_path, np.zeros((20_000, 2)), "resample", new_rate=200_000.0, axis=0)
    assert failure.kind is FailureKind.OUT_OF_MEMORY


def histogram(file: Path) -> tuple[Reals, Reals]:
    table: Reals = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)
    assert file.read_text().startswith("low,high,count\n")
    np.testing.assert_array_equal(table[1:, 0], table[:-1, 1])
    return np.append(table[:, 0], table[-1, 1]), table[:, 2]


@pytest.mark.parametrize("kind", ["f8", "f2", "i8", "u1", "bool"])
def test_a_histogram_is_numpys(tmp_path: Path, kind: str) -> None:
    array = (numbers() % 90).astype(kind)
    file = made(tmp_path, array, "histogram", bins=13)
    assert file.name == "staged.histogram.csv"
    counts, edges = np.histogram(array.astype("f8"), 13)
    found = histogram(file)
    np.testing.assert_array_equal(found[1], counts)
    np.testing.assert_allclose(found[0], edges)


def test_a_histogram_between_limits_tells_what_is_outside(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.array([-1, 0, 0.5, 1, 2, np.nan, np.inf]))
    step = Step("arrays.histogram", {"bins": 2, "range": "limits", "low": 0.0, "high": 1.0})
    answer, file = run(tmp_path / "array.npy", step)
    assert answer == "4 numbers missing, infinite or outside left out."
    assert histogram(file)[1].tolist() == [1, 2]


def test_a_histogram_of_equal_numbers_or_none(tmp_path: Path) -> None:
    counts = histogram(made(tmp_path, np.full(9, 4.0), "histogram", bins=3))[1]
    assert counts.tolist() == [0, 9, 0]
    (tmp_path / "staged.histogram.csv").unlink()
    assert "no finite number" in refusal(tmp_path, np.array([np.nan]), "histogram").message
    limits: Values = {"range": "limits", "low": 3.0, "high": 3.0}
    failure = refusal(tmp_path, np.array([1.0]), "histogram", **limits)
    assert failure.message == "The upper limit of 3 is not above the lower one, 3."
    assert "too close" in refusal(tmp_path, np.array([1e16, 1e16 + 4]), "histogram").message
    assert "too far" in refusal(tmp_path, np.array([-1.5e308, 1.5e308]), "histogram").message


@pytest.mark.parametrize("kind", ["f8", "f2", "i8", "u1", "bool", "c16"])
def test_quantiles_are_numpys(tmp_path: Path, kind: str) -> None:
    array = np.asfortranarray((numbers() % 90).astype(kind))
    np.save(tmp_path / "array.npy", array)
    step = Step("arrays.statistics", {"quantiles": "0.25, 0.5,0.999, 1"})
    _answer, file = run(tmp_path / "array.npy", step)
    found = row(file)
    wide = np.abs(array).astype("f8") if kind == "c16" else array.astype("f8")
    for name, share in {"q25": 0.25, "q50": 0.5, "q99.9": 0.999, "q100": 1.0}.items():
        assert float(found[name]) == pytest.approx(np.quantile(wide, share))


def test_quantiles_leave_out_what_is_missing(tmp_path: Path) -> None:
    file = statistics(np.array([1.0, np.nan, 3.0]), tmp_path, quantiles="0.5")
    assert row(file)["q50"] == "2.0"
    file.unlink()
    assert row(statistics(np.full(2, np.nan), tmp_path, quantiles="0.5"))["q50"] == ""


@pytest.mark.parametrize("text", ["half", "1.5", "-0.1", "nan", "0.5; 0.6"])
def test_quantiles_that_are_no_shares_are_refused(tmp_path: Path, text: str) -> None:
    failure = refusal(tmp_path, numbers(), "statistics", quantiles=text)
    assert failure.message == (
        f"quantiles takes shares from 0 to 1 with commas between, not {text!r}."
    )


@pytest.mark.parametrize("operation", ["filter", "resample", "power_spectral_density"])
def test_a_missing_library_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    failure = refusal(tmp_path, tone(5.0), operation)
    assert failure.message == (
        "This step needs the library SciPy: pip install 'everycore[science]'."
    )


def test_steps_follow_each_other(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", tone(5.0, 30.0))
    chosen: Values = {"cutoff": 8.0, "rate": RATE}
    steps = (
        Step("arrays.filter", chosen),
        Step("arrays.resample", {"rate": RATE, "new_rate": 50.0}),
        Step("arrays.normalise", {"method": "z-score"}),
        Step("arrays.power_spectral_density", {"rate": 50.0, "format": "csv"}),
    )
    answer, file = run(tmp_path / "array.npy", *steps)
    assert answer == ""
    table = np.loadtxt(file, delimiter=",", skiprows=1)
    assert table[table[:, 1].argmax(), 0] == pytest.approx(5.0, abs=0.2)
