"""What is shown and what is only measured, asked of a real preview process at the same time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from gui_app import preview_bridge
from gui_app.preview_bridge import PreviewBridge
from gui_app.previewing import Previewing
from tests.engine.conftest import own_code
from workers import Kind, Pipeline, Step, TaskId, TaskRow, TaskState
from workers.operations.user_function import digest
from workers.preview import Preview, PreviewAsked

PATIENCE_MS = 60_000
# Longer than a preview is waited for, once the test has made that short.
SLOW = """
import time
def process(path, output):
    time.sleep(0.5)
    output.write_bytes(path.read_bytes())
"""
SMALL = Pipeline("Small", (Step("images.convert", {"format": "jpeg"}),))


class Asker:
    """Asks for previews of one picture and remembers who was answered."""

    def __init__(self, qtbot: QtBot, bridge: PreviewBridge, picture: Path) -> None:
        self.picture = picture
        self.answers: list[Preview] = []
        self._qtbot = qtbot
        self._bridge = bridge
        self._pipeline = own_code(picture.parent, SLOW)
        bridge.preview_ready.connect(self._take)

    def _take(self, preview: Preview) -> None:
        self.answers.append(preview)

    def ask(self, number: int, *, is_measured: bool = False) -> None:
        code = self._pipeline.steps[0].file
        assert code is not None
        readable, trusted = (self.picture.parent,), (digest(code),)
        self._bridge.ask(
            PreviewAsked(
                number, self.picture, self._pipeline, trusted, readable, is_measured=is_measured
            )
        )

    def until_answered(self, *numbers: int) -> None:
        def is_answered() -> bool:
            return {*numbers} <= {answer.number for answer in self.answers}

        self._qtbot.waitUntil(is_answered, timeout=PATIENCE_MS)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewBridge]:
    monkeypatch.setattr(preview_bridge, "GIVEN_UP_AFTER_S", 0.05)
    bridge = PreviewBridge()
    bridge.start()
    yield bridge
    bridge.stop()


@pytest.fixture
def asker(qtbot: QtBot, bridge: PreviewBridge, tmp_path: Path) -> Asker:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    return Asker(qtbot, bridge, tmp_path / "a.png")


def test_file_to_be_measured_waits_for_the_preview_under_way(asker: Asker) -> None:
    asker.ask(1)
    asker.ask(2, is_measured=True)
    asker.until_answered(1, 2)
    assert [(answer.number, answer.message) for answer in asker.answers] == [(1, ""), (2, "")]


def test_file_to_be_measured_waits_for_a_preview_that_has_not_begun(asker: Asker) -> None:
    asker.ask(1)
    asker.ask(2)
    asker.ask(3, is_measured=True)
    asker.until_answered(2, 3)
    assert [answer.number for answer in asker.answers if answer.number > 1] == [2, 3]


def test_measuring_is_given_up_for_a_preview(asker: Asker) -> None:
    asker.ask(1, is_measured=True)
    asker.ask(2)
    asker.until_answered(2)
    asker.ask(3, is_measured=True)
    asker.until_answered(3)
    assert [answer.number for answer in asker.answers] == [2, 3]


def test_file_measured_right_after_an_edit_is_told_and_so_is_the_preview(
    qtbot: QtBot, asker: Asker, bridge: PreviewBridge
) -> None:
    previewing = Previewing(bridge, SMALL, bridge)
    state = TaskState.WAITING
    previewing.show(True)
    previewing.take_row(TaskRow(TaskId(1), "a.png", asker.picture, Kind.IMAGE, 100, state))
    both = [previewing.answered, previewing.measured]
    with qtbot.waitSignals(both, order="strict", timeout=PATIENCE_MS):
        previewing.measure(asker.picture)
    assert [(answer.number, answer.message) for answer in asker.answers] == [(1, ""), (2, "")]
