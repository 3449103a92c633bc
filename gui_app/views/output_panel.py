"""Where the outputs go, how they are named, and what happens to files already there."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui_app.theme import set_role
from gui_app.views.choice_box import ChoiceBox
from gui_app.views.choosers import choose_folder
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from workers import JobSnapshot, JobState, OnExisting
from workers.wording import printable

_BESIDE = "Beside the dropped folder"
_FIELDS = (
    "{name} {ext} {parent} {index:04} {date:%Y-%m} {width} {height} {hash:8}\n"
    "With a slash, the path below the output folder: {date:%Y}/{name}"
)
_WATCH_TIP = (
    "The job stays open and takes files that come or change in the dropped folders, "
    "once they are written to their end."
)
_ON_EXISTING = {
    OnExisting.SKIP: "Keep existing files",
    OnExisting.RENAME: "Number the new ones",
    OnExisting.REPLACE: "Replace existing files",
}
_ON_EXISTING_TIPS = {
    OnExisting.SKIP: "A file that is already there stays; its input is skipped.",
    OnExisting.RENAME: "A file that is already there stays; the new one gets a number.",
    OnExisting.REPLACE: "A file that is already there goes to the trash first.",
}


class OutputPanel(QWidget):
    """The folder, the names, the choice on existing files."""

    output_chosen = Signal(object)
    on_existing_chosen = Signal(object)
    # a template, empty for names like the inputs'
    names_chosen = Signal(str)
    dates_chosen = Signal(bool)
    watching_chosen = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: Path | None = None
        self._beside: Path | None = None
        self._of_job: Path | None = None
        self._folder = PlainLabel(_BESIDE, elides=True)
        self._change = push_button("Change…", "link")
        self._change.setAccessibleName("Change the output folder")
        self._reset = push_button("Put them beside the input", "link")
        self._template = QLineEdit()
        self._template.setPlaceholderText("Names like the inputs")
        self._template.setAccessibleName("Names of the outputs")
        self._template.setToolTip(_FIELDS)
        self._template.setClearButtonEnabled(True)
        self._names = PlainLabel("Same names", "small", wraps=True)
        self._dates = QCheckBox("Keep the dates of the inputs")
        self._watch = QCheckBox("Watch for new files")
        self._watch.setToolTip(_WATCH_TIP)
        self._more = push_button("More…", "link")
        self._more.setAccessibleName("More choices on names, dates and new files")
        self._on_existing = ChoiceBox()
        self._on_existing.setAccessibleName("When an output is already there")
        for index, (choice, words) in enumerate(_ON_EXISTING.items()):
            self._on_existing.addItem(words, choice)
            self._on_existing.setItemData(index, _ON_EXISTING_TIPS[choice], 3)
        self._lay_out()
        self._change.clicked.connect(self._ask_folder)
        self._reset.clicked.connect(self._emit_reset)
        self._on_existing.activated.connect(self._emit_on_existing)
        self._template.textEdited.connect(self._emit_names)
        self._template.textChanged.connect(self._tell_cleared)
        self._dates.clicked.connect(self.dates_chosen)
        self._watch.clicked.connect(self.watching_chosen)
        self._more.clicked.connect(self._toggle_more)
        self._show_more(False)
        self._show_folder(None)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the folder of the job; while it is under way nothing can be changed."""
        is_fixed = snapshot.state in (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)
        self._change.setEnabled(not is_fixed)
        for widget in (self._on_existing, self._template, self._dates, self._watch):
            widget.setEnabled(not is_fixed)
        if snapshot.output != self._of_job:
            self._of_job = snapshot.output
            self._show_folder(self._of_job or self._chosen or self._beside)
        self._reset.setVisible(not is_fixed and self._chosen is not None)

    def apply_beside(self, folder: Path | None) -> None:
        """Show which folder beside the input is meant while none is chosen."""
        self._beside = folder
        self._show_folder(self._of_job or self._chosen or folder)

    def apply_output(self, folder: Path | None) -> None:
        """Show the chosen folder; None means beside the input."""
        self._chosen = folder
        self._show_folder(folder or self._beside)
        self._reset.setVisible(folder is not None)

    def apply_on_existing(self, choice: OnExisting) -> None:
        """Show that choice."""
        self._on_existing.setCurrentIndex(list(_ON_EXISTING).index(choice))
        self._on_existing.setToolTip(_ON_EXISTING_TIPS[choice])

    @property
    def names(self) -> str:
        """Return the template as it stands there."""
        return self._template.text()

    def apply_naming(self, template: str, is_date_kept: bool) -> None:
        """Show those choices."""
        self._template.setText(template)
        self._dates.setChecked(is_date_kept)
        if template or is_date_kept:
            self._show_more(True)

    def apply_watching(self, is_wanted: bool) -> None:
        """Show that choice."""
        self._watch.setChecked(is_wanted)
        if is_wanted:
            self._show_more(True)

    def apply_names(self, sentence: str, *, is_wrong: bool) -> None:
        """Show how outputs are named, or what is wrong with the template."""
        set_role(self._names, "fail" if is_wrong else "small")
        self._names.setText(sentence)

    def _show_folder(self, folder: Path | None) -> None:
        self._folder.setText(_BESIDE if folder is None else printable(folder.name or folder))
        self._folder.set_tip("" if folder is None else printable(folder))

    def _ask_folder(self) -> None:
        choose_folder(self, "Output folder", self._emit_output)

    def _emit_output(self, folder: str) -> None:
        self.output_chosen.emit(Path(folder))

    def _emit_reset(self) -> None:
        self.output_chosen.emit(None)

    def _toggle_more(self) -> None:
        self._show_more(self._template.isHidden())
        if not self._template.isHidden():
            self._template.setFocus()

    def _show_more(self, is_shown: bool) -> None:
        self._template.setVisible(is_shown)
        self._dates.setVisible(is_shown)
        self._watch.setVisible(is_shown)
        self._more.setText("Less" if is_shown else "More…")

    def _emit_names(self, template: str) -> None:
        self.names_chosen.emit(template)

    def _tell_cleared(self, template: str) -> None:
        if not template:  # by the button in the field, which is no edit
            self.names_chosen.emit("")

    def _emit_on_existing(self, index: int) -> None:
        choice = list(_ON_EXISTING)[index]
        self._on_existing.setToolTip(_ON_EXISTING_TIPS[choice])
        self.on_existing_chosen.emit(choice)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.addWidget(PlainLabel("Output", "heading"))
        heading.addStretch(1)
        heading.addWidget(self._change)
        reset = QHBoxLayout()
        reset.addWidget(self._reset)
        reset.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(heading)
        column.addWidget(self._folder)
        column.addLayout(reset)
        column.addWidget(self._template)
        column.addWidget(self._names)
        choice = QHBoxLayout()
        choice.addWidget(self._on_existing, 1)
        choice.addWidget(self._more)
        column.addLayout(choice)
        column.addWidget(self._dates)
        column.addWidget(self._watch)
        set_role(self._on_existing, "quiet")
