"""Own code: `process(path, output, **parameters)` of a .py file, run in a worker.

Or a function of another name that the file declares by `@operation` (workers/own_code.py).

The caller looks at source only (`check_source`, `digest`); nothing is executed there. Whether a
file may run is decided by its digest, before a worker hears of it.
"""

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from workers.error_words import OWN_CODE
from workers.errors import PipelineError
from workers.job import Kind, ParameterValue, Step
from workers.operations.code_parameters import FUNCTION, OUTPUT_SUFFIX, chosen_function
from workers.operations.code_steps import wanted_function
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.input_file import InputFile
from workers.operations.kept_source import keep, kept
from workers.operations.source_check import check_source as check_source
from workers.outcome import Failure, FailureKind
from workers.wording import printable

_APART: Final = (FUNCTION, OUTPUT_SUFFIX)
# Nobody can tell what a function does with its file: it may hold the content and a result. Very
# large files are rarely read whole, and a greater guess would let one such task run at a time.
_COPIES: Final = 2
_GUESS_LIMIT: Final = 10**9


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return the suffix the last step that names one asks for, else the input's own."""
    named = [
        str(step.parameters[OUTPUT_SUFFIX]) for step in steps if step.parameters.get(OUTPUT_SUFFIX)
    ]
    return named[-1] if named else suffix


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Call each step's function on what the one before wrote; the last writes `target`.

    Whatever the function raises goes through to the caller.
    """
    path, between = source.path, source.suffix
    for number, step in enumerate(steps, start=1):
        between = output_suffix([step], between)
        is_last = number == len(steps)
        output = target if is_last else target.with_name(f"between-{number}{between}")
        if step.file is None:
            return Failure(FailureKind.OPERATION_FAILED, "The step names no file with code.")
        parameters = {name: value for name, value in step.parameters.items() if name not in _APART}
        name, function = load_step(step)
        function(path, output, **parameters)
        if path != source.path:
            path.unlink(missing_ok=True)
        if not output.is_file() or output.stat().st_size == 0:
            return Failure(FailureKind.OPERATION_FAILED, f"{name}() wrote nothing.")
        path = output
    return ""


def memory_need(_steps: Sequence[Step], source: InputFile) -> int:
    """Return a guess of the bytes that own code takes."""
    return min(_COPIES * source.size, _GUESS_LIMIT)


def digest(file: Path) -> str:
    """Return the SHA-256 of a file in hex; raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def load_function(file: Path, name: str, trusted: Collection[str] = ()) -> Callable[..., object]:
    """Return a function of a .py file, loaded once a process and again after a change.

    With `trusted` digests, the file runs only when its own is among them, and that version
    stays, whatever becomes of the file: in this process and, by a copy of its bytes, in those
    that load it later. The module has a private
    name, so that it is never taken for `__main__`. Raises PipelineError when the function is
    missing or the file is not trusted; what the module raises at import goes through.
    """
    return _function(_module(file, trusted), file, name)


def load_step(step: Step, trusted: Collection[str] = ()) -> tuple[str, Callable[..., object]]:
    """Return the function that a step of own code means, with its name; as `load_function`."""
    file = step.file
    assert file is not None
    module = _module(file, trusted)
    # What is loaded decides, whatever has become of the file since.
    loader = module.__loader__
    source = loader.source if isinstance(loader, _OwnCode) else b""
    name = chosen_function(source, file.name, wanted_function(step)).name
    return name, _function(module, file, name)


def _function(module: types.ModuleType, file: Path, name: str) -> Callable[..., object]:
    function = getattr(module, name, None)
    if not callable(function):
        raise PipelineError(f"{printable(file.name)} has no function {name}().")
    loaded: Callable[..., object] = function
    return loaded


class _Loaded(Struct, frozen=True):
    modified_ns: int
    digest: str
    module: types.ModuleType
    is_pinned: bool


_loaded: Final[dict[Path, _Loaded]] = {}


def _module(file: Path, trusted: Collection[str]) -> types.ModuleType:
    known = _loaded.get(file)
    if known is not None and (known.digest in trusted if trusted else known.is_pinned):
        _loaded[file] = msgspec.structs.replace(known, is_pinned=True)
        return known.module
    modified_ns = 0 if trusted else file.stat().st_mtime_ns
    if known is not None and known.modified_ns == modified_ns and not trusted:
        return known.module
    source, found = _trusted_source(file, trusted) if trusted else _source(file)
    is_same = known is not None and known.digest == found
    module = known.module if known is not None and is_same else _executed(file, source, found)
    _loaded[file] = _Loaded(modified_ns, found, module, bool(trusted))
    return module


def _source(file: Path) -> tuple[bytes, str]:
    source = file.read_bytes()
    return source, hashlib.sha256(source).hexdigest()


def _trusted_source(file: Path, trusted: Collection[str]) -> tuple[bytes, str]:
    """Return the bytes that may run and their digest: the file's, or those it had before."""
    try:
        source, found = _source(file)
    except FileNotFoundError:
        if (before := kept(file, trusted)) is None:
            raise
        return before
    if found in trusted:
        keep(file, source, found)
        return source, found
    if (before := kept(file, trusted)) is None:
        raise PipelineError(f"{printable(file.name)} was changed after it was allowed to run.")
    return before


class _OwnCode(importlib.abc.InspectLoader):
    """Loads exactly the bytes whose digest was checked, and leaves no __pycache__ behind."""

    def __init__(self, file: Path, source: bytes) -> None:
        self._file = file
        self.source = source

    # typing.override is new in Python 3.12.
    def get_source(self, fullname: str) -> str:  # type: ignore[explicit-override]
        return importlib.util.decode_source(self.source)

    def get_code(self, fullname: str) -> types.CodeType:  # type: ignore[explicit-override]
        return self.source_to_code(self.source, str(self._file))


def _executed(file: Path, source: bytes, found: str) -> types.ModuleType:
    name = f"{OWN_CODE}{found[:16]}"
    loader = _OwnCode(file, source)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=str(file))
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a neighbour must not replace the standard library
    sys.modules[name] = module  # dataclasses and pickle look their module up
    is_loaded = False
    try:
        loader.exec_module(module)
        is_loaded = True
    finally:
        if not is_loaded:
            del sys.modules[name]
    return module


def _summary(values: Mapping[str, ParameterValue]) -> str:
    named = [f"{name} {value}" for name, value in values.items() if name not in _APART]
    return ", ".join(named) or "process()"


OPERATIONS: Final = (
    Operation(
        "user.process",
        "Own code",
        "Calls process(path, output, **parameters), or what is declared by @operation, of a Python "
        "file that you allowed to run.",
        Kind.ANY,
        (
            Parameter(
                FUNCTION,
                ParameterKind.TEXT,
                "Operation",
                "Which function, where the file declares several by @operation; empty: process() "
                "or the only one.",
                "",
            ),
            Parameter(
                OUTPUT_SUFFIX,
                ParameterKind.TEXT,
                "Output suffix",
                "Suffix of the files it writes, as in .txt; empty keeps the input's.",
                "",
            ),
        ),
        _summary,
    ),
)
