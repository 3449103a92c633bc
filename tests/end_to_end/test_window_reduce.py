"""Many files into one in the window."""

from pathlib import Path

from PySide6.QtCore import Qt

from tests.end_to_end.conftest import PATIENCE_MS, Person
from workers import JobState, TaskRow, TaskState
from workers.folders import presets_folder

PRESET = """
format = 1
name = "One table"
[[steps]]
operation = "tables.merge"
"""


def test_dropped_tables_become_one_that_the_table_opens(
    everycore_home: Path, person: Person, tmp_path: Path
) -> None:
    (presets_folder() / "one-table.toml").write_text(PRESET)
    folder = tmp_path / "tables"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.csv").write_text(f"n\n{number}\n")
    person.drop(presets_folder() / "one-table.toml")
    panel = person.app.views.pipeline_panel
    person.qtbot.waitUntil(lambda: panel.pipeline.name == "One table", timeout=PATIENCE_MS)
    person.drop(folder)
    person.until(lambda now: now.counts.total == 3)
    tried = person.app.views.preview_panel
    person.qtbot.waitUntil(tried.try_button.isEnabled, timeout=PATIENCE_MS)
    person.qtbot.mouseClick(tried.try_button, Qt.MouseButton.LeftButton)
    person.qtbot.waitUntil(lambda: "3 files tried" in tried.estimate_words, timeout=PATIENCE_MS)
    assert "before they become one file; 3 files tried." in tried.estimate_words
    person.press("Start")
    ended = person.until(lambda now: now.state is JobState.FINISHED)
    assert ended.counts.succeeded == 4
    output = tmp_path / "tables (Everycore)" / "merged.csv"
    assert output.read_text() == "n\n0\n1\n2\n"
    table = person.app.views.task_table
    table.rows.setCurrentIndex(table.rows.model().index(3, 0))
    person.qtbot.waitUntil(lambda: is_output(table.selected), timeout=PATIENCE_MS)
    assert table.selected is not None
    menu = table.offer_actions(table.selected)
    assert "Open file" in [each.text() for each in menu.actions() if each.isVisible()]


def is_output(row: TaskRow | None) -> bool:
    return row is not None and row.name == "merged.csv" and row.state is TaskState.SUCCEEDED
