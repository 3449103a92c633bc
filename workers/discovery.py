"""Finding the files of a drop: a pure generator of batches, run in a thread of the engine.

Nothing is opened and no link is followed. What cannot become a task is found all the same,
with a sentence that says why, so that no file goes missing silently.
"""

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from workers.found_files import FoundFile, FoundFiles
from workers.job import InputFilter, Kind
from workers.name_patterns import Globs, in_natural_order
from workers.output import STAGING_PREFIX

_FIRST_BATCH: Final = 200
_FIRST_BATCH_S: Final = 0.05
_BATCH: Final = 1000
_BATCH_S: Final = 0.25
# So many files are looked at between two looks at the clock.
_STEP: Final = 50
# A folder of a million files is sorted in runs: the first rows must not wait for the last name.
_RUN: Final = 10_000
_LITTER_FRONTS: Final = ("._", STAGING_PREFIX)
_LITTER: Final = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
# In a whole folder's names at once, each between slashes.
_MAY_BE_LITTER: Final = re.compile(
    f"/(?:{'|'.join(map(re.escape, [*_LITTER_FRONTS, *_LITTER]))})", re.IGNORECASE
)
_HAS_JUNCTIONS: Final = sys.platform == "win32"

_LINK: Final = "A link; links are not followed."
_NOT_REGULAR: Final = "Not a regular file."
_ONLINE_ONLY: Final = "Online only: to read it would download it."
_GONE: Final = "No longer there."

_RECALLED: Final = 0x400000 | 0x40000 | 0x1000
_DATALESS: Final = 0x40000000
_TELLS_ONLINE_ONLY: Final = any(
    hasattr(os.stat_result, word) for word in ("st_file_attributes", "st_flags")
)

Identity = tuple[int, int]


def discover(
    paths: Sequence[Path],
    chosen: InputFilter,
    *,
    left_out: Sequence[Path] = (),
) -> Iterator[FoundFiles]:
    """Yield batches of files; the first one early, each folder once.

    Files come sorted within their folder, folders after files. Folders in `left_out` are not
    entered. A file may come again, as a hard link or dropped twice: see `KnownFiles`. A batch is
    empty when nothing was found for a while, so that the caller can stop a long search.
    """
    walk = Walk(chosen, left_out)
    return in_batches(walk.found(paths))


def in_batches(found: Iterable[Collection[FoundFile]]) -> Iterator[FoundFiles]:
    """Yield what a walk finds in batches, as `discover` does."""
    parts: list[Collection[FoundFile]] = []
    count, limit, limit_s = 0, _FIRST_BATCH, _FIRST_BATCH_S
    due = time.monotonic() + limit_s
    for some in found:
        if some:
            parts.append(some)
            count += len(some)
        if count >= limit or time.monotonic() >= due:
            yield FoundFiles.joined(parts)
            if count:
                limit, limit_s = _BATCH, _BATCH_S
            parts, count = [], 0
            due = time.monotonic() + limit_s
    if parts:
        yield FoundFiles.joined(parts)


class _NotPlain(Exception):  # no error
    """Some of the files have to be looked at one by one."""


