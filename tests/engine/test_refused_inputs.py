"""What a job says of inputs that are nothing for it, through a whole engine."""

from pathlib import Path

from tests.engine.conftest import Running, job_of
from tests.engine.test_images import huge_png
from workers.job import Pipeline, Step, TaskState

FLIP = Pipeline("Flip", (Step("images.flip", {}),))
ONLY_PICTURES = (TaskState.SKIPPED, "This pipeline reads pictures only.")


def test_empty_files_fail_only_where_their_kind_is_read_and_limits_are_final(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    for name in (".gitkeep", "__init__.py", "rows.csv", "photo.jpg"):
        (folder / name).touch()
    (folder / "vast.png").write_bytes(huge_png(50_000, 50_000))
    running.post(*job_of(folder, tmp_path / "out", FLIP))
    running.until_ended()
    told = {row.name: (row.state, row.message) for row in running.ended}
    vast, picture = told.pop("vast.png"), told.pop("photo.jpg")
    assert picture == (TaskState.FAILED, "The file is empty.")
    assert set(told.values()) == {ONLY_PICTURES}
    assert vast[0] is TaskState.FAILED
    assert vast[1].endswith("one picture may take 4.0 GB.")
    assert {row.attempts for row in running.ended} == {1}
