"""What the array operations declare of themselves. Light to import."""

from collections.abc import Mapping
from typing import Final

from workers.job import Kind, ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind

_LEAST_HZ: Final = 1e-9
_MOST_HZ: Final = 1e12
_Values = Mapping[str, ParameterValue]


def _axis(
    sentence: str, shown_when: tuple[str, tuple[ParameterValue, ...]] | None = None
) -> Parameter:
    return Parameter(
        "axis",
        ParameterKind.INTEGER,
        "Axis",
        f"{sentence}, from 0; -1 is the last.",
        -1,
        minimum=-32,
        maximum=31,
        shown_when=shown_when,
    )


def _hertz(
    name: str,
    label: str,
    sentence: str,
    default: float,
    shown_when: tuple[str, tuple[ParameterValue, ...]] | None = None,
) -> Parameter:
    return Parameter(
        name,
        ParameterKind.NUMBER,
        label,
        sentence,
        default,
        unit="Hz",
        minimum=_LEAST_HZ,
        maximum=_MOST_HZ,
        shown_when=shown_when,
    )


def _choice(name: str, label: str, sentence: str, *choices: str) -> Parameter:
    """Return a choice whose default is the first of its words."""
    return Parameter(name, ParameterKind.CHOICE, label, sentence, choices[0], choices=choices)


def _number(name: str, label: str, sentence: str, default: float) -> Parameter:
    only = ("range", ("limits",))
    return Parameter(name, ParameterKind.NUMBER, label, sentence, default, shown_when=only)


def _whole(
    name: str, label: str, sentence: str, default: int, *, limits: tuple[int, int]
) -> Parameter:
    low, high = limits
    return Parameter(
        name, ParameterKind.INTEGER, label, sentence, default, minimum=low, maximum=high
    )


_RATE: Final = _hertz("rate", "Sample rate", "How many numbers a second the signal has.", 1.0)


def _along(values: _Values) -> str:
    return "last axis" if values["axis"] == -1 else f"axis {values['axis']}"


def _open_summary(values: _Values) -> str:
    return str(values["array"]) or "the only array"


def _statistics_summary(values: _Values) -> str:
    quantiles = ", quantiles" if values["quantiles"] else ""
    return f"mean, deviation, range{quantiles} as {str(values['format']).upper()}"


def _histogram_summary(values: _Values) -> str:
    limits = f", {values['low']:g} to {values['high']:g}" if values["range"] == "limits" else ""
    return f"{values['bins']} bins{limits}"


def _normalise_summary(values: _Values) -> str:
    where = _along(values) if values["over"] == "axis" else "all numbers"
    return f"{values['method']}, {where}"


def _density_summary(values: _Values) -> str:
    return f"segments of {values['segment']}, {values['window']}, at {values['rate']:g} Hz"


def _filter_summary(values: _Values) -> str:
    upper = f" to {values['upper']:g}" if values["mode"] == "band-pass" else ""
    return f"{values['mode']} {values['cutoff']:g}{upper} Hz, order {values['order']}"


def _resample_summary(values: _Values) -> str:
    if values["to"] == "count":
        return f"to {values['count']} numbers"
    return f"from {values['rate']:g} to {values['new_rate']:g} Hz"


