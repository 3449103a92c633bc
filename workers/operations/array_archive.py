"""Arrays out of .npz files, without trust: what a header claims is checked before it is unpacked.

Runs in a worker. Only the chosen member is unpacked, never more of it than its own header says.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Final, TypeVar

import numpy as np
from msgspec.structs import replace

from workers.operations.array_values import (
    Header,
    Values,
    bad,
    npy_header,
    one_of,
    too_large,
)
from workers.operations.input_file import InputFile, unreadable
from workers.outcome import Failure

T = TypeVar("T")

_MEMBER: Final = ".npy"
# Deflate makes at most 258 bytes of two bits.
_DEFLATE_MOST: Final = 1032
_DEFLATE_SLACK: Final = 64
_PIECE: Final = 1 << 20
# Some pieces, packed and unpacked.
_UNPACKING: Final = 8 * _PIECE
_ENCRYPTED: Final = 1
# What reading a damaged archive was seen to raise.
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)

Reading = Callable[[zipfile.ZipFile, zipfile.ZipInfo], T | Failure]


def read_member(source: InputFile, name: str) -> Values | Failure:
    """Return the named array of a .npz file, or the only one."""
    return _opened(source, name, _unpacked)


def member_header(source: InputFile, name: str) -> Header | Failure:
    """Return the header of the array that `read_member` would return."""
    return _opened(source, name, _header)


def _opened(source: InputFile, name: str, reading: Reading[T]) -> T | Failure:
    try:
        with (
            os.fdopen(os.dup(source.fileno()), "rb") as stream,
            zipfile.ZipFile(stream) as archive,
        ):
            members = {
                info.filename.removesuffix(_MEMBER): info
                for info in archive.infolist()
                if info.filename.endswith(_MEMBER)
            }
            chosen = one_of(list(members), name.removesuffix(_MEMBER))
            if isinstance(chosen, Failure):
                return chosen
            return reading(archive, members[chosen])
    except _DAMAGED as error:
        return bad("the archive is damaged", repr(error))
    except OSError as error:
        return unreadable(error)


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header | Failure:
    if member.flag_bits & _ENCRYPTED:
        return bad("it is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return bad("it is packed in a way that NumPy does not write")
    with archive.open(member) as stream:
        header = npy_header(stream, member.file_size)
    if isinstance(header, Failure):
        return header
    if header.size > _DEFLATE_MOST * member.compress_size + _DEFLATE_SLACK:
        return bad("file ends early")
    if (refused := too_large(header.size)) is not None:
        return refused
    return replace(header, held=header.size + _UNPACKING, is_mapped=False)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Values | Failure:
    header = _header(archive, member)
    if isinstance(header, Failure):
        return header
    content = np.empty(header.size, np.uint8)
    with archive.open(member) as stream:
        stream.read(header.offset)
        if not _filled(stream, content.data):
            return bad("file ends early")
    flat = content.view(header.kind)
    return flat.reshape(header.shape, order="F" if header.is_fortran else "C")


def _filled(stream: IO[bytes], room: memoryview) -> bool:
    """Fill the room, which grows no further than what really comes; say whether it is full."""
    place = 0
    while place < len(room):
        piece = stream.read(min(_PIECE, len(room) - place))
        if not piece:
            return False
        room[place : place + len(piece)] = piece
        place += len(piece)
    return True
