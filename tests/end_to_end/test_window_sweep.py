"""A sweep from the window: chosen, started, drawn while it runs, its file written."""

import csv
import math
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QPushButton

from gui_app.dialogs.trust import TrustDialog
from gui_app.views.sweep_form import SweepForm
from tests.end_to_end.conftest import PATIENCE_MS, Person
from workers import JobState


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let results without another target lie in a home of this test."""
    home = tmp_path / "person"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)


def click(person: Person, text: str) -> None:
    """Click the button of that text."""
    buttons = person.app.window.findChildren(QPushButton)
    button = next(each for each in buttons if each.text() == text and each.isVisible())
    person.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def form_of(person: Person) -> SweepForm:
    """Return the form, once it was opened from the empty page."""
    click(person, "Or sweep a function over numbers")
    form = person.app.views.sweep_form
    person.qtbot.waitUntil(form.isVisible, timeout=PATIENCE_MS)
    return form


def write_range(person: Person, place: int, text: str) -> None:
    """Type a range in place of what stands there."""
    field = person.app.views.sweep_form.ranges[place]
    field.setFocus()
    field.selectAll()
    person.qtbot.keyClicks(field, text)


def test_mandelbrot_picture_fills_in_and_its_file_is_written(
    person: Person, tmp_path: Path
) -> None:
    form, chart = form_of(person), person.app.views.sweep_chart
    write_range(person, 0, "-1.2:1.2:0.02")
    write_range(person, 1, "-2.2:0.9:0.02")
    assert form.sentence == "18,600 points"
    click(person, "Start sweep")
    person.until(lambda now: now.state is JobState.FINISHED)
    values = person.app.parts.values
    person.qtbot.waitUntil(
        lambda: len(values.numbers) == 18_600 and not any(map(math.isnan, values.numbers)),
        timeout=PATIENCE_MS,
    )
    assert chart.kind == "Picture"
    person.qtbot.waitUntil(lambda: chart.image.size().toTuple() == (155, 120), timeout=PATIENCE_MS)
    shades = {chart.image.pixelColor(x, 60).rgb() for x in range(155)}
    assert len(shades) > 10
    # The set is its own mirror image in y = 0.
    middle = values.numbers[60 * 155 : 61 * 155]
    assert max(middle) == 200
    with (tmp_path / "person" / "mandelbrot.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["y", "x", "mandelbrot"]
    assert len(rows) == 18_601
    assert "points" in person.app.views.footer.sentences[1]


def test_wrong_range_is_told_in_a_sentence_and_cannot_be_started(person: Person) -> None:
    form = form_of(person)
    write_range(person, 0, "5:1")
    assert form.sentence.startswith("A range 'y=5:1' has no point")
    start = next(b for b in form.findChildren(QPushButton) if b.text() == "Start sweep")
    assert not start.isEnabled()
    write_range(person, 0, "1,2,5")
    assert start.isEnabled()
    write_range(person, 1, "0:1:random:40:7")
    assert form.sentence == "120 points"


def test_own_function_is_asked_about_once_and_drawn_as_a_curve(
    person: Person, tmp_path: Path
) -> None:
    code = tmp_path / "wave.py"
    code.write_text("import math\ndef wave(t):\n    return math.sin(t)\n")
    form, chart = form_of(person), person.app.views.sweep_chart
    form.choose_example("Squares")
    form._take_file(str(code))
    form._show_ranges((("t", "0.0:6.3:0.01"),))
    click(person, "Start sweep")
    window = person.app.window
    person.qtbot.waitUntil(lambda: bool(window.findChildren(TrustDialog)), timeout=PATIENCE_MS)
    (dialog,) = window.findChildren(TrustDialog)
    run = next(
        each
        for box in dialog.findChildren(QDialogButtonBox)
        for each in box.buttons()
        if each.text() == "Run this file"
    )
    person.qtbot.mouseClick(run, Qt.MouseButton.LeftButton)
    person.until(lambda now: now.state is JobState.FINISHED)
    values = person.app.parts.values
    person.qtbot.waitUntil(
        lambda: len(values.numbers) == 630 and not any(map(math.isnan, values.numbers)),
        timeout=PATIENCE_MS,
    )
    assert chart.kind == "Curve"
    assert values.numbers[100] == pytest.approx(math.sin(1.0))
    person.qtbot.mouseClick(chart.chip("Histogram"), Qt.MouseButton.LeftButton)
    assert chart.kind == "Histogram"
    person.qtbot.waitUntil(lambda: "mean" in chart.words, timeout=PATIENCE_MS)


def test_files_take_the_place_of_a_sweep_that_was_not_started(
    person: Person, tmp_path: Path
) -> None:
    form_of(person)
    folder = tmp_path / "Holiday"
    folder.mkdir()
    (folder / "a.csv").write_text("a\n1\n")
    person.drop(folder)
    person.until(lambda now: now.state is JobState.DRAFT and now.counts.waiting == 1)
    assert person.app.views.pipeline_panel.isVisible()
    assert not person.app.views.sweep_form.isVisible()
