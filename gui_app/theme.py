"""The look of the window: colours as tokens, one palette, one stylesheet, light and dark.

Lives in the window's thread. Painting code asks `current_tokens()` each time and stores no
colour, so that a change of theme needs nothing but a repaint.
"""

import enum
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

from gui_app.stylesheet import stylesheet
from gui_app.tokens import DARK, LIGHT, Tokens

ROW_HEIGHT: Final = 30
GUTTER: Final = 12
CARD_PADDING: Final = 12

_TEXT_PX: Final = 13
# Above this the panels' fixed widths would cut words off.
_LARGEST_TEXT_PX: Final = 16


class ThemeChoice(enum.Enum):
    """What the person chose: the system's scheme, or one of ours."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """Dresses the application and follows the system's colour scheme where asked to."""

    changed = Signal(object)

    def __init__(self, application: QApplication, choice: ThemeChoice = ThemeChoice.SYSTEM) -> None:
        super().__init__(application)
        self._application = application
        self._choice = choice
        self._tokens: Tokens | None = None
        application.setStyle(QStyleFactory.create("Fusion"))
        application.setFont(_text_font(application.font()))
        application.styleHints().colorSchemeChanged.connect(self._follow)
        self.choose(choice)

    @property
    def tokens(self) -> Tokens:
        """Return the tokens shown now."""
        return current_tokens()

    def choose(self, choice: ThemeChoice) -> None:
        """Show that theme at once."""
        self._choice = choice
        schemes = {
            ThemeChoice.SYSTEM: Qt.ColorScheme.Unknown,
            ThemeChoice.LIGHT: Qt.ColorScheme.Light,
            ThemeChoice.DARK: Qt.ColorScheme.Dark,
        }
        # Native title bars and file dialogs follow this; our own colours come from the palette.
        self._application.styleHints().setColorScheme(schemes[choice])
        self._follow()

    def _follow(self) -> None:
        tokens = _chosen_tokens(self._choice, self._application.styleHints().colorScheme())
        if tokens == self._tokens:
            return
        self._tokens = tokens
        self._application.setPalette(palette(tokens))
        self._application.setStyleSheet(stylesheet(tokens, self._application.font().pixelSize()))
        self.changed.emit(tokens)


def current_tokens() -> Tokens:
    """Return the tokens shown now, told from the application's palette."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return LIGHT if window.lightness() >= 128 else DARK


def is_theme_change(event: QEvent) -> bool:
    """Say whether a widget's changeEvent means that cached colours are stale."""
    return event.type() in (QEvent.Type.StyleChange, QEvent.Type.ApplicationPaletteChange)


def set_role(widget: QWidget, role: str) -> None:
    """Give the widget its place in the stylesheet, also after it was shown."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def small_font(font: QFont) -> QFont:
    """Return the font of secondary text."""
    return _sized(font, -1)


def title_font(font: QFont) -> QFont:
    """Return the bold font of titles."""
    return bold_font(_sized(font, 2))


def big_font(font: QFont) -> QFont:
    """Return the bold font of large numbers."""
    return bold_font(_sized(font, 12))


def bold_font(font: QFont) -> QFont:
    """Return the font in bold."""
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold


def palette(tokens: Tokens) -> QPalette:
    """Return the palette of these tokens; all roles are set, none is left to the system."""
    role = QPalette.ColorRole
    colors = {
        role.Window: tokens.bg,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.sunk,
        role.Text: tokens.text,
        role.Button: tokens.surface,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.fail,
        role.PlaceholderText: tokens.muted,
        role.ToolTipBase: tokens.surface,
        role.ToolTipText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.Light: tokens.surface,
        role.Midlight: tokens.sunk,
        role.Mid: tokens.line,
        role.Dark: tokens.control,
        role.Shadow: tokens.bg,
    }
    made = QPalette()
    for place, color in colors.items():
        made.setColor(place, QColor(color))
    for place in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, place, QColor(tokens.control))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(tokens.line))
    return made


def _chosen_tokens(choice: ThemeChoice, scheme: Qt.ColorScheme) -> Tokens:
    if choice is ThemeChoice.SYSTEM:
        return DARK if scheme == Qt.ColorScheme.Dark else LIGHT
    return DARK if choice is ThemeChoice.DARK else LIGHT


def _text_font(system: QFont) -> QFont:
    font = QFont(system)
    font.setPixelSize(min(max(QFontInfo(system).pixelSize(), _TEXT_PX), _LARGEST_TEXT_PX))
    # Figures of one width, so that counting numbers do not tremble.
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _sized(font: QFont, by_px: int) -> QFont:
    sized = QFont(font)
    sized.setPixelSize(QFontInfo(font).pixelSize() + by_px)
    return sized
