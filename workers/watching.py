"""A watch: what lies below the dropped folders, then what comes and changes there, without end.

Runs in the process of the search. The system tells of changes where it can (folder_events.py);
what it does not tell is found by a rescan. A file is told of once it has settled (settling.py).
Here a file is its path: another one may have taken the inode of one that was deleted.
"""

import os
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from msgspec import Struct

from workers.discovery import Identity, Walk, in_batches
from workers.folder_events import FolderEvents
from workers.found_files import FoundFile
from workers.job import InputFilter
from workers.settling import Settling, is_unfinished, mark_of

# A rescan waits for so many times what the last one took, of the processor (so that it costs at
# most 2.5 % of a core) and of the time (a drive has others to serve).
_PROCESSOR_SHARE: Final = 40
_TIME_SHARE: Final = 10


class Pace(Struct, frozen=True):
    """How a watch looks: all in seconds.

    A file has settled when it looks the same for `settle_s`; all is looked at again after
    `rescan_s`, or later where that takes long; a word is said every `word_s`. Without
    `has_events` the system is not asked to tell of changes.
    """

    settle_s: float = 2.0
    rescan_s: float = 5.0
    word_s: float = 0.5
    has_events: bool = True


class News(Struct, frozen=True):
    """What a search has to tell; nothing new is news as well: it is alive.

    `is_all_told` says that all that was there has been told of. `missing` names the dropped paths
    that are not there; it is None but when one of them went, came or is another now.
    """

    files: Collection[FoundFile] = ()
    is_all_told: bool = False
    missing: tuple[Path, ...] | None = None


class Watch:
    """The dropped paths, what was told of them, and what has yet to settle."""

    def __init__(
        self, paths: Sequence[Path], chosen: InputFilter, *, left_out: Sequence[Path], pace: Pace
    ) -> None:
        """Prepare; a folder that is left out is watched all the same when it was dropped itself."""
        self._paths = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  # keeps links
        self._chosen = chosen
        dropped = {_identity(path) for path in self._paths}
        self._left_out = [folder for folder in left_out if _identity(folder) not in dropped]
        self._pace = pace
        self._walk = Walk(chosen, self._left_out)
        self._events = FolderEvents(is_recursive=chosen.is_recursive, is_wanted=pace.has_events)
        self._settling = Settling(pace.settle_s)
        # By the hash of a file's path, the mark with which it was told of: 140 bytes a file.
        self._told: dict[int, int] = {}
        self._fronts: dict[Path, str] = {}
        self._identities = list(map(_identity, self._paths))
        self._rescan_at = 0.0

    def news(self) -> Iterator[News]:
        """Yield news for ever; some of it every `word_s`, but while a drive does not answer."""
        for batch in in_batches(self._walk.found(self._paths)):
            yield News([file for file in batch if self._is_taken_at_once(file)])
        missing = tuple(path for path in self._paths if _identity(path) is None)
        yield News(is_all_told=True, missing=missing or None)
        while True:
            yield from self._look_around()

    def _look_around(self) -> Iterator[News]:
        begun, worked = time.monotonic(), time.process_time()
        if begun >= self._rescan_at and not self._events.is_open:
            there = [path for path in self._paths if path.is_dir()]
            self._events.open(there, self._pace.word_s)
        changed = self._events.wait(self._pace.word_s)
        if (missing := self._missing()) is not None:
            yield News(missing=missing)
        now = time.monotonic()
        for batch in in_batches(self._found_at({*changed, *self._settling.due(now)})):
            yield News(self._settled(batch, now))
        self._settling.forget_due(now)
        if now >= self._rescan_at:
            yield from self._rescan()
            spent_s = time.monotonic() - begun - self._pace.word_s
            cost_s = _PROCESSOR_SHARE * (time.process_time() - worked)
            pause_s = max(self._pace.rescan_s, cost_s, _TIME_SHARE * spent_s)
            self._rescan_at = time.monotonic() + pause_s
        yield News()

    def _missing(self) -> tuple[Path, ...] | None:
        """Return which dropped paths are not there, when that has changed; then look anew."""
        identities = list(map(_identity, self._paths))
        if identities == self._identities:
            return None
        self._identities = identities
        self._events.close()  # what is there now is not what the system was asked about
        self._rescan_at = 0.0
        there = zip(self._paths, identities, strict=True)
        return tuple(path for path, identity in there if identity is None)

    # ---- looks

    def _rescan(self) -> Iterator[News]:
        """Look at everything; forget the files that are there no more, unless a drive is."""
        self._walk = Walk(self._chosen, self._left_out)  # the folders left out may have come
        now = time.monotonic()
        seen: set[int] = set()
        for batch in in_batches(self._walk.found(self._paths)):
            seen.update(hash(self._path_of(file)) for file in batch)
            yield News(self._settled(batch, now))
        if len(seen) < len(self._told) and None not in self._identities:
            self._told = {key: mark for key, mark in self._told.items() if key in seen}

    def _found_at(self, paths: set[str]) -> Iterator[Collection[FoundFile]]:
        return chain.from_iterable(map(self._found_below, sorted(paths)))

    def _found_below(self, path: str) -> Iterator[Collection[FoundFile]]:
        """Find what a path stands for, below the first dropped path that holds it."""
        for dropped in self._paths:
            if path == str(dropped):
                return self._walk.found((dropped,))
            front = f"{dropped}{os.sep}" if dropped.name else str(dropped)
            if path.startswith(front):
                return self._walk.found_at(dropped, path.removeprefix(front))
        return iter(())

    # ---- what is told of

    def _settled(self, files: Collection[FoundFile], now: float) -> list[FoundFile]:
        return [file for file in files if self._is_taken(file, now)]

    def _is_taken(self, file: FoundFile, now: float) -> bool:
        """Say whether a file is to be told of now: new or changed, and settled."""
        path, mark = self._path_of(file), mark_of(file)
        if self._told.get(hash(path)) == mark:
            self._settling.forget(path)
            return False
        if _is_out_of_sight(file) or is_unfinished(file.relative):
            return False
        if not self._settling.is_settled(path, mark, now):
            return False
        self._told[hash(path)] = mark
        return True

    def _is_taken_at_once(self, file: FoundFile) -> bool:
        """Say whether a file of the first search is told of: unless it is still being written."""
        path, mark = self._path_of(file), mark_of(file)
        is_root = _is_out_of_sight(file) and Path(path) in self._paths
        is_known = hash(path) in self._told  # dropped twice
        if is_root or is_known or is_unfinished(file.relative):
            return False
        if not file.problem and abs(time.time() - file.mtime_ns / 1e9) < self._pace.settle_s:
            return self._settling.is_settled(path, mark, time.monotonic())
        self._told[hash(path)] = mark
        return True

    def _path_of(self, file: FoundFile) -> str:
        front = self._fronts.get(file.root)
        if front is None:
            front = self._fronts[file.root] = os.path.join(file.root, "")  # noqa: PTH118  # its end
        return front + file.relative


def _is_out_of_sight(file: FoundFile) -> bool:
    """Say whether a file or folder could not even be looked at: it may come, or come back."""
    return bool(file.problem) and not file.number


def _identity(path: Path) -> Identity | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
