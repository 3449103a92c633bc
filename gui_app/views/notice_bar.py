"""The amber line: the latest thing that went wrong or asks for the person."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from gui_app.theme import set_role
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import IconButton, IconLabel, push_button
from workers import JobSnapshot


class NoticeBar(QFrame):
    """One sentence, Details where problems can be listed, and a way to put it aside."""

    details_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "notice")
        self._sentence = PlainLabel("", "warn", wraps=True)
        self._details = push_button("Details", "link")
        self._close = IconButton("close", "Put this notice aside", "warn")
        # What the engine said last: a notice put aside stays away until a new one comes.
        self._engine_sentence = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 6, 5)
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", 14, "warn"))
        row.addWidget(self._sentence, 1)
        row.addWidget(self._details)
        row.addWidget(self._close)
        self._details.clicked.connect(self.details_pressed)
        self._close.clicked.connect(self.hide)
        self.hide()

    @property
    def sentence(self) -> str:
        """Return the sentence shown, or nothing."""
        return "" if self.isHidden() else self._sentence.whole_text

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show what the engine has to say, once."""
        asks = snapshot.refusal or snapshot.pause_reason
        said = asks or snapshot.notice
        self._details.setVisible(snapshot.counts.failed > 0 and not asks)
        if said == self._engine_sentence:
            return
        self._engine_sentence = said
        self.show_sentence(said)

    def show_sentence(self, sentence: str) -> None:
        """Show that sentence; an empty one hides the line."""
        self._sentence.setText(sentence)
        self.setVisible(bool(sentence))
