"""The person's own presets: saved, taken in from a file, written to one, forgotten."""

import os
import re
import tempfile
from pathlib import Path
from typing import Final

from msgspec.structs import replace

import resources
from workers.errors import PipelineError
from workers.folders import presets_folder
from workers.job import Pipeline, Step
from workers.pipeline import dump_pipeline, load_pipeline
from workers.wording import printable

SUFFIX: Final = ".toml"
_LONGEST: Final = 60
_NO_STEP: Final = "A preset has at least one step."


def preset_id(name: str) -> str:
    """Return the id that a preset of that name gets: small letters, digits and dashes."""
    words = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
    return words[:_LONGEST].rstrip("-") or "preset"


def offered_name(pipeline: Pipeline) -> str:
    """Return a name under which a pipeline may be kept."""
    is_taken = preset_id(pipeline.name) in resources.PRESETS
    return f"{pipeline.name} (mine)" if is_taken else pipeline.name


def is_own(preset: Pipeline) -> bool:
    """Say whether the person made that preset, rather than us."""
    return bool(preset.id) and preset.id not in resources.PRESETS


def save_preset(pipeline: Pipeline, name: str) -> Pipeline:
    """Keep a pipeline under a name and return it as a preset; the own one of that name gives way.

    Raises PipelineError for a name that is none, or one of ours, and where the disk refuses.
    """
    name = name.strip()
    if not name:
        raise PipelineError("Give the preset a name.")
    if not pipeline.steps:
        raise PipelineError(_NO_STEP)
    found = preset_id(name)
    if found in resources.PRESETS:
        raise PipelineError(f"{printable(name)!r} comes with Everycore; choose another name.")
    preset = replace(pipeline, name=name, id=found)
    _write(presets_folder() / f"{found}{SUFFIX}", preset)
    return preset


def import_preset(file: Path) -> Pipeline:
    """Take a pipeline file in among the own presets; raises PipelineError where it is none.

    One of the same name that does something else stays: the new one gets a number.
    """
    pipeline = load_pipeline(str(file))
    steps = tuple(_rooted(step) for step in pipeline.steps)
    pipeline = replace(pipeline, steps=steps)
    for number in range(1, 1000):
        name = pipeline.name if number == 1 else f"{pipeline.name} {number}"
        found = preset_id(name)
        if found in resources.PRESETS:
            continue
        known = presets_folder() / f"{found}{SUFFIX}"
        if not known.exists() or load_pipeline(str(known)).steps == steps:
            return save_preset(pipeline, name)
    raise PipelineError(f"There are too many presets named {printable(pipeline.name)!r}.")


def export_preset(pipeline: Pipeline, file: Path) -> None:
    """Write a pipeline to a file that any Everycore reads; raises PipelineError."""
    if not pipeline.steps:
        raise PipelineError(_NO_STEP)
    _write(file, pipeline)


def forget_preset(preset: Pipeline) -> None:
    """Delete an own preset; raises PipelineError where the disk refuses."""
    if not is_own(preset):
        return
    file = presets_folder() / f"{preset.id}{SUFFIX}"
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(file, error) from error


def _rooted(step: Step) -> Step:
    """Own code stays where it is: its path must not depend on where the pipeline file lay."""
    return step if step.file is None else replace(step, file=step.file.absolute())


def _write(file: Path, pipeline: Pipeline) -> None:
    """Write all of it or nothing, whatever happens meanwhile."""
    content = dump_pipeline(pipeline).encode()
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=SUFFIX, delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(content)
        try:
            os.replace(temporary, file)  # noqa: PTH105  # over what is there, in one step
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(file, error) from error


def _refused(file: Path, error: OSError) -> PipelineError:
    return PipelineError(f"{printable(file)} cannot be written ({error.strerror or error}).")
