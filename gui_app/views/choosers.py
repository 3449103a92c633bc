"""The system's dialogs for files, folders and colours; none of them blocks."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFileDialog, QWidget


def choose_files(parent: QWidget, title: str, chosen: Callable[[list[str]], None]) -> QFileDialog:
    """Ask for files; `chosen`, a bound method of a QObject, gets their paths."""
    dialog = _dialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.filesSelected.connect(chosen)
    dialog.open()
    return dialog


def choose_folder(parent: QWidget, title: str, chosen: Callable[[str], None]) -> QFileDialog:
    """Ask for a folder; `chosen`, a bound method of a QObject, gets its path."""
    dialog = _dialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(chosen)
    dialog.open()
    return dialog


def choose_file(
    parent: QWidget, title: str, pattern: str, chosen: Callable[[str], None]
) -> QFileDialog:
    """Ask for one file that matches a pattern such as `Python files (*.py)`."""
    dialog = _dialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(pattern)
    dialog.fileSelected.connect(chosen)
    dialog.open()
    return dialog


def choose_colour(
    parent: QWidget, title: str, shown: QColor, chosen: Callable[[QColor], None]
) -> QColorDialog:
    """Ask for a colour, more or less clear; `chosen` gets it."""
    dialog = QColorDialog(shown, parent)
    dialog.setWindowTitle(title)
    dialog.setOption(QColorDialog.ColorDialogOption.ShowAlphaChannel)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.colorSelected.connect(chosen)
    dialog.open()
    return dialog


def _dialog(parent: QWidget, title: str) -> QFileDialog:
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return dialog


def choose_target(
    parent: QWidget, title: str, patterns: str, chosen: Callable[[str], None]
) -> QFileDialog:
    """Ask where a file is to be written; the pattern that is chosen gives it its suffix."""
    dialog = _dialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters(patterns.split(";;"))
    suffixes = _Suffixes(dialog)
    suffixes.take(dialog.nameFilters()[0])
    dialog.filterSelected.connect(suffixes.take)
    dialog.fileSelected.connect(chosen)
    dialog.open()
    return dialog


class _Suffixes(QObject):
    """Gives a file the suffix of the pattern that is chosen."""

    def __init__(self, dialog: QFileDialog) -> None:
        super().__init__(dialog)
        self._dialog = dialog

    def take(self, pattern: str) -> None:
        """Note the pattern, such as `Parquet (*.parquet)`."""
        self._dialog.setDefaultSuffix(pattern.partition("*.")[2].rstrip(")"))
