"""The rows of a table in the preview: readable heads, numbers under one another."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice
from gui_app.views.preview_table import PreviewTable
from workers.preview import Side

ROWS = (("1", "2"), ("", "@x"))
SIDE = Side(9, "2 rows, 2 columns", columns=(("count", "Int64"), ("word", "String")), rows=ROWS)


def test_heads_have_room_and_only_columns_of_numbers_stand_right(
    qtbot: QtBot, qapp: QApplication
) -> None:
    Theme(qapp, ThemeChoice.LIGHT)
    shown = PreviewTable()
    qtbot.addWidget(shown)
    shown.resize(500, 300)
    shown.show()
    shown.show_sides(SIDE, None)
    qtbot.waitExposed(shown)
    header = shown.table.horizontalHeader()
    assert header.height() >= 2 * header.fontMetrics().lineSpacing()
    for column, is_number in enumerate((True, False)):
        head, cell = shown.table.horizontalHeaderItem(column), shown.table.item(0, column)
        assert head is not None
        assert cell is not None
        assert bool(head.textAlignment() & Qt.AlignmentFlag.AlignRight) is is_number
        assert bool(cell.textAlignment() & Qt.AlignmentFlag.AlignRight) is is_number
