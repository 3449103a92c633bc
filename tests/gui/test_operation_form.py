"""Forms are built from declarations alone."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QColorDialog,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
)
from pytestqt.qtbot import QtBot

from gui_app.views.chosen_text import Swatch
from gui_app.views.operation_form import OperationForm
from gui_app.views.tinted import IconButton
from workers import Kind, ParameterValue
from workers.operations import all_operations, find_operation
from workers.operations.declaration import Operation, Parameter, ParameterKind


def _summary(values: Mapping[str, ParameterValue]) -> str:
    return str(values)


OPERATION = Operation(
    "images.sample",
    "Sample",
    "Shows every kind of parameter.",
    Kind.IMAGE,
    (
        Parameter(
            "mode", ParameterKind.CHOICE, "Mode", "How.", "fit", choices=("fit", "long_edge")
        ),
        Parameter(
            "width",
            ParameterKind.INTEGER,
            "Width",
            "Width of the box.",
            1024,
            unit="px",
            minimum=1,
            maximum=9000,
            shown_when=("mode", ("fit",)),
        ),
        Parameter("share", ParameterKind.NUMBER, "Share", "How much.", 50, unit="%", minimum=0.1),
        Parameter("keep", ParameterKind.FLAG, "Keep <b>&", "Keeps it.", True),
        Parameter("suffix", ParameterKind.TEXT, "Suffix", "Of the output.", ""),
    ),
    _summary,
)


@pytest.fixture
def form(qtbot: QtBot) -> OperationForm:
    made = OperationForm(OPERATION, {"width": 640})
    qtbot.addWidget(made)
    made.show()
    return made


def test_every_kind_gets_its_control(form: OperationForm) -> None:
    assert isinstance(form.control("mode"), QComboBox)
    assert isinstance(form.control("width"), QSpinBox)
    assert isinstance(form.control("share"), QDoubleSpinBox)
    assert isinstance(form.control("keep"), QCheckBox)
    assert isinstance(form.control("suffix"), QLineEdit)


def test_values_bounds_and_units_come_from_the_declaration(form: OperationForm) -> None:
    width, share = form.control("width"), form.control("share")
    assert isinstance(width, QSpinBox)
    assert isinstance(share, QDoubleSpinBox)
    assert (width.value(), width.minimum(), width.maximum()) == (640, 1, 9000)
    assert width.text() == "640 px"
    assert share.text() == "50 %"
    assert "Width of the box." in width.toolTip()


def test_a_change_tells_all_values(qtbot: QtBot, form: OperationForm) -> None:
    width = form.control("width")
    assert isinstance(width, QSpinBox)
    with qtbot.waitSignal(form.values_changed) as told:
        width.setValue(800)
    expected = {"mode": "fit", "width": 800, "share": 50, "keep": True, "suffix": ""}
    assert told.args == [expected]
    assert OPERATION.complete(form.values) == expected


def test_parameter_that_does_not_matter_is_hidden(form: OperationForm) -> None:
    mode, width = form.control("mode"), form.control("width")
    assert isinstance(mode, QComboBox)
    assert width.isVisible()
    mode.setCurrentIndex(1)
    assert not width.isVisible()
    assert form.values["mode"] == "long_edge"


def test_wheel_over_an_unfocused_control_changes_nothing(form: OperationForm) -> None:
    width = form.control("width")
    assert isinstance(width, QSpinBox)
    form.control("suffix").setFocus()
    wheel = QWheelEvent(
        QPointF(5, 5),
        QPointF(width.mapToGlobal(QPoint(5, 5))),
        QPoint(0, 120),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(width, wheel)
    assert width.value() == 640


def test_a_colour_is_chosen_by_its_swatch(qtbot: QtBot) -> None:
    operation = find_operation("images.pad")
    form = OperationForm(operation, operation.complete({"background": "#1020307f"}))
    qtbot.addWidget(form)
    form.show()
    edit = form.control("background")
    assert isinstance(edit, QLineEdit)
    swatch = form.controls[form.controls.index(edit) + 1]
    assert isinstance(swatch, Swatch)
    centre = swatch.grab().toImage().pixelColor(swatch.rect().center())
    assert centre.red() < centre.green() < centre.blue()
    edit.setText("#12")
    assert swatch.colour is None

    edit.setText("#ff0000")
    swatch.click()
    dialog = form.findChild(QColorDialog)
    assert isinstance(dialog, QColorDialog)
    assert dialog.currentColor() == QColor("red")
    dialog.setCurrentColor(QColor(1, 2, 3, 128))
    with qtbot.waitSignal(form.values_changed):
        dialog.accept()
    assert form.values["background"] == edit.text() == "#01020380"
    assert swatch.colour == QColor(1, 2, 3, 128)


def test_a_picture_is_chosen_by_its_button(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"a picture, to the eye of the dialog")
    form = OperationForm(find_operation("images.watermark_image"), {})
    qtbot.addWidget(form)
    form.show()
    button = form.controls[1]
    assert isinstance(button, IconButton)
    button.click()
    dialog = form.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "logo.png"))
    assert form.values["picture"] == str(tmp_path / "logo.png")
    dialog.reject()


@pytest.mark.parametrize("operation", all_operations(), ids=lambda operation: operation.id)
def test_form_of_every_operation_starts_with_valid_values(
    qtbot: QtBot, operation: Operation
) -> None:
    form = OperationForm(operation, operation.complete({}))
    qtbot.addWidget(form)
    assert operation.complete(form.values) == operation.complete({})


def test_what_has_no_limit_says_so(qtbot: QtBot) -> None:
    form = OperationForm(find_operation("images.convert"), {"format": "jpeg"})
    qtbot.addWidget(form)
    box = form.control("max_kilobytes")
    assert isinstance(box, QSpinBox)
    assert box.text() == "no limit"
    box.setValue(500)
    assert box.text() == "500 kB"
