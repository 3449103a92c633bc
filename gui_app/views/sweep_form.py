"""The form of a sweep: a function, the ranges of its parameters, where the results go."""

from pathlib import Path
from typing import Final

from msgspec import Struct
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui_app.theme import set_role
from gui_app.views.choice_box import ChoiceBox
from gui_app.views.choosers import choose_file, choose_target
from gui_app.views.dashed_button import DashedButton
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import push_button
from resources import sweeps_path
from workers import JobId, JobSnapshot, JobState, Sweep
from workers.errors import EverycoreError
from workers.operations.sweep import point_count
from workers.sweep_ranges import parse_axes, range_words
from workers.wording import count_words, printable

_UNDER_WAY: Final = (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)
_RANGE_TIP: Final = (
    "START:STOP or START:STOP:STEP, STOP left out\n"
    "1, 2, 5 for single values\n"
    "START:STOP:random:COUNT or START:STOP:random:COUNT:SEED"
)
_OTHER: Final = "Python file…"
_WHERE: Final = "A range"


class Example(Struct, frozen=True):
    """A bundled function with ranges that show something."""

    title: str
    function: str
    ranges: tuple[tuple[str, str], ...]


EXAMPLES: Final = (
    Example("Mandelbrot set", "mandelbrot", (("y", "-1.2:1.2:0.006"), ("x", "-2.2:0.9:0.006"))),
    Example("Pi by chance", "pi", (("seed", "0:2000"),)),
    Example("How dense primes are", "primes", (("n", "0:2000000:1000"),)),
    Example("Squares", "square", (("n", "0:100000"),)),
)


