"""Looking at a sample before Start, by mouse and keys."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QSpinBox

from gui_app.views.preview_panel import PreviewPanel
from tests.end_to_end.conftest import PATIENCE_MS, Person
from workers import JobSnapshot, JobState
from workers.pipeline import load_pipeline
from workers.preview import Preview


class Looker:
    """Somebody who looks at the preview; remembers each answer."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.answers: list[Preview] = []
        person.app.parts.previewing.answered.connect(self._see)

    @property
    def panel(self) -> PreviewPanel:
        """Return the panel."""
        return self.person.app.views.preview_panel

    def _see(self, preview: Preview) -> None:
        self.answers.append(preview)

    def until_shown(self, name: str, *, more_than: int = 0) -> Preview:
        """Wait until that file was answered, after so many answers."""

        def is_shown() -> bool:
            return len(self.answers) > more_than and self.answers[-1].path.name == name

        self.person.qtbot.waitUntil(is_shown, timeout=PATIENCE_MS)
        return self.answers[-1]

    def click_row(self, name: str) -> None:
        """Click the row of that file."""
        rows = self.person.app.views.task_table.rows
        model = self.person.app.parts.model

        def place() -> int:
            found = [model.row_at(row) for row in range(model.rowCount())]
            names = [row.name if row is not None else "" for row in found]
            return names.index(name) if name in names else -1

        self.person.qtbot.waitUntil(lambda: place() >= 0, timeout=PATIENCE_MS)
        at = rows.visualRect(rows.model().index(place(), 1)).center()
        self.person.qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)


@pytest.fixture
def looker(person: Person, tmp_path: Path) -> Looker:
    """Return somebody who has dropped a picture, a damaged one and a table."""
    folder = tmp_path / "Holiday"
    folder.mkdir()
    Image.effect_noise((2400, 1600), 90).convert("RGB").save(folder / "a.jpg", quality=95)
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes()[:50_000])
    (folder / "c.csv").write_text("name,count\nx,1\ny,2\n")
    looker = Looker(person)
    person.drop(folder)
    person.until(lambda now: now.counts.waiting == 3 and not now.is_discovering)
    return looker


def test_first_picture_is_shown_before_and_after_and_the_line_is_dragged(looker: Looker) -> None:
    qtbot, compare = looker.person.qtbot, looker.panel.compare
    answer = looker.until_shown("a.jpg")
    assert answer.after is not None
    assert (answer.after.width, answer.after.height) == (1024, 683)
    assert compare.isVisible()
    assert "JPEG 2,400 × 1,600 → JPEG 1,024 × 683" in looker.panel.figures
    middle = QPoint(compare.width() // 2, compare.height() // 3)
    # The picture is half as wide again as it is high, and as high as the view.
    assert compare.width() > 1.5 * compare.height()
    aside = QPoint(int(middle.x() - 1.5 * compare.height() / 4), middle.y())
    qtbot.mousePress(compare, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(compare, aside)
    qtbot.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=aside)
    assert compare.divider == pytest.approx(0.25, abs=0.02)
    qtbot.keyClick(compare, Qt.Key.Key_Plus)
    assert compare.zoom > 1
    qtbot.keyClick(compare, Qt.Key.Key_0)
    assert (compare.zoom, compare.divider) == (1.0, 0.5)


def test_edited_step_shows_at_once_what_it_does(looker: Looker) -> None:
    qtbot = looker.person.qtbot
    first = looker.until_shown("a.jpg")
    card = looker.person.app.views.pipeline_panel.cards[0]
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(20, 12))
    width = card.findChild(QSpinBox, "width")
    assert width is not None
    qtbot.waitUntil(width.isVisible, timeout=PATIENCE_MS)
    width.setFocus()
    width.selectAll()
    qtbot.keyClicks(width, "300")
    qtbot.keyClick(width, Qt.Key.Key_Return)
    smaller = looker.until_shown("a.jpg", more_than=len(looker.answers))
    assert smaller.after is not None
    assert first.after is not None
    assert smaller.after.width == 300
    assert smaller.after.size < first.after.size


def test_damaged_file_and_table_are_told_of_when_selected(looker: Looker) -> None:
    looker.until_shown("a.jpg")
    looker.click_row("b.jpg")
    assert looker.until_shown("b.jpg").message == "Not a readable JPEG (file ends early)."
    assert looker.panel.message == "Not a readable JPEG (file ends early)."
    looker.click_row("c.csv")
    looker.until_shown("c.csv")
    panel = looker.person.app.views.pipeline_panel
    panel.show_pipeline(load_pipeline("csv-to-parquet"))
    panel.pipeline_changed.emit(panel.pipeline)
    answer = looker.until_shown("c.csv", more_than=len(looker.answers))
    assert answer.after is not None
    table = looker.panel.table.table
    assert table.isVisible()
    heads = [table.horizontalHeaderItem(column) for column in range(2)]
    assert [head.text() for head in heads if head] == ["name\nString", "count\nInt64"]
    cell = table.item(1, 0)
    assert cell is not None
    assert cell.text() == "y"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_preview_is_told_of_and_the_next_one_comes(looker: Looker) -> None:
    looker.until_shown("a.jpg")
    (process,) = (
        child
        for child in psutil.Process().children()
        if any("workers.preview_program" in word for word in child.cmdline())
    )
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_MS / 1000)
    looker.click_row("b.jpg")
    assert looker.until_shown("b.jpg").message


def test_plot_takes_the_previews_place_while_the_job_runs(looker: Looker) -> None:
    person = looker.person
    looker.until_shown("a.jpg")
    person.press("Start")
    person.until(lambda now: now.state.is_ended)
    assert not looker.panel.isVisible()
    assert person.app.views.throughput_plot.isVisible()
    person.app.window.actions_offered.show_preview.trigger()
    person.qtbot.waitUntil(looker.panel.isVisible, timeout=PATIENCE_MS)
    person.press("New job")
    person.until(_is_empty)
    assert looker.panel.is_empty


def _is_empty(now: JobSnapshot) -> bool:
    return now.state is JobState.EMPTY


def test_five_files_tell_how_long_the_job_will_take(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "Holiday"
    folder.mkdir()
    for number in range(12):
        side = 200 + 40 * number
        Image.effect_noise((side, side), 90).convert("RGB").save(folder / f"{number:02}.jpg")
    person.drop(folder)
    person.until(lambda now: now.counts.waiting == 12 and not now.is_discovering)
    panel = person.app.views.preview_panel
    looker = Looker(person)
    looker.click_row("00.jpg")
    looker.until_shown("00.jpg")
    person.qtbot.waitUntil(panel.try_button.isEnabled, timeout=PATIENCE_MS)
    person.qtbot.mouseClick(panel.try_button, Qt.MouseButton.LeftButton)
    person.qtbot.waitUntil(lambda: "5 files tried" in panel.estimate_words, timeout=PATIENCE_MS)
    assert panel.estimate_words.startswith("About ")
    panel.forget_estimate()
    assert panel.estimate_words == ""
