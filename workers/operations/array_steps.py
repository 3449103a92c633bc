"""From a step's checked parameters to what it does with an array. Runs in a worker."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from workers.job import ParameterValue, Step
from workers.operations.array_lines import Lines, axis_failure
from workers.operations.array_scaling import fft_magnitude, normalise
from workers.operations.array_signals import (
    Band,
    band_filter,
    power_spectral_density,
    rate_ratio,
    resampled,
)
from workers.operations.array_statistics import parsed_shares, write_statistics
from workers.operations.array_tables import write_histogram, write_spectrum
from workers.operations.array_values import Values
from workers.outcome import Failure


def applied(values: Values, step: Step) -> Values | Failure:
    """Return what a step makes of an array; its parameters are complete."""
    chosen = step.parameters
    match step.operation:
        case "arrays.fft_magnitude":
            return fft_magnitude(values, int(chosen["axis"]))
        case "arrays.normalise":
            axis = int(chosen["axis"]) if chosen["over"] == "axis" else None
            return normalise(values, str(chosen["method"]), axis)
        case "arrays.filter":
            edges = float(chosen["cutoff"]), float(chosen["upper"])
            band = Band(str(chosen["mode"]), *edges, int(chosen["order"]))
            return band_filter(values, band, float(chosen["rate"]), int(chosen["axis"]))
        case "arrays.resample":
            return _resampled(values, step)
        case "arrays.power_spectral_density":
            return _density(values, step)
        case _:  # arrays.open: the array was chosen as the file was read
            return values


def write_table(values: Values, step: Step, target: Path) -> Failure | str:
    """Write the table that a step makes of an array; return a warning sentence or ""."""
    chosen = step.parameters
    if step.operation == "arrays.histogram":
        limits = float(chosen["low"]), float(chosen["high"])
        is_given = chosen["range"] == "limits"
        return write_histogram(values, int(chosen["bins"]), limits if is_given else None, target)
    if step.operation == "arrays.power_spectral_density":
        table = _density(values, step)
        if isinstance(table, Failure):
            return table
        write_spectrum(table, target)
        return ""
    shares = parsed_shares(str(chosen["quantiles"]))
    return shares if isinstance(shares, Failure) else write_statistics(values, shares, target)


def _density(values: Values, step: Step) -> Lines | Failure:
    chosen = step.parameters
    return power_spectral_density(
        values,
        float(chosen["rate"]),
        int(chosen["segment"]),
        str(chosen["window"]),
        int(chosen["axis"]),
    )


def _resampled(values: Values, step: Step) -> Values | Failure:
    axis = int(step.parameters["axis"])
    if (refused := axis_failure(values, axis)) is not None:
        return refused
    return resampled(values, resampling(step.parameters, values.shape[axis]), axis)


def resampling(chosen: Mapping[str, ParameterValue], length: int) -> Fraction:
    """Return the new length by the old one, which is not 0."""
    if chosen["to"] == "count":
        return Fraction(int(chosen["count"]), length)
    return rate_ratio(float(chosen["rate"]), float(chosen["new_rate"]))
