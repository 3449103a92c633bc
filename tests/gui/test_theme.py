"""The look: contrast of every text colour, change of theme while the window is open."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontInfo
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from gui_app.icons import icon, pixmap, state_icon_name
from gui_app.stylesheet import stylesheet
from gui_app.theme import Theme, ThemeChoice, current_tokens, set_role
from gui_app.tokens import DARK, LIGHT, Tokens
from workers import TaskState

THEMES = (LIGHT, DARK)
TEXTS = ("text", "muted", "accent", "ok", "fail", "warn")
GROUNDS = ("bg", "surface", "sunk", "accent_soft")


def _luminance(color: str) -> float:
    parts = (QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF())
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_is_readable_on_every_ground(tokens: Tokens, text: str, ground: str) -> None:
    assert _contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_notice_and_primary_button_are_readable(tokens: Tokens) -> None:
    assert _contrast(tokens.warn, tokens.warn_soft) >= 4.5
    assert _contrast(tokens.accent, tokens.warn_soft) >= 4.5
    assert _contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert _contrast(tokens.on_accent, tokens.accent_strong) >= 4.5


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_borders_of_controls_can_be_told_from_the_card(tokens: Tokens) -> None:
    assert _contrast(tokens.control, tokens.surface) >= 3.0
    assert _contrast(tokens.control, tokens.sunk) >= 3.0


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_stylesheet_leaves_no_placeholder(tokens: Tokens) -> None:
    assert "$" not in stylesheet(tokens, 13)


def test_theme_changes_while_a_widget_is_shown(qapp: QApplication, qtbot: QtBot) -> None:
    theme = Theme(qapp, ThemeChoice.LIGHT)
    label = QLabel("A job")
    set_role(label, "muted")
    qtbot.addWidget(label)
    label.show()
    with qtbot.waitSignal(theme.changed):
        theme.choose(ThemeChoice.DARK)
    assert current_tokens() == DARK
    assert label.palette().windowText().color() == QColor(DARK.muted)
    with qtbot.waitSignal(theme.changed):
        theme.choose(ThemeChoice.LIGHT)
    assert label.palette().windowText().color() == QColor(LIGHT.muted)


def test_text_is_at_least_thirteen_pixels_tall(qapp: QApplication) -> None:
    Theme(qapp, ThemeChoice.LIGHT)
    assert QFontInfo(qapp.font()).pixelSize() >= 13


@pytest.mark.parametrize("state", TaskState)
def test_every_state_has_an_icon_of_its_own(qapp: QApplication, state: TaskState) -> None:
    drawn = pixmap(state_icon_name(state), "#336699", 16, 2.0)
    assert (drawn.width(), drawn.devicePixelRatio()) == (32, 2.0)
    others = [each for each in TaskState if each is not state]
    images = [pixmap(state_icon_name(each), "#336699", 16, 2.0).toImage() for each in others]
    assert drawn.toImage() not in images


def test_icon_is_sharp_on_a_dense_screen(qapp: QApplication) -> None:
    drawn = icon("folder", "#336699").pixmap(QSize(16, 16), 2.0)
    assert drawn.width() == 32
    assert drawn.hasAlphaChannel()
