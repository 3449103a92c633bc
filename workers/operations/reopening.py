"""Whether a finished output opens again, from its first and last bytes and its header."""

import os
from pathlib import Path
from typing import Final

from workers.operations.kinds import format_of_suffix
from workers.operations.picture_size import picture_size

_PARQUET: Final = b"PAR1"
_ARROW: Final = b"ARROW1"
# The marks that a table's file begins and ends with.
_TABLE_MARKS: Final = {
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
    ".arrow": _ARROW,
    ".feather": _ARROW,
    ".ipc": _ARROW,
}
_NPY: Final = b"\x93NUMPY"


def reopens(file: Path) -> bool:
    """Say whether the file is of the kind its suffix says; text has no header to look at.

    Raises OSError where it cannot be read at all.
    """
    if format_of_suffix(file.suffix) is not None:
        return picture_size(file) is not None
    if file.suffix == ".xlsx":
        import zipfile  # here: own code may have left no path to find it by

        return zipfile.is_zipfile(file)
    mark = _TABLE_MARKS.get(file.suffix)
    if mark is None and file.suffix != ".npy":
        return True
    with file.open("rb") as stream:
        head = stream.read(len(_NPY))
        if mark is None:
            return head == _NPY
        stream.seek(-min(len(mark), os.fstat(stream.fileno()).st_size), os.SEEK_END)
        return head.startswith(mark) and stream.read() == mark
