"""Asks for the name under which a pipeline is kept."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button

_WIDTH_PX = 380


class PresetNameDialog(QDialog):
    """Tells the name when it is accepted. Opened with `open`, it blocks nothing."""

    name_chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save as preset")
        self.setFixedWidth(_WIDTH_PX)
        self.field = QLineEdit(name)
        self.field.setAccessibleName("Name of the preset")
        self.field.selectAll()
        self._save = push_button("Save", "primary")
        self._cancel = push_button("Cancel")
        self._save.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self._cancel)
        buttons.addWidget(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(PlainLabel("Save as preset", "title"))
        column.addWidget(PlainLabel("It is in the list of presets from now on.", "muted"))
        column.addWidget(self.field)
        column.addSpacing(4)
        column.addLayout(buttons)
        self.field.textChanged.connect(self._judge)
        self._save.clicked.connect(self._tell)
        self._cancel.clicked.connect(self.reject)
        self._judge()

    def _judge(self) -> None:
        self._save.setEnabled(bool(self.field.text().strip()))

    def _tell(self) -> None:
        self.name_chosen.emit(self.field.text())
        self.accept()
