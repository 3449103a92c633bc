"""A file name is never HTML, and a long one is cut in its middle."""

from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from gui_app.views.plain_label import PlainLabel, plain_tool_tip

HOSTILE = '<img src="x" width="900" height="900"><b>bold</b>'


def test_name_with_tags_has_the_width_of_plain_text(qtbot: QtBot) -> None:
    label = PlainLabel(HOSTILE)
    qtbot.addWidget(label)
    width = QFontMetrics(label.font()).horizontalAdvance(HOSTILE)
    assert abs(label.sizeHint().width() - width) <= 8
    assert label.sizeHint().height() < 40


def test_long_name_is_cut_in_the_middle_and_whole_in_the_tool_tip(qtbot: QtBot) -> None:
    name = "Beach panorama 2019 with a very long name in the middle.tif"
    label = PlainLabel(name, elides=True)
    qtbot.addWidget(label)
    label.resize(160, 20)
    label.show()
    assert label.text().startswith("Beach")
    assert label.text().endswith(".tif")
    assert len(label.text()) < len(name)
    assert name in label.toolTip()
    assert label.accessibleName() == name


def test_short_name_needs_no_tool_tip(qtbot: QtBot) -> None:
    label = PlainLabel("a.jpg", elides=True)
    qtbot.addWidget(label)
    label.resize(160, 20)
    label.show()
    assert (label.text(), label.toolTip()) == ("a.jpg", "")


def test_tool_tip_is_escaped() -> None:
    assert "<img" not in plain_tool_tip(HOSTILE)
    assert "&lt;img" in plain_tool_tip(HOSTILE)


def test_sentence_with_a_long_name_does_not_widen_its_panel(qtbot: QtBot) -> None:
    label = PlainLabel("A worker crashed on " + "x" * 400 + ".jpg.", wraps=True)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() < 220
