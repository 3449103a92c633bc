"""The boxes of a JPEG XL file: where its codestream begins, its EXIF and XMP. Pure.

As in ISO/IEC 18181-2: a box is a length (4 bytes, which count themselves), a name (4) and its
content; a length of 1 is followed by the real one (8 bytes), and 0 means up to the file's end.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from workers.operations.jxl_header import SIGNATURE as CODESTREAM

SIGNATURE: Final = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_KIND: Final = b"\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl "
EXIF, XMP = b"Exif", b"xml "
_WHOLE, _PART, _PACKED = b"jxlc", b"jxlp", b"brob"
_PART_NUMBER: Final = 4
# EXIF begins with the distance to its TIFF header.
_DISTANCE: Final = 4
_METADATA: Final = (EXIF, XMP, b"jumb")
_LARGEST_SHORT: Final = 2**32 - 1

Read = Callable[[int, int], bytes]
"""Returns so many bytes (the second number) of a file from a place in it (the first)."""


class Box(NamedTuple):
    """A box: its name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes(read: Read, size: int) -> Iterator[Box]:
    """Yield the boxes of a file of so many bytes, as far as they make sense."""
    place = len(SIGNATURE)
    while place + 8 <= size:
        head = read(place, 16)
        if len(head) < 8:
            return
        length, start = int.from_bytes(head[:4], "big"), place + 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), place + 16
        end = size if length == 0 else place + length
        if end < start or end > size:
            return
        yield Box(head[4:8], start, end)
        place = end


def codestream_head(read: Read, size: int, count: int) -> bytes:
    """Return the first bytes of the codestream, up to `count`; b"" where there is none."""
    if read(0, len(CODESTREAM)) == CODESTREAM:
        return read(0, count)
    if read(0, len(SIGNATURE)) != SIGNATURE:
        return b""
    for box in boxes(read, size):
        if box.name in (_WHOLE, _PART):
            start = box.start + (_PART_NUMBER if box.name == _PART else 0)
            return read(start, min(count, box.end - start))
    return b""


def metadata(content: bytes) -> tuple[bytes, bytes]:
    """Return EXIF, from its TIFF header on, and XMP, each b"" where there is none."""
    found = {EXIF: b"", XMP: b""}
    if content.startswith(SIGNATURE):
        for box in boxes(_reader(content), len(content)):
            if box.name in found:
                found[box.name] = content[box.start : box.end]
    exif = found[EXIF]
    return exif[_DISTANCE + int.from_bytes(exif[:_DISTANCE], "big") :], found[XMP]


def is_packed(content: bytes) -> bool:
    """Say whether some metadata lies in the file compressed, which `metadata` does not tell."""
    if not content.startswith(SIGNATURE):
        return False
    return any(box.name == _PACKED for box in boxes(_reader(content), len(content)))


def put_together(codestream: bytes, exif: bytes, xmp: bytes) -> bytes:
    """Return the file of a bare codestream, or of one that lies in boxes already, with metadata."""
    kept = b"".join(_box(name, body) for name, body in ((EXIF, _placed(exif)), (XMP, xmp)) if body)
    if not codestream.startswith(SIGNATURE):
        codestream = SIGNATURE + _KIND + _box(_WHOLE, codestream) if kept else codestream
    return codestream + kept


def without_metadata(content: bytes) -> bytes:
    """Return the file without its metadata."""
    if not content.startswith(SIGNATURE):
        return content
    kept, place = [], len(SIGNATURE)
    for box in boxes(_reader(content), len(content)):
        if box.name not in (*_METADATA, _PACKED):
            kept.append(content[place : box.end])
        place = box.end
    return SIGNATURE + b"".join(kept)


def _placed(exif: bytes) -> bytes:
    return bytes(_DISTANCE) + exif if exif else b""


def _box(name: bytes, body: bytes) -> bytes:
    length = 8 + len(body)
    if length <= _LARGEST_SHORT:
        return struct.pack(">I4s", length, name) + body
    return struct.pack(">I4sQ", 1, name, length + 8) + body


def _reader(content: bytes) -> Read:
    return lambda place, count: content[place : place + count]
