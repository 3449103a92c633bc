"""What the person chose is kept, and a damaged file is as good as none."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from gui_app.dialogs.settings import SettingsDialog
from gui_app.output_choices import OutputChoices
from gui_app.settings import Choices, load_choices, save_choices, window_settings
from gui_app.theme import ThemeChoice
from workers import OnExisting

CHOSEN = Choices(
    theme=ThemeChoice.DARK,
    is_responsive=False,
    workers=3,
    preset="web-gallery-2048",
    on_existing=OnExisting.RENAME,
    output=Path("/home/me/Out"),
    outputs=OutputChoices("{name}-small", keeps_dates=True, only_smaller=True, is_watching=True),
)


def test_choices_come_back_as_they_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    save_choices(CHOSEN, file)
    assert load_choices(file) == CHOSEN
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]


def test_replacing_originals_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    save_choices(Choices(outputs=OutputChoices(is_in_place=True)), file)
    assert load_choices(file) == Choices()


def test_auto_workers_and_no_folder_come_back(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    save_choices(replace(CHOSEN, workers=None, output=None), file)
    assert load_choices(file) == replace(CHOSEN, workers=None, output=None)


@pytest.mark.parametrize(
    "content",
    [b"", b"theme = ", b"\xff\xfe\x00", b"theme = 7\nworkers = 'x'\noutput = 3", b"[theme]\na=1"],
)
def test_damaged_file_means_defaults(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    assert load_choices(file) == Choices()


def test_missing_file_means_defaults(tmp_path: Path) -> None:
    assert load_choices(tmp_path / "none.toml") == Choices()


def test_one_wrong_value_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('theme = "pink"\nworkers = 2\non_existing = "replace"\n', encoding="utf-8")
    assert load_choices(file) == Choices(workers=2, on_existing=OnExisting.REPLACE)


def test_folder_that_toml_cannot_hold_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    save_choices(replace(CHOSEN, output=Path("/home/me/\udce9")), file)
    assert load_choices(file) == replace(CHOSEN, output=None)


def test_window_geometry_lies_in_our_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERYCORE_HOME", str(tmp_path))
    settings = window_settings()
    settings.setValue("show_pipeline", False)
    settings.sync()
    assert Path(settings.fileName()).is_relative_to(tmp_path)


def test_dialog_tells_each_choice_at_once(qtbot: QtBot) -> None:
    dialog = SettingsDialog(Choices(), 8, 7)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.choices_changed) as told:
        dialog.theme_box.setCurrentIndex(2)
    assert told.args == [Choices(theme=ThemeChoice.DARK)]
    assert not dialog.workers_box.isEnabled()
    dialog.auto_box.setChecked(False)
    dialog.workers_box.setValue(3)
    dialog.responsive_box.setChecked(False)
    dialog.on_existing_box.setCurrentIndex(1)
    expected = Choices(ThemeChoice.DARK, False, 3, on_existing=OnExisting.RENAME)
    assert dialog.choices == expected


def test_dialog_shows_how_many_workers_suit_this_computer(qtbot: QtBot) -> None:
    dialog = SettingsDialog(Choices(), 2, 2)
    qtbot.addWidget(dialog)
    assert dialog.workers_box.text() == "2 of 2"
    dialog.auto_box.setChecked(False)
    dialog.workers_box.setValue(1)
    dialog.auto_box.setChecked(True)
    assert dialog.workers_box.text() == "2 of 2"
    assert dialog.choices == Choices()
