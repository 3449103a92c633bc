"""The steps of the pipeline as cards, with its presets; every edit is told as a new Pipeline."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui_app.theme import set_role
from gui_app.views.choice_box import ChoiceBox
from gui_app.views.choosers import choose_file, choose_target
from gui_app.views.dashed_button import DashedButton
from gui_app.views.plain_label import PlainLabel, plain_tool_tip
from gui_app.views.step_card import StepCard
from gui_app.views.tinted import IconButton
from workers import JobSnapshot, JobState, Kind, Pipeline, Step
from workers.operations.code_steps import first_step, own_operation, wanted_function
from workers.operations.declaration import Operation
from workers.presets import is_own
from workers.wording import printable

_GROUPS = {
    Kind.IMAGE: "Pictures",
    Kind.TABLE: "Tables",
    Kind.ARRAY: "Arrays",
    Kind.ANY: "Any file",
}
_OWN_CODE = "user.process"
_UNDER_WAY = (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)


class PipelinePanel(QWidget):
    """Holds the pipeline being put together; `pipeline_changed` carries it after each edit."""

    pipeline_changed = Signal(object)
    save_wanted = Signal(object)
    import_wanted = Signal(str)
    export_wanted = Signal(str)
    forget_wanted = Signal()

    def __init__(self, operations: Sequence[Operation], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._operations = {operation.id: operation for operation in operations}
        self._presets: tuple[Pipeline, ...] = ()
        self._pipeline = Pipeline("New pipeline", ())
        self._cards: list[StepCard] = []
        self._is_editable = True
        self._preset_box = ChoiceBox()
        self._preset_box.setAccessibleName("Preset")
        # It elides: the longest name must not make the panel wider.
        self._preset_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        set_role(self._preset_box, "preset")
        self._preset_menu = QMenu(self)
        self._preset_button = IconButton("menu", "Save, import, export or forget a preset")
        self._preset_button.setMenu(self._preset_menu)
        self._preset_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._add = DashedButton("+ Add step")
        self._empty = PlainLabel("No step yet. Add one, or choose a preset.", "small", wraps=True)
        self._add.setMenu(self._add_menu())
        self._lay_out()
        self._preset_box.activated.connect(self._choose_preset)
        self._fill_preset_menu()

    @property
    def pipeline(self) -> Pipeline:
        """Return the pipeline as it is shown."""
        return self._pipeline

    @property
    def cards(self) -> tuple[StepCard, ...]:
        """Return the cards in the order of their steps."""
        return tuple(self._cards)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Forbid changes while a job is under way: its pipeline was fixed at its start."""
        is_editable = snapshot.state not in _UNDER_WAY
        if is_editable == self._is_editable:
            return
        self._is_editable = is_editable
        self._add.setVisible(is_editable)
        self._preset_box.setEnabled(is_editable)
        for card in self._cards:
            card.set_editable(is_editable)

    def apply_presets(self, presets: tuple[Pipeline, ...]) -> None:
        """Offer those presets."""
        self._presets = presets
        self._show_preset()

    def show_pipeline(self, pipeline: Pipeline) -> None:
        """Show that pipeline; tells nobody."""
        self._pipeline = pipeline
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = [self._card(step) for step in pipeline.steps]
        for card in self._cards:
            self._steps.addWidget(card)
        self._chain_focus()
        self._show_preset()
        self._show_places()

    def add_step(self, step: Step) -> None:
        """Append the step and open its form."""
        card = self._card(step)
        self._cards.append(card)
        self._steps.addWidget(card)
        card.toggle()
        self._edit()

    def _card(self, step: Step) -> StepCard:
        operation = self._operations.get(step.operation)
        if operation is not None and step.file is not None:
            operation = own_operation(operation, step)
        card = StepCard(step, operation)
        card.set_editable(self._is_editable)
        card.step_changed.connect(self._take_step)
        card.removed.connect(self._remove)
        card.moved.connect(self._move)
        card.dragged.connect(self._drag)
        card.dropped.connect(self._edit)
        card.form_made.connect(self._chain_focus)
        return card

    def _take_step(self, card: StepCard, step: Step) -> None:
        """Take an edit; another function of own code has another form."""
        before = self._pipeline.steps[self._cards.index(card)]
        if step.file is not None and wanted_function(step) != wanted_function(before):
            self._replace(card, first_step(step.operation, step.file, wanted_function(step)))
        self._edit()

    def _replace(self, card: StepCard, step: Step) -> None:
        made = self._card(step)
        self._cards[self._cards.index(card)] = made
        self._steps.replaceWidget(card, made)
        card.hide()
        card.deleteLater()
        made.toggle()
        self._chain_focus()
        if made.form is not None and made.form.controls:
            made.form.controls[0].setFocus()

    def _edit(self) -> None:
        steps = tuple(card.step for card in self._cards)
        if steps != self._pipeline.steps:
            self._pipeline = replace(self._pipeline, steps=steps, id="")
            self._show_preset()
            self.pipeline_changed.emit(self._pipeline)
        self._show_places()

    def _remove(self, card: StepCard) -> None:
        place = self._cards.index(card)
        self._cards.remove(card)
        self._steps.removeWidget(card)
        card.hide()
        card.deleteLater()
        if self._cards:
            self._cards[min(place, len(self._cards) - 1)].setFocus()
        self._edit()

    def _move(self, card: StepCard, by: int) -> None:
        place = self._cards.index(card) + by
        if 0 <= place < len(self._cards):
            self._put(card, place)
            self._edit()

    def _drag(self, card: StepCard, global_y: int) -> None:
        """Let the card change places with the neighbour whose middle the pointer has passed."""
        y = self.mapFromGlobal(QPoint(0, global_y)).y()
        place = self._cards.index(card)
        if place > 0 and y < self._cards[place - 1].geometry().center().y():
            self._put(card, place - 1)
        elif place + 1 < len(self._cards) and y > self._cards[place + 1].geometry().center().y():
            self._put(card, place + 1)

    def _put(self, card: StepCard, place: int) -> None:
        self._cards.remove(card)
        self._cards.insert(place, card)
        self._steps.removeWidget(card)
        self._steps.insertWidget(place, card)
        self._chain_focus()
        self._steps.activate()

    def _chain_focus(self) -> None:
        """Let Tab go through the cards in the order they are seen."""
        before: QWidget = self._preset_box
        for card in self._cards:
            before = card.chain_focus(before)
        QWidget.setTabOrder(before, self._add)

    def _fill_preset_menu(self) -> None:
        menu = self._preset_menu
        self._save = menu.addAction("Save as preset…", self._tell_save)
        menu.addAction("Import preset…", self._ask_import)
        self._export = menu.addAction("Export preset…", self._ask_export)
        menu.addSeparator()
        self._forget = menu.addAction("Forget this preset", self.forget_wanted.emit)
        menu.aboutToShow.connect(self._judge_menu)

    def _judge_menu(self) -> None:
        has_steps = bool(self._pipeline.steps)
        self._save.setEnabled(has_steps)
        self._export.setEnabled(has_steps)
        self._forget.setEnabled(is_own(self._pipeline))

    def _tell_save(self) -> None:
        self.save_wanted.emit(self._pipeline)

    def _ask_import(self) -> None:
        choose_file(self, "Import preset", "Presets (*.toml)", self.import_wanted.emit)

    def _ask_export(self) -> None:
        choose_target(self, "Export preset", "Presets (*.toml)", self.export_wanted.emit)

    def _choose_preset(self, index: int) -> None:
        preset = self._preset_box.itemData(index)
        if isinstance(preset, int) and self._presets[preset] != self._pipeline:
            self.show_pipeline(self._presets[preset])
            self.pipeline_changed.emit(self._pipeline)

    def _show_preset(self) -> None:
        """List the presets, below the pipeline itself where it is none of them."""
        self._preset_box.clear()
        names = [printable(preset.name) for preset in self._presets]
        if self._pipeline in self._presets:
            current = self._presets.index(self._pipeline)
        else:
            name = printable(self._pipeline.name)
            self._preset_box.addItem(f"{name}, changed" if name in names else name, None)
            current = 0
        for place, name in enumerate(names):
            self._preset_box.addItem(name, place)
        self._preset_box.setCurrentIndex(current)
        self._preset_box.setToolTip(plain_tool_tip(printable(self._pipeline.description)))

    def _show_places(self) -> None:
        self._empty.setVisible(not self._cards)
        for number, card in enumerate(self._cards, start=1):
            card.set_place(number, len(self._cards))

    def _add_menu(self) -> QMenu:
        menu = QMenu(self._add)
        for kind, title in _GROUPS.items():
            found = [
                operation
                for operation in self._operations.values()
                if operation.reads is kind and operation.id != _OWN_CODE
            ]
            if found:
                _add_title(menu, title)
            for operation in found:
                action = menu.addAction(operation.label.replace("&", "&&"))
                action.setData(operation.id)
                action.setToolTip(plain_tool_tip(operation.sentence))
        if _OWN_CODE in self._operations:
            _add_title(menu, "Own code")
            menu.addAction("Python file…").setData(_OWN_CODE)
        menu.setToolTipsVisible(True)
        menu.triggered.connect(self._add_chosen)
        return menu

    def _add_chosen(self, action: QAction) -> None:
        operation_id = action.data()
        if operation_id == _OWN_CODE:
            choose_file(self, "Own code", "Python files (*.py)", self._add_own_code)
            return
        operation = self._operations[operation_id]
        self.add_step(Step(operation_id, operation.complete({})))

    def _add_own_code(self, file: str) -> None:
        self.add_step(first_step(_OWN_CODE, Path(file)))

    def _lay_out(self) -> None:
        self._steps = QVBoxLayout()
        self._steps.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(PlainLabel("Pipeline", "heading"))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._preset_box, 1)
        row.addWidget(self._preset_button)
        column.addLayout(row)
        column.addSpacing(4)
        column.addWidget(self._empty)
        column.addLayout(self._steps)
        column.addWidget(self._add)


def _add_title(menu: QMenu, title: str) -> None:
    """Head a group; the style draws no text for a section."""
    if not menu.isEmpty():
        menu.addSeparator()
    menu.addAction(title).setEnabled(False)
