"""Where the last cells of a sheet stand, found piece by piece in its XML. Pure.

Regular expressions instead of an XML reader: a place that they see and the workbook's reader does
not only makes the sheet look larger.
"""

import re
from typing import Final, Protocol

_OVERLAP: Final = 512
_COLUMNS_MOST: Final = 16_384
# So many cells are too few to matter (32 bytes each): the rough bound is enough.
_FEW: Final = 8_000_000
_DIMENSION: Final = re.compile(rb"<dimension\b[^>]*\bref=[\"'](?:[A-Z]+\d+:)?([A-Z]+)(\d+)[\"']")
# Cells without a value are not part of the grid.
_CELL: Final = re.compile(rb"<c\b[^>]*?\br\s*=\s*[\"']\s*([A-Za-z]{1,3})(\d{1,7})[^>]*(?<!/)>")
_BARE_CELL: Final = re.compile(rb"<c(?:\s(?![^>]*\br\s*=)[^>]*)?(?<!/)>")
_ROW: Final = re.compile(rb"<row\b[^>]*?\br\s*=\s*[\"']\s*(\d{1,7})")
_ODS_ROW: Final = re.compile(rb"<table:table-row\b([^>]*)(?<!/)>(.*?)</table:table-row>", re.DOTALL)
_ODS_ROW_END: Final = b"</table:table-row>"
_ODS_CELL: Final = re.compile(rb"<table:(?:covered-)?table-cell\b([^>]*)>")
_ROWS_REPEATED: Final = re.compile(rb"number-rows-repeated\s*=\s*[\"'](\d{1,9})")
_COLUMNS_REPEATED: Final = re.compile(rb"number-columns-repeated\s*=\s*[\"'](\d{1,9})")


class Reach(Protocol):
    """What was seen of a sheet so far; `cells` are those from its first corner to its last."""

    cells: int

    def look_through(self, piece: bytes) -> int:
        """Take in the next piece; return `cells`."""


def claimed_corner(head: bytes) -> tuple[int, int] | None:
    """Return the last row and column that a sheet's first bytes tell, or None."""
    found = _DIMENSION.search(head)
    return (int(found[2]), _column(found[1])) if found else None


class XlsxReach:
    """The reach of a sheet of Excel.

    What a sheet says of itself is believed roughly: cells are looked at one by one only where
    one stands clearly beyond, or where the rough bound is too much.
    """

    def __init__(self, corner: tuple[int, int] | None) -> None:
        """Begin with the corner that the sheet claims."""
        self.cells = 0
        self._rows, self._columns, self._bare = 0, 0, 0
        self._rest = b""
        self._beyond: re.Pattern[bytes] | None = None
        if corner is None:
            return
        rows, columns = _rounded(corner)
        if rows * columns <= _FEW:
            self._rows, self._columns = rows, columns
            self._beyond = _beyond(rows, columns)

    def look_through(self, piece: bytes) -> int:
        """Take in the next piece; return the cells so far."""
        text = self._rest + piece
        self._rest = text[-_OVERLAP:]
        if self._beyond is None or self._beyond.search(text):
            for letters, digits in set(_CELL.findall(text)):
                self._rows = max(self._rows, int(digits))
                self._columns = max(self._columns, _column(letters))
        if _BARE_CELL.search(text):
            self._rows = max(self._rows, text.count(b"<row"), *map(int, _ROW.findall(text)))
            self._bare += len(_BARE_CELL.findall(text))
        self.cells = self._rows * max(self._columns, min(self._bare, _COLUMNS_MOST))
        return self.cells


def _rounded(corner: tuple[int, int]) -> tuple[int, int]:
    """Return a corner not before that one, which a regular expression can tell: 999 and ZZ."""
    digits = len(str(corner[0]))
    columns = next(most for most in (26, 702, 1 << 62) if corner[1] <= most)
    is_small = columns == 26
    return 10**digits - 1, corner[1] if is_small else columns


def _beyond(rows: int, columns: int) -> "re.Pattern[bytes]":
    """Return what finds a place beyond a rounded corner."""
    digits = len(str(rows)) + 1
    if columns < 26:
        first = chr(ord("A") + columns)
        letters = rf"(?:[A-Z]{{2,}}|[{first}-Z])\d"
    else:
        letters = r"[A-Z]{2,}\d" if columns == 26 else r"[A-Z]{3,}\d"
    return re.compile(
        rf"r\s*=\s*[\"']\s*(?:{letters}|[A-Z]+\d{{{digits},}})".encode(), re.IGNORECASE
    )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


class OdsReach:
    """The reach of the sheets of LibreOffice, where one cell can stand for a million."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.cells = 0
        self._rows, self._columns, self._empty_rows = 0, 0, 0
        self._rest = b""

    def look_through(self, piece: bytes) -> int:
        """Take in the next piece; return the cells so far."""
        text = self._rest + piece
        end = text.rfind(_ODS_ROW_END)
        cut = end + len(_ODS_ROW_END) if end >= 0 else 0
        self._rest = text[cut:]
        for attributes, content in _ODS_ROW.findall(text[:cut]):
            repeated = _times(_ROWS_REPEATED, attributes)
            columns = _valued_columns(content)
            self._empty_rows += repeated
            if columns:
                self._rows += self._empty_rows
                self._empty_rows = 0
                self._columns = max(self._columns, columns)
        self.cells = self._rows * self._columns
        return self.cells


def _valued_columns(row: bytes) -> int:
    """Return the number of cells up to the last with a value."""
    seen = valued = 0
    for attributes in _ODS_CELL.findall(row):
        seen += _times(_COLUMNS_REPEATED, attributes)
        if b"value" in attributes or b"formula" in attributes or not attributes.endswith(b"/"):
            valued = seen
    return valued


def _times(pattern: "re.Pattern[bytes]", attributes: bytes) -> int:
    found = pattern.search(attributes)
    return int(found[1]) if found else 1
