"""One side of a preview: what there is to see of a file. Runs in the preview's process."""

import itertools
from pathlib import Path
from typing import Final

from workers.job import Kind, Step
from workers.operations.input_file import InputFile
from workers.operations.kinds import picture_format
from workers.outcome import Failure
from workers.preview import Side
from workers.step_runs import forget, run_steps
from workers.wording import count_words

MOST_PIXELS: Final = 1600
_ROWS: Final = 50
_COLUMNS: Final = 40
_CELL: Final = 200
_TEXT_BYTES: Final = 1 << 16
_SHOWN: Final = (
    Step("images.resize", {"mode": "long_edge", "edge": MOST_PIXELS}),
    Step("images.convert", {"format": "png"}),
)


def side_of(source: InputFile, folder: Path) -> Side:
    """Return what there is to see of an open file; `folder` holds a file for a moment."""
    match source.kind:
        case Kind.IMAGE:
            return _picture(source, folder)
        case Kind.TABLE:
            return _table(source)
        case Kind.ARRAY:
            return _array(source)
        case _:
            return _text(source)


def _picture(source: InputFile, folder: Path) -> Side:
    from workers.operations.image_decode import upright_size
    from workers.operations.picture_size import picture_size

    known = picture_format(source.head, source.suffix)
    word = known.value if known is not None else "Picture"
    shown = folder / "shown.png"
    try:
        result = run_steps(source, _SHOWN, shown)
        if isinstance(result, Failure):
            return Side(source.size, result.message)
        picture = shown.read_bytes()
        upright = upright_size(source)
        size = (upright.width, upright.height) if upright else picture_size(shown) or (0, 0)
    finally:
        forget(shown)
    return Side(source.size, word, picture, *size)


def _table(source: InputFile) -> Side:
    from workers.operations.table_values import read_table

    table = read_table(source)
    if isinstance(table, Failure):
        return Side(source.size, table.message)
    values = table.values
    shown = values.head(_ROWS)[:, :_COLUMNS]
    columns = tuple((name, str(kind)) for name, kind in shown.schema.items())
    rows = tuple(tuple(map(_cell, row)) for row in shown.iter_rows())
    words = f"{count_words(values.height, 'row')}, {count_words(values.width, 'column')}"
    return Side(source.size, words, columns=columns, rows=rows)


def _array(source: InputFile) -> Side:
    from workers.operations.array_values import read_array

    values = read_array(source)
    if isinstance(values, Failure):
        return Side(source.size, values.message)
    shape = " × ".join(map(str, values.shape)) or "one value"
    words = f"{shape}, {values.dtype}"
    if not values.ndim:
        return Side(source.size, words, rows=((_cell(values[()]),),))
    flat = values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(-1, 1)
    width = min(flat.shape[1], _COLUMNS)
    columns = tuple((str(number), str(values.dtype)) for number in range(width))
    rows = tuple(tuple(map(_cell, row[:width])) for row in flat[:_ROWS])
    return Side(source.size, words, columns=columns, rows=rows)


def _text(source: InputFile) -> Side:
    with open(source.fileno(), "rb", closefd=False) as stream:  # a descriptor
        head = stream.read(_TEXT_BYTES)
    if b"\x00" in head:
        return Side(source.size, "No text, table or picture.")
    lines = itertools.islice(head.decode("utf-8", "replace").splitlines(), _ROWS)
    return Side(source.size, "Text", rows=tuple((line[:_CELL],) for line in lines))


def _cell(value: object) -> str:
    return "" if value is None else f"{value}"[:_CELL]
