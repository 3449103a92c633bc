"""Operations: plain functions with declared parameters; heavy imports stay inside them.

A family is a module in this folder. It declares operations, predicts the suffix of its output
and runs consecutive steps on one input. Importing this package loads no family.
"""

import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from workers.errors import PipelineError
from workers.job import Step
from workers.outcome import Failure

if TYPE_CHECKING:
    from workers.operations.declaration import Operation
    from workers.operations.input_file import InputFile

_MODULES: Final = {
    "images": "workers.operations.images",
    "tables": "workers.operations.tables",
    "arrays": "workers.operations.arrays",
    "user": "workers.operations.user_function",
}


class Family(Protocol):
    """A module of operations that share a kind of input."""

    OPERATIONS: "tuple[Operation, ...]"

    def output_suffix(self, steps: Sequence[Step], suffix: str) -> str:
        """Return the suffix of what `run` writes for an input with `suffix`."""

    def memory_need(self, steps: Sequence[Step], source: "InputFile") -> int:
        """Return the bytes that `run` takes at its peak, cheaply: from the input's header alone.

        0 when unknown. On the safe side: more than is taken, seldom more than three times so much.
        """

    def run(self, steps: Sequence[Step], source: "InputFile", target: Path) -> Failure | str:
        """Run the steps on one input and write exactly `target`.

        Returns a warning sentence or "". Raises OSError when the output cannot be written.
        """


def find_family(name: str) -> Family:
    """Return the family's module, imported on first use; raises PipelineError."""
    if name not in _MODULES:
        raise PipelineError(f"There is no family of operations {name!r}.{_near(name, _MODULES)}")
    # A module with these names is a Family; the type checker cannot see through import.
    return cast(Family, importlib.import_module(_MODULES[name]))


def all_operations() -> "tuple[Operation, ...]":
    """Return every operation there is, family by family."""
    return tuple(operation for name in _MODULES for operation in find_family(name).OPERATIONS)


def find_operation(operation_id: str) -> "Operation":
    """Return the operation with that id; raises PipelineError with a near match."""
    known = {operation.id: operation for operation in all_operations()}
    if operation_id not in known:
        raise PipelineError(f"There is no operation {operation_id!r}.{_near(operation_id, known)}")
    return known[operation_id]


def _near(word: str, known: "dict[str, Operation] | dict[str, str]") -> str:
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
