"""The settings: every choice takes effect at once, there is no OK to forget."""

from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui_app.settings import Choices
from gui_app.theme import ThemeChoice, set_role
from gui_app.views.choice_box import ChoiceBox
from gui_app.views.plain_label import PlainLabel
from gui_app.views.spin_box import CountBox
from workers import OnExisting

_THEMES = {
    ThemeChoice.SYSTEM: "Like the system",
    ThemeChoice.LIGHT: "Light",
    ThemeChoice.DARK: "Dark",
}
_ON_EXISTING = {
    OnExisting.SKIP: "Keep existing files",
    OnExisting.RENAME: "Number the new ones",
    OnExisting.REPLACE: "Replace existing files",
}


class SettingsDialog(QDialog):
    """Theme, workers, what becomes of existing files."""

    choices_changed = Signal(object)

    def __init__(
        self,
        choices: Choices,
        workers_maximum: int,
        workers_auto: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.setMinimumWidth(420)
        self._choices = choices
        self._workers_auto = workers_auto
        self.theme_box = _combo(tuple(_THEMES.values()), list(_THEMES).index(choices.theme))
        self.on_existing_box = _combo(
            tuple(_ON_EXISTING.values()), list(_ON_EXISTING).index(choices.on_existing)
        )
        self.auto_box = QCheckBox("As many as suit this computer")
        self.auto_box.setChecked(choices.workers is None)
        self.workers_box = CountBox()
        self.workers_box.setRange(1, max(workers_maximum, 1))
        self.workers_box.setSuffix(f" of {workers_maximum}")
        self.workers_box.setAccessibleName("Workers")
        self.workers_box.setValue(choices.workers or workers_auto)
        self.workers_box.setEnabled(choices.workers is not None)
        self.responsive_box = QCheckBox("Keep this computer responsive")
        self.responsive_box.setChecked(choices.is_responsive)
        self._lay_out()
        self._connect()

    @property
    def choices(self) -> Choices:
        """Return the choices as they are shown."""
        return self._choices

    def _connect(self) -> None:
        self.theme_box.currentIndexChanged.connect(self._take)
        self.on_existing_box.currentIndexChanged.connect(self._take)
        self.auto_box.toggled.connect(self._take)
        self.workers_box.valueChanged.connect(self._take)
        self.responsive_box.toggled.connect(self._take)

    def _take(self) -> None:
        is_auto = self.auto_box.isChecked()
        self.workers_box.setEnabled(not is_auto)
        if is_auto:
            self.workers_box.setValue(self._workers_auto)
        taken = replace(
            self._choices,
            theme=list(_THEMES)[self.theme_box.currentIndex()],
            on_existing=list(_ON_EXISTING)[self.on_existing_box.currentIndex()],
            workers=None if is_auto else self.workers_box.value(),
            is_responsive=self.responsive_box.isChecked(),
        )
        if taken != self._choices:
            self._choices = taken
            self.choices_changed.emit(taken)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        form.addRow(_label("Theme"), self.theme_box)
        form.addRow(_label("When an output is already there"), self.on_existing_box)
        form.addRow(_label("Workers"), self.auto_box)
        form.addRow(_label(""), self.workers_box)
        form.addRow(_label(""), self.responsive_box)
        note = PlainLabel(
            "Responsive workers step back whenever another program needs a core.",
            "small",
            wraps=True,
        )
        form.addRow(_label(""), note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        column.addWidget(PlainLabel("Settings", "title"))
        column.addLayout(form)
        column.addStretch(1)
        column.addWidget(buttons)
        set_role(self, "dialog")


def _combo(words: tuple[str, ...], current: int) -> QComboBox:
    combo = ChoiceBox()
    combo.addItems(list(words))
    combo.setCurrentIndex(current)
    return combo


def _label(words: str) -> PlainLabel:
    """Return a label that stands in the middle of its row."""
    label = PlainLabel(words)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    return label
