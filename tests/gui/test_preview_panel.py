"""What the preview shows of a file."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from gui_app.views.preview_panel import PreviewPanel
from workers.preview import Preview, Side


def test_table_without_rows_shows_its_columns(qtbot: QtBot) -> None:
    panel = PreviewPanel()
    qtbot.addWidget(panel)
    panel.show()
    side = Side(9, "0 rows, 1 column", columns=(("name", "String"),))
    panel.apply(Preview(1, Path("rows.csv"), before=side))
    assert panel.table.isVisible()
    head = panel.table.table.horizontalHeaderItem(0)
    assert head is not None
    assert head.text().startswith("name")
