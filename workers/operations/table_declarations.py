"""What the table operations are: their words, parameters and defaults. Light to import.

Every default leaves the table as it is, so that a step can be added first and told later.
"""

from collections.abc import Callable, Mapping
from typing import Final

from workers.job import Kind, ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind, name_problem
from workers.operations.table_arguments import (
    AGGREGATES,
    aggregates_problem,
    columns_problem,
    condition_problem,
    query_problem,
    renames_problem,
)

Values = Mapping[str, ParameterValue]

MERGE: Final = "tables.merge"
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_FORMATS: Final = {
    "csv": "CSV",
    "parquet": "Parquet",
    "jsonl": "JSON Lines",
    "arrow": "Arrow",
    "xlsx": "Excel",
}
_SEED_MOST: Final = 2**31 - 1
_ROWS_MOST: Final = 10**9


def _format(default: str) -> Parameter:
    return Parameter(
        "format",
        ParameterKind.CHOICE,
        "Format",
        "The format that the table is saved in.",
        default,
        choices=tuple(_FORMATS),
    )


def _text(
    name: str, label: str, sentence: str, problem: Callable[[str], str] | None, default: str = ""
) -> Parameter:
    return Parameter(name, ParameterKind.TEXT, label, sentence, default, problem=problem)


def _choice(name: str, label: str, sentence: str, choices: tuple[str, ...]) -> Parameter:
    return Parameter(name, ParameterKind.CHOICE, label, sentence, choices[0], choices=choices)


def _columns(sentence: str) -> Parameter:
    return _text("columns", "Columns", sentence, columns_problem)


def _convert_words(values: Values) -> str:
    words = _FORMATS[str(values["format"])]
    is_plain = values["format"] != "csv" or values["delimiter"] == "comma"
    words = words if is_plain else f"{words}, {values['delimiter']}"
    return f"{words}, sheet {values['sheet']}" if values["sheet"] else words


def _select_words(values: Values) -> str:
    return f"{values['mode']} {values['columns'] or 'no column'}"


def _sort_words(values: Values) -> str:
    words = f"by {values['columns']}" if values["columns"] else "as it is"
    return f"{words}, descending" if values["descending"] else words


def _deduplicate_words(values: Values) -> str:
    return f"{values['columns'] or 'whole rows'}, keep the {values['keep']}"


def _sample_words(values: Values) -> str:
    if values["mode"] == "percent":
        return f"{values['percent']:g} percent, seed {values['seed']}"
    return f"{values['rows']} rows, seed {values['seed']}"


def _merge_words(values: Values) -> str:
    words = f"{values['name'] or 'merged'}, {_FORMATS[str(values['format'])]}"
    return f"{words}, files in {values['file_column']}" if values["file_column"] else words


def _group_words(values: Values) -> str:
    words = str(values["aggregates"]) or "count()"
    return f"{words} by {values['columns']}" if values["columns"] else words


