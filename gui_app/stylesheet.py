"""The application's one stylesheet, written from tokens.

Widgets take part by a dynamic property `role` (theme.set_role); file names never reach it.
"""

from string import Template

from msgspec.structs import asdict

from gui_app.tokens import Tokens
from resources import icon_path

_SHEET = Template("""
QMainWindow, QDialog { background: $bg; }
QFrame[role="card"] {
    background: $surface; border: 1px solid $line; border-radius: 8px;
}
QFrame[role="well"] { background: $sunk; border: 1px solid $sunk; border-radius: 6px; }
QFrame[role="bar"] { background: $surface; border: 0; }
QFrame[role="notice"] { background: $warn_soft; border: 0; border-radius: 6px; }
QFrame[role="rule"] { background: $line; border: 0; max-height: 1px; min-height: 1px; }
QFrame[role="step"] { background: $sunk; border: 1px solid $sunk; border-radius: 6px; }
QFrame[role="step"]:focus { border: 2px solid $accent; }
QFrame[role="step-open"] { background: $sunk; border: 1px solid $accent; border-radius: 6px; }
QFrame[role="step-open"]:focus { border: 2px solid $accent; }

QLabel { color: $text; background: transparent; }
QLabel:disabled { color: $muted; }
QLabel[role="heading"] { color: $muted; font-size: ${small}px; font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="small"] { color: $muted; font-size: ${small}px; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[role="display"] { font-size: ${display}px; font-weight: 700; }
QLabel[role="large"] { font-size: ${large}px; font-weight: 700; }
QLabel[role="big"] { font-size: ${big}px; font-weight: 700; }
QLabel[role="big-ok"] { font-size: ${big}px; font-weight: 700; color: $ok; }
QLabel[role="big-fail"] { font-size: ${big}px; font-weight: 700; color: $fail; }
QLabel[role="big-warn"] { font-size: ${big}px; font-weight: 700; color: $warn; }
QLabel[role="fail"] { color: $fail; }
QLabel[role="ok"] { color: $ok; }
QLabel[role="warn"] { color: $warn; }

QPushButton {
    background: $surface; color: $text; border: 1px solid $line; border-radius: 6px;
    padding: 6px 15px; min-height: 18px; outline: none;
}
QPushButton:hover { background: $sunk; border-color: $control; }
QPushButton:pressed { background: $line; }
QPushButton:focus { border: 2px solid $accent; padding: 5px 14px; }
QPushButton:disabled { color: $muted; background: $bg; border-color: $line; }
QPushButton[role="primary"], QPushButton:default {
    background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600;
}
QPushButton[role="primary"]:hover, QPushButton:default:hover {
    background: $accent_strong; border-color: $accent_strong;
}
QPushButton[role="primary"]:focus, QPushButton:default:focus { border: 2px solid $text; }
QPushButton[role="primary"]:disabled, QPushButton:default:disabled {
    background: $sunk; color: $muted; border-color: $line;
}
QPushButton[role="link"], QPushButton[role="strong-link"] {
    background: transparent; color: $accent; border: 0; border-bottom: 2px solid transparent;
    border-radius: 0; padding: 2px 0 0 0; min-height: 16px; text-align: left;
}
QPushButton[role="strong-link"] { font-weight: 600; }
QPushButton[role="link"]:hover, QPushButton[role="strong-link"]:hover {
    text-decoration: underline;
}
QPushButton[role="link"]:focus, QPushButton[role="strong-link"]:focus {
    background: $accent_soft; border-bottom: 2px solid $accent;
}
QPushButton[role="link"]:disabled, QPushButton[role="strong-link"]:disabled { color: $muted; }
QPushButton[role="chip"] {
    border-radius: 12px; padding: 3px 11px; min-height: 16px; background: transparent;
    font-size: ${small}px;
}
QPushButton[role="chip"]:hover { background: $sunk; }
QPushButton[role="chip"]:checked {
    background: $accent_soft; border-color: $accent_soft; color: $accent;
}
QPushButton[role="chip"]:focus { border: 2px solid $accent; padding: 2px 10px; }
QToolButton {
    background: transparent; border: 2px solid transparent; border-radius: 6px; padding: 2px;
    outline: none;
}
QToolButton:hover { background: $line; }
QToolButton:checked { background: $accent_soft; }
QToolButton:focus { border-color: $accent; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {
    background: $surface; color: $text; border: 1px solid $control; border-radius: 6px;
    padding: 4px 8px; min-height: 18px; selection-background-color: $accent;
    selection-color: $on_accent;
}
QPlainTextEdit, QComboBox { border-color: $line; }
QPlainTextEdit { min-height: 40px; }
QComboBox:hover, QComboBox:on { border-color: $control; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {
    border: 2px solid $accent; padding: 3px 7px;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {
    color: $muted; background: $sunk; border-color: $line;
}
QComboBox { combobox-popup: 0; }
QComboBox[role="preset"] { font-weight: 600; padding: 6px 11px; }
QComboBox[role="preset"]:focus { padding: 5px 10px; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url("$icons/arrow-down.svg"); width: 10px; height: 10px; }
QComboBox QAbstractItemView {
    background: $surface; color: $text; border: 1px solid $control; padding: 4px; outline: 0;
    selection-background-color: $accent_soft; selection-color: $text;
}
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 6px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: $accent_soft; color: $text; }
QSpinBox, QDoubleSpinBox { min-height: 15px; }
QSpinBox::up-button, QDoubleSpinBox::up-button {
    subcontrol-origin: border; subcontrol-position: top right; width: 18px; border: 0;
}
QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; subcontrol-position: bottom right; width: 18px; border: 0;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {
    image: url("$icons/arrow-up.svg"); width: 8px; height: 8px;
}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {
    image: url("$icons/arrow-down.svg"); width: 8px; height: 8px;
}
QCheckBox {
    color: $text; background: transparent; spacing: 7px; padding: 3px 4px 3px 0;
    outline: none;
}
QCheckBox:focus { color: $accent; text-decoration: underline; }
QCheckBox::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QCheckBox::indicator:checked:focus { border: 2px solid $text; }
QCheckBox:disabled { color: $muted; }
QCheckBox::indicator {
    width: 14px; height: 14px; border: 1px solid $control; border-radius: 3px;
    background: $surface;
}
QCheckBox::indicator:checked {
    background: $accent; border-color: $accent; image: url("$icons/tick-$name.svg");
}
QCheckBox::indicator:disabled { background: $sunk; border-color: $line; }
QCheckBox::indicator:checked:disabled { background: $muted; border-color: $muted; }

QTableView, QListView, QTreeView {
    background: $surface; color: $text; border: 0; outline: 0; gridline-color: $line;
    selection-background-color: $accent_soft; selection-color: $text;
    alternate-background-color: $surface;
}
QHeaderView { background: $sunk; border: 0; }
QHeaderView::section {
    background: $sunk; color: $muted; border: 0; padding: 0 8px; font-size: ${small}px;
    font-weight: 600; min-height: 26px;
}
QHeaderView::section:hover { color: $text; }
QTableWidget::item { padding: 0 5px; }
QTableCornerButton::section { background: $sunk; border: 0; }

QScrollArea { background: transparent; border: 0; }
QScrollArea > QWidget > QWidget[role="clear"] { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $control; border-radius: 2px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $line; }

QMenuBar { background: $surface; color: $text; border: 0; padding: 2px 8px; }
QMenuBar::item { background: transparent; padding: 4px 9px; border-radius: 4px; }
QMenuBar::item:selected { background: $sunk; }
QMenu { background: $surface; color: $text; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 22px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QMenu::section { color: $muted; }
QToolTip { background: $surface; color: $text; border: 1px solid $control; padding: 4px 6px; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab {
    background: transparent; color: $muted; padding: 6px 12px; border: 0;
    border-bottom: 2px solid transparent;
}
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:focus { background: $accent_soft; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
""")


def stylesheet(tokens: Tokens, text_px: int) -> str:
    """Return the stylesheet of these tokens for body text of that size."""
    return _SHEET.substitute(
        asdict(tokens),
        icons=icon_path("bars").parent.as_posix(),
        small=text_px - 1,
        title=text_px + 2,
        big=text_px + 12,
        display=text_px + 9,
        large=text_px + 5,
    )