OPERATIONS: Final = (
    Operation(
        "arrays.open",
        "Choose array",
        "Takes one array of .npz and HDF5 files that hold several; alone, saves it as .npy.",
        Kind.ARRAY,
        (
            Parameter(
                "array",
                ParameterKind.TEXT,
                "Array",
                "Its name, or its path in an HDF5 file (run/signal); empty for the only one.",
                "",
            ),
        ),
        _open_summary,
    ),
    Operation(
        "arrays.statistics",
        "Array statistics",
        "Writes shape, type, count, mean, standard deviation, range and missing values of arrays.",
        Kind.ARRAY,
        (
            _choice(
                "format", "Format", "The format that the statistics are saved in.", "csv", "json"
            ),
            Parameter(
                "quantiles",
                ParameterKind.TEXT,
                "Quantiles",
                "Shares from 0 to 1 with commas between, such as 0.25, 0.5, 0.75; empty for none.",
                "",
            ),
        ),
        _statistics_summary,
    ),
    Operation(
        "arrays.histogram",
        "Histogram",
        "Counts the numbers of arrays in bins of equal width; saves low, high, count as CSV.",
        Kind.ARRAY,
        (
            _whole("bins", "Bins", "How many bins there are.", 50, limits=(1, 1_000_000)),
            _choice(
                "range",
                "Range",
                "Whether the bins reach from the least number to the greatest, or between limits.",
                "all",
                "limits",
            ),
            _number("low", "From", "The low edge of the first bin.", 0.0),
            _number("high", "To", "The high edge of the last bin, which belongs to it.", 1.0),
        ),
        _histogram_summary,
    ),
    Operation(
        "arrays.normalise",
        "Normalise",
        "Brings numbers to a common scale; equal ones become 0, missing ones stay missing.",
        Kind.ARRAY,
        (
            _choice(
                "method",
                "Method",
                "range: 0 to 1; z-score: mean 0, deviation 1; norm: length 1; peak: at most 1.",
                "range",
                "z-score",
                "norm",
                "peak",
            ),
            _choice(
                "over", "Over", "All numbers together, or each line along an axis.", "all", "axis"
            ),
            _axis("The axis along which the lines lie", ("over", ("axis",))),
        ),
        _normalise_summary,
    ),
    Operation(
        "arrays.fft_magnitude",
        "Spectrum",
        "Writes the magnitude of the discrete Fourier transform along one axis.",
        Kind.ARRAY,
        (_axis("The axis to transform"),),
        _along,
    ),
    Operation(
        "arrays.power_spectral_density",
        "Power spectral density",
        "Estimates power by frequency (Welch's method): a column of Hz and one for each signal.",
        Kind.ARRAY,
        (
            _RATE,
            _whole("segment", "Segment", "How many numbers a segment has.", 256, limits=(2, 2**24)),
            _choice(
                "window",
                "Window",
                "What each segment is multiplied by.",
                "hann",
                "hamming",
                "blackman",
                "flattop",
                "boxcar",
            ),
            _choice("format", "Format", "The format that the spectrum is saved in.", "npy", "csv"),
            _axis("The axis along which time runs"),
        ),
        _density_summary,
    ),
    Operation(
        "arrays.filter",
        "Filter",
        "Lets low, high or a band of frequencies through (Butterworth), without delay.",
        Kind.ARRAY,
        (
            _choice("mode", "Mode", "What passes.", "low-pass", "high-pass", "band-pass"),
            _hertz("cutoff", "Cutoff", "The edge; of a band the lower one.", 0.1),
            _hertz(
                "upper", "Upper cutoff", "The band's upper edge.", 0.2, ("mode", ("band-pass",))
            ),
            _whole("order", "Order", "How steep the edge is.", 4, limits=(1, 12)),
            _RATE,
            _axis("The axis along which time runs"),
        ),
        _filter_summary,
    ),
    Operation(
        "arrays.resample",
        "Resample",
        "Gives signals another sample rate or number of samples, without aliases.",
        Kind.ARRAY,
        (
            _choice(
                "to", "To", "What is given: the new rate, or how many numbers.", "rate", "count"
            ),
            _hertz("rate", "Sample rate", "The rate it has.", 1.0, ("to", ("rate",))),
            _hertz("new_rate", "New rate", "The rate it gets.", 0.5, ("to", ("rate",))),
            Parameter(
                "count",
                ParameterKind.INTEGER,
                "Count",
                "How many numbers a signal gets.",
                1000,
                minimum=1,
                maximum=2**31,
                shown_when=("to", ("count",)),
            ),
            _axis("The axis along which time runs"),
        ),
        _resample_summary,
    ),
)