class Walk:
    """One search; files come a few at a time, also none after a step in which none were found."""

    def __init__(self, chosen: InputFilter, left_out: Sequence[Path]) -> None:
        self._is_recursive = chosen.is_recursive
        self._include = Globs(chosen.include)
        self._exclude = Globs(chosen.exclude)
        self._has_globs = bool(self._include or self._exclude)
        self._left_out_paths = {str(_absolute(folder)) for folder in left_out}
        self._left_out = {found for folder in left_out if (found := _identity(folder))}
        self._entered: set[Identity] = set()
        self._kinds: dict[str, Kind] = {}

    def found(self, paths: Sequence[Path]) -> Iterator[Collection[FoundFile]]:
        """Yield what lies at and below the dropped paths; each call is a search of its own."""
        self._entered.clear()
        for dropped in paths:
            path = _absolute(dropped)
            try:
                status = path.lstat()
            except OSError as error:
                yield (_problem(path.parent, path.name, _why(error, "file")),)
                continue
            if stat.S_ISDIR(status.st_mode) and not _is_junction(status):
                yield from self._folder(path, status)
            elif self._is_wanted(path.name, path.name):
                yield (self._file(path.parent, path.name, path.name, status),)

    def found_at(self, root: Path, relative: str) -> Iterator[Collection[FoundFile]]:
        """Yield what a search from the dropped folder finds at that path and below it.

        Nothing where the path is not there, or where a search would not come by.
        """
        self._entered.clear()
        path = root / relative
        try:
            status = path.lstat()
            if not all(self._comes_by(root, below) for below in _folders_above(relative)):
                return
        except OSError:
            return
        if not stat.S_ISDIR(status.st_mode) or _is_junction(status):
            if self._is_wanted(relative, path.name):
                yield (self._file(root, relative, path.name, status),)
        elif self._is_recursive and not self._is_passed_over(relative, path.name):
            yield from self._folder(root, status, relative)

    def _comes_by(self, root: Path, below: str) -> bool:
        """Say whether a search enters that folder; raises OSError where it is not there."""
        folder = root / below
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or _is_junction(status):
            return False
        if below and not (self._is_recursive and not self._is_passed_over(below, folder.name)):
            return False
        return not self._is_left_out(str(folder), _identity_of(folder, status))

    def _is_passed_over(self, relative: str, name: str) -> bool:
        """Say whether a folder below a dropped one is of no interest by its name."""
        return name.startswith(STAGING_PREFIX) or self._exclude.match(relative, name)

    def _folder(
        self, root: Path, status: os.stat_result, below: str = ""
    ) -> Iterator[Collection[FoundFile]]:
        """Walk one tree; a stack instead of recursion, since trees can be deep."""
        stack = [(below, _identity_of(root / below, status))]
        while stack:
            below, identity = stack.pop()
            folder = f"{root}{os.sep}{below}" if below else str(root)
            if self._is_left_out(folder, identity):
                continue
            self._entered.add(identity)
            folders: list[tuple[str, Identity]] = []
            yield ()
            yield from self._entries(root, below, folder, folders)
            if self._is_recursive:
                stack.extend(reversed(folders))

    def _entries(
        self, root: Path, below: str, folder: str, folders: list[tuple[str, Identity]]
    ) -> Iterator[Collection[FoundFile]]:
        """Yield the files of one folder; add the folders in it to `folders`."""
        inner: list[os.DirEntry[str]] = []
        front = f"{below}{os.sep}" if below else ""
        try:
            with _entries_of(folder) as entries:
                while run := list(islice(entries, _RUN)):
                    found = [entry for entry in run if not _is_folder(entry)]
                    if len(found) < len(run):
                        inner += [entry for entry in run if _is_folder(entry)]
                    found = in_natural_order(self._chosen_of(found, front))
                    for first in range(0, len(found), _STEP):
                        yield self._files(root, front, found[first : first + _STEP])
        except OSError as error:
            where = (root, below) if below else (root.parent, root.name)
            yield (_problem(*where, _why(error, "folder")),)
        for entry in in_natural_order(inner):
            relative = front + entry.name
            if self._is_passed_over(relative, entry.name):
                continue
            try:
                status = os.lstat(f"{folder}{os.sep}{entry.name}")  # many
            except OSError as error:
                yield (_problem(root, relative, _why(error, "folder")),)
                continue
            folders.append((relative, _identity_of(root / relative, status)))

    def _files(
        self, root: Path, front: str, entries: "list[os.DirEntry[str]]"
    ) -> Collection[FoundFile]:
        try:
            return self._plain_files(root, front, entries)
        except (OSError, _NotPlain):
            return self._odd_files(root, front, entries)

    def _plain_files(self, root: Path, front: str, entries: "list[os.DirEntry[str]]") -> FoundFiles:
        """Return files with nothing to say about any of them; raise where there is."""
        statuses = [entry.stat(follow_symlinks=False) for entry in entries]
        numbers = [status.st_ino for status in statuses]
        types = {stat.S_IFMT(status.st_mode) for status in statuses}
        if _TELLS_ONLINE_ONLY or types - {stat.S_IFREG} or 0 in numbers:
            raise _NotPlain
        names = [entry.name for entry in entries]
        kind_of, known = self._kind, self._kinds.get
        return FoundFiles(
            [(root, len(names))],
            [front + name for name in names],
            [status.st_size for status in statuses],
            [status.st_mtime_ns for status in statuses],
            [known(name[name.rfind(".", 1) :]) or kind_of(name) for name in names],
            {},
            [status.st_dev for status in statuses],
            numbers,
        )

    def _odd_files(
        self, root: Path, front: str, entries: "list[os.DirEntry[str]]"
    ) -> Sequence[FoundFile]:
        files: list[FoundFile] = []
        for entry in entries:
            relative = front + entry.name
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                files.append(_problem(root, relative, _why(error, "file")))
                continue
            files.append(self._file(root, relative, entry.name, status))
        return files

    def _chosen_of(self, entries: "list[os.DirEntry[str]]", front: str) -> "list[os.DirEntry[str]]":
        """Return those that are neither litter nor filtered out."""
        text = "/".join(["", *[entry.name for entry in entries], ""])
        if _MAY_BE_LITTER.search(text):
            entries = [entry for entry in entries if not _is_litter(entry.name)]
        if not self._has_globs:
            return entries
        return [entry for entry in entries if self._is_chosen(front + entry.name, entry.name)]

    def _file(self, root: Path, relative: str, name: str, status: os.stat_result) -> FoundFile:
        device, number = status.st_dev, status.st_ino
        if not number:
            device, number = _identity_of(root / relative, status)
        if _TELLS_ONLINE_ONLY and is_online_only(status):
            problem = _problem(root, relative, _ONLINE_ONLY)
            return problem._replace(size=status.st_size, device=device, number=number)
        if stat.S_ISREG(status.st_mode) and not (_HAS_JUNCTIONS and _is_junction(status)):
            size, mtime_ns = status.st_size, status.st_mtime_ns
            kind = self._kinds.get(name[name.rfind(".", 1) :]) or self._kind(name)
            return FoundFile(root, relative, size, mtime_ns, kind, "", device, number)
        is_link = stat.S_ISLNK(status.st_mode) or _is_junction(status)
        problem = _problem(root, relative, _LINK if is_link else _NOT_REGULAR)
        return problem._replace(device=device, number=number)

    def _is_wanted(self, relative: str, name: str) -> bool:
        return not _is_litter(name) and self._is_chosen(relative, name)

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
        suffix = name[name.rfind(".", 1) :] if "." in name else ""
        kind = self._kinds.get(suffix)
        if kind is None:
            from workers.operations.kinds import kind_of_suffix

            kind = self._kinds[suffix] = kind_of_suffix(suffix.lower())
        return kind


