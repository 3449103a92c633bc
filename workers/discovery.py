"""Finding the files of a drop: a pure generator of batches, run in a thread of the engine.

Nothing is opened and no link is followed. What cannot become a task is found all the same,
with a sentence that says why, so that no file goes missing silently.
"""

import errno
import fnmatch
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from workers.job import InputFilter, Kind

STAGING_PREFIX: Final = ".everycore-"

_FIRST_BATCH: Final = 200
_FIRST_BATCH_S: Final = 0.05
_BATCH: Final = 1000
_BATCH_S: Final = 0.25
# A folder of a million files is sorted in runs: the first rows must not wait for the last name.
_RUN: Final = 10_000
_LITTER: Final = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_DIGITS: Final = re.compile("([0-9]+)")

_LINK: Final = "A link; links are not followed."
_NOT_REGULAR: Final = "Not a regular file."
_GONE: Final = "No longer there."

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below a dropped folder, or a dropped file.

    `root` is the dropped folder, or the parent of a dropped file; `path` is `root / relative`.
    `problem` is empty, or a sentence for which the file is skipped.
    """

    path: Path
    root: Path
    relative: Path
    size: int
    mtime_ns: int
    kind: Kind
    problem: str = ""


def discover(
    paths: Sequence[Path],
    chosen: InputFilter,
    *,
    left_out: Sequence[Path] = (),
    known: set[Identity] | None = None,
) -> Iterator[tuple[FoundFile, ...]]:
    """Yield batches of files; the first one early, each file once.

    Files come sorted within their folder, folders after files. Folders in `left_out` are not
    entered. `known` holds the (device, inode) of files found before and is added to. A batch
    is empty when nothing was found for a while, so that the caller can stop a long search.
    """
    walk = _Walk(chosen, left_out, set() if known is None else known)
    return _batched(walk.found(paths))


def _batched(found: Iterable[FoundFile | None]) -> Iterator[tuple[FoundFile, ...]]:
    batch: list[FoundFile] = []
    limit, limit_s = _FIRST_BATCH, _FIRST_BATCH_S
    due = time.monotonic() + limit_s
    for file in found:
        if file is not None:
            batch.append(file)
        if len(batch) >= limit or time.monotonic() >= due:
            yield tuple(batch)
            if batch:
                limit, limit_s = _BATCH, _BATCH_S
            batch = []
            due = time.monotonic() + limit_s
    if batch:
        yield tuple(batch)


class _Walk:
    """One search; `None` among its files marks a step in which nothing was found."""

    def __init__(self, chosen: InputFilter, left_out: Sequence[Path], known: set[Identity]) -> None:
        self._is_recursive = chosen.is_recursive
        self._include = _Globs(chosen.include)
        self._exclude = _Globs(chosen.exclude)
        self._left_out_paths = {str(_absolute(folder)) for folder in left_out}
        self._left_out = {found for folder in left_out if (found := _identity(folder))}
        self._entered: set[Identity] = set()
        self._known = known
        self._kinds: dict[str, Kind] = {}

    def found(self, paths: Sequence[Path]) -> Iterator[FoundFile | None]:
        for dropped in paths:
            path = _absolute(dropped)
            try:
                status = path.lstat()
            except OSError as error:
                yield _problem(path.parent, path.name, _why(error, "file"))
                continue
            if stat.S_ISDIR(status.st_mode) and not _is_junction(status):
                yield from self._folder(path, "", status)
            else:
                yield self._file(path.parent, path.name, path.name, status)

    def _folder(self, root: Path, below: str, status: os.stat_result) -> Iterator[FoundFile | None]:
        """Walk one tree; a stack instead of recursion, since trees can be deep."""
        stack = [(below, _identity_of(root / below, status))]
        while stack:
            below, identity = stack.pop()
            folder = f"{root}{os.sep}{below}" if below else str(root)
            if self._is_left_out(folder, identity):
                continue
            self._entered.add(identity)
            folders: list[tuple[str, Identity]] = []
            yield None
            yield from self._entries(root, below, folder, folders)
            if self._is_recursive:
                stack.extend(reversed(folders))

    def _entries(
        self, root: Path, below: str, folder: str, folders: list[tuple[str, Identity]]
    ) -> Iterator[FoundFile | None]:
        inner: list[tuple[str, os.DirEntry[str]]] = []
        try:
            with os.scandir(folder) as entries:
                while run := list(islice(entries, _RUN)):
                    run.sort(key=_by_name)
                    for entry in run:
                        relative = f"{below}{os.sep}{entry.name}" if below else entry.name
                        if _is_folder(entry):
                            inner.append((relative, entry))
                        else:
                            yield self._entry(root, relative, entry)
        except OSError as error:
            where = (root, below) if below else (root.parent, root.name)
            yield _problem(*where, _why(error, "folder"))
        inner.sort(key=_by_entry_name)
        for relative, entry in inner:
            if entry.name.startswith(STAGING_PREFIX) or self._exclude.match(relative, entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield _problem(root, relative, _why(error, "folder"))
                continue
            folders.append((relative, _identity_of(entry.path, status)))

    def _entry(self, root: Path, relative: str, entry: "os.DirEntry[str]") -> FoundFile | None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            return _problem(root, relative, _why(error, "file"))
        return self._file(root, relative, entry.name, status)

    def _file(
        self, root: Path, relative: str, name: str, status: os.stat_result
    ) -> FoundFile | None:
        """Return the file, or None where it is litter, filtered out or known."""
        if name.startswith("._") or name.lower() in _LITTER or not self._is_chosen(relative, name):
            return None
        path = root / relative
        identity = _identity_of(path, status)
        if identity in self._known:
            return None
        self._known.add(identity)
        if stat.S_ISLNK(status.st_mode) or _is_junction(status):
            return _problem(root, relative, _LINK)
        if not stat.S_ISREG(status.st_mode):
            return _problem(root, relative, _NOT_REGULAR)
        return FoundFile(
            path, root, Path(relative), status.st_size, status.st_mtime_ns, self._kind(name)
        )

    def _is_chosen(self, relative: str, name: str) -> bool:
        if self._include and not self._include.match(relative, name):
            return False
        return not self._exclude.match(relative, name)

    def _is_left_out(self, folder: str, identity: Identity) -> bool:
        return (
            identity in self._entered
            or identity in self._left_out
            or folder in self._left_out_paths
        )

    def _kind(self, name: str) -> Kind:
        suffix = name[name.rfind(".", 1) :].lower() if "." in name else ""
        kind = self._kinds.get(suffix)
        if kind is None:
            from workers.operations.kinds import kind_of_suffix

            kind = self._kinds[suffix] = kind_of_suffix(suffix)
        return kind


class _Globs:
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
        if self._names is not None and self._names.match(name):
            return True
        if self._paths is None:
            return False
        return self._paths.match(relative.replace(os.sep, "/")) is not None


def _absolute(path: Path) -> Path:
    path = path.absolute()
    return path.resolve() if ".." in path.parts else path


def _natural(name: str) -> list[str | int]:
    parts: list[str | int] = list(_DIGITS.split(name.casefold()))
    parts[1::2] = map(int, parts[1::2])
    return parts


def _by_name(entry: "os.DirEntry[str]") -> list[str | int]:
    return _natural(entry.name)


def _by_entry_name(found: "tuple[str, os.DirEntry[str]]") -> list[str | int]:
    return _natural(found[1].name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        if not entry.is_dir(follow_symlinks=False):
            return False
        return os.name != "nt" or not _is_junction(entry.stat(follow_symlinks=False))
    except OSError:
        return False


def _is_junction(status: os.stat_result) -> bool:
    """Say whether this is a Windows link to a folder, which no mode bit tells."""
    tag: int = getattr(status, "st_reparse_tag", 0)
    return tag != 0 and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0)


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _identity_of(path: Path | str, status: os.stat_result) -> Identity:
    if status.st_ino:
        return status.st_dev, status.st_ino
    # Windows lists folders without file numbers; a second look has them.
    status = Path(path).lstat()
    return status.st_dev, status.st_ino


def _problem(root: Path, relative: str, sentence: str) -> FoundFile:
    return FoundFile(root / relative, root, Path(relative), 0, 0, Kind.ANY, sentence)


def _why(error: OSError, what: str) -> str:
    if isinstance(error, PermissionError):
        return f"No permission to read this {what}."
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _GONE
    if error.errno == errno.ENAMETOOLONG:
        return "The path is too long for this system."
    return f"This {what} cannot be read: {error.strerror or error}."
