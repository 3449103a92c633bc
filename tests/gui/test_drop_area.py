"""Drops: local files and folders are taken, addresses are refused with a sentence."""

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from gui_app.views.drop_area import DropArea, dropped_paths
from workers import JobId, JobState
from workers.snapshot import Counts, JobEntry

COPY = Qt.DropAction.CopyAction
LEFT = Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier


def _mime(*urls: QUrl) -> QMimeData:
    mime = QMimeData()
    mime.setUrls(list(urls))
    return mime


def _drop(area: DropArea, mime: QMimeData) -> QDropEvent:
    entering = QDragEnterEvent(QPoint(20, 20), COPY, mime, LEFT, NO_KEY)
    QApplication.sendEvent(area, entering)
    assert entering.isAccepted()
    drop = QDropEvent(QPointF(20, 20), COPY, mime, LEFT, NO_KEY)
    QApplication.sendEvent(area, drop)
    return drop


@pytest.fixture
def area(qtbot: QtBot) -> DropArea:
    made = DropArea()
    qtbot.addWidget(made)
    made.resize(600, 500)
    made.show()
    return made


def test_dropped_folder_is_told(qtbot: QtBot, area: DropArea, tmp_path: Path) -> None:
    with qtbot.waitSignal(area.paths_dropped) as told:
        drop = _drop(area, _mime(QUrl.fromLocalFile(str(tmp_path))))
    assert told.args == [(tmp_path,)]
    assert drop.isAccepted()


def test_several_files_keep_their_order_and_come_once(
    qtbot: QtBot, area: DropArea, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("b ü.jpg", "a#1?.png", "100%.csv")]
    urls = [QUrl.fromLocalFile(str(file)) for file in [*files, files[0]]]
    with qtbot.waitSignal(area.paths_dropped) as told:
        _drop(area, _mime(*urls))
    assert told.args == [tuple(files)]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.jpg",
        "https://example.org/a.jpg",
        "ftp://example.org/a.jpg",
        "smb://server/share/a.jpg",
        "file://server/share/a.jpg",
        "mtp://phone/a.jpg",
        "data:image/png;base64,AAAA",
        "trash:///a.jpg",
    ],
)
def test_address_elsewhere_is_refused_with_a_sentence(
    qtbot: QtBot, area: DropArea, address: str
) -> None:
    with (
        qtbot.assertNotEmitted(area.paths_dropped),
        qtbot.waitSignal(area.drop_refused) as refused,
    ):
        _drop(area, _mime(QUrl(address)))
    sentence = str((refused.args or [""])[0])
    assert sentence.endswith(".")
    assert sentence.isprintable()


def test_local_part_of_a_mixed_drop_is_taken(qtbot: QtBot, area: DropArea, tmp_path: Path) -> None:
    mime = _mime(QUrl.fromLocalFile(str(tmp_path)), QUrl("http://example.org/a.jpg"))
    with qtbot.waitSignals([area.paths_dropped, area.drop_refused]):
        _drop(area, mime)


def test_text_is_not_welcome(area: DropArea) -> None:
    mime = QMimeData()
    mime.setText("not a file")
    entering = QDragEnterEvent(QPoint(20, 20), COPY, mime, LEFT, NO_KEY)
    entering.ignore()
    QApplication.sendEvent(area, entering)
    assert not entering.isAccepted()


@pytest.mark.skipif(sys.platform == "win32", reason="names are bytes on POSIX only")
def test_name_that_is_not_utf_8_keeps_its_bytes() -> None:
    name = os.fsdecode(b"/tmp/caf\xe9.jpg")
    mime = QMimeData()
    mime.setData("text/uri-list", b"file:///tmp/caf%E9.jpg\r\n")
    assert dropped_paths(mime) == ((Path(name),), "")


def test_unfinished_job_is_offered_and_continued(qtbot: QtBot, area: DropArea) -> None:
    entry = JobEntry(
        JobId("j1"), "Scans", JobState.STOPPED, 0.0, Counts(472, 0, 812), "Shrink", None
    )
    area.apply_unfinished(entry)
    shown = {button.text(): button for button in area.findChildren(QPushButton)}
    assert shown["Continue"].isVisible()
    for text, signal in (
        ("Continue", area.continue_pressed),
        ("Show results", area.results_pressed),
        ("Discard", area.discard_pressed),
    ):
        with qtbot.waitSignal(signal) as told:
            shown[text].click()
        assert told.args == [JobId("j1")]
    area.apply_unfinished(None)
    assert not shown["Continue"].isVisible()
