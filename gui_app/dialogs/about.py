"""What this program is, its version, and what it is made of."""

import platform

import PySide6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import IconLabel
from workers import __version__


class AboutDialog(QDialog):
    """Name, version, licences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Everycore")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(PlainLabel("Everycore", "display"))
        words.addWidget(PlainLabel("Drop a folder in, and every core works."))
        words.addSpacing(8)
        version = PlainLabel(version_words(), "muted", wraps=True)
        version.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.addWidget(version)
        words.addWidget(
            PlainLabel(
                "MIT licence. Built with Qt for Python (LGPL 3), libvips (LGPL 2.1), "
                "Pillow, polars and NumPy.",
                "small",
                wraps=True,
            )
        )
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(IconLabel("everycore", 72), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(20)
        column.addLayout(row)
        column.addWidget(buttons)
        self.setMinimumWidth(440)


def version_words() -> str:
    """Return the versions that a report of a fault needs."""
    return (
        f"Version {__version__} · Qt {PySide6.__version__} · "
        f"Python {platform.python_version()} · {platform.system()} {platform.machine()}"
    )
