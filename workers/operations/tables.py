"""The table operations: CSV and Parquet converted and summarized.

Light to import; polars is loaded by the first `run` of a worker.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from workers.job import Kind, ParameterValue, Step
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.input_file import InputFile
from workers.outcome import Failure, FailureKind

_SUMMARY: Final = ".summary"


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return `.csv` or `.parquet`, with `.summary` before it once a step summarizes."""
    prefix = ""
    for step in steps:
        chosen = _completed(step)
        prefix = _SUMMARY if chosen.operation == "tables.summary" else prefix
        suffix = f".{chosen.parameters['format']}"
    return prefix + suffix


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Run the steps on one table and write `target`, in the format of its last suffix.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    from workers.operations.table_summary import summarize
    from workers.operations.table_values import PanicException, read_table, write_table

    table = read_table(source)
    if isinstance(table, Failure):
        return table
    values, delimiter = table.values, ","
    try:
        for step in steps:
            chosen = _completed(step)
            if chosen.operation == "tables.summary":
                values, delimiter = summarize(values), ","
            else:
                delimiter = DELIMITERS[str(chosen.parameters["delimiter"])]
        write_table(values, target, delimiter)
    except PanicException as error:  # a damaged file can hold, for one, a date beyond all dates
        sentence = "The table holds values that cannot be; its content is damaged."
        return Failure(FailureKind.BAD_INPUT, sentence, detail=str(error))
    return table.warning


def memory_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that `run` takes at its peak, from a sample or the Parquet footer."""
    from workers.operations.table_memory import table_need

    return table_need(
        source,
        writes_csv=output_suffix(steps, source.suffix).endswith(".csv"),
        sums_up=any(step.operation == "tables.summary" for step in steps),
    )


def _completed(step: Step) -> Step:
    by_id = {operation.id: operation for operation in OPERATIONS}
    return dataclasses.replace(step, parameters=by_id[step.operation].complete(step.parameters))


def _convert_summary(values: Mapping[str, ParameterValue]) -> str:
    if values["format"] == "parquet":
        return "Parquet"
    return "CSV" if values["delimiter"] == "comma" else f"CSV, {values['delimiter']}"


def _summary_summary(values: Mapping[str, ParameterValue]) -> str:
    return "one line a column, " + ("Parquet" if values["format"] == "parquet" else "CSV")


DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


def _format(default: str) -> Parameter:
    return Parameter(
        "format",
        ParameterKind.CHOICE,
        "Format",
        "The format that the table is saved in.",
        default,
        choices=("csv", "parquet"),
    )


OPERATIONS: Final = (
    Operation(
        "tables.convert",
        "Convert table",
        "Saves tables (CSV, TSV, Parquet) in another format; the delimiter is found by itself.",
        Kind.TABLE,
        (
            _format("parquet"),
            Parameter(
                "delimiter",
                ParameterKind.CHOICE,
                "Delimiter",
                "What stands between two values in the CSV file.",
                "comma",
                choices=tuple(DELIMITERS),
                shown_when=("format", ("csv",)),
            ),
        ),
        _convert_summary,
    ),
    Operation(
        "tables.summary",
        "Summarize table",
        "Writes a table with one line a column: type, count, missing, mean, quartiles and more.",
        Kind.TABLE,
        (_format("csv"),),
        _summary_summary,
    ),
)
