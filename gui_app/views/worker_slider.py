"""How many workers run tasks: a large number, a slider, Auto, and how polite they are."""

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui_app.views.core_slider import CoreSlider
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot

# The first move is sent at once, further ones at most this often, the last one always.
_THROTTLE_MS: Final = 150
# The engine answers within a few ms; when it has not by then, its number is the true one.
_ANSWER_MS: Final = 1500


class WorkerSlider(QWidget):
    """Shows the engine's target; a person's move wins until the engine has answered."""

    workers_changed = Signal(int)
    auto_chosen = Signal()
    responsive_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = PlainLabel("1", "big")
        self._of = PlainLabel("of 1 core", "muted")
        self._slider = CoreSlider()
        self._auto = push_button("Auto", "link")
        self._auto.setToolTip("Let Everycore choose how many")
        self._responsive = QCheckBox("Keep this computer responsive")
        self._responsive.setToolTip("Workers step back whenever another program needs a core")
        self._responsive.setChecked(True)
        self._throttle = QTimer(self, singleShot=True, interval=_THROTTLE_MS)
        self._awaiting = QTimer(self, singleShot=True, interval=_ANSWER_MS)
        self._sent: int | None = None
        self._lay_out()
        self._slider.valueChanged.connect(self._follow_gesture)
        self._slider.sliderReleased.connect(self._send)
        self._throttle.timeout.connect(self._send)
        self._auto.clicked.connect(self._choose_auto)
        self._responsive.clicked.connect(self.responsive_changed)

    @property
    def value(self) -> int:
        """Return the number shown."""
        return self._slider.value()

    @property
    def maximum(self) -> int:
        """Return the largest number there is."""
        return self._slider.maximum()

    def setValue(self, count: int) -> None:
        """Move the slider as a person would."""
        self._slider.setValue(count)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the engine's target, unless a gesture is still on its way there."""
        self._show_responsive(snapshot.is_responsive)
        target = max(snapshot.workers_target, 1)
        if target == self._sent:
            self._awaiting.stop()
        is_gesture = self._slider.isSliderDown() or self._throttle.isActive()
        if is_gesture or self._awaiting.isActive():
            return
        self._slider.blockSignals(True)
        self._slider.setRange(1, max(snapshot.workers_maximum, target))
        self._slider.setValue(target)
        self._slider.blockSignals(False)
        self._sent = target
        self._show_number()

    def _follow_gesture(self) -> None:
        self._show_number()
        self._awaiting.start()
        if not self._throttle.isActive():
            self._send()

    def _send(self) -> None:
        if self._slider.value() == self._sent:
            return
        self._sent = self._slider.value()
        self._throttle.start()
        self._awaiting.start()
        self.workers_changed.emit(self._sent)

    def _choose_auto(self) -> None:
        self._throttle.stop()
        self._awaiting.stop()
        self.auto_chosen.emit()

    def _show_number(self) -> None:
        maximum = self._slider.maximum()
        self._number.setText(str(self._slider.value()))
        self._of.setText(f"of {maximum} {'core' if maximum == 1 else 'cores'}")
        self._slider.setEnabled(maximum > 1)

    def _show_responsive(self, is_responsive: bool) -> None:
        if self._responsive.isChecked() is not is_responsive:
            self._responsive.setChecked(is_responsive)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.addWidget(PlainLabel("Workers", "heading"))
        heading.addStretch(1)
        heading.addWidget(self._auto)
        row = QHBoxLayout()
        row.setSpacing(4)
        # The smaller words stand on the line of the large number.
        self._of.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self._number, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self._of, 0, Qt.AlignmentFlag.AlignBottom)
        row.addSpacing(16)
        row.addWidget(self._slider, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(heading)
        column.addLayout(row)
        column.addWidget(self._responsive)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
