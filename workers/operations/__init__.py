"""Operations: plain functions with declared parameters; heavy imports stay inside them.

A family is a module in this folder, or one that an installed package offers under the entry-point
group `everycore.operations`. It declares operations, predicts the suffix of its output and runs
consecutive steps on one input. Importing this package loads no family.
"""

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast, runtime_checkable

from workers.errors import PipelineError
from workers.job import Step
from workers.outcome import Failure

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from logging import Logger

    from workers.operations.declaration import Operation
    from workers.operations.input_file import InputFile
    from workers.partials import Partial

_MODULES: Final = {
    "images": "workers.operations.images",
    "tables": "workers.operations.tables",
    "arrays": "workers.operations.arrays",
    "files": "workers.operations.files",
    "user": "workers.operations.user_function",
}
GROUP: Final = "everycore.operations"


class Companion(NamedTuple):
    """A further output of one input: its name is the main one's with a mark, "a-small.jpg"."""

    mark: str
    suffix: str


FOLDER: Final = Companion("", "")
"""What a family tells that writes no `target`, but a folder of files: named as it, no suffix."""


def companion_path(main: Path, companion: Companion) -> Path:
    """Return where a companion stands beside the main output, or beside its temporary file."""
    return main.with_name(f"{main.stem}{companion.mark}{companion.suffix}")


class Family(Protocol):
    """A module of operations that share a kind of input."""

    OPERATIONS: "tuple[Operation, ...]"

    def output_suffix(self, steps: Sequence[Step], suffix: str) -> str:
        """Return the suffix of what `run` writes for an input with `suffix`."""

    # A family may offer as well:
    #   companions(steps, suffix) -> Sequence[Companion]
    # what else `run` writes for an input with `suffix`, each beside `target` (companion_path); or
    # FOLDER alone, when it writes a folder of files instead.
    #   refusal(steps) -> str
    # why the steps can run on no input, or "": asked in each worker before its first task.

    def memory_need(self, steps: Sequence[Step], source: "InputFile") -> int:
        """Return the bytes that `run` takes at its peak, cheaply: from the input's header alone.

        0 when unknown. On the safe side: more than is taken, seldom more than three times so much.
        """

    def run(self, steps: Sequence[Step], source: "InputFile", target: Path) -> Failure | str:
        """Run the steps on one input and write exactly `target`.

        Returns a warning sentence or "". Raises OSError when the output cannot be written.
        """


@runtime_checkable
class Reducing(Protocol):
    """What a family with reduce steps offers as well.

    As the last step of `run`, a reduce step leaves what it needs of one input: its partial.
    """

    def combined_name(self, step: Step) -> str:
        """Return the name of the one output, with its suffix."""

    def combined_need(self, step: Step, partials: "Sequence[Partial]") -> int:
        """Return the bytes that `combine` takes at its peak; 0 when that is little."""

    def combine(self, step: Step, partials: "Sequence[Partial]", target: Path) -> Failure | str:
        """Make one output of the partials, which stand in the order of their inputs.

        Returns a warning sentence or "". Raises OSError when the output cannot be written. The
        same partials make the same bytes.
        """


def find_reducing(step: Step) -> Reducing:
    """Return the family of a reduce step; raises PipelineError where it is none."""
    family = find_family(step.operation.partition(".")[0])
    if not isinstance(family, Reducing):
        raise PipelineError(f"{step.operation} cannot put files together.")
    return family


def find_family(name: str) -> Family:
    """Return the family's module, imported on first use; raises PipelineError."""
    if name in _MODULES:
        # A module with these names is a Family; the type checker cannot see through import.
        return cast(Family, importlib.import_module(_MODULES[name]))
    offered = _offered()
    if name not in offered:
        known = {**_MODULES, **dict.fromkeys(offered, "")}
        raise PipelineError(f"There is no family of operations {name!r}.{_near(name, known)}")
    return _plugged_in(name)


@functools.cache
def _offered() -> "dict[str, EntryPoint]":
    """Return what installed packages offer; looked for once a process, and only when asked."""
    import importlib.metadata

    found = importlib.metadata.entry_points(group=GROUP)
    return {each.name: each for each in found if each.name not in _MODULES}


@functools.cache
def _plugged_in(name: str) -> Family:
    """Return the family of a package; raises PipelineError where it cannot be loaded."""
    from workers.error_words import first_line

    try:
        family = _offered()[name].load()
        ids = [operation.id for operation in family.OPERATIONS]
    except Exception as error:  # a package may raise anything when it is imported
        words = first_line(error)
        raise PipelineError(f"The operations {name!r} cannot be loaded: {words}") from error
    for found in ids:
        if found.partition(".")[0] != name:
            raise PipelineError(
                f"The operations {name!r} cannot be loaded: {found!r} is not of it."
            )
    return cast(Family, family)


def all_operations() -> "tuple[Operation, ...]":
    """Return every operation, family by family; a broken package is logged and left out."""
    found = [operation for name in _MODULES for operation in find_family(name).OPERATIONS]
    for name in _offered():
        try:
            found += _plugged_in(name).OPERATIONS
        except PipelineError as error:
            _logger().warning("%s", error)
    return tuple(found)


def _logger() -> "Logger":
    import logging

    return logging.getLogger(__name__)


def find_operation(operation_id: str) -> "Operation":
    """Return the operation with that id; raises PipelineError with a near match."""
    name = operation_id.partition(".")[0]
    if name in _MODULES or name in _offered():
        known = {operation.id: operation for operation in find_family(name).OPERATIONS}
        if operation_id in known:
            return known[operation_id]
    known = {operation.id: operation for operation in all_operations()}
    if operation_id not in known:
        raise PipelineError(f"There is no operation {operation_id!r}.{_near(operation_id, known)}")
    return known[operation_id]


def _near(word: str, known: "dict[str, Operation] | dict[str, str]") -> str:
    import difflib

    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
