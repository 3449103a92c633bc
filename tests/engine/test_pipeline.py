"""Pipeline files: what is accepted, what is refused and with which words."""

from pathlib import Path

import pytest

from workers import Kind, Pipeline, Step
from workers.errors import PipelineError
from workers.folders import presets_folder
from workers.operations import all_operations, find_operation
from workers.operations.declaration import ParameterKind
from workers.pipeline import (
    dump_pipeline,
    families_of,
    fingerprint,
    load_pipeline,
    output_suffix,
    own_code,
    parse_pipeline,
    preset_pipelines,
    steps_for,
)

PRESETS = (
    "shrink-for-sharing",
    "web-gallery-2048",
    "thumbnails-320",
    "fit-under-500-kb",
    "heic-to-jpeg",
    "raw-to-jpeg",
    "png-to-webp",
    "archive-webp-lossless",
    "avif-small",
    "remove-location",
    "contact-sheet",
    "find-alike-pictures",
    "csv-to-parquet",
    "csv-for-spreadsheets",
    "table-summary",
    "merge-tables",
    "array-statistics",
    "checksum-list",
    "samples-tour",
)


def refused(text: str) -> str:
    with pytest.raises(PipelineError) as caught:
        parse_pipeline(text, Path("folder/mine.toml"))
    return str(caught.value)


def test_the_bundled_presets_are_there_in_order() -> None:
    presets = preset_pipelines()
    assert tuple(preset.id for preset in presets) == PRESETS
    for preset in presets:
        assert preset.name
        assert preset.description.endswith(".")
        assert load_pipeline(preset.id) == preset


def test_shrink_for_sharing_does_what_it_says() -> None:
    assert load_pipeline("shrink-for-sharing").steps == (
        Step(
            "images.resize", {"mode": "fit", "width": 1024, "height": 1024, "never_enlarge": True}
        ),
        Step("images.convert", {"format": "jpeg", "quality": 82, "progressive": True}),
        Step("images.metadata", {"mode": "strip_location"}),
    )


def test_the_samples_tour_has_something_for_every_kind() -> None:
    tour = load_pipeline("samples-tour")
    for kind in (Kind.IMAGE, Kind.TABLE, Kind.ARRAY):
        assert steps_for(tour, kind)
    assert steps_for(tour, Kind.ANY) == ()


def test_a_pipeline_survives_writing_and_reading(tmp_path: Path) -> None:
    text = (
        'format = 1\nname = "Mine \\"x\\""\ndescription = "Two\\nlines"\n'
        '[[steps]]\noperation = "images.resize"\nmode = "percent"\npercent = 12.5\n'
        '[[steps]]\noperation = "user.process"\nfile = "clean.py"\nlimit = 3\nis_wild = true\n'
    )
    file = tmp_path / "mine.toml"
    file.write_text(text)
    loaded = load_pipeline(str(file))
    assert loaded.id == "mine"
    assert own_code(loaded) == (tmp_path / "clean.py",)
    file.write_text(dump_pipeline(loaded))
    assert load_pipeline(str(file)) == loaded


def test_a_text_without_a_file_has_no_id() -> None:
    pipeline = parse_pipeline('[[steps]]\noperation = "images.convert"\n', "the form")
    assert (pipeline.id, pipeline.name) == ("", "Pipeline")


