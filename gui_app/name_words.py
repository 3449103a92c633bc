"""How outputs will be named, in a few words."""

import time
from pathlib import Path
from typing import Final

from workers import Kind, Pipeline
from workers.errors import UsageError
from workers.name_template import NameFields, NameTemplate, filled_in
from workers.operations import find_operation, find_reducing
from workers.pipeline import output_suffix, reduce_step
from workers.wording import printable

_TYPICAL_SUFFIXES: Final = {
    Kind.IMAGE: (".png", ".jpg"),
    Kind.TABLE: (".csv", ".parquet"),
    Kind.ARRAY: (".npy", ".npz"),
}
_SAMPLE: Final = "IMG_0042"
_SAMPLE_FOLDER: Final = "Holiday"
_SAMPLE_HASH: Final = "3f9ac27b" * 8
_SAMPLE_SIZE: Final = (1024, 768)


def names_sentence(pipeline: Pipeline, template: str) -> tuple[str, bool]:
    """Return what names come to, 'Same names, .jpg', and whether the template is wrong.

    A suffix that depends on the input's own is not told; the one file of all has a name of its own.
    """
    if not pipeline.steps:
        return "", False
    if (last := reduce_step(pipeline)) is not None:
        return f"One file, {printable(find_reducing(last).combined_name(last))}", False
    suffixes = _suffixes(pipeline)
    if not template:
        return ", ".join(["Same names", *suffixes]), False
    try:
        return f"Like {_sample(NameTemplate(template), suffixes)}", False
    except UsageError as error:
        return str(error), True


def _sample(template: NameTemplate, suffixes: list[str]) -> str:
    fields = NameFields(_SAMPLE, _SAMPLE_FOLDER, 42, time.time_ns())
    suffix = suffixes[0] if len(suffixes) == 1 else ""
    planned = "/".join(template.parts(fields, suffix))
    return str(filled_in(Path(planned), _SAMPLE_HASH, lambda: _SAMPLE_SIZE))


def _suffixes(pipeline: Pipeline) -> list[str]:
    found: set[str] = set()
    for kind, typical in _TYPICAL_SUFFIXES.items():
        if any(find_operation(step.operation).reads is kind for step in pipeline.steps):
            made = {output_suffix(pipeline, kind, suffix) for suffix in typical}
            found |= made if len(made) == 1 else set()
    return sorted(found)
