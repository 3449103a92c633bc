"""The form of one step, built from its operation's declared parameters."""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from gui_app.views.choice_box import ChoiceBox
from gui_app.views.chosen_text import ChosenText, ColourText, PictureText
from gui_app.views.plain_label import PlainLabel, plain_tool_tip
from gui_app.views.spin_box import CountBox, NumberBox
from workers import ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.typed import override

_INTEGER_BOUND: Final = 2**31 - 1
_NUMBER_BOUND: Final = 1e15
_DECIMALS: Final = 4
# What a control may shrink to: a box would else take the room of the largest number it allows,
# and the form would stand over its panel's edge in a window of the least width.
_LEAST_PX: Final = 72

Control = QSpinBox | QDoubleSpinBox | QComboBox | QCheckBox | QLineEdit


class OperationForm(QWidget):
    """One control a parameter; tells all values after every change."""

    values_changed = Signal(object)

    def __init__(
        self,
        operation: Operation,
        values: Mapping[str, ParameterValue],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._operation = operation
        # Values the form has no control for (of own code) are handed back as they came.
        self._values: dict[str, ParameterValue] = {
            **{parameter.name: parameter.default for parameter in operation.parameters},
            **values,
        }
        self._controls: dict[str, Control] = {}
        self._fields: dict[str, QWidget] = {}
        self._wheel_guard = _WheelGuard(self)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 4, 0, 0)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(6)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for parameter in operation.parameters:
            self._add(parameter)
        self._show_rows()

    @property
    def values(self) -> dict[str, ParameterValue]:
        """Return the value of every parameter."""
        return dict(self._values)

    @property
    def controls(self) -> tuple[QWidget, ...]:
        """Return the controls in the order of their parameters, each with its button."""
        stops: list[QWidget] = []
        for name, control in self._controls.items():
            field = self._fields[name]
            stops += [control, field.button] if isinstance(field, ChosenText) else [control]
        return tuple(stops)

    def control(self, name: str) -> Control:
        """Return the control of that parameter."""
        return self._controls[name]

    def _add(self, parameter: Parameter) -> None:
        field = _field(parameter, self._values[parameter.name])
        control = field.edit if isinstance(field, ChosenText) else field
        control.setToolTip(plain_tool_tip(parameter.sentence))
        control.setAccessibleName(parameter.label)
        control.setAccessibleDescription(parameter.sentence)
        control.setObjectName(parameter.name)
        control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if not isinstance(control, QCheckBox):
            control.setMinimumWidth(_LEAST_PX)
        control.installEventFilter(self._wheel_guard)
        self._controls[parameter.name] = control
        self._fields[parameter.name] = field
        if isinstance(control, QCheckBox):
            control.setText(parameter.label.replace("&", "&&"))
            self._form.addRow(control)
        else:
            label = PlainLabel(parameter.label, "small")
            label.setFixedHeight(control.sizeHint().height())
            label.setToolTip(plain_tool_tip(parameter.sentence))
            self._form.addRow(label, field)
        self._connect(control)

    def _connect(self, control: Control) -> None:
        match control:
            case QSpinBox() | QDoubleSpinBox():
                control.valueChanged.connect(self._take_values)
            case QComboBox():
                control.currentIndexChanged.connect(self._take_values)
            case QCheckBox():
                control.toggled.connect(self._take_values)
            case _:
                control.textChanged.connect(self._take_values)

    def _take_values(self) -> None:
        taken = {**self._values}
        for parameter in self._operation.parameters:
            taken[parameter.name] = _value(parameter, self._controls[parameter.name])
        if taken == self._values:
            return
        self._values = taken
        self._show_rows()
        self.values_changed.emit(dict(taken))

    def _show_rows(self) -> None:
        for parameter in self._operation.parameters:
            if parameter.shown_when is not None:
                other, values = parameter.shown_when
                is_shown = self._values.get(other) in values
                self._form.setRowVisible(self._fields[parameter.name], is_shown)


class _WheelGuard(QObject):
    """Keeps the wheel from changing a value that the pointer happens to rest on."""

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True


def _field(parameter: Parameter, value: ParameterValue) -> Control | ChosenText:
    match parameter.kind:
        case ParameterKind.INTEGER:
            return _spin(parameter, value)
        case ParameterKind.NUMBER:
            return _number_spin(parameter, value)
        case ParameterKind.CHOICE:
            return _combo(parameter, value)
        case ParameterKind.FLAG:
            box = QCheckBox()
            box.setChecked(bool(value))
            return box
        case ParameterKind.TEXT:
            return QLineEdit(str(value))
        case ParameterKind.COLOUR:
            return ColourText(str(value))
        case ParameterKind.PICTURE:
            return PictureText(str(value))


def _spin(parameter: Parameter, value: ParameterValue) -> QSpinBox:
    spin = CountBox()
    low = -_INTEGER_BOUND if parameter.minimum is None else int(parameter.minimum)
    high = _INTEGER_BOUND if parameter.maximum is None else int(parameter.maximum)
    spin.setRange(max(low, -_INTEGER_BOUND), min(high, _INTEGER_BOUND))
    spin.setSuffix(f" {parameter.unit}" if parameter.unit else "")
    spin.setSpecialValueText(parameter.least_word)
    spin.setValue(int(value))
    return spin


def _number_spin(parameter: Parameter, value: ParameterValue) -> QDoubleSpinBox:
    spin = NumberBox()
    spin.setDecimals(_DECIMALS)
    low = -_NUMBER_BOUND if parameter.minimum is None else parameter.minimum
    high = _NUMBER_BOUND if parameter.maximum is None else parameter.maximum
    spin.setRange(low, high)
    spin.setSingleStep(1.0 if high - low > 10 else 0.1)
    spin.setSuffix(f" {parameter.unit}" if parameter.unit else "")
    spin.setValue(float(value))
    return spin


def _combo(parameter: Parameter, value: ParameterValue) -> QComboBox:
    combo = ChoiceBox()
    for choice in parameter.choices:
        combo.addItem(choice.replace("_", " "), choice)
    combo.setCurrentIndex(parameter.choices.index(str(value)) if value in parameter.choices else 0)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    return combo


def _value(parameter: Parameter, control: Control) -> ParameterValue:
    match control:
        case QSpinBox():
            return control.value()
        case QDoubleSpinBox():
            # A preset's whole 50 stays an int, so that looking at a form edits nothing.
            number = control.value()
            return int(number) if number.is_integer() else number
        case QComboBox():
            return parameter.choices[control.currentIndex()]
        case QCheckBox():
            return control.isChecked()
        case _:
            return control.text()
