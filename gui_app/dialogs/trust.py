"""Asks before a Python file runs that this person has not yet allowed in this very form."""

from pathlib import Path

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel
from workers.wording import printable

_SENTENCE = (
    "It can do whatever you can: read, change and delete your files. "
    "Run it only when you know where it comes from. "
    "Everycore asks again when the file changes."
)
# Enough to read what it does; a person who wants more opens it in an editor.
_SHOWN_CHARACTERS = 100_000


class TrustDialog(QDialog):
    """Accepted means: files of this digest may run."""

    def __init__(self, file: Path, digest: str, source: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run own code")
        self.resize(640, 480)
        self.file = file
        self.digest = digest
        code = QPlainTextEdit()
        code.setPlainText(
            "\n".join(
                printable(line.expandtabs(4)) for line in source[:_SHOWN_CHARACTERS].splitlines()
            )
        )
        code.setReadOnly(True)
        code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        code.setAccessibleName("The file's code")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(PlainLabel(f"Run {printable(file.name)}?", "title", elides=True))
        column.addWidget(PlainLabel(printable(file), "small", elides=True))
        column.addWidget(PlainLabel(_SENTENCE, wraps=True))
        column.addWidget(code, 1)
        column.addWidget(PlainLabel(f"SHA-256 {digest}", "small", elides=True))
        column.addWidget(self._buttons())

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        run = buttons.addButton("Run this file", QDialogButtonBox.ButtonRole.AcceptRole)
        keep = buttons.addButton("Do not run", QDialogButtonBox.ButtonRole.RejectRole)
        # Return must not allow it: the safe answer is the default one.
        run.setAutoDefault(False)
        keep.setDefault(True)
        set_role(keep, "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons
