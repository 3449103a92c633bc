"""The preview's process: what a pipeline makes of one file, and whatever goes wrong."""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from PIL import Image

from tests.engine.conftest import own_code
from workers.job import Pipeline, Step
from workers.operations.user_function import digest
from workers.preview import Preview, PreviewAsked
from workers.preview_process import PreviewProcess
from workers.sandbox import offered

PATIENCE_S = 60
SMALL = Pipeline(
    "Small",
    (
        Step("images.resize", {"mode": "fit", "width": 100, "height": 100}),
        Step("images.convert", {"format": "jpeg", "quality": 80}),
        Step("tables.convert", {"format": "parquet"}),
        Step("arrays.statistics", {"format": "csv"}),
    ),
)
Ask = Callable[..., Preview | None]


@pytest.fixture
def begin() -> Iterator[Callable[..., Ask]]:
    """Return what starts a process; all are ended."""
    processes: list[PreviewProcess] = []

    def begun(*readable: Path, has_code: bool = False, trusted: tuple[str, ...] = ()) -> Ask:
        answers: SimpleQueue[Preview | None] = SimpleQueue()
        process = PreviewProcess(
            readable, has_code=has_code, deliver=lambda _process, answer: answers.put(answer)
        )
        processes.append(process)

        def ask(path: Path, pipeline: Pipeline, *, is_measured: bool = False) -> Preview | None:
            asked = PreviewAsked(1, path, pipeline, trusted, readable, is_measured=is_measured)
            process.ask(asked)
            return answers.get(timeout=PATIENCE_S)

        return ask

    yield begun
    for process in processes:
        process.end()


@pytest.fixture
def ask(begin: Callable[..., Ask], tmp_path: Path) -> Ask:
    return begin(tmp_path)


def test_picture_is_shown_before_and_after_with_its_true_sizes(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.effect_noise((4000, 1000), 90).convert("RGB").save(file)
    answer = ask(file, SMALL)
    assert answer is not None
    assert answer.before is not None
    assert answer.after is not None
    before, after = answer.before, answer.after
    assert (before.words, before.width, before.height, before.size) == (
        ("PNG", 4000, 1000, file.stat().st_size)
    )
    assert (after.words, after.width, after.height) == ("JPEG", 100, 25)
    assert 0 < after.size < before.size
    with Image.open(io.BytesIO(before.picture)) as shown:
        assert (shown.format, shown.size) == ("PNG", (1600, 400))
    with Image.open(io.BytesIO(after.picture)) as shown:
        assert shown.size == (100, 25)
    assert answer.message == ""
    assert answer.seconds > 0


def test_picture_that_a_camera_turned_is_shown_upright(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200)).save(file, exif=exif)
    answer = ask(file, SMALL)
    assert answer is not None
    assert answer.before is not None
    assert (answer.before.width, answer.before.height) == (200, 400)


def test_first_rows_and_types_of_a_table_are_told(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("name,count\n" + "".join(f"n{n},{n}\n" for n in range(200)))
    answer = ask(file, SMALL)
    assert answer is not None
    assert answer.after is not None
    assert answer.after.columns == (("name", "String"), ("count", "Int64"))
    assert answer.after.rows[:2] == (("n0", "0"), ("n1", "1"))
    assert len(answer.after.rows) == 50
    assert answer.after.words == "200 rows, 2 columns"
    file.write_text("count\n1\n")
    answer = ask(file, SMALL)
    assert answer is not None
    assert answer.before is not None
    assert answer.before.words == "1 row, 1 column"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jpg", b"", "The file is empty."),
        ("letter.jpg", b"Dear Sir", "Not a picture: the content is none of the known formats."),
        ("other.txt", b"plain text", "No step of this pipeline reads such a file."),
    ],
)
def test_file_that_cannot_be_processed_is_told_in_a_sentence(
    ask: Ask, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    answer = ask(tmp_path / name, SMALL)
    assert answer is not None
    assert answer.after is None
    assert answer.message == words


def test_what_goes_into_one_output_is_no_output(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    listed = ask(tmp_path / "empty.txt", Pipeline("List", (Step("files.manifest"),)))
    assert listed is not None
    assert listed.is_partial
    assert listed.after is not None
    assert listed.after.rows == ((hashlib.sha256(b"").hexdigest(),),)
    (tmp_path / "a.csv").write_text("n\n1\n")
    converted = ask(tmp_path / "a.csv", SMALL)
    assert converted is not None
    assert not converted.is_partial


def test_smaller_copies_count_among_what_a_file_is_likely_to_write(
    ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    Image.effect_noise((400, 300), 90).save(file)
    small = Step("images.also_save", {"edge": 100, "mark": "-small"})
    alone, both = (
        ask(file, Pipeline("Small", steps), is_measured=True)
        for steps in ((Step("images.auto_orient"),), (Step("images.auto_orient"), small))
    )
    assert alone is not None
    assert both is not None
    assert alone.after is not None
    assert both.after is not None
    assert both.after.size > alone.after.size + 1000


def test_own_code_is_previewed_and_its_error_shown(
    begin: Callable[..., Ask], tmp_path: Path
) -> None:
    code = own_code(tmp_path, "def process(path, output):\n    raise ValueError('not this one')\n")
    (step,) = code.steps
    assert step.file is not None
    file = tmp_path / "a.txt"
    file.write_text("a")
    ask = begin(tmp_path, has_code=True, trusted=(digest(step.file),))
    answer = ask(file, code)
    assert answer is not None
    assert "not this one" in answer.message
    step.file.write_text("def process(path, output):\n    output.write_text('changed')\n")
    answer = ask(file, code)
    assert answer is not None
    assert answer.after is None, "code whose content nobody allowed must not run"


@pytest.mark.skipif(not offered().protects_files, reason="needs Landlock")
def test_process_cannot_read_what_it_was_not_given(
    begin: Callable[..., Ask], tmp_path: Path
) -> None:
    given, other = tmp_path / "given", tmp_path / "other"
    for folder in (given, other):
        folder.mkdir()
        Image.new("RGB", (10, 10)).save(folder / "a.png")
    ask = begin(given)
    first = ask(given / "a.png", SMALL)
    assert first is not None
    assert first.after is not None
    second = ask(other / "a.png", SMALL)
    assert second is not None
    assert second.before is None
    assert second.after is None


def test_process_that_a_file_kills_is_told_of(begin: Callable[..., Ask], tmp_path: Path) -> None:
    deadly = own_code(tmp_path, "import os\ndef process(path, output):\n    os.abort()\n")
    (step,) = deadly.steps
    assert step.file is not None
    (tmp_path / "a.txt").write_text("a")
    ask = begin(tmp_path, has_code=True, trusted=(digest(step.file),))
    assert ask(tmp_path / "a.txt", deadly) is None
