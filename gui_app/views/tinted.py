"""Widgets that show one of our icons and tint it anew when the theme changes."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from gui_app.icons import icon, pixmap
from gui_app.theme import current_tokens, is_theme_change, set_role
from workers.typed import override


class IconLabel(QLabel):
    """A picture out of our set; `token` names the colour it takes."""

    def __init__(self, name: str, size: int, token: str = "accent") -> None:
        super().__init__()
        self._name = name
        self._size = size
        self._token = token
        self.setFixedSize(size, size)
        self._tint()

    def show_icon(self, name: str, token: str) -> None:
        """Show another picture."""
        self._name, self._token = name, token
        self._tint()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if is_theme_change(event):
            self._tint()

    def _tint(self) -> None:
        color: str = getattr(current_tokens(), self._token)
        self.setPixmap(pixmap(self._name, color, self._size, self.devicePixelRatioF()))


class IconButton(QToolButton):
    """A button of one icon; its name is said by tool tip and screen reader."""

    def __init__(self, name: str, says: str, token: str = "muted") -> None:
        super().__init__()
        self._name = name
        self._token = token
        self.setAccessibleName(says)
        self.setToolTip(says)
        self.setIconSize(QSize(16, 16))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._tint()

    def show_icon(self, name: str, says: str) -> None:
        """Show another icon with another name."""
        self._name = name
        self.setAccessibleName(says)
        self.setToolTip(says)
        self._tint()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if is_theme_change(event):
            self._tint()

    def _tint(self) -> None:
        color: str = getattr(current_tokens(), self._token)
        self.setIcon(icon(self._name, color))


def push_button(text: str, role: str = "") -> QPushButton:
    """Return a button that takes the keyboard by Tab, not by a click.

    So the focus ring shows to those who use the keyboard and to nobody else.
    """
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAutoDefault(False)
    if role:
        set_role(button, role)
    if role in ("link", "strong-link"):
        button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button
