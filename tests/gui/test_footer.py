"""The footer: one sentence of state, one of detail, at most four buttons, one primary."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gui_app.output_choices import OutputChoices
from gui_app.views.footer import Footer
from gui_app.views.header import job_size_words
from gui_app.window_actions import WindowActions
from workers import Counts, JobId, JobSnapshot, JobState, Pipeline, Step

DRAFT = JobSnapshot(1, JobId("j"), "Holiday", JobState.DRAFT, counts=Counts(waiting=1284))
RUNNING = replace(
    DRAFT,
    state=JobState.RUNNING,
    counts=Counts(450, 3, 828, 2, 1),
    remaining_s=(8.0, 10.0),
    bytes_out=142_000_000,
    output=Path("/home/me/Holiday (Everycore)"),
    pipeline=Pipeline("Web", (Step("images.resize"),)),
)
PAUSED = replace(RUNNING, state=JobState.PAUSED)
STOPPED = replace(RUNNING, state=JobState.STOPPED)
FINISHED = replace(RUNNING, state=JobState.FINISHED, counts=Counts(0, 0, 1281, 2, 1))
CANCELLED = replace(RUNNING, state=JobState.CANCELLED, counts=Counts(0, 0, 800, 0, 0, 484))
WATCHING = replace(RUNNING, is_watching=True, remaining_s=None, counts=Counts(0, 0, 12, 3))
BUSY_WATCHING = replace(RUNNING, is_watching=True)
ALL = (
    *(JobSnapshot(0), DRAFT, RUNNING, PAUSED, STOPPED, FINISHED, CANCELLED),
    *(WATCHING, BUSY_WATCHING, replace(BUSY_WATCHING, state=JobState.PAUSED)),
)


@pytest.fixture
def footer(qtbot: QtBot) -> Footer:
    made = Footer()
    qtbot.addWidget(made)
    made.resize(1180, 60)
    made.show()
    return made


def _shown(footer: Footer) -> list[QPushButton]:
    return [button for button in footer.findChildren(QPushButton) if button.isVisible()]


@pytest.mark.parametrize("snapshot", ALL, ids=lambda snapshot: snapshot.state.value)
def test_at_most_four_buttons_and_one_primary(footer: Footer, snapshot: JobSnapshot) -> None:
    footer.apply(snapshot)
    shown = _shown(footer)
    primary = [button for button in shown if button.property("role") == "primary"]
    assert 1 <= len(shown) <= 4
    assert len(primary) == (0 if snapshot.state is JobState.EMPTY else 1)
    assert all(footer.sentences)


def test_empty_window_cannot_start(footer: Footer) -> None:
    assert footer.sentences == ("Ready", "Drop files, or press Ctrl+O")
    assert not footer.button("Start").isEnabled()


def test_running_job_tells_progress_and_time(footer: Footer) -> None:
    footer.apply(RUNNING)
    assert footer.sentences == (
        "831 of 1,284 files",
        "8 to 10 s left · 142 MB written so far · 2 problems",
    )
    assert footer.progress == pytest.approx(831 / 1284)


def test_finished_job_names_its_folder(footer: Footer) -> None:
    footer.apply(FINISHED)
    assert footer.sentences == ("Finished", "1,281 files in Holiday (Everycore) · 2 problems")
    assert footer.button("Retry problems").isVisible()


def test_finished_job_in_place_names_no_folder(footer: Footer) -> None:
    footer.apply(replace(FINISHED, is_in_place=True))
    assert footer.sentences[1] == "1,281 files in place of the originals · 2 problems"


def test_one_file_of_all_is_not_counted_among_the_files(footer: Footer) -> None:
    sheet = Pipeline("Sheet", (Step("images.contact_sheet"),))
    footer.apply(replace(RUNNING, pipeline=sheet))
    assert footer.sentences[0] == "831 of 1,283 files"
    assert job_size_words(replace(RUNNING, pipeline=sheet)) == "1,283 files"
    footer.apply(replace(FINISHED, pipeline=sheet))
    words = "One file of 1,280 in Holiday (Everycore) · 2 problems"
    assert footer.sentences == ("Finished", words)
    footer.apply(replace(FINISHED, pipeline=sheet, bytes_out=0))
    assert footer.sentences[1].startswith("No new file of 1,281 files")


def test_nothing_to_retry_hides_the_button(footer: Footer) -> None:
    footer.apply(replace(FINISHED, counts=Counts(succeeded=3)))
    assert not footer.button("Retry problems").isVisible()


def test_every_button_tells_its_gesture(qtbot: QtBot, footer: Footer) -> None:
    gestures = (
        (DRAFT, "Start", footer.start_pressed),
        (DRAFT, "New job", footer.new_job_pressed),
        (RUNNING, "Pause", footer.pause_pressed),
        (RUNNING, "Cancel", footer.cancel_pressed),
        (PAUSED, "Continue", footer.continue_pressed),
        (STOPPED, "Continue", footer.continue_pressed),
        (WATCHING, "Stop watching", footer.stop_watching_pressed),
        (WATCHING, "Pause", footer.pause_pressed),
        (BUSY_WATCHING, "Stop watching", footer.stop_watching_pressed),
        (BUSY_WATCHING, "Cancel", footer.cancel_pressed),
        (FINISHED, "Open folder", footer.open_folder_pressed),
        (FINISHED, "Run again", footer.run_again_pressed),
        (FINISHED, "Retry problems", footer.retry_pressed),
        (CANCELLED, "Run the rest", footer.retry_pressed),
    )
    for snapshot, text, signal in gestures:
        footer.apply(snapshot)
        assert footer.button(text).isVisible()
        with qtbot.waitSignal(signal):
            footer.button(text).click()


def test_folder_without_files_is_told_as_such(footer: Footer) -> None:
    footer.apply(replace(DRAFT, counts=Counts()))
    assert footer.sentences == ("Nothing to do", "No files in there")


def test_keyboard_stays_with_what_comes_after_the_pressed_button(
    qtbot: QtBot, footer: Footer
) -> None:
    footer.apply(DRAFT)
    with qtbot.waitActive(footer):
        footer.activateWindow()
    footer.button("Start").setFocus()
    footer.apply(RUNNING)
    assert footer.button("Pause").hasFocus()


def test_job_that_had_nothing_to_do_says_so(footer: Footer) -> None:
    footer.apply(replace(FINISHED, counts=Counts(skipped=7)))
    assert footer.sentences == ("Nothing to do", "7 files skipped")
    assert footer.button("Open folder").isVisible()


def test_job_that_only_watches_says_what_it_waits_for(footer: Footer) -> None:
    footer.apply(WATCHING)
    assert footer.sentences == ("Watching Holiday for new files", "12 done · 3 problems")
    footer.apply(replace(WATCHING, is_discovering=True))
    assert footer.sentences[0] == "15 of 15 files so far"
    footer.apply(BUSY_WATCHING)
    assert footer.sentences[0] == "831 of 1,284 files"


def test_empty_folder_can_be_started_when_it_is_to_be_watched(footer: Footer) -> None:
    footer.apply(replace(DRAFT, counts=Counts()))
    assert not footer.button("Start").isEnabled()
    footer.apply_choices(OutputChoices(is_watching=True))
    assert footer.sentences == ("Ready to watch", "No file yet · press Ctrl+Enter")
    assert footer.button("Start").isEnabled()


def test_sweep_is_not_offered_to_be_run_again(footer: Footer) -> None:
    footer.apply(FINISHED)
    assert footer.button("Run again").isVisible()
    footer.apply(replace(FINISHED, pipeline=None))
    assert not footer.button("Run again").isVisible()
    assert footer.button("Retry problems").isVisible()


def test_key_to_run_again_does_nothing_for_a_sweep(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    actions = WindowActions(window)
    actions.apply(FINISHED)
    assert actions.run_again.isEnabled()
    actions.apply(replace(FINISHED, pipeline=None))
    assert not actions.run_again.isEnabled()
    assert actions.retry.isEnabled()