def _folders_above(relative: str) -> list[str]:
    """Return the dropped folder (empty) and each folder below it that leads to a path."""
    return ["", *map(str, reversed(Path(relative).parents[:-1]))]


def _absolute(path: Path) -> Path:
    path = path.absolute()
    return path.resolve() if ".." in path.parts else path


@contextmanager
def _entries_of(folder: str) -> "Iterator[Iterator[os.DirEntry[str]]]":
    """List a folder by its descriptor, where there is one: the system then looks for a name only.

    To ask for a million files by whole paths takes it half as long again.
    """
    if os.scandir not in os.supports_fd:
        with os.scandir(folder) as entries:
            yield entries
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


def _is_litter(name: str) -> bool:
    return name.startswith(_LITTER_FRONTS) or name.lower() in _LITTER


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        if not entry.is_dir(follow_symlinks=False):
            return False
        return os.name != "nt" or not _is_junction(entry.stat(follow_symlinks=False))
    except OSError:
        return False


def _is_junction(status: os.stat_result) -> bool:
    """Say whether this is a Windows link to a folder, which no mode bit tells."""
    if sys.platform != "win32":
        return False
    return status.st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def is_online_only(status: os.stat_result) -> bool:
    """Say whether a file's content lies in a cloud and would be fetched when it is read.

    Windows marks it (recall on data access, recall on open, offline), macOS as dataless.
    """
    attributes: int = getattr(status, "st_file_attributes", 0)
    flags: int = getattr(status, "st_flags", 0)
    return bool(attributes & _RECALLED or flags & _DATALESS)


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
    return FoundFile(root, relative, 0, 0, Kind.ANY, sentence)


def _why(error: OSError, what: str) -> str:
    if isinstance(error, PermissionError):
        return f"No permission to read this {what}."
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _GONE
    if error.errno == errno.ENAMETOOLONG:
        return "The path is too long for this system."
    return f"This {what} cannot be read: {error.strerror or error}."
