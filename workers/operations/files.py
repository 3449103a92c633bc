"""Operations on files of any kind, as they are. Light to import; runs in a worker.

The list of checksums has the form of the tool sha256sum, so that `sha256sum -c` checks it: a line
a file, 64 hex digits, two spaces, the name. A name with a backslash or a line end is escaped, and
its line begins with a backslash (GNU coreutils, "cksum output modes").
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from workers import disk
from workers.job import Kind, ParameterValue, Step
from workers.operations.declaration import Operation, Parameter, ParameterKind, name_problem
from workers.operations.input_file import InputFile, unreadable
from workers.outcome import Failure, FailureKind
from workers.partials import Partial

_NAME: Final = "SHA256SUMS"
_ESCAPES: Final = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r"}


def output_suffix(_steps: Sequence[Step], _suffix: str) -> str:
    """Return the suffix of what is kept of one file."""
    return ".sha256"


def memory_need(_steps: Sequence[Step], _source: InputFile) -> int:
    """Return 0: a file is read piece by piece."""
    return 0


def run(_steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Write the SHA-256 of the file to `target`; raises OSError when the disk does not take it."""
    try:
        sha256 = disk.digest(source.fileno())
    except OSError as error:
        return unreadable(error)
    target.write_text(sha256, encoding="ascii")
    return ""


def combined_name(step: Step) -> str:
    """Return the name of the list."""
    return str(OPERATIONS[0].complete(step.parameters)["name"]) or _NAME


def combined_need(_step: Step, _partials: Sequence[Partial]) -> int:
    """Return 0: a line is written at a time."""
    return 0


def combine(step: Step, partials: Sequence[Partial], target: Path) -> Failure | str:
    """Write the list of all checksums to `target`, which goes to the folder above its own.

    Raises OSError when the disk does not take it.
    """
    names_from = str(OPERATIONS[0].complete(step.parameters)["names_from"])
    folder = os.path.realpath(target.parent.parent)
    with target.open("xb") as stream:
        for partial in partials:
            try:
                name = _name(partial, names_from, folder)
            except ValueError:
                words = "A file lies on another drive than the list; choose absolute names."
                return Failure(FailureKind.OPERATION_FAILED, words)
            stream.write(_line(partial.path.read_text(encoding="ascii"), name))
    return ""


def _name(partial: Partial, names_from: str, folder: str) -> str:
    """Return what the list calls a file; raises ValueError where no way leads from the list."""
    if names_from == "absolute":
        return os.fspath(partial.source.absolute())
    if names_from == "input":
        return partial.relative
    return os.path.relpath(os.path.realpath(partial.source.parent), folder) + (
        os.sep + partial.source.name
    )


def _line(sha256: str, name: str) -> bytes:
    escaped = name.translate(_ESCAPES)
    mark = "" if escaped == name else "\\"
    return os.fsencode(f"{mark}{sha256}  {escaped}\n")


def _summary(values: Mapping[str, ParameterValue]) -> str:
    words = {"list": "the list", "input": "the dropped folder", "absolute": "the top"}
    return f"{values['name'] or _NAME}, names from {words[str(values['names_from'])]}"


OPERATIONS: Final = (
    Operation(
        "files.manifest",
        "List checksums",
        "Writes one list with the SHA-256 of every file, which `sha256sum -c` checks.",
        Kind.ANY,
        (
            Parameter(
                "names_from",
                ParameterKind.CHOICE,
                "Names from",
                "Where names begin: at the folder of the list, so that it is checked there; at the "
                "dropped folder, which it is to be checked in; or absolute.",
                "list",
                choices=("list", "input", "absolute"),
            ),
            Parameter(
                "name",
                ParameterKind.TEXT,
                "Name",
                "The name of the list.",
                _NAME,
                problem=name_problem,
            ),
        ),
        _summary,
        is_reduce=True,
        stands_alone=True,
    ),
)
