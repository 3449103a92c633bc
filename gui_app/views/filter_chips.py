"""The chips above the table: how many tasks stand where, and which of them are shown."""

from typing import Final

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QWidget,
)

from gui_app.theme import current_tokens, set_role
from workers import Counts, JobSnapshot, TaskState
from workers.typed import override

_GAP_PX: Final = 3
_LEAST_PADDING_PX: Final = 5
_STATES: Final[dict[str, tuple[TaskState, ...]]] = {
    "All": (),
    "Waiting": (TaskState.WAITING,),
    "Done": (TaskState.SUCCEEDED,),
    "Problems": (TaskState.FAILED,),
    "Skipped": (TaskState.SKIPPED,),
    "Cancelled": (TaskState.CANCELLED,),
}


class Chip(QPushButton):
    """A word with its count; where there is no room, the word alone."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self._word = word
        self._count = "0"
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        set_role(self, "chip")

    @property
    def count(self) -> str:
        """Return the count as it is shown."""
        return self._count

    def show_count(self, number: int) -> None:
        """Show the count; figures are of one width, so only another length moves the chips."""
        count = f"{number:,}"
        if count == self._count:
            return
        is_as_wide = len(count) == len(self._count)
        self._count = count
        self.setAccessibleName(f"{self._word} {count}")
        if not is_as_wide:
            self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return self._size(self._content_px())

    @override
    def minimumSizeHint(self) -> QSize:
        return self._size(self._word_px())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        tokens = current_tokens()
        word_px = self._word_px()
        has_room = self.width() >= self._content_px() + 2 * _LEAST_PADDING_PX
        content_px = self._content_px() if has_room else word_px
        left = (self.width() - content_px) // 2
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(QColor(tokens.accent if self.isChecked() else tokens.text))
        painter.drawText(QRect(left, 0, word_px + 2, self.height()), middle, self._word)
        if has_room:
            painter.setPen(QColor(tokens.accent if self.isChecked() else tokens.muted))
            left += word_px + _GAP_PX
            painter.drawText(QRect(left, 0, self.width(), self.height()), middle, self._count)

    def _word_px(self) -> int:
        return self.fontMetrics().horizontalAdvance(self._word)

    def _content_px(self) -> int:
        return self._word_px() + _GAP_PX + self.fontMetrics().horizontalAdvance(self._count)

    def _size(self, content_px: int) -> QSize:
        # Before the stylesheet's font is known, the text would be measured too wide.
        self.ensurePolished()
        option = QStyleOptionButton()
        self.initStyleOption(option)
        content = QSize(content_px, self.fontMetrics().height())
        return self.style().sizeFromContents(
            QStyle.ContentsType.CT_PushButton, option, content, self
        )


class FilterChips(QWidget):
    """One chip is chosen at a time; the arrow keys move the choice."""

    states_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips = {word: Chip(word) for word in _STATES}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for chip in self._chips.values():
            self._group.addButton(chip)
            row.addWidget(chip)
        self._chips["All"].setChecked(True)
        self._chips["Cancelled"].hide()
        self._group.buttonToggled.connect(self._tell)

    @property
    def chosen(self) -> str:
        """Return the word of the chip that is chosen."""
        return next(word for word, chip in self._chips.items() if chip.isChecked())

    def chip(self, word: str) -> Chip:
        """Return the chip with that word."""
        return self._chips[word]

    def choose(self, word: str) -> None:
        """Choose that chip, as a press on it does."""
        self._chips[word].setChecked(True)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show that job's counts, and no chip that can hold nothing."""
        counts = snapshot.counts
        for word, states in _STATES.items():
            self._chips[word].show_count(_number(counts, states))
        self._show_chip("Waiting", is_shown=not snapshot.state.is_ended)
        self._show_chip("Cancelled", is_shown=counts.cancelled > 0)

    def _show_chip(self, word: str, *, is_shown: bool) -> None:
        chip = self._chips[word]
        if chip.isHidden() == is_shown:
            if chip.isChecked() and not is_shown:
                self.choose("All")
            chip.setVisible(is_shown)

    def _tell(self, chip: QPushButton, is_checked: bool) -> None:
        if is_checked:
            self.states_chosen.emit(_STATES[self.chosen])


def _number(counts: Counts, states: tuple[TaskState, ...]) -> int:
    numbers = {
        TaskState.WAITING: counts.waiting,
        TaskState.RUNNING: counts.running,
        TaskState.SUCCEEDED: counts.succeeded,
        TaskState.FAILED: counts.failed,
        TaskState.SKIPPED: counts.skipped,
        TaskState.CANCELLED: counts.cancelled,
    }
    return sum(numbers[state] for state in states) if states else counts.total
