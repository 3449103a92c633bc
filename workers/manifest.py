r"""What each output of a folder is and what it was made from, and whether that still holds.

The journals know it of every job that ran here. On wish a job also leaves it in the folder itself,
so that the folder can be checked anywhere: the manifest, a JSON Lines file, one object a line,
ASCII only, a name that is not UTF-8 with its bytes as lone surrogates (`\udcXX`). The one
output of many inputs has a line for each of them. A job that ends replaces the lines of the outputs
it made and leaves the others.
"""

import contextlib
import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from itertools import groupby, islice
from pathlib import Path
from typing import Final, TextIO

from msgspec import Struct
from msgspec.structs import asdict, replace

from workers.errors import JournalError
from workers.job import JobId
from workers.journal_reader import JournalReader, journals_into
from workers.output import STAGING_PREFIX

NAME: Final = f"{STAGING_PREFIX}manifest.jsonl"

_HEAD: Final = '{"everycore_manifest": 1}\n'
# So many are checked side by side; hashing gives the interpreter up.
_CHECKED_AT_ONCE: Final = 256


class Entry(Struct, frozen=True):
    """One output: its path below the folder and what it was, then the same of an input of it.

    Sizes in bytes, times in nanoseconds since the epoch, `sha256` in hex. The path of the input
    is absolute or begins at the folder.
    """

    output: str
    size: int
    mtime_ns: int
    sha256: str
    input: str
    input_size: int
    input_mtime_ns: int
    pipeline: str
    fingerprint: str
    version: str
    job: str


class Finding(Enum):
    """What became of an output or of its input since."""

    AS_MADE = "as made"
    MISSING = "missing"
    CHANGED = "changed"
    INPUT_CHANGED = "input changed"


class ManifestWriting:
    """Brings a folder's manifest up to a job's journal, on a thread: it may take seconds."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._problem = ""

    def begin(self, journal: Path, output: Path) -> None:
        """Begin; waits for one that was begun before."""
        self.join()
        self._thread = threading.Thread(
            target=self._write, args=(journal, output), name="manifest", daemon=True
        )
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Say whether it is being written."""
        return self._thread is not None and self._thread.is_alive()

    def problem(self) -> str:
        """Return, once, a sentence that says why it could not be written."""
        problem, self._problem = self._problem, ""
        return problem

    def join(self) -> None:
        """Wait until it is written."""
        if self._thread is not None:
            self._thread.join()

    def _write(self, journal: Path, output: Path) -> None:
        try:
            write_manifest(journal, output)
        except OSError as error:
            reason = error.strerror or error
            self._problem = f"The list of outputs cannot be written to the folder: {reason}."
        except (JournalError, ValueError) as error:
            self._problem = f"The list of outputs cannot be written: {error}"


def write_manifest(journal: Path, output: Path) -> None:
    """Bring the folder's manifest up to a job's journal; whole, or not at all.

    Raises OSError where the folder refuses, JournalError where the journal cannot be read.
    """
    reader = JournalReader(journal)
    try:
        partial = output / f"{NAME}.{JobId(journal.stem)}.part"
        try:
            with partial.open("w", encoding="ascii", newline="\n") as stream:
                stream.write(_HEAD)
                _write_lines(stream, reader, output)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(output / NAME)
        finally:
            partial.unlink(missing_ok=True)
    finally:
        reader.close()


def _write_lines(stream: TextIO, reader: JournalReader, output: Path) -> None:
    """Write the lines of earlier jobs whose outputs are not made anew, then those of this one."""
    made = {hash(entry.output) for entry in _entries(reader, output)}
    with contextlib.suppress(FileNotFoundError, ValueError):
        for entry in read_manifest(output):
            if hash(entry.output) not in made:
                stream.write(json.dumps(asdict(entry)) + "\n")
    for entry in _entries(reader, output):
        stream.write(json.dumps(asdict(entry)) + "\n")


