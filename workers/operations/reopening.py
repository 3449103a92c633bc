"""Whether a finished output opens again, from its first and last bytes and its header."""

import os
from pathlib import Path
from typing import Final

from workers.operations.kinds import format_of_suffix
from workers.operations.picture_size import picture_size

_PARQUET: Final = b"PAR1"
_NPY: Final = b"\x93NUMPY"


def reopens(file: Path) -> bool:
    """Say whether the file is of the kind its suffix says; text has no header to look at.

    Raises OSError where it cannot be read at all.
    """
    if format_of_suffix(file.suffix) is not None:
        return picture_size(file) is not None
    if file.suffix not in (".parquet", ".npy"):
        return True
    with file.open("rb") as stream:
        head = stream.read(len(_NPY))
        if file.suffix == ".npy":
            return head == _NPY
        stream.seek(-min(len(_PARQUET), os.fstat(stream.fileno()).st_size), os.SEEK_END)
        return head.startswith(_PARQUET) and stream.read() == _PARQUET