STEP = '[[steps]]\noperation = "images.resize"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'name = "x"\n[[steps]]\noperation = "images.resiz"\n',
            (
                "mine.toml, line 3, step 1, field 'operation': "
                "There is no operation 'images.resiz'. Did you mean 'images.resize'?"
            ),
        ),
        (
            f"{STEP}{STEP}widht = 3\n",
            (
                "mine.toml, line 5, step 2, field 'widht': images.resize has no such parameter. "
                "Did you mean 'width'?"
            ),
        ),
        (
            f"{STEP}width = 0\n",
            "mine.toml, line 3, step 1, field 'width': width goes from 1 to 65500; 0 is outside.",
        ),
        (
            f'{STEP}mode = "fitt"\n',
            (
                "mine.toml, line 3, step 1, field 'mode': "
                "mode is one of fit, fill, exact, percent, long_edge, short_edge, megapixels; "
                "not 'fitt'."
            ),
        ),
        (
            f"{STEP}never_enlarge = 1\n",
            (
                "mine.toml, line 3, step 1, field 'never_enlarge': "
                "never_enlarge takes true or false, not 1."
            ),
        ),
        (
            f"{STEP}width = [1, 2]\n",
            (
                "mine.toml, line 3, step 1, field 'width': "
                "a value is a number, text, or true or false."
            ),
        ),
        (
            f'{STEP}file = "x.py"\n',
            (
                "mine.toml, line 3, step 1, field 'file': "
                "images.resize takes no file; only user.process does."
            ),
        ),
        (
            '[[steps]]\noperation = "user.process"\n',
            "mine.toml, line 1, step 1, field 'file': user.process names a .py file.",
        ),
        (
            '[[steps]]\noperation = "user.process"\nfile = "a.py"\noutput_suffix = "/../x"\n',
            "mine.toml, line 4, step 1, field 'output_suffix': it is a suffix such as .txt.",
        ),
        (
            '[[steps]]\noperation = "user.process"\nfile = "a.py"\npath = "x"\n',
            (
                "mine.toml, line 4, step 1, field 'path': "
                "this name cannot be a parameter of process()."
            ),
        ),
        (
            "[[steps]]\nmode = 1\n",
            "mine.toml, line 1, step 1, field 'operation': a step names its operation, as text.",
        ),
        (
            f"nmae = 'x'\n{STEP}",
            "mine.toml, line 1, field 'nmae': there is no such field. Did you mean 'name'?",
        ),
        (
            f"format = 2\n{STEP}",
            "mine.toml, line 1, field 'format': 2 is of a newer Everycore; this one reads 1.",
        ),
        (f"format = true\n{STEP}", "mine.toml, line 1, field 'format': it is 1, not True."),
        (f"name = 3\n{STEP}", "mine.toml, line 1, field 'name': it is text in quotes."),
        (
            "name = 'x'\n",
            "mine.toml, field 'steps': a pipeline has at least one [[steps]].",
        ),
        (
            "steps = 3\n",
            "mine.toml, line 1, field 'steps': a pipeline has at least one [[steps]].",
        ),
        (
            "name = 'x'\nsteps = [1]\n",
            "mine.toml, line 2, step 1, field 'steps': each step is a table, [[steps]].",
        ),
        ("name = 'x'\nb = \n", "mine.toml, line 2: Invalid value."),
        ("name = 'x'\nb = ", "mine.toml, line 2: Invalid value."),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(text: str, sentence: str) -> None:
    assert refused(text) == sentence


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [
        (
            ["tables.merge", "tables.sort"],
            (
                "mine.toml, line 2, step 1, field 'operation': "
                "Merge tables puts all files into one; no step can follow it."
            ),
        ),
        (
            ["images.resize", "files.manifest"],
            (
                "mine.toml, line 4, step 2, field 'operation': "
                "List checksums tells of the files as they are; it is the only step."
            ),
        ),
        (
            ["images.also_save", "images.contact_sheet"],
            (
                "mine.toml, line 2, step 1, field 'operation': "
                "Also save smaller: what it saves beside each file would be lost; take it out."
            ),
        ),
    ],
)
def test_a_reduce_step_is_the_last_one(operations: list[str], sentence: str) -> None:
    text = "".join(f'[[steps]]\noperation = "{operation}"\n' for operation in operations)
    assert refused(text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "[[steps]]\noperation = \"__import__('os').system('true')\"\n",
        '[[steps]]\noperation = "{0.__class__}"\n',
        '[[steps]]\noperation = "../../user.process"\n',
        '[[steps]]\noperation = "os.system"\n',
        f'{STEP}mode = "{{0.__class__}}"\n',
        f'{STEP}width = "__import__"\n',
        '[[steps]]\noperation = "user.process"\nfile = "/bin/sh"\n',
        '[[steps]]\noperation = "user.process"\nfile = "a\\u0000.py"\n',
        '[[steps]]\noperation = "user.process"\nfile = "a.py"\n"x y" = 1\n',
    ],
)
def test_a_pipeline_from_a_stranger_is_refused_with_a_line(text: str) -> None:
    assert refused(text).startswith("mine.toml, line ")


def test_an_unknown_preset_suggests_a_near_one() -> None:
    with pytest.raises(PipelineError, match="Did you mean 'shrink-for-sharing'"):
        load_pipeline("shrink-for-sharin")
    with pytest.raises(PipelineError, match="There are shrink-for-sharing, "):
        load_pipeline("zzzz")


