"""What the directory of an Arrow file says of its buffers, without reading a value.

Messages are FlatBuffers (Message.fbs and File.fbs of Apache Arrow). They come from outside, so
that every place is checked against the bytes there are. Light to import.
"""

import os
import struct
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

_MARK: Final = b"ARROW1"
_TAIL: Final = 10  # the length of the footer, and the mark
_CONTINUED: Final = 0xFFFFFFFF
_METADATA_MOST: Final = 1 << 20
_BATCHES_MOST: Final = 2_000
_BUFFERS_MOST: Final = 20_000
_BLOCK: Final = struct.Struct("<qi4xq")
_BUFFER: Final = struct.Struct("<qq")
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3


class Unpacked(Struct, frozen=True):
    """The rows of an Arrow file, and the bytes of its buffers once unpacked."""

    rows: int
    size: int


def unpacked(descriptor: int, size: int) -> Unpacked | None:
    """Return what the batches say; None where the file is damaged or too long to be told."""
    try:
        tail = _read(descriptor, size, max(0, size - _TAIL), min(_TAIL, size))
        if tail[4:] == _MARK:
            messages = _of_file(descriptor, size, int.from_bytes(tail[:4], "little"))
        else:
            messages = _of_stream(descriptor, size)
        rows = total = buffers = 0
        for count, (batch_rows, sizes) in enumerate(messages):
            rows, total, buffers = rows + batch_rows, total + sum(sizes), buffers + len(sizes)
            if count > _BATCHES_MOST or buffers > _BUFFERS_MOST:
                return None
    except (struct.error, IndexError, ValueError, OSError):
        return None
    return Unpacked(rows, total)


Batch = tuple[int, list[int]]


def _of_file(descriptor: int, size: int, length: int) -> Iterator[Batch]:
    """Yield the batches that the footer names; one named twice is unpacked twice."""
    footer = _FlatBuffer(_read(descriptor, size, size - _TAIL - length, length))
    root = footer.root()
    for vector in (2, 3):
        start, count = footer.vector(root, vector)
        for number in range(count):
            place = start + number * _BLOCK.size
            offset, metadata, _body = _BLOCK.unpack_from(footer.content, place)
            yield _batch(descriptor, size, offset, metadata)


def _of_stream(descriptor: int, size: int) -> Iterator[Batch]:
    place = 0
    while place + 8 <= size:
        mark, length = struct.unpack("<II", _read(descriptor, size, place, 8))
        if mark != _CONTINUED or length == 0:
            return
        message = _FlatBuffer(_read(descriptor, size, place + 8, length))
        yield _batch(descriptor, size, place, length + 8)
        place += 8 + length + max(0, message.number(message.root(), 3, "<q"))


def _batch(descriptor: int, size: int, offset: int, metadata: int) -> Batch:
    """Return rows and unpacked sizes of one message; nothing for a schema."""
    message = _FlatBuffer(_read(descriptor, size, offset + 8, metadata - 8))
    root = message.root()
    kind = message.number(root, 1, "<B")
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return 0, []
    batch = message.table(root, 2)
    if kind == _DICTIONARY_BATCH:
        batch = message.table(batch, 1)
    rows = max(0, message.number(batch, 0, "<q"))
    is_packed = message.field(batch, 3) != 0
    start, count = message.vector(batch, 2)
    sizes = []
    for number in range(min(count, _BUFFERS_MOST + 1)):
        place, length = _BUFFER.unpack_from(message.content, start + number * _BUFFER.size)
        if is_packed and length >= 8:
            said = _read(descriptor, size, offset + metadata + place, 8)
            told = int.from_bytes(said, "little", signed=True)
            length = length if told == -1 else told
        sizes.append(max(0, length))
    return rows, sizes


def _read(descriptor: int, size: int, place: int, length: int) -> bytes:
    if not (place >= 0 and 0 <= length <= _METADATA_MOST and place + length <= size):
        raise ValueError("a place outside of the file")
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.read(descriptor, length)


class _FlatBuffer(Struct, frozen=True):
    """Fields of tables by their number; struct.error and ValueError where a place is none."""

    content: bytes

    def root(self) -> int:
        return self._unsigned(0)

    def field(self, table: int, number: int) -> int:
        """Return the place of a field, 0 where the table has none such."""
        (back,) = struct.unpack_from("<i", self.content, table)
        fields = table - back
        if fields < 0:
            raise ValueError("a table without a list of its fields")
        (length,) = struct.unpack_from("<H", self.content, fields)
        entry = 4 + 2 * number
        if entry + 2 > length:
            return 0
        (offset,) = struct.unpack_from("<H", self.content, fields + entry)
        return table + int(offset) if offset else 0

    def number(self, table: int, number: int, form: str) -> int:
        place = self.field(table, number)
        return int(struct.unpack_from(form, self.content, place)[0]) if place else 0

    def table(self, table: int, number: int) -> int:
        place = self.field(table, number)
        if not place:
            raise ValueError("a message without its content")
        return place + self._unsigned(place)

    def vector(self, table: int, number: int) -> tuple[int, int]:
        """Return the place of a list's first entry and the number of entries."""
        place = self.field(table, number)
        if not place:
            return 0, 0
        start = place + self._unsigned(place)
        return start + 4, self._unsigned(start)

    def _unsigned(self, place: int) -> int:
        return int(struct.unpack_from("<I", self.content, place)[0])
