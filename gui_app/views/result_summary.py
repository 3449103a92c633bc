"""The card above the table when a job has ended: what came of it, in large numbers."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.models.baseline import Baseline
from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot
from workers.job_words import makes_one
from workers.typed import override
from workers.wording import size_words

_GAP_PX: Final = 14
_SIDE_PX: Final = 18


class ResultSummary(QFrame):
    """Succeeded, problems, skipped, bytes before and after, speed-up."""

    problems_pressed = Signal()

    def __init__(self, baseline: Baseline | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._baseline = baseline or Baseline()
        self._succeeded = _Figure("succeeded")
        self._problems = _Figure("problems")
        self._skipped = _Figure("skipped")
        self._cancelled = _Figure("not done")
        self._sizes = _Figure("")
        self._speed_up = _Figure("speed-up")
        self._show_problems = push_button("problems", "link")
        self._show_problems.setToolTip("Show them in the table")
        self._problems.replace_caption(self._show_problems)
        row = QHBoxLayout(self)
        row.setContentsMargins(_SIDE_PX, 12, _SIDE_PX, 12)
        row.setSpacing(_GAP_PX)
        # In this order: the last ones give way first.
        self._figures = {
            self._succeeded: True,
            self._problems: True,
            self._skipped: True,
            self._cancelled: False,
            self._sizes: False,
            self._speed_up: False,
        }
        for figure in self._figures:
            row.addWidget(figure)
            row.addStretch(1)
        row.takeAt(row.count() - 1)
        self._show_problems.clicked.connect(self.problems_pressed)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show what came of that job."""
        counts = snapshot.counts
        self._succeeded.show_number(counts.succeeded, "big-ok")
        self._problems.show_number(counts.failed, "big-fail")
        self._show_problems.setText("problem" if counts.failed == 1 else "problems")
        self._skipped.show_number(counts.skipped, "big-warn")
        self._cancelled.show_number(counts.cancelled, "big")
        self._figures[self._cancelled] = counts.cancelled > 0
        self._show_problems.setEnabled(counts.failed > 0)
        self._show_sizes(snapshot)
        speed_up = self._baseline.speed_up(snapshot) or snapshot.speed_up
        self._figures[self._speed_up] = speed_up is not None
        if speed_up is not None:
            self._speed_up.show_text(f"{speed_up:.1f}×", "large")
        self._show_fitting()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_fitting()

    def _show_fitting(self) -> None:
        """Leave out what has no room: half of a number reads as another number."""
        room = self.width() - 2 * _SIDE_PX + _GAP_PX
        for figure, is_wanted in self._figures.items():
            room -= figure.sizeHint().width() + _GAP_PX if is_wanted else 0
            figure.setVisible(is_wanted and room >= 0)

    def _show_sizes(self, snapshot: JobSnapshot) -> None:
        before, after = snapshot.bytes_ended, snapshot.bytes_out
        self._figures[self._sizes] = after > 0
        if snapshot.counts.cancelled:
            # The bytes that ended hold those of the cancelled ones: nothing to compare with.
            self._sizes.show_text(size_words(after), "large")
            self._sizes.show_caption("written")
            return
        self._sizes.show_text(f"{size_words(before)} → {size_words(after)}", "large")
        self._sizes.show_caption(
            "into one file" if makes_one(snapshot) else saved_words(before, after)
        )


class _Figure(QWidget):
    """A large number with its word below."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self._number = PlainLabel("0", "big")
        self._caption = PlainLabel(caption, "muted")
        # As tall as the link that takes its place among the problems.
        self._caption.setContentsMargins(0, 2, 0, 2)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        self._column.addWidget(self._number)
        self._column.addWidget(self._caption)

    def replace_caption(self, widget: QWidget) -> None:
        """Put a widget in the place of the word."""
        self._caption.hide()
        self._column.addWidget(widget, 0, Qt.AlignmentFlag.AlignLeft)

    def show_number(self, number: int, role: str) -> None:
        """Show a count; none at all is muted, whatever its colour."""
        self.show_text(f"{number:,}", role if number else "big")

    def show_text(self, text: str, role: str) -> None:
        """Show the text in that role."""
        self._number.setText(text)
        set_role(self._number, role)

    def show_caption(self, caption: str) -> None:
        """Show the word below."""
        self._caption.setText(caption)


def saved_words(before: int, after: int) -> str:
    """Return '96 % saved', or that the outputs are larger."""
    if before <= 0:
        return "written"
    change = round(100 * (before - after) / before)
    if change > 0:
        return f"{change} % saved"
    return "same size" if change == 0 else f"{-change} % larger"
