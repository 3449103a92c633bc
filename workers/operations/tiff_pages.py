"""TIFF files of one page each put together to one of many. Pure.

A page's directory (TIFF 6.0, section 2) is written anew behind its bytes, with all offsets moved by
as much as the bytes were; each directory tells where the next one is.
"""

import struct
from typing import IO, Final

_MAGIC: Final = b"II*\x00"
_HEADER: Final = 8
_ENTRY: Final = 12
_WITHIN: Final = 4
_SHORT, _LONG = 3, 4
_VALUE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# The offsets of strips and of tiles; small ones may have been written as short numbers.
_PLACES: Final = (273, 324)
LARGEST: Final = 2**32 - 1
"""The bytes a file may have: offsets have 32 bits."""


class TiffPages:
    """Writes pages into a stream; the file is whole after each of them."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Begin the file."""
        self._stream = stream
        self._next = len(_MAGIC)  # where the place of the next directory is to be written
        stream.write(_MAGIC + bytes(_HEADER - len(_MAGIC)))

    def add(self, page: bytes) -> bool:
        """Write the file of one page, little endian, not big; False where there is no room.

        Raises OSError when the disk does not take it, ValueError for what is no such file.
        """
        base = self._stream.seek(0, 2)
        base += base % 2
        page += bytes(len(page) % 2)
        arrays, entries = _moved(page, base)
        directory = base + len(page) + len(arrays)
        if directory + len(entries) > LARGEST:
            return False
        self._stream.write(bytes(base - self._stream.tell()) + page + arrays + entries)
        self._stream.seek(self._next)
        self._stream.write(struct.pack("<I", directory))
        self._next = directory + len(entries) - 4
        return True


def _moved(page: bytes, base: int) -> tuple[bytes, bytes]:
    """Return the arrays of offsets and the directory of a page that will stand at `base`."""
    if page[: len(_MAGIC)] != _MAGIC:
        raise ValueError("not a little-endian TIFF")
    (start,) = struct.unpack_from("<I", page, len(_MAGIC))
    (count,) = struct.unpack_from("<H", page, start)
    arrays, entries = b"", b""
    for place in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
        tag, kind, number = struct.unpack_from("<HHI", page, place)
        value = page[place + 8 : place + _ENTRY]
        if tag in _PLACES:
            offsets = [base + offset for offset in _numbers(page, kind, number, place + 8)]
            kind, value = _LONG, struct.pack(f"<{number}I", *offsets)
            if len(value) > _WITHIN:
                arrays, value = arrays + value, struct.pack("<I", base + len(page) + len(arrays))
        elif _VALUE_BYTES.get(kind, 1) * number > _WITHIN:
            value = struct.pack("<I", base + struct.unpack("<I", value)[0])
        entries += struct.pack("<HHI", tag, kind, number) + value
    return arrays, struct.pack("<H", count) + entries + bytes(4)


def _numbers(page: bytes, kind: int, number: int, place: int) -> tuple[int, ...]:
    """Return the numbers of an entry, which stand in it or where it says."""
    letter = "H" if kind == _SHORT else "I"
    if number * _VALUE_BYTES[kind] > _WITHIN:
        (place,) = struct.unpack_from("<I", page, place)
    return struct.unpack_from(f"<{number}{letter}", page, place)
