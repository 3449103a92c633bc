"""The table operations: tables read once, changed step by step, written once.

Light to import; polars is loaded by the first `run` of a worker.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from workers.job import Step
from workers.operations import FOLDER, Companion
from workers.operations.input_file import InputFile
from workers.operations.table_declarations import (
    DELIMITERS,
    MERGE,
    OPERATIONS as OPERATIONS,
    SPLIT,
)
from workers.operations.table_format import kept_suffix
from workers.outcome import Failure, FailureKind
from workers.partials import Partial

if TYPE_CHECKING:
    from workers.operations.table_parts import pl

SPLIT_IS_LAST: Final = "To split a table makes several files, so it is the last step."
_CONVERT: Final = "tables.convert"
_SUMMARIZE: Final = "tables.summary"


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return the suffix of the last format that is chosen, else that of the input.

    `.summary` stands before it once a step summarizes. What is to be merged is a Parquet file.
    """
    prefix, suffix = "", kept_suffix(suffix)
    for step in steps:
        chosen = _completed(step)
        if chosen.operation == MERGE:
            return ".parquet"
        prefix = ".summary" if chosen.operation == _SUMMARIZE else prefix
        if "format" in chosen.parameters:
            suffix = f".{chosen.parameters['format']}"
    return prefix + suffix


def companions(steps: Sequence[Step], _suffix: str) -> Sequence[Companion]:
    """Tell that a split writes a folder of files."""
    return (FOLDER,) if any(step.operation == SPLIT for step in steps) else ()


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Run the steps on one table and write `target`, in the format of its last suffix.

    A split, which is the last step, writes a folder of such files in its place.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    from workers.operations.table_split import split
    from workers.operations.table_values import PanicException, read_table, write_table

    chosen = [_completed(step) for step in steps]
    table = read_table(source, _sheet(chosen))
    if isinstance(table, Failure):
        return table
    warning, delimiter, values = table.warning, table.delimiter, table.values
    del table  # what a step leaves behind is not held by this name
    try:
        for step in chosen if chosen[-1].operation != SPLIT else chosen[:-1]:
            made = _stepped(step, values)
            if isinstance(made, Failure):
                return made
            values = made
        delimiter = _delimiter(chosen, delimiter)
        if chosen[-1].operation == SPLIT:
            written = split(values, chosen[-1].parameters, target, delimiter)
        else:
            written = write_table(values, target, delimiter)
    except PanicException as error:  # a damaged file can hold, for one, a date beyond all dates
        sentence = "The table holds values that cannot be; its content is damaged."
        return Failure(FailureKind.BAD_INPUT, sentence, detail=str(error))
    if isinstance(written, Failure):
        return written
    return " ".join(filter(None, (warning, written)))


def memory_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that `run` takes at its peak, from a sample, a footer or a directory."""
    from workers.operations.table_memory import table_need

    operations = {step.operation for step in steps}
    suffix = output_suffix(steps, source.suffix)
    return table_need(source, operations=operations, suffix=suffix)


def combined_name(step: Step) -> str:
    """Return the name of the merged table."""
    values = _completed(step).parameters
    return f"{values['name'] or 'merged'}.{values['format']}"


def combined_need(step: Step, partials: Sequence[Partial]) -> int:
    """Return the bytes that `combine` takes at its peak, from the partials' footers."""
    from workers.operations.table_memory import merge_need

    is_csv = _completed(step).parameters["format"] == "csv"
    return merge_need([partial.path for partial in partials], is_csv=is_csv)


def combine(step: Step, partials: Sequence[Partial], target: Path) -> Failure | str:
    """Merge the tables into `target`, in the format of its suffix.

    Returns a warning that names columns whose types differ, or "". Raises OSError when the output
    cannot be written.
    """
    from workers.operations.table_merge import merge

    return merge(partials, target, str(_completed(step).parameters["file_column"]))


def _completed(step: Step) -> Step:
    by_id = {operation.id: operation for operation in OPERATIONS}
    return msgspec.structs.replace(step, parameters=by_id[step.operation].complete(step.parameters))


def _stepped(step: Step, values: "pl.DataFrame") -> "pl.DataFrame | Failure":
    from workers.operations.table_steps import stepped
    from workers.operations.table_summary import summarize

    if step.operation == _CONVERT:
        return values
    if step.operation == MERGE:
        from workers.operations.table_merge import mergeable

        return mergeable(values)
    if step.operation == SPLIT:
        return Failure(FailureKind.OPERATION_FAILED, SPLIT_IS_LAST)
    if step.operation == _SUMMARIZE:
        return summarize(values)
    return stepped(step.operation, values, step.parameters)


def _sheet(steps: Sequence[Step]) -> str:
    """Return the sheet that a step names; it is read before the first step."""
    return next((str(step.parameters["sheet"]) for step in steps if _names_sheet(step)), "")


def _names_sheet(step: Step) -> bool:
    return bool(step.parameters.get("sheet"))


def _delimiter(steps: Sequence[Step], found: str) -> str:
    """Return what the last conversion asks for, else what stood in the input."""
    for step in steps:
        if step.operation == _CONVERT:
            found = DELIMITERS[str(step.parameters["delimiter"])]
        elif step.operation == _SUMMARIZE:
            found = ","
    return found
