"""Arrays read without trust, measured in blocks, and written. Runs in a worker."""

import csv
import io
import json
import math
import mmap
import os
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from workers.operations.input_file import InputFile, unreadable
from workers.outcome import Failure, FailureKind
from workers.wording import size_words

# Above this size the file is mapped into memory instead of being read at once.
MAP_LIMIT: Final = 64 * 2**20
# A transform holds the input, a complex copy and the result.
_MEMORY_BUDGET: Final = 4 * 10**9
_BLOCK: Final = 1 << 20
# A block as wide floats, their differences and squares; copies of it as it came.
_BLOCKS: Final = 32 * 2**20
_BLOCK_COPIES: Final = 3
# NumPy transforms a complex copy of real numbers (16 bytes) into another (16); then the magnitude
# (8) stands beside the result. A long axis takes a plan and a buffer of its own.
_TRANSFORMED_REAL: Final = 33
_TRANSFORMED_COMPLEX: Final = 25
_TRANSFORM_PLAN: Final = 40
_REAL_BYTES: Final = 8

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

Values = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    is_fortran: bool
    kind: np.dtype[np.generic]
    offset: int

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def read_array(source: InputFile) -> Values | Failure:
    """Return the numbers of a .npy file; large ones are mapped, not read."""
    if source.size > MAP_LIMIT:
        return _mapped(source)
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    header = _header(io.BytesIO(content), len(content))
    if isinstance(header, Failure):
        return header
    flat = np.frombuffer(content, header.kind, header.count, header.offset)
    return flat.reshape(header.shape, order="F" if header.is_fortran else "C")


def write_array(values: Values, target: Path) -> None:
    """Write a .npy file; raises OSError with the disk's reason (`tofile` hides it)."""
    contiguous = np.ascontiguousarray(values)
    with target.open("xb") as stream:
        npy.write_array_header_2_0(stream, npy.header_data_from_array_1_0(contiguous))
        if contiguous.size:
            stream.write(contiguous.reshape(-1).view(np.uint8).data)


def fft_magnitude(values: Values, axis: int) -> Values | Failure:
    """Return the magnitude of the discrete Fourier transform along the axis, same shape."""
    if not -values.ndim <= axis < values.ndim:
        return Failure(
            FailureKind.BAD_INPUT,
            f"The array has {values.ndim} axes; there is no axis {axis}.",
        )
    need = _transform_bytes(values.size, values.dtype)
    if need > _MEMORY_BUDGET:
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            f"The transform needs {size_words(need)}; "
            f"one array may take {size_words(_MEMORY_BUDGET)}.",
        )
    if values.shape[axis] == 0:
        return Failure(FailureKind.BAD_INPUT, "The array is empty along that axis.")
    return np.abs(np.fft.fft(values, axis=axis))


def _transform_bytes(count: int, kind: np.dtype[np.generic]) -> int:
    return count * (kind.itemsize + 16 + 8)


def write_statistics(values: Values, target: Path) -> str:
    """Write the statistics as .csv or .json; return a warning sentence or ""."""
    entries = statistics(values)
    if target.suffix == ".json":
        text = json.dumps(entries, indent=2, allow_nan=False) + "\n"
    else:
        text = _csv(entries)
    with target.open("xb") as stream:
        stream.write(text.encode())
    is_complex = np.iscomplexobj(values)
    return "The numbers are complex; the statistics are of their magnitude." if is_complex else ""


def statistics(values: Values) -> dict[str, object]:
    """Return the statistics; NaN counts as missing, the deviation is the population's."""
    count, missing, mean, squares = 0, 0, 0.0, 0.0
    low: object = None
    high: object = None
    for start in range(0, values.size, _BLOCK):
        present, absent = _block(values, start)
        _give_back(values)
        missing += absent
        if not present.size:
            continue
        wide = present.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are told, not warned of
            block_mean = float(wide.mean())
            block_squares = float(np.square(wide - block_mean).sum())
        total = count + present.size
        # Two means are merged as they were taken over blocks (Chan, Golub, LeVeque).
        apart = block_mean - mean
        squares += block_squares + apart * apart * count * present.size / total
        mean += apart * present.size / total
        count = total
        low = _least(low, present.min().item())
        high = _greatest(high, present.max().item())
    return {
        "shape": "x".join(map(str, values.shape)) or "scalar",
        "dtype": str(values.dtype),
        "count": count,
        "mean": _finite(mean) if count else None,
        "std": _finite(math.sqrt(squares / count)) if count else None,
        "min": _finite(low),
        "max": _finite(high),
        "nan": missing,
    }


