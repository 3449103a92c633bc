"""How much faster than one core, and why not faster still."""

from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.models.baseline import Baseline
from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel, rule
from gui_app.views.speed_advice import speed_advice
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState

_AGAINST: Final = "against one core"
_AGAINST_TRIED: Final = "against one core, as tried"


class SpeedPanel(QFrame):
    """A card with the speed-up; hidden while there is nothing to tell."""

    workers_wanted = Signal(int)

    def __init__(self, baseline: Baseline | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._workers: int | None = None
        self._baseline = baseline or Baseline()
        self._speed_up = PlainLabel("1.0×", "big")
        self._against = PlainLabel(_AGAINST, "small")
        self._share = PlainLabel("", "small")
        self._sentence = PlainLabel("", wraps=True)
        self._remedy = push_button("", "strong-link")
        self._advice = QWidget()
        self._lay_out()
        self._remedy.clicked.connect(self._emit_workers)
        self.hide()

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the speed of that job."""
        is_shown = snapshot.speed_up is not None and snapshot.state is not JobState.EMPTY
        self.setVisible(is_shown)
        if snapshot.speed_up is None or not is_shown:
            return
        measured = self._baseline.speed_up(snapshot)
        self._against.setText(_AGAINST if measured is None else _AGAINST_TRIED)
        speed_up = measured or snapshot.speed_up
        snapshot = replace(snapshot, speed_up=speed_up)
        self._speed_up.setText(f"{speed_up:.1f}×")
        self._share.setText(share_words(snapshot))
        self._share.setVisible(bool(self._share.text()))
        advice = speed_advice(snapshot)
        self._workers = advice.workers
        self._sentence.setText(advice.sentence)
        self._advice.setVisible(bool(advice.sentence))
        self._remedy.setVisible(advice.workers is not None)
        if advice.workers is not None:
            noun = "worker" if advice.workers == 1 else "workers"
            self._remedy.setText(f"Use {advice.workers} {noun}")

    def _emit_workers(self) -> None:
        if self._workers is not None:
            self.workers_wanted.emit(self._workers)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._against)
        words.addWidget(self._share)
        numbers = QHBoxLayout()
        numbers.setSpacing(16)
        numbers.addWidget(self._speed_up)
        numbers.addLayout(words, 1)
        remedy = QHBoxLayout()
        remedy.addWidget(self._remedy)
        remedy.addStretch(1)
        advice = QVBoxLayout(self._advice)
        advice.setContentsMargins(0, 0, 0, 0)
        advice.setSpacing(6)
        advice.addWidget(rule())
        advice.addWidget(PlainLabel("Why not faster?", "heading"))
        advice.addWidget(self._sentence)
        advice.addLayout(remedy)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 10)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Speed-up", "heading"))
        column.addLayout(numbers)
        column.addWidget(self._advice)


def share_words(snapshot: JobSnapshot) -> str:
    """Return '92 % of what 4 can do'."""
    if snapshot.speed_up is None or snapshot.workers_target < 1:
        return ""
    if snapshot.state is not JobState.RUNNING:
        return ""
    share = min(round(100 * snapshot.speed_up / snapshot.workers_target), 100)
    return f"{share} % of what {snapshot.workers_target} can do"
