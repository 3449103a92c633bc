"""What the window says about the outputs' names."""

import pytest

from gui_app.name_words import names_sentence
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
    assert names_sentence(load_pipeline(preset), "") == (sentence, False)


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("contact-sheet", "contact-sheet.pdf"),
        ("merge-tables", "merged.csv"),
        ("checksum-list", "SHA256SUMS"),
    ],
)
def test_one_file_of_all_is_named(preset: str, name: str) -> None:
    assert names_sentence(load_pipeline(preset), "") == (f"One file, {name}", False)


def test_pictures_that_are_not_converted_keep_their_suffix() -> None:
    resize = Step("images.resize", find_operation("images.resize").complete({}))
    assert names_sentence(Pipeline("Resize", (resize,)), "") == ("Same names", False)


def test_no_step_has_no_names_to_tell() -> None:
    assert names_sentence(Pipeline("New pipeline", ()), "{name}") == ("", False)


def test_template_is_shown_at_work() -> None:
    pipeline = load_pipeline("shrink-for-sharing")
    sentence, is_wrong = names_sentence(pipeline, "{parent}/{name}-{width}-{hash:4}")
    assert (sentence, is_wrong) == ("Like Holiday/IMG_0042-1024-3f9a.jpg", False)


def test_template_that_is_wrong_says_why() -> None:
    sentence, is_wrong = names_sentence(load_pipeline("shrink-for-sharing"), "../{name}")
    assert is_wrong
    assert "no path below the output folder" in sentence
