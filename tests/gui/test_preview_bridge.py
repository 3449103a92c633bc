"""Which preview process answers: one that may read all that a question names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from gui_app.preview_bridge import PreviewBridge
from workers.job import Pipeline, Step
from workers.pipeline import picture_files
from workers.preview import PreviewAsked

PATIENCE_MS = 60_000


@pytest.fixture
def bridge() -> Iterator[PreviewBridge]:
    made = PreviewBridge()
    made.start()
    yield made
    made.stop()


def test_each_watermark_that_is_chosen_is_shown(
    qtbot: QtBot, bridge: PreviewBridge, tmp_path: Path
) -> None:
    photo = tmp_path / "photos" / "photo.png"
    photo.parent.mkdir()
    Image.new("RGB", (80, 60)).save(photo)
    for number, colour in enumerate(("red", "blue"), start=1):
        logo = tmp_path / colour / "logo.png"
        logo.parent.mkdir()
        Image.new("RGB", (8, 6), colour).save(logo)
        pipeline = Pipeline("p", (Step("images.watermark_image", {"picture": str(logo)}),))
        readable = (photo.parent, *picture_files(pipeline))
        with qtbot.waitSignal(bridge.preview_ready, timeout=PATIENCE_MS) as told:
            bridge.ask(PreviewAsked(number, photo, pipeline, readable=readable))
        assert told.args is not None
        assert told.args[0].message == ""
        assert told.args[0].after is not None
