"""The preview: one file as it is, and as the pipeline would leave it."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui_app.theme import set_role
from gui_app.views.compare_view import CompareView
from gui_app.views.plain_label import PlainLabel
from gui_app.views.preview_table import PreviewTable
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState
from workers.preview import Preview, Side
from workers.sampling import Estimate
from workers.wording import count_words, printable, size_words, time_words

_LEAST_S = 0.1
_NOTHING = "Select a file to see what the pipeline makes of it."


class PreviewPanel(QWidget):
    """Shows pictures with a line between them, tables as rows; figures above, a sentence below."""

    estimate_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = PlainLabel("Preview", "heading", elides=True)
        self._figures = PlainLabel("", "small")
        self._empty = PlainLabel(_NOTHING, "muted", wraps=True)
        self.compare = CompareView()
        self.table = PreviewTable()
        self._estimate = PlainLabel("", "small", elides=True)
        self._try = push_button("Try five files", "link")
        self._try.setToolTip("The smallest, three of the middle and the largest, on one core")
        self._message = PlainLabel("", "small", wraps=True)
        self._message.hide()
        self._path: Path | None = None
        self._pages = QStackedWidget()
        for page in (self._empty, self.compare, self.table):
            self._pages.addWidget(page)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._name, 1)
        head.addWidget(self._figures)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._pages, 1)
        column.addWidget(self._message)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self._estimate, 1)
        foot.addWidget(self._try)
        column.addLayout(foot)
        self._try.clicked.connect(self.estimate_pressed)

    @property
    def estimate_words(self) -> str:
        """Return what the job is likely to take, or nothing."""
        return self._estimate.whole_text

    @property
    def try_button(self) -> QPushButton:
        """Return the button that has files tried."""
        return self._try

    def apply_state(self, snapshot: JobSnapshot) -> None:
        """Offer to try files before a start only."""
        is_draft = snapshot.state is JobState.DRAFT
        self._try.setVisible(is_draft)
        self._estimate.setVisible(is_draft)
        self._try.setEnabled(snapshot.counts.waiting > 0 and not snapshot.is_discovering)

    def forget_estimate(self) -> None:
        """Say nothing of another pipeline than the one that was tried."""
        self._estimate.setText("")

    def show_progress(self, done: int, total: int) -> None:
        """Say how far it is."""
        self._estimate.setText(f"Trying file {min(done + 1, total)} of {total}…" if total else "")

    def show_estimate(self, found: Estimate | None, workers: int) -> None:
        """Say what the job is likely to take and to write."""
        self._estimate.setText(estimate_words(found, workers))

    @property
    def figures(self) -> str:
        """Return the line of sizes."""
        return self._figures.whole_text

    @property
    def message(self) -> str:
        """Return the sentence below, or nothing."""
        return self._message.whole_text

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is shown yet."""
        return self._pages.currentWidget() is self._empty

    def begin(self, path: Path | None) -> None:
        """Name the file that is looked at; what is shown stays until the answer is here."""
        self._name.setText("Preview" if path is None else printable(path.name))
        if path is None:
            self._empty.setText(_NOTHING)
            self._pages.setCurrentWidget(self._empty)
            self._figures.setText("")
            self._say("", is_bad=False)
        elif path != self._path:
            self.compare.fit()
        self._path = path

    def apply(self, preview: Preview) -> None:
        """Show what the pipeline makes of the file."""
        before, after = preview.before, preview.after
        self._figures.setText(_figures(preview))
        self._say(preview.message, is_bad=after is None)
        pictures = [_image(before), _image(after)]
        if any(not picture.isNull() for picture in pictures):
            self.compare.show_pictures(*pictures)
            self._pages.setCurrentWidget(self.compare)
        elif any(side is not None and (side.rows or side.columns) for side in (before, after)):
            self.table.show_sides(before, after)
            self._pages.setCurrentWidget(self.table)
        else:
            self._empty.setText("There is nothing to see of this file.")
            self._pages.setCurrentWidget(self._empty)

    def _say(self, words: str, *, is_bad: bool) -> None:
        set_role(self._message, "fail" if is_bad else "warn")
        self._message.setText(words)
        self._message.setVisible(bool(words))


def estimate_words(found: Estimate | None, workers: int) -> str:
    """Return 'About 40 s on 2 workers (1 min on one), 31 MB written; 5 files tried'."""
    if found is None:
        return "None of the files that were tried can be processed."
    together = time_words(found.seconds_on(workers))
    alone = f" ({time_words(found.seconds)} on one)" if workers > 1 else ""
    written = "before they become one file"
    if found.written is not None:
        written = f"{size_words(found.written)} written"
    return (
        f"About {together} on {count_words(workers, 'worker')}{alone}, {written}; "
        f"{count_words(found.tried, 'file')} tried."
    )


def _image(side: Side | None) -> QImage:
    return QImage() if side is None or not side.picture else QImage.fromData(side.picture)


def _figures(preview: Preview) -> str:
    """Return "4,000 × 3,000 → 1,024 × 768   4.2 MB → 310 kB (7 %)   0.2 s"."""
    before, after = preview.before, preview.after
    if before is None:
        return ""
    if after is None:
        return f"{_extent(before)}   {size_words(before.size)}".strip()
    if preview.is_partial:  # of all files together, one is made
        parts = (_extent(before), size_words(before.size), _time(preview.seconds))
        return "   ".join(filter(None, parts))
    share = f" ({100 * after.size / before.size:.0f} %)" if before.size else ""
    sizes = f"{size_words(before.size)} → {size_words(after.size)}{share}"
    old, new = _extent(before), _extent(after)
    extent = old if old == new else f"{old} → {new}"
    return "   ".join(part for part in (extent, sizes, _time(preview.seconds)) if part)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= _LEAST_S else f"{1000 * seconds:.0f} ms"


def _extent(side: Side) -> str:
    if side.width:
        return f"{side.words} {side.width:,} × {side.height:,}"
    return side.words
