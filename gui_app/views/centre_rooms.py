"""The rooms of the centre: the table, and below it the preview or the throughput plot."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QWidget

from gui_app.theme import GUTTER
from gui_app.views.side_panels import card
from workers import JobState

_TABLE_PX: Final = 300
_PREVIEW_PX: Final = 300
_PLOT_PX: Final = 176
_SWEEP_PX: Final = 420


class CentreRooms(QSplitter):
    """One of the two lower rooms is open; which one follows the job until the person says."""

    # whether the preview is open now
    preview_opened = Signal(bool)

    def __init__(self, table: QWidget, preview: QWidget, plot: QWidget, sweep: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._table = table
        self._sweep = card(sweep, stretched=sweep)
        self._is_of_sweep = False
        self._preview = card(preview, stretched=preview)
        self._plot = card(plot, stretched=plot)
        self._state = JobState.EMPTY
        self._is_wanted = True
        self.setHandleWidth(GUTTER)
        self.setChildrenCollapsible(False)
        for room in (table, self._preview, self._plot, self._sweep):
            self.addWidget(room)
        for place, factor in enumerate((1, 1, 0, 1)):  # pictures use what room there is
            self.setStretchFactor(place, factor)
        self.setSizes([_TABLE_PX, _PREVIEW_PX, _PLOT_PX, _SWEEP_PX])
        self._preview.hide()
        self._sweep.hide()

    @property
    def is_preview_open(self) -> bool:
        """Say whether the preview is the room below the table."""
        return not self._preview.isHidden()

    @property
    def is_preview_wanted(self) -> bool:
        """Say whether the person wants to see it before a job starts."""
        return self._is_wanted

    def want_preview(self, is_wanted: bool) -> None:
        """Remember from an earlier time whether it is wanted."""
        self._is_wanted = is_wanted

    def choose_preview(self, is_open: bool) -> None:
        """Open or close it as the person says; before a start that is remembered."""
        if self._state is JobState.DRAFT:
            self._is_wanted = is_open
        self._open(is_open)

    def follow(self, state: JobState, *, is_of_sweep: bool = False) -> None:
        """Open the preview for a draft, the plot for a job under way, a sweep's results for it."""
        if is_of_sweep != self._is_of_sweep:
            self._is_of_sweep = is_of_sweep
            self._sweep.setVisible(is_of_sweep)
            self._plot.setVisible(not is_of_sweep and not self.is_preview_open)
        self._table.setVisible(not is_of_sweep or state is not JobState.EMPTY)
        if state is self._state:
            return
        was_draft, self._state = self._state is JobState.DRAFT, state
        if state is JobState.DRAFT:
            self._open(self._is_wanted)
        elif was_draft:
            self._open(False)

    def _open(self, is_open: bool) -> None:
        if is_open == self.is_preview_open:
            return
        self._preview.setVisible(is_open)
        self._plot.setVisible(not is_open and not self._is_of_sweep)
        self.preview_opened.emit(is_open)
