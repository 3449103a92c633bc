"""Where outputs go and what they are called, decided before anything is written.

Pure but for `default_output` and `folder_in_place`, which ask whether an input is a folder.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Final

from workers.name_template import NameFields, NameTemplate

_LIMIT: Final = 255
_FOLDER_SUFFIX: Final = " (Everycore)"
_LOOSE_FOLDER: Final = "Everycore"
_RESERVED: Final = re.compile("(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])", re.IGNORECASE)
_WINDOWS_ILLEGAL: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
_ILLEGAL: Final = re.compile(r"[/\x00]")
_IS_WINDOWS: Final = os.name == "nt"


def default_output(inputs: Sequence[Path]) -> Path:
    """Return the output folder for what was dropped.

    For the first dropped folder a sibling, "Holiday (Everycore)", so that the folder itself
    stays as it was. Loose files have no folder of their own to stand beside: theirs is
    "Everycore" inside the folder where the first one lies, not beside Downloads or the desktop.
    """
    places = [path.absolute() for path in inputs]
    for place in places:
        if place.is_dir() and place.name:
            return place.with_name(fitted(place.name, _FOLDER_SUFFIX))
    if not places:
        return Path.cwd() / _LOOSE_FOLDER
    return places[0].parent / _LOOSE_FOLDER


def folder_in_place(inputs: Sequence[Path]) -> Path:
    """Return the folder of a job in place: the first that was dropped, or that a file lies in."""
    first = inputs[0].absolute()
    return first if first.is_dir() else first.parent


class NamePlanner:
    """Gives every input of a job an output name of its own; keeps hashes, not names.

    The tree of inputs is mirrored below `output`, with the root folder's name in front when
    there are several. `roots` in the order of the journal make these names the same after a
    resume; other roots are named as they come. A template may name outputs otherwise. Where the
    disk `folds` names, those it takes for one count as one.
    """

    def __init__(
        self,
        output: Path,
        *,
        has_several_roots: bool,
        roots: Sequence[Path] = (),
        template: NameTemplate | None = None,
        folds: bool = True,
    ) -> None:
        self._output = output
        self._template = template
        self._key: Callable[[str], int] = _folded if folds else hash
        self._has_several_roots = has_several_roots
        self._files: set[int] = set()
        self._folders: set[int] = set()
        self._numbers: dict[int, int] = {}
        self._renamed: dict[str, str] = {}
        self._root_names: dict[Path, str] = {}
        self._last: tuple[tuple[str, ...], str] = ((), "")
        for root in roots:
            self._root_name(root)

    def plan(
        self,
        root: Path,
        relative: Path,
        suffix: str,
        *,
        index: int = 0,
        mtime_ns: int = 0,
        companions: Sequence[tuple[str, str]] = (),
    ) -> Path:
        """Return the final name for an input; no other input of the job gets it.

        Names that are one to the disk count as one: the second is numbered. The name stays below
        `output` whatever `relative` and `suffix` hold. One that waits for what its output will be
        is numbered when that is known. The names of `companions`, (mark, suffix), are reserved with
        it.
        """
        parts = [legal_part(part) for part in relative.parts if part != relative.anchor] or ["_"]
        front = (self._root_name(root),) if self._has_several_roots else ()
        folders, stem = (*front, *parts[:-1]), PurePath(parts[-1]).stem
        ending = _ILLEGAL.sub("_", suffix)
        if self._template is not None:
            parent = parts[-2] if len(parts) > 1 else root.name
            fields = NameFields(stem, parent, index, mtime_ns)
            *above, last = map(legal_part, self._template.parts(fields, ending))
            folders = tuple(above) if self._template.is_whole_path else folders
            stem = last.removesuffix(ending)
            if self._template.is_late:
                return self._output.joinpath(*folders, legal_part(fitted(stem, ending)))
        folder = self._folder(folders)
        name = legal_part(fitted(stem, ending))
        keys = self._keys(folder, name, companions)
        if not self._are_free(keys):
            name, keys = self._numbered(folder, stem, ending, companions)
        self._files.update(keys)
        return self._output / folder / name

    def reserve(self, planned: Path, companions: Sequence[tuple[str, str]] = ()) -> None:
        """Keep a name that a resumed job has given already, and those of what stands beside it."""
        try:
            relative = planned.relative_to(self._output)
        except ValueError:
            return  # another output folder; nothing planned here can meet it
        folder = "" if relative.parent == PurePath() else str(relative.parent)
        self._files.update(self._keys(folder, relative.name, companions))
        self._folders.update(self._key(str(parent)) for parent in relative.parents[:-1])

    def _keys(self, folder: str, name: str, companions: Sequence[tuple[str, str]]) -> list[int]:
        stem = PurePath(name).stem
        names = [name, *(f"{stem}{mark}{suffix}" for mark, suffix in companions)]
        return [self._key(_joined(folder, each)) for each in names]

    def _are_free(self, keys: Sequence[int]) -> bool:
        return not any(key in self._files or key in self._folders for key in keys)

    def _numbered(
        self, folder: str, stem: str, ending: str, companions: Sequence[tuple[str, str]]
    ) -> tuple[str, list[int]]:
        taken = self._key(_joined(folder, fitted(stem, ending)))
        number = self._numbers.get(taken, 2)
        while True:
            name = legal_part(fitted(stem, f" ({number}){ending}"))
            keys = self._keys(folder, name, companions)
            number += 1
            if self._are_free(keys):
                self._numbers[taken] = number
                return name, keys

    def _folder(self, parts: tuple[str, ...]) -> str:
        """Return the folder for these parts; files come folder by folder, so keep the last."""
        if self._last[0] != parts:
            planned = ""
            for part in parts:
                planned = self._free_folder(_joined(planned, part))
            self._last = parts, planned
        return self._last[1]

    def _free_folder(self, wanted: str) -> str:
        """Return the folder's name, numbered where an output file has it."""
        planned = self._renamed.get(wanted, wanted)
        number = 2
        while (key := self._key(planned)) in self._files:
            folder, _, name = wanted.rpartition(os.sep)
            planned = _joined(folder, fitted(name, f" ({number})"))
            number += 1
        if planned != wanted:
            self._renamed[wanted] = planned
        self._folders.add(key)
        return planned

    def _root_name(self, root: Path) -> str:
        name = self._root_names.get(root)
        if name is None:
            wanted = legal_part(root.name or root.drive.rstrip(":") or "root")
            taken = {self._key(other) for other in self._root_names.values()}
            name, number = wanted, 2
            while self._key(name) in taken:
                name, number = fitted(wanted, f" ({number})"), number + 1
            self._root_names[root] = name
        return name