class SweepForm(QWidget):
    """Tells a whole sweep when Start is pressed; what is wrong stands in a sentence."""

    # the sweep and the file of its results
    start_pressed = Signal(object, object)
    back_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = sweeps_path() / f"{EXAMPLES[0].function}.py"
        self._chosen_target: Path | None = None
        self._job: JobId | None = None
        self._told: Sweep | None = None
        self._choice = ChoiceBox()
        self._choice.setAccessibleName("Function to sweep over")
        set_role(self._choice, "preset")
        for example in EXAMPLES:
            self._choice.addItem(example.title)
        self._choice.addItem(_OTHER)
        self._function = QLineEdit()
        self._function.setPlaceholderText("Name of the function")
        self._function.setAccessibleName("Name of the function")
        self._names: list[QLineEdit] = []
        self._ranges: list[QLineEdit] = []
        self._add = DashedButton("+ Add range")
        self._points = PlainLabel("", "small", wraps=True)
        self._target = PlainLabel("", elides=True)
        self._change = push_button("Change…", "link")
        self._start = push_button("Start sweep", "primary")
        self._back = push_button("Back to files", "link")
        self._lay_out()
        self._choice.activated.connect(self._choose)
        self._add.clicked.connect(self._add_empty)
        self._change.clicked.connect(self._ask_target)
        self._start.clicked.connect(self._tell)
        self._back.clicked.connect(self.back_pressed)
        self._function.textChanged.connect(self._judge)
        self._show_example(EXAMPLES[0])

    @property
    def ranges(self) -> tuple[QLineEdit, ...]:
        """Return the fields of the ranges, in order."""
        return tuple(self._ranges)

    @property
    def sentence(self) -> str:
        """Return how many points there are, or what is wrong."""
        return self._points.whole_text

    def choose_example(self, title: str) -> None:
        """Show a bundled example by its title."""
        self._choice.setCurrentText(title)
        self._choose(self._choice.currentIndex())

    def apply(self, snapshot: JobSnapshot) -> None:
        """Show the sweep of a job that is opened; forbid changes while it is under way."""
        if snapshot.job != self._job:
            self._job = snapshot.job
            if snapshot.sweep is not None:
                self._show_sweep(snapshot.sweep)
        is_free = snapshot.state not in _UNDER_WAY
        for widget in (self._choice, self._function, self._add, self._change, self._start):
            widget.setEnabled(is_free)
        for field in (*self._names, *self._ranges):
            field.setEnabled(is_free)
        self._back.setVisible(snapshot.state is JobState.EMPTY)
        if is_free:
            self._judge()

    def _choose(self, index: int) -> None:
        if index < len(EXAMPLES):
            self._show_example(EXAMPLES[index])
        else:
            choose_file(self, "Own code", "Python files (*.py)", self._take_file)

    def _show_example(self, example: Example) -> None:
        self._file = sweeps_path() / f"{example.function}.py"
        self._function.setText(example.function)
        self._show_ranges(example.ranges)
        self._choice.setToolTip("")

    def _show_sweep(self, sweep: Sweep) -> None:
        if sweep == self._told:
            return
        names = [example.function for example in EXAMPLES]
        if sweep.file.parent == sweeps_path() and sweep.function in names:
            self._choice.setCurrentIndex(names.index(sweep.function))
            self._file = sweep.file
        else:
            self._take_file(str(sweep.file))
        self._function.setText(sweep.function)
        self._show_ranges(tuple((axis.name, range_words(axis)) for axis in sweep.axes))

    def _take_file(self, name: str) -> None:
        self._file = Path(name)
        self._choice.setItemText(len(EXAMPLES), printable(self._file.name))
        self._choice.setCurrentIndex(len(EXAMPLES))
        self._function.setText(self._file.stem)
        self._judge()

    def _show_ranges(self, ranges: tuple[tuple[str, str], ...]) -> None:
        while self._ranges:
            for field in (self._names.pop(), self._ranges.pop()):
                field.hide()
                field.deleteLater()
        for name, written in ranges:
            self._add_range(name, written)
        self._judge()

    def _add_empty(self) -> None:
        self._add_range("", "0:10")
        self._names[-1].setFocus()
        self._judge()

    def _add_range(self, name: str, written: str) -> None:
        name_field, range_field = QLineEdit(name), QLineEdit(written)
        name_field.setPlaceholderText("Name")
        name_field.setAccessibleName("Parameter")
        name_field.setFixedWidth(64)
        range_field.setAccessibleName(f"Range of {name}" if name else "Range")
        range_field.setToolTip(_RANGE_TIP)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(name_field)
        row.addWidget(range_field, 1)
        self._rows.addLayout(row)
        for field in (name_field, range_field):
            field.textChanged.connect(self._judge)
        self._names.append(name_field)
        self._ranges.append(range_field)

    def _sweep(self) -> Sweep:
        """Return what the form says; raises EverycoreError with a sentence."""
        pairs = zip(self._names, self._ranges, strict=True)
        written = [
            f"{name.text().strip()}={values.text().replace(' ', '')}"
            for name, values in pairs
            if name.text().strip()
        ]
        function = self._function.text().strip()
        return Sweep(self._file, function, parse_axes(written, _WHERE))

    def _judge(self) -> None:
        try:
            sweep = self._sweep()
            words, is_right = count_words(point_count(sweep), "point"), bool(sweep.axes)
        except EverycoreError as error:
            words, is_right = str(error), False
        is_named = self._function.text().strip().isidentifier()
        set_role(self._points, "small" if is_right else "fail")
        self._points.setText(words if is_named else "Name a function of the file.")
        self._start.setEnabled(is_right and is_named and self._choice.isEnabled())
        self._target.setText(printable(self._target_path().name))
        self._target.set_tip(printable(self._target_path()))

    def _target_path(self) -> Path:
        if self._chosen_target is not None:
            return self._chosen_target
        return Path.home() / f"{self._function.text().strip() or 'sweep'}.csv"

    def _ask_target(self) -> None:
        patterns = "Tables (*.csv);;Parquet (*.parquet);;NumPy arrays (*.npy)"
        choose_target(self, "Results", patterns, self._take_target)

    def _take_target(self, name: str) -> None:
        self._chosen_target = Path(name)
        self._judge()

    def _tell(self) -> None:
        self._told = self._sweep()
        self.start_pressed.emit(self._told, self._target_path())

    def _lay_out(self) -> None:
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        output = QHBoxLayout()
        output.addWidget(PlainLabel("Results", "heading"), 1)
        output.addWidget(self._change)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(PlainLabel("Sweep", "heading"))
        column.addWidget(self._choice)
        column.addWidget(self._function)
        column.addSpacing(4)
        column.addWidget(PlainLabel("Ranges", "heading"))
        column.addLayout(self._rows)
        column.addWidget(self._add)
        column.addWidget(self._points)
        column.addSpacing(4)
        column.addLayout(output)
        column.addWidget(self._target)
        column.addSpacing(4)
        column.addWidget(self._start)
        column.addWidget(self._back)
        column.addStretch(1)
