"""Blanks the place in an EXIF block where it stands, so that no other offset has to move. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_EXIF_DIRECTORY, _GPS_DIRECTORY, _MAKER_NOTE, _ORIENTATION = 0x8769, 0x8825, 0x927C, 0x0112
_WIDTHS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SHORT: Final = 3
_ENTRY_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    start: int  # where the entry itself stands
    value: int  # where its value stands: in the entry, or elsewhere in the block
    length: int


def blank_location(block: bytes) -> bytes | None:
    """Return the block with zeros for coordinates and maker notes; None when it is damaged.

    Maker notes are opaque and hold coordinates in some cameras.
    """
    blanked = bytearray(block)
    try:
        for entry in _entries(block, _first_directory(block)):
            if entry.tag == _GPS_DIRECTORY:
                _blank_directory(blanked, _pointer(block, entry))
            elif entry.tag == _EXIF_DIRECTORY:
                for inner in _entries(block, _pointer(block, entry)):
                    if inner.tag == _MAKER_NOTE:
                        _blank(blanked, inner.value, inner.length)
                    elif inner.tag == _GPS_DIRECTORY:
                        _blank_directory(blanked, _pointer(block, inner))
    except (struct.error, ValueError):
        return None
    return bytes(blanked)


def orientation_of(block: bytes) -> int:
    """Return the orientation, 1 to 8; 1 when there is none that can be read."""
    try:
        for entry in _entries(block, _first_directory(block)):
            if entry.tag == _ORIENTATION and entry.kind == _SHORT:
                (found,) = struct.unpack_from(_order(block) + "H", block, entry.value)
                return int(found) if 1 <= found <= 8 else 1
    except (struct.error, ValueError):
        pass  # a mark that cannot be read turns nothing
    return 1


def _order(block: bytes) -> str:
    orders = {b"II": "<", b"MM": ">"}
    if block[:2] not in orders:
        raise ValueError("neither II nor MM")
    return orders[block[:2]]


def _first_directory(block: bytes) -> int:
    (start,) = struct.unpack_from(_order(block) + "I", block, 4)
    return int(start)


def _entries(block: bytes, directory: int) -> Iterator[_Entry]:
    order = _order(block)
    (count,) = struct.unpack_from(order + "H", block, directory)
    for number in range(count):
        start = directory + 2 + number * _ENTRY_BYTES
        tag, kind, items, offset = struct.unpack_from(order + "HHII", block, start)
        length = _WIDTHS.get(kind, 1) * items
        value = start + 8 if length <= 4 else offset
        if value + length > len(block):
            raise ValueError("a value beyond the block")
        yield _Entry(tag, kind, start, value, length)


def _pointer(block: bytes, entry: _Entry) -> int:
    (start,) = struct.unpack_from(_order(block) + "I", block, entry.start + 8)
    return int(start)


def _blank_directory(blanked: bytearray, directory: int) -> None:
    entries = list(_entries(bytes(blanked), directory))
    for entry in entries:
        _blank(blanked, entry.value, entry.length)
    _blank(blanked, directory, 2 + len(entries) * _ENTRY_BYTES)


def _blank(blanked: bytearray, start: int, length: int) -> None:
    blanked[start : start + length] = bytes(length)
