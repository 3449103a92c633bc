"""An error in the window's own code costs the job nothing."""

import sys
from pathlib import Path

import pytest

from gui_app.error_report import LOG_NAME, ErrorReport
from tests.end_to_end.conftest import Person
from tests.end_to_end.test_window import make_pictures
from workers import JobSnapshot, JobState
from workers.folders import logs_folder


def _fails(_snapshot: JobSnapshot) -> None:
    raise LookupError("a mistake of ours")


@pytest.mark.qt_no_exception_capture
def test_error_in_the_window_is_told_once_and_the_job_goes_on(
    person: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    ErrorReport(logs_folder(), person.app.views.notice_bar.show_sentence).install()
    make_pictures(tmp_path / "Holiday", 12)
    person.drop(tmp_path / "Holiday")
    person.until(lambda s: s.counts.total == 12)
    person.app.bridge.snapshot_ready.connect(_fails)
    seen = person.last.sequence
    person.press("Start")
    end = person.until(lambda s: s.state is JobState.FINISHED)
    assert end.counts.succeeded == 12
    assert end.sequence > seen + 2  # more than one snapshot met the mistake
    told = [record.exc_info for record in caplog.records]
    assert [info[0] for info in told if info] == [LookupError]
    notice = person.app.views.notice_bar.sentence
    assert notice.startswith("The window met an error of its own; the job goes on.")
    assert LOG_NAME in notice
