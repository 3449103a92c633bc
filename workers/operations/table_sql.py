"""Conditions and queries in SQL, on the one table of an input. Runs in a worker.

The SQL of polars can open files: `read_csv('...')` stands where a table does. Two locks keep that
out: the text is refused when it names such a function (`table_arguments`), and the plan that was
made of it is refused, unrun, when it reads from anything but memory.
"""

import re
from collections.abc import Sequence
from typing import Final

from polars.exceptions import PanicException, PolarsError

from workers.operations.table_arguments import condition_problem, query_problem, unknown_column
from workers.operations.table_parts import pl
from workers.outcome import Failure, FailureKind
from workers.wording import printable

TABLE_NAME: Final = "input"
_SCAN: Final = re.compile(r"^\s*[\w ]*SCAN\b", re.MULTILINE)
_NO_COLUMN: Final = re.compile(r'unable to find column "(.*?)"')
_NO_TABLE: Final = re.compile(r"relation '(.*?)' was not found")
_NO_FUNCTION: Final = re.compile(r"unsupported function '(.*?)'")
_NO_CONDITION: Final = re.compile(r"unable to parse '(.*)' as Expr", re.DOTALL)
_WORDS_MOST: Final = 160


def filtered(table: pl.DataFrame, condition: str) -> pl.DataFrame | Failure:
    """Return the rows for which the condition holds."""
    if not condition.strip():
        return table
    if said := condition_problem(condition):
        return refused(_sentence(said))
    try:
        # Alone first, so that it cannot close the bracket and go on as another query.
        pl.sql_expr(condition)
        return _run(table, f"SELECT * FROM {TABLE_NAME} WHERE (\n{condition}\n)")
    except (PolarsError, PanicException) as error:
        return refused(error, table.columns)


def queried(table: pl.DataFrame, query: str) -> pl.DataFrame | Failure:
    """Return what the SELECT tells of the table, which it knows as `input`."""
    if said := query_problem(query):
        return refused(_sentence(said))
    try:
        found = _run(table, query.strip().removesuffix(";"))
    except (PolarsError, PanicException) as error:
        return refused(error, table.columns)
    if isinstance(found, pl.DataFrame) and not found.columns:
        return refused("The query gives no column.")
    return found


def _run(table: pl.DataFrame, query: str) -> pl.DataFrame | Failure:
    with pl.SQLContext({TABLE_NAME: table}) as context:
        plan = context.execute(query, eager=False)
        if _SCAN.search(plan.explain(optimized=False)) is not None:
            return refused("The SQL reads a file; it can use only the table of this input.")
        return plan.collect()


def refused(said: str | BaseException, columns: Sequence[str] = ()) -> Failure:
    """Return the failure with a sentence, made from what polars said where it is an error."""
    if isinstance(said, str):
        return Failure(FailureKind.OPERATION_FAILED, said)
    text = str(said)
    return Failure(FailureKind.OPERATION_FAILED, _in_words(text, columns), detail=text)


def _in_words(text: str, columns: Sequence[str]) -> str:
    if (found := _NO_COLUMN.search(text)) is not None:
        return unknown_column(found[1], columns)
    if (found := _NO_TABLE.search(text)) is not None:
        name = printable(found[1])
        return f"There is no table {name!r}; the table of the input is called {TABLE_NAME}."
    if (found := _NO_FUNCTION.search(text)) is not None:
        return f"There is no function {printable(found[1])!r} in this SQL."
    if (found := _NO_CONDITION.search(text)) is not None:
        told = printable(found[1].strip())[:_WORDS_MOST]
        return f"The condition is not complete or no SQL: {told}. Such as: price > 10."
    first = printable(text.strip().split("\n", 1)[0].removeprefix("sql parser error: "))
    if len(first) > _WORDS_MOST:
        first = first[:_WORDS_MOST] + "..."
    return f"The table cannot be changed that way: {first.rstrip('.')}."


def _sentence(said: str) -> str:
    return f"The SQL is not used: {said}"