def _block(values: Values, start: int) -> tuple[Values, int]:
    block: Values = values.flat[start : start + _BLOCK]
    if np.iscomplexobj(block):
        block = np.abs(block)
    if not np.issubdtype(block.dtype, np.floating):
        return block, 0
    is_missing = np.isnan(block)
    return block[~is_missing], int(is_missing.sum())


def _give_back(values: Values) -> None:
    """Let go of a mapped file's pages: they are the system's, but count as this process's.

    The system keeps them at hand, so that reading them again costs little, but in another order
    than the file's they would be read again for every block.
    """
    mapping = values.base
    if isinstance(mapping, mmap.mmap) and values.flags.c_contiguous and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _least(known: object, value: float) -> object:
    return value if not isinstance(known, (int, float)) else min(known, value)


def _greatest(known: object, value: float) -> object:
    return value if not isinstance(known, (int, float)) else max(known, value)


def _finite(value: object) -> object:
    """Return infinities as text: JSON has no word for them."""
    is_infinite = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_infinite else value


def _csv(entries: dict[str, object]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(entries)
    writer.writerow("" if value is None else value for value in entries.values())
    return stream.getvalue()


def _mapped(source: InputFile) -> Values | Failure:
    try:
        with os.fdopen(os.dup(source.fileno()), "rb") as stream:
            header = _header(stream, source.size)
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


def array_need(source: InputFile, transforms: int) -> int:
    """Return the bytes that so many transforms, or the statistics, take at their peak.

    0 for what cannot be read or is refused: it fails at once. Only the header is read.
    """
    try:
        with os.fdopen(os.dup(source.fileno()), "rb") as stream:
            header = _header(stream, source.size)
    except OSError:
        return 0
    if isinstance(header, Failure):
        return 0
    is_mapped = source.size > MAP_LIMIT
    if not transforms:
        is_given_back = is_mapped and not header.is_fortran
        blocks = _BLOCKS + _BLOCK_COPIES * _BLOCK * header.kind.itemsize
        return blocks + (0 if is_given_back else source.size)
    if _transform_bytes(header.count, header.kind) > _MEMORY_BUDGET:
        return 0
    is_complex = header.kind.kind == "c"
    per_value = _TRANSFORMED_COMPLEX if is_complex and transforms == 1 else _TRANSFORMED_REAL
    again = (transforms > 1) * _REAL_BYTES
    held = max(source.size, header.count * again)
    return held + header.count * per_value + max(header.shape, default=0) * _TRANSFORM_PLAN


def _header(stream: io.BufferedIOBase, size: int) -> _Header | Failure:
    """Read and check the header alone: no allocation follows a number nobody checked."""
    try:
        version = npy.read_magic(stream)
        if version == (1, 0):
            shape, is_fortran, kind = npy.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, is_fortran, kind = npy.read_array_header_2_0(stream)
        else:
            return _bad(f"its version {version[0]}.{version[1]} is not supported")
    except _HEADER_ERRORS as error:
        return _bad("its header is damaged", repr(error))
    header = _Header(shape, is_fortran, kind, stream.tell())
    if kind.hasobject:
        return _bad("it holds Python objects, which could run code")
    if kind.names is not None or kind.kind not in "biufc":
        return _bad(f"it holds {kind}, not numbers")
    if any(length < 0 for length in shape):
        return _bad("its header is damaged")
    if header.offset + header.count * kind.itemsize > size:
        return _bad("file ends early")
    return header


def _bad(reason: str, detail: str = "") -> Failure:
    return Failure(FailureKind.BAD_INPUT, f"Not a readable array ({reason}).", detail)
