"""Where the outputs go, how they are named, and what happens to files already there."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui_app.output_choices import OutputChoices
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
_IN_PLACE = "In place of the originals"
# By the field of OutputChoices, what the box says.
_BOXES = {
    "keeps_dates": "Keep the dates of the inputs",
    "only_smaller": "Keep what would not get smaller",
    "is_watching": "Watch for new files",
    "is_in_place": "Replace the originals",
}
_BOX_TIPS = {
    "keeps_dates": "Each output gets the time of its input.",
    "only_smaller": "Where the result is no smaller than the original, the original is kept.",
    "is_watching": "The job stays open and takes files that come or change in the dropped folders.",
    "is_in_place": "Each output takes the place of its input, which goes to the trash.",
}
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
    # OutputChoices, as they stand there
    choices_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: Path | None = None
        self._beside: Path | None = None
        self._of_job: Path | None = None
        self._is_job_in_place = False
        self._is_fixed = False
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
        self._boxes = {field: QCheckBox(words) for field, words in _BOXES.items()}
        self._more = push_button("More…", "link")
        self._more.setAccessibleName("More choices on names, dates, new files and originals")
        self._on_existing = ChoiceBox()
        self._on_existing.setAccessibleName("When an output is already there")
        for index, (choice, words) in enumerate(_ON_EXISTING.items()):
            self._on_existing.addItem(words, choice)
            self._on_existing.setItemData(index, _ON_EXISTING_TIPS[choice], 3)
        self._lay_out()
        self._change.clicked.connect(self._ask_folder)
        self._reset.clicked.connect(self._emit_reset)
        self._on_existing.activated.connect(self._emit_on_existing)
        self._template.textEdited.connect(self._emit_choices)
        self._template.textChanged.connect(self._tell_cleared)
        for field, box in self._boxes.items():
            box.setToolTip(_BOX_TIPS[field])
            box.clicked.connect(self._emit_choices)
        self._more.clicked.connect(self._toggle_more)
        self._show_more(False)
        self._show()

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the folder of a job that is under way, when nothing can be changed.

        Once it has ended, all that stands here is about the next job.
        """
        self._is_fixed = snapshot.state in (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)
        self._of_job = snapshot.output if self._is_fixed else None
        self._is_job_in_place = snapshot.is_in_place
        self._show()

    def apply_beside(self, folder: Path | None) -> None:
        """Show which folder beside the input is meant while none is chosen."""
        self._beside = folder
        self._show()

    def apply_output(self, folder: Path | None) -> None:
        """Show the chosen folder; None means beside the input."""
        self._chosen = folder
        self._show()

    def apply_on_existing(self, choice: OnExisting) -> None:
        """Show that choice."""
        self._on_existing.setCurrentIndex(list(_ON_EXISTING).index(choice))
        self._on_existing.setToolTip(_ON_EXISTING_TIPS[choice])

    @property
    def choices(self) -> OutputChoices:
        """Return the choices as they stand there."""
        checked = {field: box.isChecked() for field, box in self._boxes.items()}
        return OutputChoices(self._template.text(), **checked)

    def apply_choices(self, choices: OutputChoices) -> None:
        """Show those choices."""
        if choices.names != self._template.text():  # else the cursor would jump to the end
            self._template.setText(choices.names)
        for field, box in self._boxes.items():
            box.setChecked(getattr(choices, field))
        if choices != OutputChoices():
            self._show_more(True)
        self._show()

    def apply_names(self, sentence: str, *, is_wrong: bool) -> None:
        """Show how outputs are named, or what is wrong with the template."""
        set_role(self._names, "fail" if is_wrong else "small")
        self._names.setText(sentence)

    def _show(self) -> None:
        """Show where outputs go, and let be chosen what makes sense there."""
        is_free = not self._is_fixed
        is_in_place = self._is_job_in_place if self._is_fixed else self.choices.is_in_place
        folder = self._of_job or self._chosen or self._beside
        if is_in_place:
            self._folder.setText(_IN_PLACE)
        else:
            self._folder.setText(_BESIDE if folder is None else printable(folder.name or folder))
        self._folder.set_tip("" if folder is None or is_in_place else printable(folder))
        self._change.setEnabled(is_free and not is_in_place)
        self._reset.setVisible(is_free and not is_in_place and self._chosen is not None)
        for widget in (self._on_existing, self._template):
            widget.setEnabled(is_free and not is_in_place)
        for box in self._boxes.values():
            box.setEnabled(is_free)

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
        for widget in (self._template, *self._boxes.values()):
            widget.setVisible(is_shown)
        self._more.setText("Less" if is_shown else "More…")

    def _emit_choices(self) -> None:
        self._show()
        self.choices_changed.emit(self.choices)

    def _tell_cleared(self, template: str) -> None:
        if not template:  # by the button in the field, which is no edit
            self._emit_choices()

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
        for box in self._boxes.values():
            column.addWidget(box)
        set_role(self._on_existing, "quiet")
