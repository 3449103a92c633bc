"""An EXIF block (a small TIFF file) changed so that no other offset has to move. Pure.

The place is blanked where it stands; texts are appended, with a new first directory.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

_EXIF_DIRECTORY, _GPS_DIRECTORY, _MAKER_NOTE, _ORIENTATION = 0x8769, 0x8825, 0x927C, 0x0112
_WIDTHS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_ASCII: Final = 2
_SHORT: Final = 3
_ENTRY_BYTES: Final = 12
_IN_ENTRY: Final = 4  # a value of so many bytes stands in the entry itself
_EMPTY: Final = b"MM\x00*\x00\x00\x00\x08" + bytes(6)  # a header and a directory without entries

ARTIST, COPYRIGHT = 0x013B, 0x8298
"""The tags of EXIF (and TIFF) for who made a picture and whose it is."""


class _Entry(Struct, frozen=True):
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


def with_texts(block: bytes, texts: Mapping[int, str]) -> bytes:
    """Return the block with these texts under their tags in its first directory, in UTF-8.

    EXIF names ASCII as the encoding; UTF-8 is what programs write and read there. A text that
    was there under the tag is blanked. A damaged block, or none, is replaced by a new one.
    """
    try:
        return _with_texts(block or _EMPTY, texts)
    except (struct.error, ValueError):
        return _with_texts(_EMPTY, texts)


def of_new_pixels(block: bytes) -> bytes:
    """Return the block without the thumbnail, which shows the old pixels, and as upright."""
    made = bytearray(block)
    try:
        order, directory = _order(block), _first_directory(block)
        entries = list(_entries(block, directory))
        for entry in entries:
            if entry.tag == _ORIENTATION and entry.kind == _SHORT:
                struct.pack_into(order + "H", made, entry.value, 1)
        struct.pack_into(order + "I", made, directory + 2 + len(entries) * _ENTRY_BYTES, 0)
    except (struct.error, ValueError):
        return b""  # what cannot be followed may show anything
    return bytes(made)


def _with_texts(block: bytes, texts: Mapping[int, str]) -> bytes:
    order, directory = _order(block), _first_directory(block)
    entries = list(_entries(block, directory))
    made = bytearray(block)
    kept = {}
    for entry in entries:
        if entry.tag in texts:
            _blank(made, entry.value, entry.length)
        else:
            kept[entry.tag] = block[entry.start : entry.start + _ENTRY_BYTES]
    end = directory + 2 + len(entries) * _ENTRY_BYTES
    (following,) = struct.unpack_from(order + "I", block, end)
    for tag, text in texts.items():
        content = text.encode() + b"\x00"
        head = struct.pack(order + "HHI", tag, _ASCII, len(content))
        if len(content) <= _IN_ENTRY:
            kept[tag] = head + content.ljust(_IN_ENTRY, b"\x00")
        else:
            kept[tag] = head + struct.pack(order + "I", _appended(made, content))
    listed = b"".join(kept[tag] for tag in sorted(kept))
    whole = struct.pack(order + "H", len(kept)) + listed + struct.pack(order + "I", following)
    struct.pack_into(order + "I", made, 4, _appended(made, whole))
    return bytes(made)


def _appended(made: bytearray, content: bytes) -> int:
    """Append at an even place, as TIFF wants it; return the place."""
    made.extend(bytes(len(made) % 2))
    place = len(made)
    made.extend(content)
    return place


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
        value = start + 8 if length <= _IN_ENTRY else offset
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
