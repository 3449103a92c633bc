"""Which folders a job's files lie in, and which files it has already."""

import os
import sqlite3
from pathlib import Path

from workers.found_files import FoundFile, FoundFiles
from workers.journal_schema import read_roots


class InputFiles:
    """The numbered roots of a journal; knows its files only when it was opened again."""

    def __init__(self) -> None:
        self.roots: dict[int, Path] = {}
        self._was_reopened = False
        self._known: set[int] | None = None

    def expect_again(self) -> None:
        """Leave out from now on what is there already: a new search finds it once more."""
        self._was_reopened = True

    def load(self, connection: sqlite3.Connection) -> None:
        """Read the roots of a journal that is opened again."""
        self.roots = read_roots(connection)
        self.expect_again()

    def numbered(self, files: FoundFiles) -> dict[Path, int]:
        """Return the number of each root, with those that are new."""
        numbers = {root: number for number, root in self.roots.items()}
        for root, _ in files.roots:
            numbers.setdefault(root, len(numbers) + 1)
        return numbers

    def write(self, connection: sqlite3.Connection, numbers: dict[Path, int]) -> None:
        """Insert the roots that are new, within the caller's transaction."""
        new = [(n, os.fsencode(root)) for root, n in numbers.items() if n not in self.roots]
        connection.executemany("INSERT INTO root (id, path) VALUES (?, ?)", new)

    def keep(self, files: FoundFiles, numbers: dict[Path, int]) -> None:
        """Remember what has been written."""
        self.roots = {number: root for root, number in numbers.items()}
        if self._known is not None:
            self._known.update(_key_of(file, numbers) for file in files)

    def unknown(
        self,
        connection: sqlite3.Connection,
        files: FoundFiles,
        numbers: dict[Path, int],
    ) -> FoundFiles:
        """Return the files that are no tasks yet; a search starts anew after a resume."""
        if not self._was_reopened:
            return files
        if self._known is None:
            self._known = _read_keys(connection)
        known = self._known
        return FoundFiles.of([file for file in files if _key_of(file, numbers) not in known])


def _key_of(file: FoundFile, numbers: dict[Path, int]) -> int:
    return hash((numbers[file.root], os.fsencode(file.relative)))


def _read_keys(connection: sqlite3.Connection) -> set[int]:
    """Return the hash of each file's root and path; a million of them take 65 MB."""
    rows = connection.execute("SELECT root, relative, name FROM task WHERE root IS NOT NULL")
    return {
        hash((root, os.fsencode(name) if relative is None else relative))
        for root, relative, name in rows
    }
