"""A box to choose from never cuts a name off and has rows that a hand can hit."""

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui_app.theme import Theme, ThemeChoice
from gui_app.views.choice_box import ChoiceBox


@pytest.fixture
def box(qtbot: QtBot, qapp: QApplication) -> ChoiceBox:
    Theme(qapp, ThemeChoice.LIGHT)
    made = ChoiceBox()
    made.addItems(["Archive as lossless WebP, changed", "Short"])
    qtbot.addWidget(made)
    made.resize(170, 32)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_long_name_is_elided_in_the_middle(box: ChoiceBox) -> None:
    assert "…" in box.shown_text
    assert box.shown_text.endswith("changed")
    box.setCurrentIndex(1)
    assert box.shown_text == "Short"


def test_rows_of_the_list_are_tall_enough_to_hit(box: ChoiceBox) -> None:
    box.showPopup()
    assert box.view().sizeHintForRow(0) >= 26
    box.hidePopup()
