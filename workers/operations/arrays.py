"""The array operations: statistics and spectra of .npy files, never unpickling anything.

Light to import; NumPy is loaded by the first `run` of a worker.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from workers.job import Kind, ParameterValue, Step
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.input_file import InputFile
from workers.outcome import Failure, FailureKind


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return `.statistics.csv`, `.statistics.json` or `.npy`, as the last step decides."""
    last = _completed(steps[-1])
    if last.operation == "arrays.statistics":
        return f".statistics.{last.parameters['format']}"
    return ".npy"


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Run the steps on one array and write `target`.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    from workers.operations import array_values

    values = array_values.read_array(source)
    for number, step in enumerate(steps, start=1):
        if isinstance(values, Failure):
            return values
        chosen = _completed(step)
        if chosen.operation == "arrays.statistics":
            if number < len(steps):
                return Failure(
                    FailureKind.OPERATION_FAILED,
                    "No array step can follow arrays.statistics, which writes a table.",
                )
            return array_values.write_statistics(values, target)
        values = array_values.fft_magnitude(values, int(chosen.parameters["axis"]))
    if isinstance(values, Failure):
        return values
    array_values.write_array(values, target)
    return ""


def memory_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that `run` takes at its peak, from the array's header alone."""
    from workers.operations.array_values import array_need

    return array_need(source, sum(step.operation == "arrays.fft_magnitude" for step in steps))


def _completed(step: Step) -> Step:
    by_id = {operation.id: operation for operation in OPERATIONS}
    return dataclasses.replace(step, parameters=by_id[step.operation].complete(step.parameters))


def _statistics_summary(values: Mapping[str, ParameterValue]) -> str:
    return f"mean, deviation, range as {str(values['format']).upper()}"


def _fft_summary(values: Mapping[str, ParameterValue]) -> str:
    return "last axis" if values["axis"] == -1 else f"axis {values['axis']}"


OPERATIONS: Final = (
    Operation(
        "arrays.statistics",
        "Array statistics",
        "Writes shape, type, count, mean, standard deviation, range and missing values of arrays.",
        Kind.ARRAY,
        (
            Parameter(
                "format",
                ParameterKind.CHOICE,
                "Format",
                "The format that the statistics are saved in.",
                "csv",
                choices=("csv", "json"),
            ),
        ),
        _statistics_summary,
    ),
    Operation(
        "arrays.fft_magnitude",
        "Spectrum",
        "Writes the magnitude of the discrete Fourier transform along one axis.",
        Kind.ARRAY,
        (
            Parameter(
                "axis",
                ParameterKind.INTEGER,
                "Axis",
                "The axis to transform, from 0; -1 is the last.",
                -1,
                minimum=-32,
                maximum=31,
            ),
        ),
        _fft_summary,
    ),
)
