"""Arrays read without trust, by what their first bytes say, and written. Runs in a worker."""

import io
import math
import mmap
import os
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import numpy as np
from msgspec import Struct
from numpy.lib import format as npy
from numpy.typing import NDArray

from workers.operations.input_file import InputFile, unreadable
from workers.outcome import Failure, FailureKind
from workers.wording import printable, size_words

# Above this size the file is mapped into memory instead of being read at once.
MAP_LIMIT: Final = 64 * 2**20
MEMORY_BUDGET: Final = 4 * 10**9
"""The most bytes that one array may unpack to, or one step may make of it."""

# What NumPy's reader of the header was seen to raise on damaged ones.
_HEADER_ERRORS: Final = (
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
)
_HEADER_MOST: Final = 1 << 14
_ZIP: Final = b"PK"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_SUFFIXES: Final = (".h5", ".hdf5")
_NAMES_SHOWN: Final = 8
# By NumPy's letter of a kind of values, what they are.
_NO_NUMBERS: Final = {
    "U": "text",
    "S": "text",
    "T": "text",
    "O": "objects",
    "M": "dates",
    "m": "times",
    "V": "raw bytes",
}

Values = NDArray[np.generic]


class Header(Struct, frozen=True):
    """What a file says of an array, checked; `held` are the bytes that reading it takes.

    `is_mapped`: the array is read from the disk as it is used, and given back.
    """

    shape: tuple[int, ...]
    is_fortran: bool
    kind: np.dtype[np.generic]
    offset: int = 0
    held: int = 0
    is_mapped: bool = False

    @property
    def count(self) -> int:
        """Return how many numbers the array has."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Return how many bytes its numbers take."""
        return self.count * self.kind.itemsize


def read_array(source: InputFile, name: str = "") -> Values | Failure:
    """Return the numbers of a .npy, .npz or HDF5 file; a large .npy is mapped, not read.

    `name` chooses one of several arrays; a .npy file has one, without a name.
    """
    if _is_zip(source):
        from workers.operations.array_archive import read_member

        return read_member(source, name)
    if _is_hdf5(source):
        from workers.operations.array_hdf5 import read_dataset

        return read_dataset(source, name)
    if source.size > MAP_LIMIT:
        return _mapped(source)
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    header = npy_header(io.BytesIO(content), len(content))
    if isinstance(header, Failure):
        return header
    flat = np.frombuffer(content, header.kind, header.count, header.offset)
    return flat.reshape(header.shape, order="F" if header.is_fortran else "C")


def read_header(source: InputFile, name: str = "") -> Header | Failure:
    """Return what the file says of its array, without reading the numbers."""
    if _is_zip(source):
        from workers.operations.array_archive import member_header

        return member_header(source, name)
    if _is_hdf5(source):
        from workers.operations.array_hdf5 import dataset_header

        return dataset_header(source, name)
    try:
        with os.fdopen(os.dup(source.fileno()), "rb") as stream:
            return npy_header(stream, source.size)
    except OSError as error:
        return unreadable(error)


def _is_zip(source: InputFile) -> bool:
    return source.head.startswith(_ZIP)


def _is_hdf5(source: InputFile) -> bool:
    # The mark may stand behind a block of somebody else's; then the suffix tells.
    return source.head.startswith(_HDF5) or (
        source.suffix in _HDF5_SUFFIXES and not source.head.startswith(npy.MAGIC_PREFIX)
    )


def write_array(values: Values, target: Path) -> None:
    """Write a .npy file; raises OSError with the disk's reason (`tofile` hides it)."""
    contiguous = np.asarray(values, order="C")
    with target.open("xb") as stream:
        npy.write_array_header_2_0(stream, npy.header_data_from_array_1_0(contiguous))
        if contiguous.size:
            stream.write(contiguous.reshape(-1).view(np.uint8).data)


def give_back(values: Values) -> None:
    """Let go of a mapped file's pages: they are the system's, but count as this process's.

    The system keeps them at hand, so that reading them again costs little, but in another order
    than the file's they would be read again for every block.
    """
    mapping = values.base
    if isinstance(mapping, mmap.mmap) and values.flags.c_contiguous and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapped(source: InputFile) -> Values | Failure:
    try:
        with os.fdopen(os.dup(source.fileno()), "rb") as stream:
            header = npy_header(stream, source.size)
            if isinstance(header, Failure):
                return header
            values: Values = np.memmap(
                stream,
                header.kind,
                "r",
                header.offset,
                header.shape,
                order="F" if header.is_fortran else "C",
            )
            return values
    except OSError as error:
        return unreadable(error)


def npy_header(stream: IO[bytes], size: int) -> Header | Failure:
    """Read and check the header alone: no allocation follows a number nobody checked.

    `size` is what the whole of it has; `held` is that, as for a file that is read at once.
    """
    # NumPy reads as much header as is claimed before it finds that too much.
    head = io.BytesIO(stream.read(_HEADER_MOST))
    try:
        version = npy.read_magic(head)
        if version == (1, 0):
            shape, is_fortran, kind = npy.read_array_header_1_0(head)
        elif version == (2, 0):
            shape, is_fortran, kind = npy.read_array_header_2_0(head)
        else:
            return bad(f"its version {version[0]}.{version[1]} is not supported")
    except _HEADER_ERRORS as error:
        return bad("its header is damaged", repr(error))
    if kind.hasobject:
        return bad("it holds Python objects, which could run code")
    if (refused := not_numbers(kind)) is not None:
        return refused
    if any(length < 0 for length in shape):
        return bad("its header is damaged")
    is_mapped = size > MAP_LIMIT
    header = Header(shape, is_fortran, kind, head.tell(), size, is_mapped)
    if header.offset + header.size > size:
        return bad("file ends early")
    return header


def not_numbers(kind: np.dtype[np.generic]) -> Failure | None:
    """Return why values of that kind are no numbers, or None."""
    if kind.names is not None or kind.kind not in "biufc":
        word = "records" if kind.names is not None else _NO_NUMBERS.get(kind.kind, str(kind))
        return bad(f"it holds {word}, not numbers")
    return None


def too_large(size: int) -> Failure | None:
    """Return why an array that unpacks to so many bytes is not read, or None."""
    if size <= MEMORY_BUDGET:
        return None
    return Failure(
        FailureKind.OUT_OF_MEMORY,
        f"The array unpacks to {size_words(size)}; one may take {size_words(MEMORY_BUDGET)}.",
        is_limit=True,
    )


def one_of(names: Sequence[str], name: str) -> str | Failure:
    """Return which of a file's arrays is meant: the named one, or the only one."""
    if name in names:
        return name
    if not names:
        return bad("it holds no array of numbers")
    if not name and len(names) == 1:
        return names[0]
    shown = ", ".join(printable(each) for each in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    if name:
        return Failure(
            FailureKind.BAD_INPUT,
            f"The file has no array {printable(name)!r}; it holds {shown}{more}.",
        )
    return Failure(
        FailureKind.BAD_INPUT,
        f"The file holds {len(names)} arrays ({shown}{more}); "
        "put the step 'Choose array' (arrays.open) first and name one there.",
    )


def bad(reason: str, detail: str = "") -> Failure:
    """Return the failure of a file that is no array."""
    return Failure(FailureKind.BAD_INPUT, f"Not a readable array ({reason}).", detail)
