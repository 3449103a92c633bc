"""The main window: lays the views out, picks the page, holds menus and actions. Decides nothing."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QSettings, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui_app.icons import app_icon
from gui_app.theme import GUTTER
from gui_app.views.centre_rooms import CentreRooms
from gui_app.views.choosers import choose_files, choose_folder
from gui_app.views.drop_veil import DropVeil
from gui_app.views.plain_label import PlainLabel, rule
from gui_app.views.side_panels import SidePanels, card, scrolling_card
from gui_app.window_actions import WindowActions
from gui_app.window_views import WindowViews as WindowViews
from workers import JobSnapshot, JobState
from workers.typed import override
from workers.wording import printable

_FIRST_SIZE: Final = (1180, 760)
_NARROW_PX: Final = 1000
_LEFT_PX: Final = 264
_RIGHT_PX: Final = 292


class MainWindow(QMainWindow):
    """Header, three columns, footer; takes drops anywhere."""

    paths_chosen = Signal(object)
    # whoever has a reason against it calls `stay_open`
    close_asked = Signal()
    closed = Signal()

    def __init__(self, views: WindowViews, settings: QSettings) -> None:
        super().__init__()
        self.views = views
        self._settings = settings
        self._stays_open = False
        self.setWindowTitle("Everycore")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(736, 540)
        self.actions_offered = WindowActions(self)
        self._pages = QStackedWidget()
        self.rooms = CentreRooms(
            self._upper(), views.preview_panel, views.throughput_plot, views.sweep_chart
        )
        self._left_pages = QStackedWidget()
        self._is_sweep_chosen = False
        self._snapshot = JobSnapshot(sequence=0)
        self._sides = SidePanels(self._left(), self._centre(), self._right())
        middle = self._middle()
        self.setCentralWidget(middle)
        self._veil = DropVeil(middle)
        self.actions_offered.fill(self.menuBar())
        self._connect()
        self._restore()
        self.apply(JobSnapshot(sequence=0))
        self._focus_page()

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the page and offer the actions of that job's state."""
        self.actions_offered.apply(snapshot)
        self._snapshot = snapshot
        if snapshot.state is JobState.DRAFT:  # files came
            self._is_sweep_chosen = False
        is_of_sweep = snapshot.sweep is not None or self._is_sweep_chosen
        self._left_pages.setCurrentIndex(int(is_of_sweep))
        self._show_page(0 if snapshot.state is JobState.EMPTY and not is_of_sweep else 1)
        self.rooms.follow(snapshot.state, is_of_sweep=is_of_sweep)
        self.views.result_summary.setVisible(snapshot.state.is_ended and not is_of_sweep)
        name = printable(snapshot.name)
        self.setWindowTitle(f"{name} – Everycore" if name else "Everycore")

    def choose_sweep(self) -> None:
        """Show the form of a sweep in place of the page that waits for files."""
        self._is_sweep_chosen = True
        self.apply(self._snapshot)

    def leave_sweep(self) -> None:
        """Wait for files again."""
        self._is_sweep_chosen = False
        self.apply(self._snapshot)

    def _show_page(self, page: int) -> None:
        if page == self._pages.currentIndex():
            return
        # Ours also while a dialog is in front: it gives the keyboard back to it.
        has_focus = self._pages.isAncestorOf(self.focusWidget())
        # There is one amber line; it goes where it is seen.
        self._notice_places[page].addWidget(self.views.notice_bar)
        self._pages.setCurrentIndex(page)
        if has_focus:
            # Else Qt gives it to whatever comes next, a step's card for instance.
            self._focus_page()

    def _focus_page(self) -> None:
        if self._pages.currentIndex() == 0:
            self.views.drop_area.take_focus()
        else:
            self.views.task_table.rows.setFocus(Qt.FocusReason.OtherFocusReason)

    def _connect(self) -> None:
        actions = self.actions_offered
        actions.add_files.triggered.connect(self._ask_files)
        actions.add_folder.triggered.connect(self._ask_folder)
        actions.quit.triggered.connect(self.close)
        actions.new_sweep.triggered.connect(self.choose_sweep)
        self.views.drop_area.sweep_pressed.connect(self.choose_sweep)
        self.views.sweep_form.back_pressed.connect(self.leave_sweep)
        actions.show_pipeline.toggled.connect(self._sides.show_left)
        actions.show_workers.toggled.connect(self._sides.show_right)
        actions.show_preview.triggered.connect(self.rooms.choose_preview)
        self.rooms.preview_opened.connect(actions.show_preview.setChecked)
        self.views.header.add_files_pressed.connect(self._ask_files)
        self.views.drop_area.choose_folder_pressed.connect(self._ask_folder)

    def _ask_files(self) -> None:
        choose_files(self, "Add files", self._tell_files)

    def _ask_folder(self) -> None:
        choose_folder(self, "Add a folder", self._tell_folder)

    def _tell_files(self, files: list[str]) -> None:
        self.paths_chosen.emit(tuple(Path(file) for file in files))

    def _tell_folder(self, folder: str) -> None:
        self.paths_chosen.emit((Path(folder),))

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.views.drop_area.accept_drag(event) and self._pages.currentIndex() == 1:
            self._veil.lift()

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._veil.hide()
        self.views.drop_area.end_drag()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self._veil.hide()
        self.views.drop_area.take_drop(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._sides.set_narrow(event.size().width() < _NARROW_PX)

    def stay_open(self) -> None:
        """Do not close now; only while `close_asked` is told."""
        self._stays_open = True

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self._stays_open = False
        self.close_asked.emit()
        if self._stays_open:
            event.ignore()
            return
        self._settings.setValue("geometry", self.saveGeometry())
        if not self._sides.is_narrow:
            self._settings.setValue("sides", self._sides.saveState())
        self._settings.setValue("rooms", self.rooms.saveState())
        self._settings.setValue("preview", self.rooms.is_preview_wanted)
        for name, action in self._toggles().items():
            self._settings.setValue(name, action.isChecked())
        self._settings.sync()
        super().closeEvent(event)
        self.closed.emit()

    def _toggles(self) -> dict[str, QAction]:
        actions = self.actions_offered
        return {"show_pipeline": actions.show_pipeline, "show_workers": actions.show_workers}

    def _restore(self) -> None:
        self.resize(*_FIRST_SIZE)
        restorers = {
            "geometry": self.restoreGeometry,
            "sides": self._sides.restoreState,
            "rooms": self.rooms.restoreState,
        }
        for name, restore in restorers.items():
            kept = self._settings.value(name)
            if isinstance(kept, QByteArray):
                restore(kept)
        for name, action in self._toggles().items():
            action.setChecked(self._settings.value(name, True, type=bool) is not False)
        self.rooms.want_preview(self._settings.value("preview", True, type=bool) is not False)
        # What was saved may have the other room open.
        self.rooms.choose_preview(False)

    def _middle(self) -> QWidget:
        self._sides.setSizes([_LEFT_PX, _FIRST_SIZE[0], _RIGHT_PX])
        body = QWidget()
        row = QVBoxLayout(body)
        row.setContentsMargins(GUTTER, GUTTER, GUTTER, GUTTER)
        row.addWidget(self._sides)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.views.header)
        column.addWidget(rule())
        column.addWidget(body, 1)
        column.addWidget(rule())
        column.addWidget(self.views.footer)
        return middle

    def _left(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(11, 11, 11, 11)
        column.setSpacing(12)
        column.addWidget(self.views.pipeline_panel)
        column.addWidget(rule())
        column.addWidget(self.views.output_panel)
        column.addStretch(1)
        sweep = QWidget()
        inner = QVBoxLayout(sweep)
        inner.setContentsMargins(11, 11, 11, 11)
        inner.addWidget(self.views.sweep_form)
        for page in (content, sweep):
            self._left_pages.addWidget(scrolling_card(page))
        self._left_pages.setMinimumWidth(232)
        return self._left_pages

    def _upper(self) -> QWidget:
        views = self.views
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GUTTER)
        column.addWidget(views.result_summary)
        column.addWidget(card(views.task_table, padding=1, stretched=views.task_table), 1)
        self._notice_column = column
        return upper

    def _centre(self) -> QWidget:
        views = self.views
        empty = QWidget()
        empty_column = QVBoxLayout(empty)
        empty_column.setContentsMargins(0, 0, 0, 0)
        empty_column.setSpacing(GUTTER)
        empty_column.addWidget(views.drop_area, 1)
        empty_column.addWidget(views.notice_bar)
        self._notice_places = (empty_column, self._notice_column)
        self._pages.addWidget(empty)
        self._pages.addWidget(self.rooms)
        self._pages.setMinimumWidth(440)
        return self._pages

    def _right(self) -> QWidget:
        views = self.views
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(11, 11, 11, 11)
        inner.setSpacing(10)
        inner.addWidget(views.worker_slider)
        inner.addWidget(rule())
        inner.addWidget(PlainLabel("Cores", "heading"))
        inner.addWidget(views.core_loads)
        inner.addWidget(rule())
        inner.addWidget(views.worker_lanes, 1)
        inner.addWidget(views.failure_panel)
        workers = scrolling_card(content, followed=views.failure_panel)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GUTTER)
        column.addWidget(workers, 1)
        column.addWidget(views.speed_panel)
        right.setMinimumWidth(248)
        return right
