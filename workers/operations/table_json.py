"""JSON Lines read: one object a line, the columns those of all lines. Runs in a worker."""

import json
from typing import Final

from polars.exceptions import PanicException, PolarsError

from workers.operations.table_parts import Table, bad_table, pl
from workers.outcome import Failure

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def read_json_lines(content: bytes) -> Table | Failure:
    """Read JSON Lines; a line that is no object is named in the failure."""
    text = content.removeprefix(_BOM)
    if content.startswith(_UTF_16):
        text = content.decode("utf-16", errors="replace").encode()
    if not text or text.isspace():
        return bad_table("The table is empty.")
    try:
        values = pl.read_ndjson(text, infer_schema_length=None)
    except (PolarsError, PanicException) as error:
        return bad_table(_complaint(text), str(error))
    if not values.columns:
        return bad_table("The table is empty.")
    return Table(values)


def _complaint(text: bytes) -> str:
    """Return what is wrong, with the first line that is."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            is_object = isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            return f"Not readable JSON Lines (line {number:,} is not a JSON object)."
    return "Not readable JSON Lines (a value has another type in one line than in others)."
