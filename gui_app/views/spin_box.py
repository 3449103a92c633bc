"""Boxes for numbers, with the text where it stands in every other control."""

from typing import Final

from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

from workers.typed import override

# A styled spin box lays its text at the very left, whatever padding the stylesheet gives.
_TEXT_LEFT_PX: Final = 7


class CountBox(QSpinBox):
    """A box for whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.lineEdit().setTextMargins(_TEXT_LEFT_PX, 0, 0, 0)


class NumberBox(QDoubleSpinBox):
    """A box for numbers that writes 50 and 0.5, not 50.0000."""

    def __init__(self) -> None:
        super().__init__()
        self.lineEdit().setTextMargins(_TEXT_LEFT_PX, 0, 0, 0)

    @override
    def textFromValue(self, val: float) -> str:
        text = super().textFromValue(val)
        point = self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if point in text else text
