"""Keeps the rows that run in view, until the person takes the table in hand."""

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QTableView

from workers.typed import override

# Four steps a second can be read along with; each costs one repaint of the table.
_STEP_S: Final = 0.25
_PLACE_IN_VIEW: Final = 0.7
_GESTURES: Final = (QEvent.Type.Wheel, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress)


class RowFollower(QObject):
    """Scrolls one table along with the job."""

    def __init__(self, table: QTableView, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(table)
        self._clock = clock
        self._table = table
        self._is_following = True
        self._moved_at = -_STEP_S
        for watched in (table, table.viewport(), table.verticalScrollBar()):
            watched.installEventFilter(self)

    @property
    def is_following(self) -> bool:
        """Say whether the table still goes along."""
        return self._is_following

    def start_over(self) -> None:
        """Go along again: another job, or this one begins anew."""
        self._is_following = True

    def follow(self, row: int) -> None:
        """Bring that row into the lower part of the view; earlier rows stay above it."""
        now = self._clock()
        if not self._is_following or now - self._moved_at < _STEP_S:
            return
        self._moved_at = now
        height = self._table.verticalHeader().defaultSectionSize()
        above = self._table.viewport().height() * _PLACE_IN_VIEW
        self._table.verticalScrollBar().setValue(max(0, round(row * height - above)))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stop at the first gesture of the person on the table or its scroll bar."""
        if event.type() in _GESTURES:
            self._is_following = False
        return False
