"""The slider follows the engine, and a person's move wins until the engine has answered."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.views.core_slider import CoreSlider
from gui_app.views.worker_slider import WorkerSlider
from workers import JobSnapshot


def _snapshot(target: int, maximum: int = 8) -> JobSnapshot:
    return JobSnapshot(1, workers_target=target, workers_maximum=maximum)


@pytest.fixture
def slider(qtbot: QtBot) -> WorkerSlider:
    made = WorkerSlider()
    qtbot.addWidget(made)
    made.apply(_snapshot(4))
    made.resize(264, 100)
    made.show()
    return made


def test_shows_the_engines_target(slider: WorkerSlider) -> None:
    assert (slider.value, slider.maximum) == (4, 8)


def test_showing_a_target_is_no_gesture(qtbot: QtBot, slider: WorkerSlider) -> None:
    with qtbot.assertNotEmitted(slider.workers_changed, wait=300):
        slider.apply(_snapshot(6))
    assert slider.value == 6


def test_first_move_is_told_at_once(qtbot: QtBot, slider: WorkerSlider) -> None:
    with qtbot.waitSignal(slider.workers_changed, timeout=100) as told:
        slider.setValue(2)
    assert told.args == [2]


def test_many_moves_end_with_the_last_one(qtbot: QtBot, slider: WorkerSlider) -> None:
    told: list[int] = []
    slider.workers_changed.connect(told.append)
    for _ in range(10):
        for count in (1, 8, 2, 7, 3):
            slider.setValue(count)
    qtbot.waitUntil(lambda: told[-1:] == [3] and len(told) > 1)
    assert len(told) == 2


def test_older_snapshot_does_not_pull_the_handle_back(qtbot: QtBot, slider: WorkerSlider) -> None:
    slider.setValue(7)
    slider.apply(_snapshot(4))
    assert slider.value == 7
    slider.apply(_snapshot(7))
    qtbot.waitUntil(lambda: _follows(slider, 5))


def _follows(slider: WorkerSlider, target: int) -> bool:
    slider.apply(_snapshot(target))
    return slider.value == target


def test_unanswered_move_gives_way_to_the_engines_number(
    qtbot: QtBot, slider: WorkerSlider
) -> None:
    slider.setValue(7)
    qtbot.waitUntil(lambda: _follows(slider, 4), timeout=4000)


def test_keys_and_clicks_move_it(qtbot: QtBot, slider: WorkerSlider) -> None:
    track = slider.findChild(CoreSlider)
    assert isinstance(track, CoreSlider)
    QTest.keyClick(track, Qt.Key.Key_Right)
    assert slider.value == 5
    QTest.keyClick(track, Qt.Key.Key_Home)
    assert slider.value == 1
    QTest.mouseClick(track, Qt.MouseButton.LeftButton, pos=QPoint(track.width() - 3, 12))
    assert slider.value == 8


def test_auto_and_responsive_are_told(qtbot: QtBot, slider: WorkerSlider) -> None:
    auto = slider.findChild(QPushButton)
    box = slider.findChild(QCheckBox)
    assert isinstance(auto, QPushButton)
    assert isinstance(box, QCheckBox)
    with qtbot.waitSignal(slider.auto_chosen):
        auto.click()
    with qtbot.waitSignal(slider.responsive_changed) as told:
        box.click()
    assert told.args == [False]


def test_one_core_leaves_nothing_to_choose(slider: WorkerSlider) -> None:
    slider.apply(_snapshot(1, maximum=1))
    track = slider.findChild(CoreSlider)
    assert isinstance(track, CoreSlider)
    assert not track.isEnabled()
