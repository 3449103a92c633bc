"""How names of files are matched and ordered: globs without case, digits by their value."""

import fnmatch
import os
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, Protocol, TypeVar

_DIGITS: Final = re.compile("([0-9]+)")
_DIGITS_ALIKE: Final = str.maketrans("0123456789", "0" * 10)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


class Globs:
    """Patterns on the path below the root, case-insensitive; one without a slash is for names."""

    def __init__(self, patterns: Sequence[str]) -> None:
        names, paths = [], []
        for written in patterns:
            slashed = written.replace("\\", "/") if os.name == "nt" else written
            pattern = slashed.removeprefix("./").rstrip("/")
            if "/" not in pattern:
                names.append(fnmatch.translate(pattern))
                continue
            # "**/x" means x at any depth, the top included.
            paths += [fnmatch.translate(pattern), fnmatch.translate(pattern.replace("**/", ""))]
        self._names = re.compile("|".join(names), re.IGNORECASE) if names else None
        self._paths = re.compile("|".join(paths), re.IGNORECASE) if paths else None

    def __bool__(self) -> bool:
        return self._names is not None or self._paths is not None

    def match(self, relative: str, name: str) -> bool:
        """Say whether one of the patterns fits a file or folder."""
        if self._names is not None and self._names.match(name):
            return True
        if self._paths is None:
            return False
        return self._paths.match(relative.replace(os.sep, "/")) is not None


def in_natural_order(named: Sequence[N]) -> list[N]:
    """Return them by name, without case, "img2" before "img10"."""
    plain = sorted(named, key=attrgetter("name"))
    # Names that differ in digits alone, as a camera's, need no closer look.
    alike = "/".join([each.name for each in plain]).translate(_DIGITS_ALIKE)
    if len(set(alike.split("/"))) > 1:
        plain.sort(key=lambda each: natural_key(each.name))
    return plain


def natural_key(name: str) -> list[str | int]:
    """Return what orders names without case, "img2" before "img10"."""
    parts: list[str | int] = list(_DIGITS.split(name.casefold()))
    parts[1::2] = map(int, parts[1::2])
    return parts
