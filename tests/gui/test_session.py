"""What the window says about the outputs' names."""

import pytest

from gui_app.session import names_sentence
from workers import Pipeline, Step
from workers.operations import find_operation
from workers.pipeline import load_pipeline


@pytest.mark.parametrize(
    ("preset", "sentence"),
    [
        ("shrink-for-sharing", "Same names, .jpg"),
        ("samples-tour", "Same names, .jpg, .parquet, .statistics.csv"),
    ],
)
def test_converted_files_get_the_suffix_that_is_told(preset: str, sentence: str) -> None:
    assert names_sentence(load_pipeline(preset)) == sentence


def test_pictures_that_are_not_converted_keep_their_suffix() -> None:
    resize = Step("images.resize", find_operation("images.resize").complete({}))
    assert names_sentence(Pipeline("Resize", (resize,))) == "Same names"


def test_no_step_has_no_names_to_tell() -> None:
    assert names_sentence(Pipeline("New pipeline", ())) == ""
