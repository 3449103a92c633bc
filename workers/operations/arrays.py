"""The array operations on .npy, .npz and HDF5 files, never unpickling anything.

Light to import; NumPy is loaded by the first `run` of a worker, SciPy and h5py when needed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from workers.job import Step
from workers.operations.array_declarations import OPERATIONS as OPERATIONS
from workers.operations.input_file import InputFile
from workers.outcome import Failure, FailureKind

_OPEN: Final = "arrays.open"
_TABLES: Final = {
    "arrays.statistics": ".statistics",
    "arrays.histogram": ".histogram",
    "arrays.power_spectral_density": ".spectrum",
}


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return `.npy`, or such as `.statistics.csv` where the last step writes a table."""
    last = _completed(steps[-1])
    if _writes_table(last):
        return f"{_TABLES[last.operation]}.{last.parameters.get('format', 'csv')}"
    return ".npy"


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Run the steps on one array and write `target`.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    from workers.operations import array_steps, array_values

    chosen = [_completed(step) for step in steps]
    if (misplaced := _misplaced(chosen)) is not None:
        return misplaced
    values = array_values.read_array(source, _array_name(chosen))
    for step in chosen:
        if isinstance(values, Failure):
            return values
        if _writes_table(step):
            return array_steps.write_table(values, step, target)
        values = array_steps.applied(values, step)
    if isinstance(values, Failure):
        return values
    array_values.write_array(values, target)
    return ""


def memory_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that `run` takes at its peak, from the array's header alone."""
    from workers.operations.array_memory import array_need

    chosen = [_completed(step) for step in steps]
    return 0 if _misplaced(chosen) else array_need(chosen, source, _array_name(chosen))


def _misplaced(steps: Sequence[Step]) -> Failure | None:
    """Return why the steps cannot stand in this order, or None."""
    for step in steps[:-1]:
        if _writes_table(step):
            sentence = f"No array step can follow {step.operation}, which writes a table."
            return Failure(FailureKind.OPERATION_FAILED, sentence)
    if any(step.operation == _OPEN for step in steps[1:]):
        sentence = f"{_OPEN} chooses from the file: no other array step can stand before it."
        return Failure(FailureKind.OPERATION_FAILED, sentence)
    return None


def _writes_table(step: Step) -> bool:
    if step.operation == "arrays.power_spectral_density":
        return step.parameters["format"] == "csv"
    return step.operation in _TABLES


def _array_name(steps: Sequence[Step]) -> str:
    return str(steps[0].parameters["array"]) if steps[0].operation == _OPEN else ""


def _completed(step: Step) -> Step:
    by_id = {operation.id: operation for operation in OPERATIONS}
    return msgspec.structs.replace(step, parameters=by_id[step.operation].complete(step.parameters))
