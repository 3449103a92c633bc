"""A job followed in the terminal to an end that its record does not have."""

import sys
from pathlib import Path

import pytest

from tests.engine.conftest import own_code
from tests.engine.test_in_place import LOUDER, contents, in_place
from workers import disk
from workers.command_line.exit_status import ExitStatus
from workers.command_line.following import Undertaking, follow
from workers.command_line.options import Following

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash")


@pytest.mark.usefixtures("trash", "journals")
def test_job_whose_originals_cannot_be_put_away_is_to_go_on(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "a.txt").write_text("a")

    def refuse(step: str) -> None:
        if step in ("trash", "move"):
            raise OSError(5, "Input/output error")

    undertaking = Undertaking(tuple(in_place(folder, own_code(tmp_path, LOUDER))))
    with monkeypatch.context() as refusing:
        refusing.setattr(disk, "failpoint", refuse)
        assert follow(undertaking, Following(workers=1)) is ExitStatus.COULD_NOT_RUN
    assert "To go on: everycore resume" in capsys.readouterr().err
    assert sorted(contents(folder).values()) == ["A!", "a"]