def _entries(reader: JournalReader, output: Path) -> Iterator[Entry]:
    """Yield the lines for what a job made in the folder."""
    pipeline, fingerprint, version = reader.work()
    job = reader.entry().job
    for made in reader.made_outputs():
        if made.output.is_relative_to(output):
            yield Entry(
                str(made.output.relative_to(output)),
                *(made.check.size, made.check.mtime_ns, made.check.sha256),
                *(_from_folder(made.input, output), made.input_size, made.input_mtime_ns),
                *(pipeline, fingerprint, version, job),
            )


def _from_folder(path: Path, folder: Path) -> str:
    """Return the way from the folder to a file, so that both can move together."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return str(path)


def recorded(output: Path, journals: Path) -> Iterator[Entry]:
    """Yield what the journals know of a folder's outputs; of each the newest."""
    told: set[int] = set()
    for path in reversed(journals_into(output, journals)):
        with contextlib.suppress(JournalError), contextlib.closing(JournalReader(path)) as reader:
            for entry in _entries(reader, output):
                if hash(entry.output) not in told:
                    yield entry
            told.update(hash(entry.output) for entry in _entries(reader, output))


def read_manifest(output: Path) -> Iterator[Entry]:
    """Yield the lines of a folder's manifest.

    Raises FileNotFoundError where there is none, ValueError where it is none of ours.
    """
    with (output / NAME).open(encoding="ascii") as stream:
        if stream.readline() != _HEAD:
            raise ValueError("not a manifest of this version")
        for line in stream:
            try:
                yield Entry(**json.loads(line))
            except TypeError as error:
                raise ValueError(f"a line that is none: {error}") from error


def verify(output: Path, entries: Iterator[Entry]) -> Iterator[tuple[Entry, Finding]]:
    """Yield each output with what became of it; it is read whole, once.

    The one output of many inputs comes with the first of them that has changed.
    """
    for _, lines in groupby(_checked(output, entries), key=lambda line: line[0].output):
        yield min(lines, key=lambda line: line[1] is Finding.AS_MADE)


def _checked(output: Path, entries: Iterator[Entry]) -> Iterator[tuple[Entry, Finding]]:
    """Yield each line of what was made with what became of it."""
    known: dict[Entry, Finding] = {}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while some := list(islice(entries, _CHECKED_AT_ONCE)):
            outputs = dict.fromkeys(map(_without_input, some))
            new = [each for each in outputs if each not in known]
            findings = threads.map(lambda entry: _found(output, entry), new)
            # The lines of one output may go on among the next.
            known = {e: known[e] for e in outputs if e in known} | dict(
                zip(new, findings, strict=True)
            )
            inputs = threads.map(lambda entry: _input_found(output, entry), some)
            for entry, of_input in zip(some, inputs, strict=True):
                of_output = known[_without_input(entry)]
                yield entry, of_input if of_output is Finding.AS_MADE else of_output


def _without_input(entry: Entry) -> Entry:
    return replace(entry, input="", input_size=0, input_mtime_ns=0)


def _found(output: Path, entry: Entry) -> Finding:
    if (place := _inside(output, entry.output)) is None:
        return Finding.MISSING
    try:
        with place.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
                return Finding.CHANGED
            if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
                return Finding.CHANGED
    except OSError:
        return Finding.MISSING
    return Finding.AS_MADE


def _input_found(output: Path, entry: Entry) -> Finding:
    if entry.input == entry.output:  # it took the place of its input
        return Finding.AS_MADE
    try:
        status = (output / entry.input).stat()
    except OSError:  # many people delete what they have converted
        return Finding.AS_MADE
    is_same = (status.st_size, status.st_mtime_ns) == (entry.input_size, entry.input_mtime_ns)
    return Finding.AS_MADE if is_same else Finding.INPUT_CHANGED


def _inside(output: Path, relative: str) -> Path | None:
    """Return the output's place; None for a path that leads out of the folder, or no path."""
    parts = Path(relative).parts
    if not parts or Path(relative).is_absolute() or ".." in parts or "\0" in relative:
        return None
    return output / relative
