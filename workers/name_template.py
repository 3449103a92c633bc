"""Templates for the names of outputs: `{name}-{index:04}`, `{date:%Y-%m}/{name}`.

A template is a path below the output folder. Without a slash it names the file, and the tree of
the inputs is mirrored; with one it is the whole path. Whatever a field holds, it stays within its
part of the path. The suffix of the output is added where the name does not end in it.

`{width}`, `{height}` and `{hash}` are known once an output is made: until then a mark that no
name has stands for them, see `filled_in`.
"""

import re
import string
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from workers.errors import UsageError

# A character for private use: it stands in no name of a person's, and is taken out of those.
_MARK: Final = "\ue0ec"
_LATE: Final = re.compile(f"{_MARK}(width|height|hash)([0-9]*){_MARK}")
_HASH_DIGITS: Final = 8
_HASH_MOST: Final = 64
_DATE: Final = "%Y-%m-%d"
# What each field may have after its colon.
_SPECS: Final = {
    "name": "",
    "ext": "",
    "parent": "",
    "index": "[0-9]{0,2}",
    "date": r"[^\0/\\]*",
    "width": "",
    "height": "",
    "hash": "[0-9]{0,2}",
}


class NameFields(Struct, frozen=True):
    """What an input gives to its output's name; `mtime_ns` since the epoch, `index` from 1."""

    name: str
    parent: str
    index: int
    mtime_ns: int


class NameTemplate:
    """A template that was found to be sound."""

    def __init__(self, text: str) -> None:
        """Read a template; raise UsageError with what is wrong with it."""
        parts = text.replace("\\", "/").split("/")
        if not text or any(part in ("", ".", "..") for part in parts):
            raise UsageError(
                f"The name {text!r} is no path below the output folder, like '{{parent}}/{{name}}'."
            )
        self._parts = [_read(part, text) for part in parts]
        self.text: Final = text
        self.is_whole_path: Final = len(parts) > 1
        fields = {field for part in self._parts for _, field, _ in part}
        self.is_late: Final = bool(fields & {"width", "height", "hash"})

    def parts(self, fields: NameFields, suffix: str) -> list[str]:
        """Return the parts of the path, the last one with its suffix; not yet made legal."""
        values = {
            "name": fields.name,
            "parent": fields.parent,
            "ext": suffix.removeprefix("."),
        }
        shown = [_rendered(part, fields, values) for part in self._parts]
        if not shown[-1].endswith(suffix):
            shown[-1] += suffix
        return shown


def is_late(planned: Path) -> bool:
    """Say whether a planned name waits for what its output will be."""
    return _MARK in str(planned)


def filled_in(planned: Path, sha256: str, size: Callable[[], tuple[int, int] | None]) -> Path:
    """Return the name with what is known now; nothing stands for the size of what is no picture."""

    def value(found: "re.Match[str]") -> str:
        field, digits = found.groups()
        if field == "hash":
            return sha256[: int(digits or _HASH_DIGITS)]
        pixels = size()
        return "" if pixels is None else str(pixels[0] if field == "width" else pixels[1])

    return Path(_LATE.sub(value, str(planned)))


Part = list[tuple[str, str, str]]


def _read(part: str, text: str) -> Part:
    """Return the part as (text before, field, what follows its colon)."""
    try:
        found = list(string.Formatter().parse(part))
    except ValueError as error:
        raise UsageError(f"The name {text!r} cannot be read: {error}.") from error
    read: Part = []
    for before, field, spec, conversion in found:
        if field is None:
            read.append((before, "", ""))
            continue
        if field not in _SPECS or conversion:
            known = ", ".join(f"{{{name}}}" for name in _SPECS)
            raise UsageError(f"The name {text!r} has a field {{{field}}}; there are {known}.")
        if not re.fullmatch(_SPECS[field], spec or ""):
            raise UsageError(f"In the name {text!r}, {{{field}}} takes no {spec!r}.")
        if field == "hash" and spec and not 1 <= int(spec) <= _HASH_MOST:
            raise UsageError(f"In the name {text!r}, {{hash}} takes 1 to {_HASH_MOST} digits.")
        if field == "date":
            _check_date(spec or _DATE, text)
        read.append((before, field, spec or ""))
    return read


def _check_date(spec: str, text: str) -> None:
    try:
        time.strftime(spec, time.gmtime(0))
    except ValueError as error:
        raise UsageError(f"In the name {text!r}, {spec!r} is no form of a date.") from error


def _rendered(part: Part, fields: NameFields, values: Mapping[str, str]) -> str:
    shown = ""
    for before, field, spec in part:
        shown += before
        match field:
            case "":
                pass
            case "index":
                shown += (
                    f"{fields.index:0{spec.removeprefix('0') or 1}d}" if spec else f"{fields.index}"
                )
            case "date":
                shown += time.strftime(spec or _DATE, time.localtime(fields.mtime_ns / 1e9))
            case "width" | "height" | "hash":
                shown += f"{_MARK}{field}{spec}{_MARK}"
            case _:
                shown += values[field].replace(_MARK, "_")
    return shown.replace("/", "_").replace("\\", "_")
