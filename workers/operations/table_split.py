"""One table as several, by the values of a column: a file for each. Runs in a worker.

What the files are called is made of the values: readable, safe on every system, each once.
"""

import datetime as dt
import re
import shutil
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from polars.exceptions import PanicException, PolarsError

from workers.job import ParameterValue
from workers.operations.table_arguments import unknown_column
from workers.operations.table_parts import pl
from workers.operations.table_sql import refused
from workers.operations.table_values import write_table
from workers.outcome import Failure, FailureKind
from workers.output_names import legal_part
from workers.wording import count_words, printable

_MISSING: Final = "missing"
_EMPTY: Final = "empty"
# Long enough to be known by, short enough for the paths of Windows.
_BYTES_MOST: Final = 80
_UNSAFE: Final = re.compile(r'[<>:"|?*\\/]')
# Controls, direction marks, private and unpaired characters, line ends.
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def split(
    table: pl.DataFrame, values: Mapping[str, ParameterValue], target: Path, delimiter: str
) -> Failure | str:
    """Write a file for each value into the folder named as `target` without its suffix.

    Rows keep their order, files come in that of their first rows. Returns a warning sentence or
    "". Raises OSError when the disk does not take one.
    """
    column = str(values["column"]).strip()
    if (failure := _unfit(table, column, int(values["files_most"]))) is not None:
        return failure
    folder = target.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)  # of a killed attempt of the same number
    folder.mkdir()
    try:
        parts = table.partition_by(column, maintain_order=True)
    except (PolarsError, PanicException) as error:
        return refused(error, table.columns)
    names, warnings = _Names(), dict.fromkeys([""])
    for part in parts:
        name = names.of(part[column][0])
        kept = part if values["keeps_column"] else part.drop(column)
        made = write_table(kept, folder / f"{name}{target.suffix}", delimiter)
        if isinstance(made, Failure):
            return made
        warnings[made] = None
    return " ".join(filter(None, warnings))


def _unfit(table: pl.DataFrame, column: str, most: int) -> Failure | None:
    if not column:
        return refused("Name the column whose values the files are for.")
    if column not in table.columns:
        return refused(unknown_column(column, table.columns))
    shown = printable(column)
    kind = table.schema[column]
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        return refused(
            f"The column {shown!r} holds lists or bytes; a file is made for plain values."
        )
    if not table.height:
        return Failure(FailureKind.BAD_INPUT, "The table has no row, so there is nothing to split.")
    if (count := table[column].n_unique()) > most:
        return refused(
            f"The column {shown!r} has {count_words(count, 'value')}, and files_most allows "
            f"{count_words(most, 'file')}. Choose another column or a higher number."
        )
    return None


class _Names:
    """Gives each value a file name of its own, also where a disk folds case and accents."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, value: object) -> str:
        """Return the name, without suffix; of two values with one name the second is numbered."""
        wanted = name_of(value)
        name, number = wanted, 2
        while (key := unicodedata.normalize("NFC", name.casefold())) in self._taken:
            name, number = f"{wanted} ({number})", number + 1
        self._taken.add(key)
        return name


def name_of(value: object) -> str:
    """Return what a value's file is called: a name that every system takes, never a way out."""
    text = unicodedata.normalize("NFC", _words(value))
    seen = ("_" if unicodedata.category(letter) in _UNSEEN else letter for letter in text)
    name = _UNSAFE.sub("_", "".join(seen)).strip()
    name = name.encode()[:_BYTES_MOST].decode(errors="ignore").rstrip(". ")
    name = f"_{name[1:]}" if name.startswith(".") else name
    return legal_part(name, is_windows=True)


def _words(value: object) -> str:
    match value:
        case None:
            return _MISSING
        case "":
            return _EMPTY
        case bool():
            return "true" if value else "false"
        case dt.datetime() | dt.time() | dt.timedelta():
            return str(value).replace(":", "-")
        case _:
            return str(value)
