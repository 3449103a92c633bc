"""The person's own presets on their way in, out and away."""

from pathlib import Path

import pytest

from workers import Pipeline, Step
from workers.errors import PipelineError
from workers.folders import presets_folder
from workers.pipeline import load_pipeline, preset_pipelines
from workers.presets import (
    export_preset,
    forget_preset,
    import_preset,
    is_own,
    preset_id,
    save_preset,
)

SMALL = Pipeline(
    "Small", (Step("images.resize", {"mode": "fit", "width": 300, "height": 300}),), "Small ones."
)


def test_saved_preset_is_found_by_its_id_in_the_terminal_and_the_window() -> None:
    saved = save_preset(SMALL, "Für den Garten!")
    assert saved.id == "für-den-garten"
    assert load_pipeline(saved.id) == saved
    assert preset_pipelines()[-1] == saved
    assert is_own(saved)
    assert not is_own(preset_pipelines()[0])


def test_saving_under_the_same_name_takes_the_own_ones_place() -> None:
    save_preset(SMALL, "Mine")
    other = Pipeline("x", (Step("images.convert", {"format": "png"}),))
    save_preset(other, "Mine")
    assert load_pipeline("mine").steps == other.steps
    assert [file.name for file in presets_folder().iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("name", ["", "   ", "Shrink for sharing", "shrink FOR  sharing"])
def test_names_of_ours_and_empty_ones_are_refused(name: str) -> None:
    with pytest.raises(PipelineError):
        save_preset(SMALL, name)
    assert list(presets_folder().iterdir()) == []


def test_exported_preset_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "to a friend.toml"
    export_preset(SMALL, file)
    assert load_pipeline(str(file)).steps == SMALL.steps
    taken = import_preset(file)
    assert (taken.name, taken.steps, taken.description) == (("Small", SMALL.steps, "Small ones."))
    assert import_preset(file).id == taken.id
    assert len(list(presets_folder().iterdir())) == 1


def test_imported_preset_of_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    save_preset(SMALL, "Small")
    other = Pipeline("Small", (Step("images.convert", {"format": "png"}),))
    export_preset(other, tmp_path / "a.toml")
    assert import_preset(tmp_path / "a.toml").name == "Small 2"
    assert load_pipeline("small").steps == SMALL.steps
    ours = preset_pipelines()[0]
    export_preset(ours, tmp_path / "b.toml")
    assert import_preset(tmp_path / "b.toml").name == f"{ours.name} 2"


def test_imported_own_code_is_found_wherever_the_file_lay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clean.py").write_text("def process(path, output):\n    pass\n")
    (tmp_path / "p.toml").write_text('[[steps]]\noperation = "user.process"\nfile = "clean.py"\n')
    monkeypatch.chdir(tmp_path)
    taken = import_preset(Path("p.toml"))
    (step,) = load_pipeline(taken.id).steps
    assert step.file == tmp_path / "clean.py"


def test_file_that_is_no_pipeline_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("steps = 3")
    with pytest.raises(PipelineError, match=r"a\.toml"):
        import_preset(tmp_path / "a.toml")
    assert list(presets_folder().iterdir()) == []


def test_own_preset_is_forgotten_and_ours_stay() -> None:
    forget_preset(save_preset(SMALL, "Mine"))
    assert list(presets_folder().iterdir()) == []
    before = preset_pipelines()
    forget_preset(before[0])
    assert preset_pipelines() == before


def test_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="cannot be written"):
        export_preset(SMALL, tmp_path / "missing" / "a.toml")


def test_ids_are_short_and_plain() -> None:
    assert preset_id("../../etc/passwd") == "etc-passwd"
    assert preset_id("***") == "preset"
    assert len(preset_id("x" * 500)) <= 60
