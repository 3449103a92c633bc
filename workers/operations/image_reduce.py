"""Picture steps that make one file of all pictures: what each leaves of one, and what they become.

A reduce step stands for plain steps that end with a small picture of each, or with its hash. What
it asks is light to tell; pixels are looked at in a worker.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from workers.job import ParameterValue, Step
from workers.operations.contact_layout import layout_of
from workers.operations.image_plan import ImagePlan
from workers.operations.image_reduce_declarations import CONTACT_SHEET, NEAR_DUPLICATES, OPERATIONS
from workers.operations.input_file import InputFile
from workers.outcome import Failure
from workers.partials import Partial

HASHED_EDGE: Final = 32
_QUALITY: Final = 88
_HASH_SUFFIX: Final = ".json"
# Names, sizes and hashes of a picture in the report, as Python holds them.
_BYTES_A_PICTURE: Final = 1_000
_BLOCKS: Final = 256 * 2**20


def expanded(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with the plain ones that a reduce step stands for in its place."""
    if not steps or steps[-1].operation not in (CONTACT_SHEET, NEAR_DUPLICATES):
        return list(steps)
    step = completed(steps[-1])
    if step.operation == NEAR_DUPLICATES:
        exact: dict[str, ParameterValue] = {
            "mode": "exact",
            "width": HASHED_EDGE,
            "height": HASHED_EDGE,
        }
        return [*steps[:-1], Step("images.resize", exact)]
    cell = layout_of(step.parameters).picture
    return [
        *steps[:-1],
        Step("images.resize", {"mode": "fit", "width": cell.width, "height": cell.height}),
        Step("images.convert", {"format": "jpeg", "quality": _QUALITY}),
        Step("images.metadata", {"mode": "strip"}),
    ]


def is_hashed(steps: Sequence[Step]) -> bool:
    """Say whether a picture's hash is wanted, not the picture."""
    return bool(steps) and steps[-1].operation == NEAR_DUPLICATES


def partial_suffix(steps: Sequence[Step]) -> str | None:
    """Return the suffix of a hash; None where a picture is what is left of one."""
    return _HASH_SUFFIX if is_hashed(steps) else None


def combined_name(step: Step) -> str:
    """Return the name of the one output, with its suffix."""
    values = completed(step).parameters
    if step.operation == CONTACT_SHEET:
        return f"{values['name'] or 'contact-sheet'}.pdf"
    return f"{values['name'] or 'near-duplicates'}.csv"


def combined_need(step: Step, partials: Sequence[Partial]) -> int:
    """Return the bytes that `combine` takes at its peak; one page is held at a time."""
    if step.operation == CONTACT_SHEET:
        return 0
    return _BLOCKS + _BYTES_A_PICTURE * len(partials)


def combine(step: Step, partials: Sequence[Partial], target: Path) -> Failure | str:
    """Make the pages of thumbnails, or the report of pictures that are alike.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    values = completed(step).parameters
    if step.operation == CONTACT_SHEET:
        from workers.operations.contact_sheet import write_sheet

        return write_sheet(partials, layout_of(values), target)
    from workers.operations.image_alike import write_report

    return write_report(partials, int(values["distance"]), target)


def write_hash(plan: ImagePlan, source: InputFile, target: Path) -> Failure | str:
    """Write the hash of a picture after the steps to `target`, with its size in pixels."""
    from workers.operations.image_alike import write_hash as write

    return write(plan, source, target)


def completed(step: Step) -> Step:
    """Return the step with all its parameters."""
    by_id = {operation.id: operation for operation in OPERATIONS}
    return msgspec.structs.replace(step, parameters=by_id[step.operation].complete(step.parameters))
