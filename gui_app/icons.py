"""Our own icons: SVG files tinted by a token's colour, sharp at every scale.

Used in the window's thread only (pixmaps live there).
"""

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui_app.theme import current_tokens
from resources import icon_path
from workers import TaskState

_STATE_NAMES: Final = {
    TaskState.WAITING: "waiting",
    TaskState.RUNNING: "running",
    TaskState.SUCCEEDED: "done",
    TaskState.FAILED: "failed",
    TaskState.SKIPPED: "skipped",
    TaskState.CANCELLED: "cancelled",
}
_APP_ICON_SIZES: Final = (16, 24, 32, 48, 64, 128, 256)
_SCALES: Final = (1.0, 2.0)


def state_icon_name(state: TaskState, has_warning: bool = False) -> str:
    """Return the icon that tells a task's state by its shape."""
    if state is TaskState.SUCCEEDED and has_warning:
        return "done-warning"
    return _STATE_NAMES[state]


def state_color(state: TaskState) -> str:
    """Return the colour that goes with a task's state now."""
    tokens = current_tokens()
    colors = {
        TaskState.RUNNING: tokens.accent,
        TaskState.SUCCEEDED: tokens.ok,
        TaskState.FAILED: tokens.fail,
        TaskState.SKIPPED: tokens.warn,
    }
    return colors.get(state, tokens.muted)


def pixmap(name: str, color: str, size: int = 16, scale: float = 1.0) -> QPixmap:
    """Return the icon in that colour for a screen of that device pixel ratio."""
    tokens = current_tokens()
    return _drawn(name, (color, tokens.surface, tokens.warn), size, scale)


def icon(name: str, color: str, size: int = 16) -> QIcon:
    """Return the icon in that colour, ready for usual and dense screens."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(pixmap(name, color, size, scale))
    return made


def app_icon() -> QIcon:
    """Return the application's own icon."""
    made = QIcon()
    for size in _APP_ICON_SIZES:
        made.addPixmap(pixmap("everycore", "#000000", size))
    return made


@lru_cache(maxsize=256)
def _drawn(name: str, colors: tuple[str, str, str], size: int, scale: float) -> QPixmap:
    side = round(size * scale)
    drawn = QPixmap(side, side)
    drawn.fill(Qt.GlobalColor.transparent)
    own, cutout, warn = colors
    svg = _svg(name).replace("currentColor", own)
    svg = svg.replace("cutoutColor", cutout).replace("warnColor", warn)
    painter = QPainter(drawn)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    drawn.setDevicePixelRatio(scale)
    return drawn


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return icon_path(name).read_text(encoding="utf-8")