def test_a_missing_or_strange_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="There is no pipeline file "):
        load_pipeline(str(tmp_path / "none.toml"))
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PipelineError, match="is not UTF-8 text"):
        load_pipeline(str(tmp_path / "x.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(PipelineError, match="cannot be read"):
        load_pipeline(str(tmp_path / "folder.toml"))


def test_own_presets_come_last_and_a_broken_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERYCORE_HOME", str(tmp_path / "home"))
    (presets_folder() / "mine.toml").write_text('[[steps]]\noperation = "images.convert"\n')
    (presets_folder() / "broken.toml").write_text("???")
    assert [preset.id for preset in preset_pipelines()] == [*PRESETS, "mine"]
    assert load_pipeline("mine").steps == (Step("images.convert"),)
    with pytest.raises(PipelineError, match=r"broken\.toml, line 1"):
        load_pipeline("broken")


def test_the_fingerprint_is_of_what_a_pipeline_does(tmp_path: Path) -> None:
    plain = Pipeline("a", (Step("images.convert"),))
    spelled_out = Pipeline("b", (Step("images.convert", {"quality": 82}),), "text", "id")
    other = Pipeline("a", (Step("images.convert", {"quality": 83}),))
    assert fingerprint(plain) == fingerprint(spelled_out) != fingerprint(other)
    assert len(fingerprint(plain)) == 64


def test_the_fingerprint_follows_own_code(tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    pipeline = Pipeline("a", (Step("user.process", {}, code),))
    with pytest.raises(PipelineError, match="cannot be read"):
        fingerprint(pipeline)
    code.write_text("one")
    first = fingerprint(pipeline)
    code.write_text("two")
    assert fingerprint(pipeline) != first


def test_an_input_passes_through_the_steps_that_read_its_kind() -> None:
    own = Step("user.process", {"output_suffix": ".txt"}, Path("/x.py"))
    image, table = Step("images.convert", {"format": "webp"}), Step("tables.summary")
    pipeline = Pipeline("mixed", (image, own, table))
    assert steps_for(pipeline, Kind.IMAGE) == (image, own)
    assert steps_for(pipeline, Kind.TABLE) == (own, table)
    assert steps_for(pipeline, Kind.ANY) == (own,)
    assert families_of(steps_for(pipeline, Kind.TABLE)) == (("user", (own,)), ("tables", (table,)))


@pytest.mark.parametrize(
    ("preset", "kind", "suffix", "expected"),
    [
        ("shrink-for-sharing", Kind.IMAGE, ".PNG", ".jpg"),
        ("archive-webp-lossless", Kind.IMAGE, ".bmp", ".webp"),
        ("csv-to-parquet", Kind.TABLE, ".tsv", ".parquet"),
        ("table-summary", Kind.TABLE, ".parquet", ".summary.csv"),
        ("array-statistics", Kind.ARRAY, ".npy", ".statistics.csv"),
        ("array-statistics", Kind.IMAGE, ".jpg", ".jpg"),
    ],
)
def test_the_output_suffix_is_known_before_the_run(
    preset: str, kind: Kind, suffix: str, expected: str
) -> None:
    assert output_suffix(load_pipeline(preset), kind, suffix) == expected


def test_every_operation_is_declared_completely() -> None:
    ids = [operation.id for operation in all_operations()]
    assert len(ids) == len(set(ids))
    for operation in all_operations():
        assert find_operation(operation.id) is operation
        assert operation.sentence.endswith(".")
        values = operation.complete({})
        assert operation.summarize(values)
        names = {parameter.name for parameter in operation.parameters}
        for parameter in operation.parameters:
            assert parameter.sentence.endswith(".")
            assert (parameter.kind is ParameterKind.CHOICE) == bool(parameter.choices)
            assert parameter.shown_when is None or parameter.shown_when[0] in names


@pytest.mark.parametrize(
    "operation",
    ["images.contact_sheet", "images.near_duplicates", "tables.merge", "files.manifest"],
)
def test_the_one_file_of_all_has_a_name_and_no_path(operation: str) -> None:
    text = 'format = 1\nname = "One"\n[[steps]]\noperation = "{}"\nname = "{}"\n'
    parse_pipeline(text.format(operation, "Sheet 2026.07"), "one.toml")
    with pytest.raises(PipelineError, match="it is a name, not a path; it has no slash"):
        parse_pipeline(text.format(operation, "2026/July"), "one.toml")
