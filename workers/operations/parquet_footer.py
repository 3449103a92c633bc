"""What the footer of a Parquet file says about its columns, without reading a value.

The footer is a Thrift structure in the compact protocol (field numbers: parquet.thrift). It comes
from outside, so that every length is checked against the bytes there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

FOOTER_LIMIT: Final = 1 << 18
"""A longer footer is not read: Python takes some 0.2 s for so much."""

_TRUE, _FALSE, _BYTE, _SMALL, _INT, _LONG, _DOUBLE, _TEXT, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_INTEGERS: Final = (_SMALL, _INT, _LONG)
_DEEPEST: Final = 12
_SCHEMA, _ROWS, _ROW_GROUPS, _COLUMNS, _META = 2, 3, 4, 1, 3
_SCHEMA_TYPE: Final = 1
_TYPE, _VALUES, _UNPACKED = 1, 5, 6
# Bytes a value in memory by physical type: boolean, three integers (the longer may be times), two
# floats. Text is a view of 16 bytes beside its content.
_WIDTHS: Final = {0: 1, 1: 4, 2: 8, 3: 8, 4: 4, 5: 8}
_VIEW: Final = 16


class ColumnChunk(NamedTuple):
    """One column of one row group: how many values, and the bytes of its decompressed pages."""

    physical_type: int
    values: int
    unpacked: int

    @property
    def is_text(self) -> bool:
        """Say whether the values have no fixed width."""
        return self.physical_type not in _WIDTHS

    @property
    def bytes_in_memory(self) -> int:
        """Return the bytes of the values as a column in memory."""
        if self.is_text:
            return self.values * _VIEW + self.unpacked
        return self.values * _WIDTHS[self.physical_type]


def row_groups(footer: bytes) -> list[list[ColumnChunk]] | None:
    """Return the column chunks of each row group; None when the footer is damaged."""
    try:
        top = _Reader(footer).struct(_DEEPEST)
        return [list(_chunks(group)) for group in _entries(top, _ROW_GROUPS)]
    except (IndexError, TypeError, ValueError, AttributeError):
        return None


def rows_and_columns(start: bytes) -> list[ColumnChunk] | None:
    """Return each column with all its rows, from the first bytes of a footer; None when damaged.

    For footers that are too long to be read: what it says of the whole comes before the groups.
    """
    try:
        top = _Reader(start).struct(_DEEPEST, before=_ROW_GROUPS)
        types = [element.get(_SCHEMA_TYPE) for element in _entries(top, _SCHEMA)]
        rows = max(0, int(str(top.get(_ROWS, 0))))
        return [ColumnChunk(int(str(kind)), rows, 0) for kind in types if kind is not None]
    except (IndexError, TypeError, ValueError, AttributeError):
        return None


def _chunks(group: "dict[int, object]") -> Iterator[ColumnChunk]:
    for column in _entries(group, _COLUMNS):
        meta = column.get(_META)
        if isinstance(meta, dict):
            numbers = [meta.get(field) for field in (_TYPE, _VALUES, _UNPACKED)]
            physical_type, values, unpacked = (int(number or 0) for number in numbers)
            yield ColumnChunk(physical_type, max(0, values), max(0, unpacked))


def _entries(struct: "dict[int, object]", field: int) -> "list[dict[int, object]]":
    found = struct.get(field, [])
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


@dataclass(slots=True)
class _Reader:
    """Reads one value after the other; IndexError at the end of the bytes."""

    content: bytes
    place: int = 0

    def struct(self, depth: int, before: int = 0) -> "dict[int, object]":
        """Return the fields by number; those in front of `before` alone, where it is given."""
        if depth == 0:
            raise ValueError("nested too deeply")
        fields: dict[int, object] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            if before and number >= before:
                break
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> object:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            return self._signed()
        if kind == _STRUCT:
            return self.struct(depth - 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _MAP:
            raise ValueError("a footer has no maps")
        self._skip({_BYTE: 1, _DOUBLE: 8}.get(kind) or self._unsigned())
        return None

    def _list(self, depth: int) -> list[object]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        if count == 15:
            count = self._unsigned()
        if count > len(self.content) - self.place:  # every entry takes a byte at least
            raise ValueError("more entries than bytes")
        if kind in (_TRUE, _FALSE):
            self._skip(count)
            return []
        return [self._value(kind, depth) for _ in range(count)]

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > len(self.content):
            raise IndexError("the footer ends early")

    def _byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def _unsigned(self) -> int:
        number, shift = 0, 0
        while (byte := self._byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def _signed(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)
