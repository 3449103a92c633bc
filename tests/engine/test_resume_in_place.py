"""Jobs in place that were stopped, and whose files somebody touched before they went on."""

import sys
from pathlib import Path

import pytest

from tests.engine.conftest import Running, own_code
from tests.engine.test_in_place import contents, in_place, trashed, until_settled
from workers.__main__ import main
from workers.command_line.exit_status import ExitStatus
from workers.commands import ClearInputs, ContinueJob, DiscardJob, OpenJob
from workers.job import JobId
from workers.journal import journal_path
from workers.output import STAGING_PREFIX

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the freedesktop trash"),
    pytest.mark.usefixtures("trash"),
]
B_WHEN_TOLD = """
import time
def process(path, output):
    while path.stem == "b" and not (path.parent.parent / "go").exists():
        time.sleep(0.005)
    output.write_text(path.read_text() + "!")
"""


@pytest.fixture
def stopped(running: Running, folder: Path, tmp_path: Path, trash: Path) -> JobId:
    """Return a job that was stopped when one of its two files had been replaced."""
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    running.post(*in_place(folder, own_code(tmp_path, B_WHEN_TOLD)))
    job = running.until(lambda now: now.counts.succeeded == 1).job
    assert job is not None
    running.until(lambda _: trashed(trash) == {folder / "a.txt": "a"})
    running.post(ClearInputs())
    running.until(lambda now: now.job is None)
    (tmp_path / "go").touch()
    return job


def test_output_that_was_edited_is_not_worked_on_again(
    running: Running, folder: Path, stopped: JobId
) -> None:
    (folder / "a.txt").write_text("edited")
    running.post(OpenJob(stopped), ContinueJob())
    assert until_settled(running).counts.succeeded == 2
    assert contents(folder) == {"a.txt": "edited", "b.txt": "b!"}


def test_output_that_was_moved_away_counts_as_made(
    running: Running, folder: Path, stopped: JobId
) -> None:
    (folder / "a.txt").rename(folder / "moved.txt")
    running.post(OpenJob(stopped), ContinueJob())
    assert until_settled(running).counts.succeeded == 2
    assert contents(folder) == {"moved.txt": "a!", "b.txt": "b!"}


def test_original_that_is_there_again_is_worked_on_again(
    running: Running, folder: Path, stopped: JobId, trash: Path
) -> None:
    """As after a power cut that took what the disk had not taken yet."""
    (trash / "files" / "a.txt").replace(folder / "a.txt")
    running.post(OpenJob(stopped), ContinueJob())
    assert until_settled(running).counts.succeeded == 2
    assert contents(folder) == {"a.txt": "a!", "b.txt": "b!"}


def test_forgotten_job_that_was_killed_leaves_nothing_unfinished(
    running: Running, folder: Path, stopped: JobId
) -> None:
    staging = folder / f"{STAGING_PREFIX}{stopped}"
    staging.mkdir(exist_ok=True)
    (staging / "00000002-1.txt").write_text("b")
    running.post(DiscardJob(stopped))
    running.until(lambda _: not staging.exists())
    assert contents(folder) == {"a.txt": "a!", "b.txt": "b"}


@pytest.mark.parametrize("is_file", [False, True], ids=["nothing", "a file"])
def test_job_whose_folder_is_gone_for_good_is_forgotten_when_that_is_asked_again(
    running: Running,
    folder: Path,
    stopped: JobId,
    journals: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    is_file: bool,
) -> None:
    folder.rename(folder.with_name("away"))
    if is_file:
        folder.touch()
    gone = f"{folder} is not there: originals of this job may still lie on it."
    running.post(DiscardJob(stopped))
    refused = running.until(lambda now: bool(now.refusal))
    assert refused.refusal == f"{gone} If it is gone for good, discard the job again."
    assert main(["discard", stopped]) == ExitStatus.COULD_NOT_RUN
    assert f"{gone} If it is gone for good, add --folder-gone." in capsys.readouterr().err
    assert journal_path(journals, stopped).exists()
    running.post(DiscardJob(stopped))
    running.until(lambda _: not journal_path(journals, stopped).exists())


def test_terminal_forgets_a_job_whose_folder_is_gone_for_good(
    folder: Path, tmp_path: Path, stopped: JobId, journals: Path
) -> None:
    folder.rename(tmp_path / "away")
    assert main(["discard", stopped, "--folder-gone"]) == ExitStatus.DONE
    assert not journal_path(journals, stopped).exists()
