"""The first rows of a table before and after the pipeline, with what became of its types."""

from itertools import zip_longest
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui_app.theme import set_role
from workers.preview import Side
from workers.wording import printable

_WIDEST_PX: Final = 220
_COLUMN_GAP_PX: Final = 16
_ROW_PX: Final = 24
_HEAD_LINES: Final = 2
_HEAD_ROOM_PX: Final = 6
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class PreviewTable(QWidget):
    """Shows one of the two sides; a chip for each chooses."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: dict[str, Side | None] = {"Before": None, "After": None}
        self._chips: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for word in self._sides:
            chip = QPushButton(word)
            chip.setCheckable(True)
            set_role(chip, "chip")
            self._chips[word] = chip
            self._group.addButton(chip)
            row.addWidget(chip)
        row.addStretch(1)
        self._table = QTableWidget()
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setWordWrap(False)
        self._table.setShowGrid(False)
        self._table.setFrameShape(QTableWidget.Shape.NoFrame)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self._table.horizontalHeader().setDefaultAlignment(_LEFT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._table, 1)
        self._wanted = "After"
        self._group.buttonClicked.connect(self._choose_clicked)

    @property
    def table(self) -> QTableWidget:
        """Return the table with the rows of the side that is shown."""
        return self._table

    @property
    def chips(self) -> dict[str, QPushButton]:
        """Return the button of each side by its word."""
        return self._chips

    def _choose_clicked(self, chip: QPushButton) -> None:
        self._wanted = chip.text()
        self._show_chosen()

    def show_sides(self, before: Side | None, after: Side | None) -> None:
        """Show the rows after, or before where there are no others."""
        self._sides = {"Before": before, "After": after}
        for word, side in self._sides.items():
            self._chips[word].setEnabled(side is not None and bool(side.rows or side.columns))
        word = self._wanted if self._chips[self._wanted].isEnabled() else "Before"
        self._chips[word].setChecked(True)
        self._show_chosen()

    def _show_chosen(self) -> None:
        chosen = self._group.checkedButton()
        side = self._sides[chosen.text()] if chosen is not None else None
        self._table.clear()
        if side is None:
            self._table.setRowCount(0)
            self._table.setColumnCount(0)
            return
        before = self._sides["Before"]
        old = dict(before.columns) if before is not None and side is not before else {}
        width = max((len(side.columns), *(len(row) for row in side.rows)), default=0)
        self._table.setColumnCount(width)
        self._table.setRowCount(len(side.rows))
        heads = [_head(name, kind, old) for name, kind in side.columns]
        self._table.setHorizontalHeaderLabels(heads or [""] * width)
        header = self._table.horizontalHeader()
        header.setVisible(bool(side.columns))
        # A styled header has room for one line, however many its text has.
        header.setMinimumHeight(_HEAD_LINES * header.fontMetrics().lineSpacing() + _HEAD_ROOM_PX)
        self._show_values(side.rows, width)
        self._table.resizeColumnsToContents()
        for column in range(width):
            wide = self._table.columnWidth(column) + _COLUMN_GAP_PX
            self._table.setColumnWidth(column, min(wide, _WIDEST_PX))

    def _show_values(self, rows: tuple[tuple[str, ...], ...], width: int) -> None:
        """Fill in the cells; a column of numbers stands right, under its name."""
        cells = list(zip_longest(*rows, fillvalue=""))
        numbers = [any(column) and all(map(_is_number, filter(None, column))) for column in cells]
        for column in range(width if rows else 0):
            head = self._table.horizontalHeaderItem(column)
            if numbers[column] and head is not None:
                head.setTextAlignment(_RIGHT)
            for row, value in enumerate(cells[column]):
                item = QTableWidgetItem(printable(value))
                if numbers[column]:
                    item.setTextAlignment(_RIGHT)
                self._table.setItem(row, column, item)


def _head(name: str, kind: str, old: dict[str, str]) -> str:
    """Return a column's name above its type; the type it had where that is another now."""
    was = old.get(name, kind)
    return f"{printable(name)}\n{kind if was == kind else f'{was} → {kind}'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