def fitted(stem: str, ending: str) -> str:
    """Return stem + ending, the stem cut at a character so that the name has 255 bytes at most."""
    stem_bytes = os.fsencode(stem)
    room = max(1, _LIMIT - len(os.fsencode(ending)))
    if len(stem_bytes) <= room:
        return stem + ending
    for cut in range(room, max(0, room - 3), -1):
        if stem_bytes[cut] & 0xC0 != 0x80:  # the next byte begins a character
            return os.fsdecode(stem_bytes[:cut]) + ending
    return os.fsdecode(stem_bytes[:room]) + ending


def legal_part(part: str, *, is_windows: bool = _IS_WINDOWS) -> str:
    """Return one folder's or file's name as the system takes it; never a way up or out."""
    if part in ("", ".", ".."):
        return "_"
    if not is_windows:
        return _ILLEGAL.sub("_", part)
    part = _WINDOWS_ILLEGAL.sub("_", part).rstrip(". ") or "_"
    first = part.partition(".")[0].rstrip()
    if _RESERVED.fullmatch(first):
        return f"{first}_{part[len(first) :]}"
    return part


def _joined(folder: str, name: str) -> str:
    return f"{folder}{os.sep}{name}" if folder else name


def numbered(path: PurePath, number: int) -> str:
    """Return the file's name with a number before its suffix: "a (2).jpg"."""
    return fitted(path.stem, f" ({number}){path.suffix}")


def _folded(path: str) -> int:
    """Return the hash of what a case-folding, normalizing disk makes of a path."""
    if path.isascii():
        return hash(path.lower())
    folded = unicodedata.normalize("NFC", path).casefold()
    return hash(unicodedata.normalize("NFC", folded))
