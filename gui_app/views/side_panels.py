"""The panels left and right of the centre: scrolling, folding, one tab when it gets narrow."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from gui_app.theme import CARD_PADDING, GUTTER, set_role
from workers.typed import override


class SidePanels(QSplitter):
    """Left, centre, right; in a narrow window the right panel goes under a tab of the left."""

    shown_changed = Signal()

    def __init__(self, left: QWidget, centre: QWidget, right: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._left, self._right = left, right
        self._is_narrow = False
        self._is_left_wanted = True
        self._is_right_wanted = True
        self._tabs = QTabBar()
        self._tabs.addTab("Pipeline")
        self._tabs.addTab("Workers")
        self._tabs.setExpanding(True)
        self._pages = QStackedWidget()
        self._pages.addWidget(left)
        self._side = QWidget()
        column = QVBoxLayout(self._side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._tabs)
        column.addWidget(self._pages, 1)
        self._tabs.hide()
        self.setHandleWidth(GUTTER)
        self.setChildrenCollapsible(False)
        for widget in (self._side, centre, right):
            self.addWidget(widget)
        self.setStretchFactor(1, 1)
        self._tabs.currentChanged.connect(self._pages.setCurrentIndex)

    @property
    def is_narrow(self) -> bool:
        """Say whether the right panel is under a tab."""
        return self._is_narrow

    def set_narrow(self, is_narrow: bool) -> None:
        """Put the right panel under a tab, or back to its place."""
        if is_narrow == self._is_narrow:
            return
        self._is_narrow = is_narrow
        if is_narrow:
            self._pages.addWidget(self._right)
        else:
            self._tabs.setCurrentIndex(0)
            self._pages.removeWidget(self._right)
            self.addWidget(self._right)
        self._tabs.setVisible(is_narrow)
        self._show()

    def show_left(self, is_shown: bool) -> None:
        """Unfold or fold the left panel."""
        self._is_left_wanted = is_shown
        self._show()

    def show_right(self, is_shown: bool) -> None:
        """Unfold or fold the right panel."""
        self._is_right_wanted = is_shown
        self._show()

    def _show(self) -> None:
        if not self._is_narrow:
            self._side.setVisible(self._is_left_wanted)
            self._right.setVisible(self._is_right_wanted)
            return
        self._tabs.setTabVisible(0, self._is_left_wanted)
        self._tabs.setTabVisible(1, self._is_right_wanted)
        self._side.setVisible(self._is_left_wanted or self._is_right_wanted)
        self._pages.setCurrentIndex(self._tabs.currentIndex())


def card(*widgets: QWidget, stretched: QWidget, padding: int = CARD_PADDING) -> QFrame:
    """Return a card with those widgets below one another; one takes what room is left."""
    frame = QFrame()
    set_role(frame, "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(padding, padding, padding, padding)
    column.setSpacing(10)
    for widget in widgets:
        column.addWidget(widget, 1 if widget is stretched else 0)
    return frame


class _FollowingArea(QScrollArea):
    """Scrolls to a part of its content when that part appears."""

    def __init__(self, followed: QWidget | None) -> None:
        super().__init__()
        self._followed = followed
        # Once the layout has made room for it.
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._show_followed)
        if followed is not None:
            followed.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note that the followed part appears or grows."""
        if watched is self._followed and event.type() in (QEvent.Type.Show, QEvent.Type.Resize):
            self._soon.start()
        return super().eventFilter(watched, event)

    def _show_followed(self) -> None:
        if self._followed is not None and self._followed.isVisible():
            self.ensureWidgetVisible(self._followed, 0, 0)


def scrolling_card(content: QWidget, followed: QWidget | None = None) -> QFrame:
    """Return a card whose content scrolls where it is too long, to a part that appears."""
    area = _FollowingArea(followed)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    set_role(content, "clear")
    area.setWidget(content)
    area.viewport().setAutoFillBackground(False)
    return card(area, padding=1, stretched=area)
