"""Paints the cells of the task table: icons, numbers, and a reason across the number columns.

Reads rows from the model directly, measures a text once and keeps what it painted with, since a
table that follows a fast job paints a few hundred cells a second.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from gui_app.icons import pixmap, state_color, state_icon_name
from gui_app.models.row_words import Column, cell_words, change_percent, reason
from gui_app.models.task_table_model import PLACEHOLDER, TaskTableModel
from gui_app.theme import ROW_HEIGHT, current_tokens
from gui_app.tokens import Tokens
from workers import TaskRow, TaskState
from workers.typed import override

MARGIN_PX: Final = 12
PADDING_PX: Final = 8
ICON_PX: Final = 16
TURN_DEGREES: Final = 30
_FOCUS_PX: Final = 3
# More texts than this are not in view at once by far.
_ELIDED_MOST: Final = 4000
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_PLAIN: Final = Qt.TextFlag.TextSingleLine
_UNCLIPPED: Final = Qt.TextFlag.TextDontClip


class _Inks(NamedTuple):
    """The colours of a theme, ready to paint with."""

    line: QColor
    text: QColor
    muted: QColor
    accent: QColor
    accent_soft: QColor
    ok: QColor
    fail: QColor


class TaskDelegate(QStyledItemDelegate):
    """Paints rows of `TaskTableModel`, and of no other model."""

    def __init__(self, view: QTableView, model: TaskTableModel) -> None:
        super().__init__(view)
        self._view = view
        self._model = model
        self._angle = 0
        self._elided: dict[tuple[str, int, bool], str] = {}
        self._widths: dict[str, int] = {}

    def turn(self) -> None:
        """Turn the arcs of running rows by one step; the view repaints them."""
        self._angle = (self._angle + TURN_DEGREES) % 360

    def forget_texts(self) -> None:
        """Measure all texts anew: the font is another one."""
        self._elided.clear()
        self._widths.clear()

    @override
    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, ROW_HEIGHT)

    @override
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        inks = _inks(current_tokens())
        area: QRect = option.rect
        column = Column(index.column())
        row = self._model.row_at(index.row())
        painter.setFont(option.font)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        self._paint_ground(painter, area, column, inks, is_selected=is_selected)
        if column is Column.STATE:
            if row is not None:
                self._paint_icon(painter, area, row)
        elif column is Column.NAME:
            self._paint_name(painter, area, row, painter.fontMetrics())
        if row is not None and column is not Column.STATE:
            sentence = reason(row)
            if sentence:
                self._paint_reason(painter, area, row, sentence, painter.fontMetrics())
            elif column is not Column.NAME:
                place = area.adjusted(0, 0, -(self._edge(area) or PADDING_PX), 0)
                _paint_number(painter, place, row, column)

    def _paint_ground(
        self, painter: QPainter, area: QRect, column: Column, inks: _Inks, *, is_selected: bool
    ) -> None:
        left, right = area.left(), area.right() + 1 - self._edge(area)
        if is_selected:
            painter.fillRect(area, inks.accent_soft)
            if column is Column.STATE and self._view.hasFocus():
                painter.fillRect(left, area.top(), _FOCUS_PX, area.height(), inks.accent)
            return
        if column is Column.STATE:
            left += MARGIN_PX
        painter.fillRect(left, area.bottom(), right - left, 1, inks.line)

    def _paint_icon(self, painter: QPainter, area: QRect, row: TaskRow) -> None:
        left = area.left() + MARGIN_PX
        top = area.top() + (area.height() - ICON_PX) // 2
        drawn = pixmap(
            state_icon_name(row.state, row.has_warning),
            state_color(row.state),
            ICON_PX,
            self._view.devicePixelRatioF(),
        )
        if row.state is not TaskState.RUNNING:
            painter.drawPixmap(left, top, drawn)
            return
        half = ICON_PX / 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(left + half, top + half)
        painter.rotate(self._angle)
        painter.drawPixmap(QPointF(-half, -half), drawn)
        painter.restore()

    def _paint_name(
        self, painter: QPainter, area: QRect, row: TaskRow | None, metrics: QFontMetrics
    ) -> None:
        inks = _inks(current_tokens())
        is_quiet = row is None or row.state is TaskState.WAITING
        painter.setPen(inks.muted if is_quiet else inks.text)
        name = PLACEHOLDER if row is None else row.name
        place = area.adjusted(PADDING_PX, 0, -PADDING_PX, 0)
        shown = self._fitting(name, place.width(), metrics, is_name=True)
        painter.drawText(place, _LEFT | _PLAIN, shown)

    def _paint_reason(
        self, painter: QPainter, area: QRect, row: TaskRow, sentence: str, metrics: QFontMetrics
    ) -> None:
        """Paint this cell's part of the sentence that runs across the number columns."""
        inks = _inks(current_tokens())
        right = self._view.viewport().width() - MARGIN_PX
        left = self._reason_left(row.name, sentence, right, metrics)
        place = QRect(left, area.top(), right - left, area.height())
        painter.save()
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setPen(inks.fail if row.state is TaskState.FAILED else inks.muted)
        shown = self._fitting(sentence, place.width(), metrics, is_name=False)
        painter.drawText(place, _LEFT | _PLAIN, shown)
        painter.restore()

    def _reason_left(self, name: str, sentence: str, right: int, metrics: QFontMetrics) -> int:
        """Return where the sentence begins: a long one takes the room that a short name leaves."""
        usual = self._view.columnViewportPosition(Column.BEFORE) + PADDING_PX
        missing = self._width(sentence, metrics) - (right - usual)
        if missing <= 0:
            return usual
        name_left = self._view.columnViewportPosition(Column.NAME) + PADDING_PX
        name_end = name_left + self._width(name, metrics) + 2 * PADDING_PX
        return min(max(usual - missing, name_end), usual)

    def _width(self, text: str, metrics: QFontMetrics) -> int:
        width = self._widths.get(text)
        if width is None:
            if len(self._widths) >= _ELIDED_MOST:
                self._widths.clear()
            width = self._widths[text] = metrics.horizontalAdvance(text) + 1
        return width

    def _edge(self, area: QRect) -> int:
        """Return how far the cell stays away from the table's right edge, 0 elsewhere."""
        return MARGIN_PX if area.right() >= self._view.viewport().width() - 1 else 0

    def _fitting(self, text: str, width: int, metrics: QFontMetrics, *, is_name: bool) -> str:
        key = text, width, is_name
        shown = self._elided.get(key)
        if shown is None:
            if len(self._elided) >= _ELIDED_MOST:
                self._elided.clear()
            mode = Qt.TextElideMode.ElideMiddle if is_name else Qt.TextElideMode.ElideRight
            shown = self._elided[key] = metrics.elidedText(text, mode, width)
        return shown


def _paint_number(painter: QPainter, place: QRect, row: TaskRow, column: Column) -> None:
    words = cell_words(row, column)
    if not words:
        return
    inks = _inks(current_tokens())
    ink = inks.text if column is Column.AFTER else inks.muted
    if column is Column.CHANGE and (change_percent(row) or 0) < 0:
        ink = inks.ok
    painter.setPen(ink)
    painter.drawText(place, _RIGHT | _PLAIN | _UNCLIPPED, words)


@lru_cache(maxsize=4)
def _inks(tokens: Tokens) -> _Inks:
    return _Inks(
        line=QColor(tokens.line),
        text=QColor(tokens.text),
        muted=QColor(tokens.muted),
        accent=QColor(tokens.accent),
        accent_soft=QColor(tokens.accent_soft),
        ok=QColor(tokens.ok),
        fail=QColor(tokens.fail),
    )
