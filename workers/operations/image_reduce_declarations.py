"""What the picture steps that make one file of all are: words, parameters, defaults. Light."""

from collections.abc import Mapping
from typing import Final

from workers.job import Kind, ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind, name_problem

CONTACT_SHEET: Final = "images.contact_sheet"
NEAR_DUPLICATES: Final = "images.near_duplicates"
COLUMNS_MOST: Final = 12
ROWS_MOST: Final = 16


def _name(default: str) -> Parameter:
    sentence = "The name of the file, without its suffix."
    kind = ParameterKind.TEXT
    return Parameter("name", kind, "Name", sentence, default, problem=name_problem)


def _count(name: str, label: str, sentence: str, default: int, most: int) -> Parameter:
    kind = ParameterKind.INTEGER
    return Parameter(name, kind, label, sentence, default, minimum=1, maximum=most)


def _sheet_words(values: Mapping[str, ParameterValue]) -> str:
    names = "" if values["names"] else ", without names"
    return f"{values['columns']} × {values['rows']} on {str(values['paper']).upper()}{names}"


_SHEET: Final = Operation(
    CONTACT_SHEET,
    "Contact sheet",
    "Puts all pictures, small and with their names, on the pages of one PDF file.",
    Kind.IMAGE,
    (
        _count("columns", "Columns", "How many pictures stand side by side.", 4, COLUMNS_MOST),
        _count("rows", "Rows", "How many stand below each other on a page.", 5, ROWS_MOST),
        Parameter(
            "paper",
            ParameterKind.CHOICE,
            "Paper",
            "The size of a page, upright.",
            "a4",
            choices=("a4", "letter"),
        ),
        Parameter(
            "names",
            ParameterKind.FLAG,
            "Names",
            "Whether each picture's name stands below it.",
            True,
        ),
        _name("contact-sheet"),
    ),
    _sheet_words,
    is_reduce=True,
)
_ALIKE: Final = Operation(
    NEAR_DUPLICATES,
    "Find alike pictures",
    "Lists groups of pictures that look alike, also in another size or format, as a CSV table.",
    Kind.IMAGE,
    (
        Parameter(
            "distance",
            ParameterKind.INTEGER,
            "Distance",
            "How many of 64 marks two pictures that count as alike may differ in: at 0 they look "
            "the same, above 12 many others count, too.",
            6,
            minimum=0,
            maximum=24,
        ),
        _name("near-duplicates"),
    ),
    lambda values: f"up to {values['distance']} of 64 marks apart",
    is_reduce=True,
)
OPERATIONS: Final = (_SHEET, _ALIKE)
