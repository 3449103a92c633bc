"""Arrays out of HDF5 files, without trust: nothing outside of the file is ever opened.

Runs in a worker. The library reads from the open file, not by its name. Links to other files,
data sets put together from others and values stored elsewhere are refused; what is claimed or
packed too large is refused before it is unpacked.
"""

import os
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from workers.operations.array_values import (
    Header,
    Values,
    bad,
    not_numbers,
    one_of,
    too_large,
)
from workers.operations.input_file import InputFile, unreadable
from workers.outcome import Failure, FailureKind

T = TypeVar("T")

_LINKS_MOST: Final = 16
_DEFLATE: Final = 1
# Bytes put in another order, and a checksum.
_KEEPS_SIZE: Final = frozenset({2, 3})
# Deflate, SZIP, N-bit, scale-offset, LZF: what comes with the library, each alone.
_KNOWN: Final = frozenset({(), (1,), (4,), (5,), (6,), (32000,)})
# A packed chunk below this unpacks to 64 MB at most, whatever it claims.
_DEFLATED_LEAST: Final = 64 * 1024
_PIECE: Final = 1 << 20
# What the library keeps of chunks and of where they are: 16 MB were measured.
_LIBRARY: Final = 24 * 2**20
# What the library was seen to raise on damaged files.
_DAMAGED: Final = (
    KeyError,
    ValueError,
    TypeError,
    RuntimeError,
    OverflowError,
    AttributeError,
    zlib.error,
)
_MISSING: Final = Failure(
    FailureKind.OPERATION_FAILED,
    "HDF5 files need the library h5py: pip install 'everycore[science]'.",
)

# h5py's own objects have no types.
_Node = Any
Reading = Callable[[_Node], T | Failure]


def read_dataset(source: InputFile, name: str) -> Values | Failure:
    """Return the data set at a path such as "run/signal", or the only one with numbers."""
    return _opened(source, name, _unpacked)


def dataset_header(source: InputFile, name: str) -> Header | Failure:
    """Return shape and type of what `read_dataset` would return."""
    return _opened(source, name, _header)


def _opened(source: InputFile, name: str, reading: Reading[T]) -> T | Failure:
    try:
        import h5py
    except ImportError:
        return _MISSING
    try:
        with os.fdopen(os.dup(source.fileno()), "rb") as stream, h5py.File(stream, "r") as file:
            path = name.strip("/")
            if not path:
                only = one_of(_datasets(file), "")
                if isinstance(only, Failure):
                    return only
                path = only
            found = _found(file, path, _LINKS_MOST)
            if found is None:
                return _absent(file, path)
            return found if isinstance(found, Failure) else reading(found)
    except _DAMAGED as error:
        return bad("the HDF5 file is damaged", repr(error))
    except OSError as error:
        # The library says of a damaged file the same as of a disk that fails, without a number.
        return unreadable(error) if error.errno else bad("the HDF5 file is damaged", repr(error))


def _datasets(file: _Node) -> list[str]:
    """Return the paths of all data sets with numbers, reached without following a link."""
    import h5py

    found: list[str] = []
    seen: set[int] = set()
    waiting = [("", file)]
    while waiting:
        path, group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            node, place = group[name], f"{path}/{name}".lstrip("/")
            address = h5py.h5o.get_info(node.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(node, h5py.Group):
                waiting.append((place, node))
            elif isinstance(node, h5py.Dataset) and _has_numbers(node):
                found.append(place)
    return sorted(found)


def _has_numbers(dataset: _Node) -> bool:
    try:
        return not_numbers(dataset.dtype) is None
    except TypeError:  # NumPy has no such type
        return False


def _found(file: _Node, path: str, links: int) -> _Node | Failure | None:
    """Return the data set at a path; links inside the file are followed, step by step."""
    import h5py

    node, parts = file, [part for part in path.split("/") if part]
    for number, part in enumerate(parts):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            return bad(f"{path} is in another file")
        if isinstance(link, h5py.SoftLink):
            if not links:
                return bad("its links lead round in a circle")
            start = [] if link.path.startswith("/") else parts[:number]
            return _found(file, "/".join([*start, link.path, *parts[number + 1 :]]), links - 1)
        if not isinstance(link, h5py.HardLink):
            return None
        node = node[part]
    return node if isinstance(node, h5py.Dataset) else None


def _absent(file: _Node, path: str) -> Failure:
    answer = one_of(_datasets(file), path)
    return answer if isinstance(answer, Failure) else bad("the HDF5 file is damaged")


def _header(dataset: _Node) -> Header | Failure:
    kind = dataset.dtype
    if (refused := not_numbers(kind)) is not None:
        return refused
    if dataset.shape is None:
        return bad("it is empty")
    if dataset.external or dataset.is_virtual:
        return bad("its numbers are in other files")
    header = Header(tuple(dataset.shape), is_fortran=False, kind=kind)
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * kind.itemsize
    if (refused := too_large(max(header.size, chunk))) is not None:
        return refused
    # A chunk as it is packed, and unpacked, stands beside the array.
    held = header.size + 2 * chunk + _LIBRARY
    return Header(header.shape, is_fortran=False, kind=kind, held=held)


def _unpacked(dataset: _Node) -> Values | Failure:
    header = _header(dataset)
    if isinstance(header, Failure):
        return header
    if (refused := _badly_packed(dataset, header)) is not None:
        return refused
    values: Values = dataset[()] if dataset.shape else np.asarray(dataset[()])
    return values


def _badly_packed(dataset: _Node, header: Header) -> Failure | None:
    """Return why a data set is not unpacked: the library would take what a chunk unpacks to."""
    if dataset.chunks is None:
        return None
    made = dataset.id.get_create_plist()
    filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
    packing = tuple(number for number in filters if number not in _KEEPS_SIZE)
    if packing not in _KNOWN:
        return bad("it is packed in a way that is not known here")
    if _DEFLATE not in packing:
        return None
    mask, most = 1 << filters.index(_DEFLATE), int(np.prod(dataset.chunks)) * header.kind.itemsize
    large: list[tuple[int, ...]] = []

    def note(chunk: Any) -> None:  # noqa: ANN401 - h5py's own, without a type
        if chunk.size >= _DEFLATED_LEAST and not chunk.filter_mask & mask:
            large.append(chunk.chunk_offset)

    dataset.id.chunk_iter(note)
    for offset in large:
        if not _is_within(dataset.id.read_direct_chunk(offset)[1], most):
            return bad("it unpacks to more than it says")
    return None


def _is_within(packed: bytes, most: int) -> bool:
    """Say whether deflated bytes unpack to at most so many; keeps a piece at a time only."""
    unpacking, total = zlib.decompressobj(), 0
    while packed and not unpacking.eof:
        total += len(unpacking.decompress(packed, _PIECE))
        packed = unpacking.unconsumed_tail
        if total > most:
            return False
    return True
