"""The page of an empty window: drop a folder, choose one, try the samples, go on with a job."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QMimeData, QRectF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.theme import current_tokens, set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import IconLabel, push_button
from workers.snapshot import JobEntry
from workers.typed import override
from workers.wording import printable

_BLURB = "Pictures, tables, arrays. Every core will work on them;\nthe originals stay as they are."


class DropArea(QWidget):
    """Takes drops for the whole window: the window hands its drag events on to it."""

    paths_dropped = Signal(object)
    drop_refused = Signal(str)
    choose_folder_pressed = Signal()
    try_samples_pressed = Signal()
    sweep_pressed = Signal()
    continue_pressed = Signal(object)
    results_pressed = Signal(object)
    discard_pressed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._is_hovered = False
        self._choose = push_button("Choose folder…", "primary")
        self._samples = push_button("Try with samples")
        self._sweep = push_button("Or sweep a function over numbers", "link")
        self._resume = ResumeBar()
        self._lay_out()
        self._choose.clicked.connect(self.choose_folder_pressed)
        self._samples.clicked.connect(self.try_samples_pressed)
        self._sweep.clicked.connect(self.sweep_pressed)
        self._resume.continue_pressed.connect(self.continue_pressed)
        self._resume.results_pressed.connect(self.results_pressed)
        self._resume.discard_pressed.connect(self.discard_pressed)

    def apply_unfinished(self, entry: JobEntry | None) -> None:
        """Offer to go on with that job; none hides the offer."""
        self._resume.apply(entry)

    def take_focus(self) -> None:
        """Give the keyboard to the first button."""
        self._choose.setFocus(Qt.FocusReason.OtherFocusReason)

    def accept_drag(self, event: QDragEnterEvent) -> bool:
        """Welcome files and folders, and addresses too: they are refused with a sentence."""
        if not event.mimeData().hasUrls():
            return False
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self._hover(True)
        return True

    def end_drag(self) -> None:
        """Look as before the drag."""
        self._hover(False)

    def take_drop(self, event: QDropEvent) -> None:
        """Tell what was dropped."""
        self._hover(False)
        paths, refusal = dropped_paths(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if paths:
            self.paths_dropped.emit(paths)
        if refusal:
            self.drop_refused.emit(refusal)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.accept_drag(event)

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.end_drag()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self.take_drop(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = current_tokens()
        fill = tokens.accent_soft if self._is_hovered else tokens.surface
        paint_dashed(painter, QRectF(self.rect()), fill)

    def _hover(self, is_hovered: bool) -> None:
        self._is_hovered = is_hovered
        self.update()

    def _lay_out(self) -> None:
        blurb = PlainLabel(_BLURB, "muted")
        title = PlainLabel("Drop a folder here", "display")
        for label in (title, blurb):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(16)
        buttons.addStretch(1)
        for button in (self._choose, self._samples):
            button.setMinimumSize(148, 36)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(IconLabel("bars-large", 96), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(12)
        column.addWidget(title)
        column.addWidget(blurb)
        column.addSpacing(12)
        column.addLayout(buttons)
        column.addSpacing(4)
        column.addWidget(self._sweep, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        column.addWidget(self._resume)


class ResumeBar(QFrame):
    """'Scans' stopped at 812 of 1,284. Continue, Show results, Discard."""

    continue_pressed = Signal(object)
    results_pressed = Signal(object)
    discard_pressed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        set_role(self, "well")
        self._entry: JobEntry | None = None
        self._sentence = PlainLabel("", elides=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 8)
        row.setSpacing(8)
        row.addWidget(self._sentence, 1)
        resume = push_button("Continue", "strong-link")
        results = push_button("Show results", "strong-link")
        discard = push_button("Discard", "strong-link")
        row.addWidget(resume)
        row.addWidget(PlainLabel("·", "muted"))
        row.addWidget(results)
        row.addWidget(PlainLabel("·", "muted"))
        row.addWidget(discard)
        resume.clicked.connect(self._emit_continue)
        results.clicked.connect(self._emit_results)
        discard.clicked.connect(self._emit_discard)
        self.hide()

    def apply(self, entry: JobEntry | None) -> None:
        """Offer to go on with that job."""
        self._entry = entry
        self.setVisible(entry is not None)
        if entry is not None:
            counts = entry.counts
            self._sentence.setText(
                f"'{printable(entry.name)}' stopped at {counts.ended:,} of {counts.total:,}."
            )

    def _emit_continue(self) -> None:
        if self._entry is not None:
            self.continue_pressed.emit(self._entry.job)

    def _emit_results(self) -> None:
        if self._entry is not None:
            self.results_pressed.emit(self._entry.job)

    def _emit_discard(self) -> None:
        if self._entry is not None:
            self.discard_pressed.emit(self._entry.job)


def paint_dashed(painter: QPainter, area: QRectF, fill: str) -> None:
    """Paint a rounded field with the dashed border that says: drop here."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(current_tokens().accent), 1.5)
    pen.setDashPattern([6.0, 4.0])
    painter.setPen(pen)
    painter.setBrush(QColor(fill))
    painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 8, 8)


def dropped_paths(mime: QMimeData) -> tuple[tuple[Path, ...], str]:
    """Return the local paths, in order and each once, and why the rest was refused.

    Touches no file: a path may lie on a drive that does not answer.
    """
    paths: dict[Path, None] = {}
    refusal = ""
    for url in mime.urls():
        path = _local_path(url)
        if path is None:
            refusal = _refusal(url)
        else:
            paths[path] = None
    return tuple(paths), refusal


def _local_path(url: QUrl) -> Path | None:
    if not url.isLocalFile() or url.host() not in ("", "localhost"):
        return None
    if sys.platform == "win32":
        text = url.toLocalFile()
    else:
        # toLocalFile() would replace bytes that are not UTF-8; the file would not be found.
        encoded = url.path(QUrl.ComponentFormattingOption.FullyEncoded)
        text = os.fsdecode(unquote_to_bytes(encoded))
    is_elsewhere = text.startswith(("//", "\\\\"))
    return Path(text) if text and "\0" not in text and not is_elsewhere else None


def _refusal(url: QUrl) -> str:
    if url.isLocalFile():
        host = printable(url.host()) or "another computer"
        return f"That lies on {host}. Connect it as a drive, or copy it here, then drop it again."
    scheme = printable(url.scheme()) or "This"
    return f"{scheme}: addresses are not files on this computer. Save them here, then drop them."
