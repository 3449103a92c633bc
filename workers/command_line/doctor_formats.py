"""Which formats of pictures are read and written here: found out by doing it."""

import tempfile
from pathlib import Path

import resources
from workers.command_line.diagnosis import Diagnosis
from workers.job import Step
from workers.operations import images
from workers.operations.image_plan import CONVERTED
from workers.operations.input_file import InputFile, open_input
from workers.operations.kinds import ImageFormat, format_of_suffix
from workers.outcome import Failure


def diagnoses() -> list[Diagnosis]:
    """Return a line for each format: our small picture of it is read, and one is written."""
    probes = {format_of_suffix(file.suffix): file for file in resources.probes_path().iterdir()}
    written = {format_of_suffix(suffix): word for word, suffix in CONVERTED.items()}
    with tempfile.TemporaryDirectory() as folder:
        return [
            _format(known, probes[known], written.get(known, ""), Path(folder))
            for known in ImageFormat
        ]


def _format(known: ImageFormat, probe: Path, word: str, folder: Path) -> Diagnosis:
    """Try both ways; `word` is the format's in pipelines, "" where it is none to save in."""
    whole = resources.probes_path() / "picture.png"
    unread = _problem(probe, "png", folder / f"read-{known.name}.png")
    unwritten = _problem(whole, word, folder / f"written{CONVERTED[word]}") if word else ""
    tried = [("read", unread), *([("written", unwritten)] if word else [])]
    done = [verb for verb, said in tried if not said]
    finding = f"Is {' and '.join(done)}." if done else "Is not read."
    return Diagnosis(known.value, not (unread or unwritten), finding, unread or unwritten)


def _problem(probe: Path, wanted: str, target: Path) -> str:
    """Return why a picture could not be converted, or ""."""
    try:
        opened = open_input(probe)
        if not isinstance(opened, InputFile):
            return opened.message
        with opened:
            answer = images.run((Step("images.convert", {"format": wanted}),), opened, target)
    except (ImportError, OSError) as error:  # libvips itself is lacking, or the disk is full
        return f"{error}."
    return answer.message if isinstance(answer, Failure) else ""
