"""The card of one step: its name and summary; opened, its form."""

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui_app.theme import set_role
from gui_app.views.operation_form import OperationForm
from gui_app.views.plain_label import PlainLabel
from gui_app.views.tinted import IconLabel, push_button
from workers import Step
from workers.errors import PipelineError
from workers.operations.declaration import Operation
from workers.typed import override
from workers.wording import printable


class StepCard(QFrame):
    """Click or Enter opens it, Alt+Up and Alt+Down move it, Delete removes it."""

    step_changed = Signal(object, object)
    removed = Signal(object)
    moved = Signal(object, int)
    dragged = Signal(object, int)
    dropped = Signal(object)
    form_made = Signal()

    def __init__(self, step: Step, operation: Operation | None) -> None:
        super().__init__()
        self._step = step
        self._operation = operation
        self._form: OperationForm | None = None
        self._is_editable = True
        self._name = PlainLabel(_name(step, operation), "strong", elides=True)
        self._summary = PlainLabel("", "small", elides=True)
        self._remove = push_button("Remove step", "link")
        self._handle = DragHandle()
        self._fold = IconLabel("chevron-right", 14, "muted")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._lay_out()
        self._show()
        self._remove.clicked.connect(self._emit_removed)
        self._handle.dragged.connect(self._emit_dragged)
        self._handle.released.connect(self._emit_dropped)

    @property
    def step(self) -> Step:
        """Return the step as it is now."""
        return self._step

    @property
    def form(self) -> OperationForm | None:
        """Return the form while the card is open."""
        return self._form

    @property
    def is_open(self) -> bool:
        """Say whether the form is shown."""
        return not self._body.isHidden()

    @property
    def summary(self) -> str:
        """Return the line below the name."""
        return self._summary.whole_text

    def set_editable(self, is_editable: bool) -> None:
        """Allow or forbid changes."""
        self._is_editable = is_editable
        self._handle.setVisible(is_editable)
        self._body.setEnabled(is_editable)

    def set_place(self, number: int, count: int) -> None:
        """Tell a screen reader which step of how many this is."""
        self.setAccessibleName(f"{self._name.whole_text}, step {number} of {count}")

    def chain_focus(self, before: QWidget) -> QWidget:
        """Let Tab come here from that widget and go on through the form; return its last stop."""
        inner = () if self._form is None else self._form.controls
        for widget in (self, *inner, self._remove):
            QWidget.setTabOrder(before, widget)
            before = widget
        return before

    def toggle(self) -> None:
        """Open the form in place, or close it."""
        is_opening = not self.is_open
        if is_opening and self._form is None and self._operation is not None:
            self._form = OperationForm(self._operation, self._step.parameters)
            self._form.values_changed.connect(self._take_values)
            self._body_column.insertWidget(0, self._form)
            self.form_made.emit()
        self._body.setVisible(is_opening)
        self._fold.show_icon("chevron-down" if is_opening else "chevron-right", "muted")
        set_role(self, "step-open" if is_opening else "step")

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_moving = event.modifiers() == Qt.KeyboardModifier.AltModifier and self._is_editable
        key = event.key()
        if is_moving and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(self, -1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.toggle()
        elif key == Qt.Key.Key_Delete and self._is_editable:
            self.removed.emit(self)
        else:
            super().keyPressEvent(event)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        is_click = event.button() == Qt.MouseButton.LeftButton
        if is_click and self._head.geometry().contains(event.position().toPoint()):
            self.toggle()

    @override
    def event(self, event: QEvent) -> bool:
        # Alt+Up and Alt+Down must reach us, not a menu.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
            if event.modifiers() == Qt.KeyboardModifier.AltModifier and event.key() in arrows:
                event.accept()
                return True
        return super().event(event)

    def _lay_out(self) -> None:
        set_role(self, "step")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._name)
        words.addWidget(self._summary)
        self._head = QWidget()
        self._head.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        row = QHBoxLayout(self._head)
        row.setContentsMargins(11, 7, 4, 7)
        row.setSpacing(0)
        row.addLayout(words, 1)
        row.addWidget(self._fold)
        row.addWidget(self._handle)
        self._body = FormBody()
        self._body_column = QVBoxLayout(self._body)
        self._body_column.setContentsMargins(11, 0, 11, 8)
        self._body_column.setSpacing(6)
        self._body_column.addWidget(self._remove, 0, Qt.AlignmentFlag.AlignLeft)
        self._body.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head)
        column.addWidget(self._body)

    def _show(self) -> None:
        summary, is_right = step_summary(self._step, self._operation)
        self._summary.setText(summary)
        set_role(self._summary, "small" if is_right else "fail")

    def _take_values(self, values: object) -> None:
        if isinstance(values, dict):
            self._step = replace(self._step, parameters=values)
            self._show()
            self.step_changed.emit(self, self._step)

    def _emit_removed(self) -> None:
        self.removed.emit(self)

    def _emit_dragged(self, y: int) -> None:
        self.dragged.emit(self, y)

    def _emit_dropped(self) -> None:
        self.dropped.emit(self)


class FormBody(QWidget):
    """Keeps keys typed into the form from opening, closing or removing the card."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.setAccepted(event.modifiers() != Qt.KeyboardModifier.AltModifier)


class DragHandle(IconLabel):
    """The dots by which a card is dragged; tells the pointer's place on the screen."""

    dragged = Signal(int)
    released = Signal()

    def __init__(self) -> None:
        super().__init__("drag", 16, "muted")
        self.setFixedSize(24, 32)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip("Drag to reorder, or press Alt+Up and Alt+Down")

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        event.accept()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.dragged.emit(round(event.globalPosition().y()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.released.emit()


def step_summary(step: Step, operation: Operation | None) -> tuple[str, bool]:
    """Return the card's second line, and whether the step is right."""
    if operation is None:
        return "This version has no such operation.", False
    try:
        if step.file is not None:
            return operation.summarize(step.parameters), True
        return operation.summarize(operation.complete(step.parameters)), True
    except PipelineError as error:
        return str(error), False


def _name(step: Step, operation: Operation | None) -> str:
    if step.file is not None:
        return printable(Path(step.file).name)
    return operation.label if operation is not None else printable(step.operation)
