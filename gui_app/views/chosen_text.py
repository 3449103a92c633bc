"""Text fields with a button beside them that asks for the value: a colour, or a picture file."""

import re
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from gui_app.theme import current_tokens
from gui_app.views.choosers import choose_colour, choose_file
from gui_app.views.tinted import IconButton
from workers.operations.colours import COLOUR, OPAQUE, channels
from workers.operations.kinds import picture_suffixes
from workers.typed import override

_SWATCH_PX: Final = 16
_CHECK_PX: Final = 4
_ROUND_PX: Final = 3.0


class ChosenText(QWidget):
    """A text field and its button; Tab goes from one to the other."""

    def __init__(self, text: str, button: QToolButton) -> None:
        super().__init__()
        self.edit: Final = QLineEdit(text)
        self.button: Final = button
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.edit, 1)
        row.addWidget(button)
        self.setFocusProxy(self.edit)


class ColourText(ChosenText):
    """A colour as text, and a swatch of it that opens the dialog of colours."""

    def __init__(self, text: str) -> None:
        swatch = Swatch("Choose a colour")
        super().__init__(text, swatch)
        self._swatch = swatch
        self._show()
        self.edit.textChanged.connect(self._show)
        swatch.clicked.connect(self._ask)

    def _ask(self) -> None:
        choose_colour(self, "Colour", self._swatch.colour or QColor("white"), self._take)

    def _show(self) -> None:
        self._swatch.show_colour(colour_of(self.edit.text()))

    def _take(self, colour: QColor) -> None:
        self.edit.setText(text_of(colour))


class PictureText(ChosenText):
    """The path of a picture, and a button that opens the dialog of files."""

    def __init__(self, text: str) -> None:
        super().__init__(text, IconButton("folder", "Choose a picture"))
        self.button.clicked.connect(self._ask)

    def _ask(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in picture_suffixes())
        choose_file(self, "Picture", f"Pictures ({patterns})", self.edit.setText)


class Swatch(QToolButton):
    """A button filled with a colour, on checks where it is clear; empty for what is none."""

    def __init__(self, says: str) -> None:
        super().__init__()
        self.colour: QColor | None = None
        self.setAccessibleName(says)
        self.setToolTip(says)
        self.setIconSize(QSize(_SWATCH_PX, _SWATCH_PX))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_colour(self, colour: QColor | None) -> None:
        """Show a colour, or that there is none."""
        self.colour = colour
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(_SWATCH_PX + 10, _SWATCH_PX + 10)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top = (self.width() - _SWATCH_PX) / 2, (self.height() - _SWATCH_PX) / 2
        place = QRectF(left, top, _SWATCH_PX, _SWATCH_PX)
        if self.colour is not None:
            _fill(painter, place, self.colour)
        painter.setPen(QPen(QColor(current_tokens().control), 1))
        painter.drawRoundedRect(place, _ROUND_PX, _ROUND_PX)


def _fill(painter: QPainter, place: QRectF, colour: QColor) -> None:
    edge = QPainterPath()
    edge.addRoundedRect(place, _ROUND_PX, _ROUND_PX)
    painter.save()
    painter.setClipPath(edge)
    if colour.alpha() < OPAQUE:
        painter.fillRect(place, QColor("white"))
        for column in range(_SWATCH_PX // _CHECK_PX):
            for row in range(column % 2, _SWATCH_PX // _CHECK_PX, 2):
                at = place.topLeft().x() + column * _CHECK_PX, place.topLeft().y() + row * _CHECK_PX
                painter.fillRect(QRectF(*at, _CHECK_PX, _CHECK_PX), QColor("silver"))
    painter.fillRect(place, colour)
    painter.restore()


def colour_of(text: str) -> QColor | None:
    """Return the colour of a text such as #rrggbb or #rrggbbaa; None where it is none."""
    return QColor(*channels(text)) if re.fullmatch(COLOUR, text) else None


def text_of(colour: QColor) -> str:
    """Return a colour as pipelines write it, with its opacity only where it is not opaque."""
    opacity = "" if colour.alpha() == OPAQUE else f"{colour.alpha():02x}"
    return colour.name(QColor.NameFormat.HexRgb) + opacity
