"""Files that a search found: one as a value, many column by column.

A search may find a million. As values of their own they would keep an interpreter busy for
seconds; in columns most of what is done with them runs outside it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, final

from workers.job import Kind

T = TypeVar("T")

_root: Final = attrgetter("root")


class FoundFile(NamedTuple):
    """A file below a dropped folder, or a dropped file.

    `root` is the dropped folder, or the parent of a dropped file; `relative` is the path below
    it. `problem` is empty, or a sentence for which the file is skipped. `device` and `number` are
    those of its inode, 0 when it could not be looked at.
    """

    root: Path
    relative: str
    size: int
    mtime_ns: int
    kind: Kind
    problem: str = ""
    device: int = 0
    number: int = 0

    @property
    def path(self) -> Path:
        """Return where the file lies."""
        return self.root / self.relative


@final
@dataclass(frozen=True, slots=True, eq=False)
class FoundFiles:
    """Found files in their order, column by column.

    `roots` says how many files in a row lie below which root; `problems` has the sentences by the
    place of the file. All other columns have one entry a file.
    """

    roots: Sequence[tuple[Path, int]]
    relatives: Sequence[str]
    sizes: Sequence[int]
    mtimes_ns: Sequence[int]
    kinds: Sequence[Kind]
    problems: dict[int, str]
    devices: Sequence[int]
    numbers: Sequence[int]

    @staticmethod
    def of(files: Collection[FoundFile]) -> "FoundFiles":
        """Return files in columns."""
        if isinstance(files, FoundFiles):
            return files
        if not files:
            return FoundFiles((), (), (), (), (), {}, (), ())
        _, relatives, sizes, mtimes_ns, kinds, sentences, devices, numbers = zip(
            *files, strict=True
        )
        roots = [(root, sum(1 for _ in group)) for root, group in groupby(files, _root)]
        problems = {place: words for place, words in enumerate(sentences) if words}
        return FoundFiles(roots, relatives, sizes, mtimes_ns, kinds, problems, devices, numbers)

    @staticmethod
    def joined(parts: Iterable[Collection[FoundFile]]) -> "FoundFiles":
        """Return files one after another."""
        roots: list[tuple[Path, int]] = []
        problems: dict[int, str] = {}
        columns: list[list[Any]] = [[], [], [], [], [], []]
        for part in map(FoundFiles.of, parts):
            first = len(columns[0])
            problems.update((first + place, words) for place, words in part.problems.items())
            roots += part.roots
            its = (part.relatives, part.sizes, part.mtimes_ns, part.kinds, part.devices)
            for column, more in zip(columns, (*its, part.numbers), strict=True):
                column.extend(more)
        relatives, sizes, mtimes_ns, kinds, devices, numbers = columns
        return FoundFiles(roots, relatives, sizes, mtimes_ns, kinds, problems, devices, numbers)

    def __len__(self) -> int:
        return len(self.relatives)

    def __contains__(self, file: object) -> bool:
        return any(file == each for each in self)

    def __iter__(self) -> Iterator[FoundFile]:
        return map(
            FoundFile,
            self.each([root for root, _ in self.roots]),
            self.relatives,
            self.sizes,
            self.mtimes_ns,
            self.kinds,
            map(self.problems.get, range(len(self)), repeat("")),
            self.devices,
            self.numbers,
        )

    def each(self, by_root: Sequence[T]) -> Iterator[T]:
        """Yield for each file what is given for its entry in `roots`."""
        counts = (count for _, count in self.roots)
        return chain.from_iterable(map(repeat, by_root, counts))

    def skipped(self) -> list[tuple[int, FoundFile]]:
        """Return those that have a problem, each with its place."""
        if not self.problems:
            return []
        return [(place, file) for place, file in enumerate(self) if file.problem]


class KnownFiles:
    """The files found so far, by device and number."""

    def __init__(self) -> None:
        self._numbers: dict[int, set[int]] = {}

    def new_of(self, found: Collection[FoundFile]) -> FoundFiles:
        """Return those that were not found before, each once; from now on they were."""
        files = FoundFiles.of(found)
        if self._are_all_new(files):
            return files
        return FoundFiles.of([file for file in files if self._is_new(file)])

    def _are_all_new(self, files: FoundFiles) -> bool:
        """Note them all and say so, where that is plain without a look at each."""
        numbers = set(files.numbers)
        if len(numbers) < len(files) or len(set(files.devices)) != 1:
            return False
        known = self._numbers.setdefault(files.devices[0], set())
        if not known.isdisjoint(numbers):
            return False
        known |= numbers
        return True

    def _is_new(self, file: FoundFile) -> bool:
        if not file.number:
            return True
        numbers = self._numbers.setdefault(file.device, set())
        before = len(numbers)
        numbers.add(file.number)
        return len(numbers) > before
