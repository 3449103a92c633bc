"""A label that shows its text as it is: never HTML, elided in the middle where asked to."""

import html
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gui_app.theme import set_role
from workers.typed import override

_ZERO_WIDTH_SPACE: Final = "\u200b"
# The longest English words of our sentences are shorter.
_PIECE: Final = 18


def plain_tool_tip(text: str) -> str:
    """Return the text for setToolTip; Qt would take a name with tags for HTML."""
    return f"<qt>{html.escape(text)}</qt>" if text else ""


class PlainLabel(QLabel):
    """Plain text only: a file name may look like HTML and must not become it."""

    def __init__(
        self, text: str = "", role: str = "", *, elides: bool = False, wraps: bool = False
    ) -> None:
        super().__init__()
        self._text = text
        self._elides = elides
        self._tip = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wraps)
        if role:
            set_role(self, role)
        if not wraps:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._show_text()

    @override
    def setText(self, text: str) -> None:
        """Show the text; the same text again costs nothing."""
        if text != self._text:
            self._text = text
            self._show_text()
            if self._elides:
                self.updateGeometry()

    def set_tip(self, text: str) -> None:
        """Say more in the tool tip than the label does, for instance the whole path."""
        self._tip = text
        self._show_text()

    @property
    def whole_text(self) -> str:
        """Return the text before it was elided."""
        return self._text

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._elides:
            self._show_text()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if self._elides and event.type() == QEvent.Type.FontChange:
            self._show_text()
            self.updateGeometry()

    @override
    def sizeHint(self) -> QSize:
        # Before the stylesheet's font is known, the text would be measured too narrow.
        self.ensurePolished()
        hint = super().sizeHint()
        if self._elides:
            hint.setWidth(self.fontMetrics().horizontalAdvance(self._text) + 4)
        return hint

    @override
    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(24, hint.height()) if self._elides else hint

    def _show_text(self) -> None:
        if not self._elides:
            super().setText(_breakable(self._text) if self.wordWrap() else self._text)
            return
        shown = self.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideMiddle, max(self.contentsRect().width(), 0)
        )
        super().setText(shown)
        self.setAccessibleName(self._text)
        self.setToolTip(plain_tool_tip(self._tip or (self._text if shown != self._text else "")))


def _breakable(text: str) -> str:
    """Let words that are longer than any panel is wide break, as file names may be."""
    return " ".join(_ZERO_WIDTH_SPACE.join(_pieces(word)) for word in text.split(" "))


def _pieces(word: str) -> list[str]:
    return [word[at : at + _PIECE] for at in range(0, len(word), _PIECE)]


def rule(parent: QWidget | None = None) -> QLabel:
    """Return a horizontal line of one pixel."""
    line = QLabel(parent)
    set_role(line, "rule")
    line.setFixedHeight(1)
    return line
