"""How far the sheets of an old workbook (.xls) reach, looked at before it is read.

Its reader sets aside what the file says of itself: a flipped byte asks for terabytes and ends the
process. So the compound file is followed here to its stream of records, by the tables of its
sectors, and refused where a table, a sheet or a cell claims more than there can be. Pure; light.

Layouts by Microsoft's open specifications [MS-CFB] (sectors, directory) and [MS-XLS] (records).
"""

import struct
from collections.abc import Iterator
from typing import Final

# Shifts of both sector sizes; counts and first sectors of the tables, from byte 30 on.
_HEADER: Final = struct.Struct("<HH10xII4xIIIII")
_HEADER_AT: Final = 30
_DIRECTORY: Final = struct.Struct("<64s H B 49x I I")  # 124 of its 128 bytes
_ENTRY_BYTES: Final = 128
_SECTOR_SHIFTS: Final = (9, 12)
_LAST: Final = 0xFFFFFFFA  # greater numbers end a chain or are no sectors
_LISTED: Final = 109
_LIST_AT: Final = 76  # the first sectors of the table
_STREAMS: Final = ("workbook", "book")
_ROOT: Final = 5
_SMALL_SHIFT: Final = 6
_RECORD: Final = struct.Struct("<HH")
_PLACE: Final = struct.Struct("<HH")
_DIMENSIONS: Final = 0x0200
_WIDE: Final = struct.Struct("<IIHH")
_NARROW: Final = struct.Struct("<HHHH")
_STRINGS: Final = 0x00FC
_SEVERAL: Final = 0x00BD
# Formula, several numbers, a text by its number, number, text, flag, short number.
_CELLS: Final = frozenset({0x06, 0xBD, 0xFD, 0x0203, 0x0204, 0x0205, 0x027E})
ROWS_MOST: Final = 65_536
COLUMNS_MOST: Final = 256


class Damaged(ValueError):
    """The file is no sound compound file, or a sheet claims what none has."""


class NoWorkbook(ValueError):
    """A compound file of another kind, such as a text document."""


def check_old_workbook(content: bytes) -> None:
    """Raise Damaged or NoWorkbook where the content is not to be read."""
    try:
        stream = _Compound(content).workbook()
        for kind, start, length in _records(stream):
            _check_record(stream, kind, start, length)
    except (struct.error, IndexError) as error:
        raise Damaged("a part is missing") from error


def _check_record(stream: bytes, kind: int, start: int, length: int) -> None:
    if kind in _CELLS:
        _, column = _PLACE.unpack_from(stream, start)
        last = column + (max(0, length - 12) // 6 if kind == _SEVERAL else 0)
        if last >= COLUMNS_MOST:
            raise Damaged("a cell stands beyond the last column")
    elif kind == _DIMENSIONS:
        shape = _WIDE if length >= _WIDE.size else _NARROW
        first_row, rows, first_column, columns = shape.unpack_from(stream, start)
        is_within = first_row <= rows <= ROWS_MOST and first_column <= columns <= COLUMNS_MOST
        if not is_within:
            raise Damaged("a sheet is larger than any")
    elif kind == _STRINGS and length >= 8:
        (count,) = struct.unpack_from("<I", stream, start + 4)
        if count > len(stream):
            raise Damaged("it has more texts than bytes")


def _records(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the kind of each record, where its content starts and how long it is."""
    at = 0
    while at + _RECORD.size <= len(stream):
        kind, length = _RECORD.unpack_from(stream, at)
        at += _RECORD.size
        yield kind, at, length
        at += length


class _Compound:
    """The sectors of a compound file, chained by a table; small streams lie in a stream of theirs.

    Raises Damaged where the file claims more sectors than it has, or a chain has no end.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        shift, small_shift, tables, self._directory, self._cutoff, *rest = _HEADER.unpack_from(
            content, _HEADER_AT
        )
        small_table, small_tables, more, more_count = rest
        if shift not in _SECTOR_SHIFTS or small_shift != _SMALL_SHIFT:
            raise Damaged("its sectors are of no known size")
        self._size = 1 << shift
        self._sectors = len(content) // self._size
        if max(tables, small_tables, more_count) > self._sectors:
            raise Damaged("its tables are larger than itself")
        self._table: list[int] = []
        for sector in self._table_sectors(tables, more, more_count):
            self._table += self._numbers(sector)
        self._small: list[int] = []
        for sector in self._chain(small_table, self._table) if small_tables else ():
            self._small += self._numbers(sector)

    def workbook(self) -> bytes:
        """Return the stream with the records of the workbook."""
        entries = self._stream(self._directory)
        if len(entries) % self._size:
            raise Damaged("its directory is cut off")
        root = 0, 0
        found: tuple[int, int] | None = None
        for at in range(0, len(entries) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            name, length, kind, start, size = _DIRECTORY.unpack_from(entries, at)
            if kind == _ROOT:
                root = start, size
            word = name[: max(0, length - 2)].decode("utf-16-le", "replace").lower()
            if word in _STREAMS and found is None:
                found = start, size
        if found is None:
            raise NoWorkbook("it holds no workbook")
        start, size = found
        if size >= self._cutoff:
            return self._stream(start)[:size]
        small = self._stream(root[0])
        places = (number << _SMALL_SHIFT for number in self._chain(start, self._small))
        return b"".join(small[at : at + (1 << _SMALL_SHIFT)] for at in places)[:size]

    def _table_sectors(self, count: int, more: int, more_count: int) -> list[int]:
        listed = struct.unpack_from(f"<{_LISTED}I", self._content, _LIST_AT)
        sectors = [sector for sector in listed if sector < _LAST]
        for _ in range(more_count):
            if more >= _LAST:
                break
            *further, more = self._numbers(more)
            sectors += [sector for sector in further if sector < _LAST]
        return sectors[:count]

    def _numbers(self, sector: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{self._size // 4}I", self._content, (sector + 1) * self._size)

    def _chain(self, sector: int, table: list[int]) -> Iterator[int]:
        for _ in range(len(table) + 1):
            if sector >= _LAST:
                return
            yield sector
            sector = table[sector]
        raise Damaged("its sectors run in a circle")

    def _stream(self, sector: int) -> bytes:
        places = ((number + 1) * self._size for number in self._chain(sector, self._table))
        return b"".join(self._content[at : at + self._size] for at in places)
