"""A job that watches, by mouse: ticked, started, fed while it waits, stopped."""

from pathlib import Path

from PIL import Image

from gui_app.settings import load_choices
from tests.end_to_end.conftest import Person
from workers import JobState


def add_picture(folder: Path, name: str) -> None:
    Image.new("RGB", (200, 100), (90, 90, 160)).save(folder / name)


def test_watching_job_takes_what_comes_until_it_is_stopped(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "Holiday"
    folder.mkdir()
    add_picture(folder, "a.jpg")
    person.tick("Watch for new files")
    assert load_choices().outputs.is_watching
    person.drop(folder)
    person.until(lambda now: now.counts.waiting == 1)
    person.press("Start")
    footer = person.app.views.footer
    person.until(lambda now: now.is_resting and now.counts.succeeded == 1)
    assert footer.sentences == ("Watching Holiday for new files", "1 done")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    add_picture(folder, "b.jpg")
    person.until(lambda now: now.is_resting and now.counts.total == 3)
    assert footer.sentences == ("Watching Holiday for new files", "2 done · 1 problem")
    person.press("Stop watching")
    end = person.until(lambda now: now.state.is_ended)
    assert (end.state, end.counts.succeeded, end.counts.failed) == (JobState.FINISHED, 2, 1)
    outputs = {file.name for file in (tmp_path / "Holiday (Everycore)").iterdir()}
    assert outputs == {"a.jpg", "b.jpg"}


def test_empty_folder_can_be_watched(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "Inbox"
    folder.mkdir()
    person.tick("Watch for new files")
    person.drop(folder)
    person.until(lambda now: now.state is JobState.DRAFT and not now.is_discovering)
    assert person.app.views.footer.sentences[0] == "Ready to watch"
    person.press("Start")
    person.until(lambda now: now.is_resting)
    add_picture(folder, "scan.jpg")
    person.until(lambda now: now.is_resting and now.counts.succeeded == 1)
    person.press("Pause")
    person.until(lambda now: now.state is JobState.PAUSED)
    person.press("Cancel")
    end = person.until(lambda now: now.state.is_ended)
    assert (end.state, end.counts.cancelled) == (JobState.CANCELLED, 0)