_CONVERT: Final = Operation(
    "tables.convert",
    "Convert table",
    "Saves tables (CSV, TSV, Parquet, JSON Lines, Arrow, Excel, also .xls and .ods) in another "
    "format; the delimiter is found by itself.",
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
        _text("sheet", "Sheet", "The sheet of a workbook that is read; empty: its first.", None),
    ),
    _convert_words,
)
_SUMMARY: Final = Operation(
    "tables.summary",
    "Summarize table",
    "Writes a table with one line a column: type, count, missing, mean, quartiles and more.",
    Kind.TABLE,
    (_format("csv"),),
    lambda values: f"one line a column, {_FORMATS[str(values['format'])]}",
)
_SELECT: Final = Operation(
    "tables.select",
    "Choose columns",
    "Keeps the named columns, in the order they are named, or drops them.",
    Kind.TABLE,
    (
        _choice("mode", "Mode", "Whether the named columns stay or go.", ("keep", "drop")),
        _columns('Names with commas between them; "a, b" in double quotes is one name.'),
    ),
    _select_words,
)
_RENAME: Final = Operation(
    "tables.rename",
    "Rename columns",
    "Gives columns new names.",
    Kind.TABLE,
    (
        _text(
            "names",
            "Names",
            "Pairs with commas between them, such as: old=new, old2=new2.",
            renames_problem,
        ),
    ),
    lambda values: str(values["names"]) or "as they are",
)
_FILTER: Final = Operation(
    "tables.filter",
    "Filter rows",
    "Keeps the rows for which a condition holds.",
    Kind.TABLE,
    (
        _text(
            "condition",
            "Condition",
            "In SQL, such as: price > 10 AND city = 'Bonn'.",
            condition_problem,
        ),
    ),
    lambda values: str(values["condition"]) or "all rows",
)
_SQL: Final = Operation(
    "tables.sql",
    "Query table",
    "Writes what an SQL query tells of the table, which it knows as input.",
    Kind.TABLE,
    (
        _text(
            "query",
            "Query",
            "One SELECT, such as: SELECT city, SUM(price) FROM input GROUP BY city.",
            query_problem,
            "SELECT * FROM input",
        ),
    ),
    lambda values: str(values["query"]),
)
_SORT: Final = Operation(
    "tables.sort",
    "Sort rows",
    "Puts the rows in the order of columns; equal rows keep theirs, missing values come last.",
    Kind.TABLE,
    (
        _columns("The columns that decide, the most important first."),
        Parameter(
            "descending",
            ParameterKind.FLAG,
            "Descending",
            "Whether the greatest value comes first.",
            False,
        ),
    ),
    _sort_words,
)
_DEDUPLICATE: Final = Operation(
    "tables.deduplicate",
    "Remove duplicates",
    "Keeps one of several rows that are equal, in the named columns or in all.",
    Kind.TABLE,
    (
        _columns("The columns that are compared; empty: all."),
        _choice("keep", "Keep", "Which of the equal rows stays.", ("first", "last")),
    ),
    _deduplicate_words,
)
_SAMPLE: Final = Operation(
    "tables.sample",
    "Sample rows",
    "Keeps some rows by chance, in their order; the same seed keeps the same rows.",
    Kind.TABLE,
    (
        _choice("mode", "Mode", "Whether rows are counted or a share.", ("rows", "percent")),
        Parameter(
            "rows",
            ParameterKind.INTEGER,
            "Rows",
            "How many rows are kept, or all where there are fewer.",
            1000,
            minimum=0,
            maximum=_ROWS_MOST,
            shown_when=("mode", ("rows",)),
        ),
        Parameter(
            "percent",
            ParameterKind.NUMBER,
            "Percent",
            "The share of the rows that is kept.",
            10.0,
            unit="%",
            minimum=0,
            maximum=100,
            shown_when=("mode", ("percent",)),
        ),
        Parameter(
            "seed",
            ParameterKind.INTEGER,
            "Seed",
            "Another number keeps other rows.",
            1,
            minimum=0,
            maximum=_SEED_MOST,
        ),
    ),
    _sample_words,
)
_GROUP: Final = Operation(
    "tables.group",
    "Group rows",
    "Writes one row for each group of rows that are equal in columns, with sums, means and more.",
    Kind.TABLE,
    (
        _columns("The columns whose values make the groups; empty: all rows are one group."),
        _text(
            "aggregates",
            "Aggregates",
            f"Such as: sum(price), mean(weight) as typical, count(). There are "
            f"{', '.join(AGGREGATES)}.",
            aggregates_problem,
        ),
    ),
    _group_words,
)

_MERGE: Final = Operation(
    MERGE,
    "Merge tables",
    "Puts the rows of all tables into one, file after file; columns of one name become one.",
    Kind.TABLE,
    (
        Parameter(
            "format",
            ParameterKind.CHOICE,
            "Format",
            "The format that the one table is saved in.",
            "csv",
            choices=("csv", "parquet"),
        ),
        _text("name", "Name", "The name of the file, without its suffix.", name_problem, "merged"),
        _text(
            "file_column",
            "Column of names",
            "A first column of this name tells which file each row is from; empty: none.",
            None,
        ),
    ),
    _merge_words,
    is_reduce=True,
)

SPLIT: Final = "tables.split"
_SPLIT: Final = Operation(
    SPLIT,
    "Split table",
    "Writes a folder with a file for each value of a column; it is the last step.",
    Kind.TABLE,
    (
        _text("column", "Column", "The column whose values the files are for.", None),
        Parameter(
            "keeps_column",
            ParameterKind.FLAG,
            "Keep the column",
            "Whether the files have the column, too.",
            True,
        ),
        Parameter(
            "files_most",
            ParameterKind.INTEGER,
            "Files at most",
            "A column with more values fails the table, before anything is written.",
            1000,
            unit="files",
            minimum=1,
            maximum=10_000,
        ),
    ),
    lambda values: f"by {values['column'] or 'no column yet'}",
)

OPERATIONS: Final = (
    _CONVERT,
    _SELECT,
    _RENAME,
    _FILTER,
    _SQL,
    _SORT,
    _DEDUPLICATE,
    _GROUP,
    _SAMPLE,
    _SUMMARY,
    _MERGE,
    _SPLIT,
)
