"""What tasks make of their inputs for the one output of a job whose last step is a reduce step.

A partial is published like an output, but into a folder of ours beside the journals. The folder is
that of an output folder and a pipeline, so that a later job finds what has not changed. Its name
comes from its input's path: each input has one, whatever its number among the tasks is. The list
of them is a file, for a job may have a million inputs. Runs in the engine and in workers.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from workers.errors import PipelineError
from workers.job import JobId, JobSpec
from workers.name_patterns import natural_key
from workers.outcome import OutputCheck
from workers.pipeline import fingerprint_or_none, reduce_step
from workers.snapshot import TaskRow
from workers.wording import printable

_FOLDER: Final = "partials"
_ROWS_A_PIECE: Final = 1_000
_LENGTH_BYTES: Final = 4
_NAME_LENGTH: Final = 32  # hex digits: 128 bits of a digest, as good as unique


class Partial(NamedTuple):
    """What was made of one input.

    `root` is the dropped folder, `number` its place among them, `relative` the input's path below
    it; `file` is where the partial lies, `sha256` what it holds.
    """

    number: int
    root: Path
    relative: str
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """Return where the partial lies."""
        return Path(self.file)

    @property
    def source(self) -> Path:
        """Return where the input lies."""
        return self.root / self.relative


class PartialRow(NamedTuple):
    """A partial as the journal has it: paths as bytes, a `relative` one only where needed."""

    root: int
    relative: bytes | None
    name: str
    outputs: bytes
    checks: bytes


def makes_partials(spec: JobSpec) -> bool:
    """Say whether what a job makes of each input is a partial; not where a step is unknown now."""
    with suppress(PipelineError):
        return spec.pipeline is not None and reduce_step(spec.pipeline) is not None
    return False


def without_partials(row: TaskRow) -> TaskRow:
    """Return the row of a task of such a job as people see it: a partial is ours alone."""
    return row if row.path is None else replace(row, outputs=())


def partials_folder(journals: Path, job: JobId, spec: JobSpec) -> Path | None:
    """Return where a job's partials lie; None for a job without a reduce step."""
    if spec.pipeline is None or reduce_step(spec.pipeline) is None:
        return None
    work = (
        fingerprint_or_none(spec.pipeline) or job
    )  # own code that cannot be read: the job says so
    return _folder_of(journals, spec.output, work)


def _folder_of(journals: Path, output: Path, work: str) -> Path:
    told = os.fsencode(output) + b"\0" + work.encode()
    return journals / _FOLDER / _short(told)


def partial_path(folder: Path, source: Path, suffix: str) -> Path:
    """Return where the partial of an input stands."""
    return folder / f"{_short(os.fsencode(source))}{suffix}"


def _short(told: bytes) -> str:
    return hashlib.sha256(told).hexdigest()[:_NAME_LENGTH]


def write_list(file: Path, roots: Mapping[int, Path], rows: Iterable[tuple[object, ...]]) -> None:
    """Write the list of partials as the journal has them; raises OSError.

    A million rows take some seconds: nothing is looked at.
    """
    encode = msgspec.msgpack.Encoder().encode
    with file.open("wb") as stream:
        _write_piece(stream, encode({number: os.fsencode(root) for number, root in roots.items()}))
        remaining = iter(rows)
        while piece := list(islice(remaining, _ROWS_A_PIECE)):
            _write_piece(stream, encode(piece))


def _write_piece(stream: BinaryIO, piece: bytes) -> None:
    stream.write(len(piece).to_bytes(_LENGTH_BYTES, "big") + piece)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while length := int.from_bytes(stream.read(_LENGTH_BYTES), "big"):
            yield stream.read(length)


def read_list(file: Path) -> list[Partial]:
    """Return the partials in the order of their inputs, as a search finds them; raises OSError.

    Tasks may stand in another order: files that came later have the higher numbers.
    """
    pieces = _pieces(file)
    told = msgspec.msgpack.decode(next(pieces), type=dict[int, bytes])
    roots = {number: Path(os.fsdecode(root)) for number, root in told.items()}
    rows = msgspec.msgpack.Decoder(list[PartialRow])
    partials = [_partial(row, roots) for piece in pieces for row in rows.decode(piece)]
    folders: dict[str, _Place] = {}
    partials.sort(key=lambda each: _place(each, folders))
    return partials


_CHECKS: Final = msgspec.msgpack.Decoder(tuple[OutputCheck, ...])


def _partial(row: PartialRow, roots: Mapping[int, Path]) -> Partial:
    relative = row.name if row.relative is None else os.fsdecode(row.relative)
    file = os.fsdecode(row.outputs.partition(b"\0")[0])
    return Partial(row.root, roots[row.root], relative, file, _CHECKS.decode(row.checks)[0].sha256)


_Place = list[tuple[bool, list[str | int], str]]


def _place(partial: Partial, folders: dict[str, _Place]) -> tuple[int, _Place]:
    """Return what orders paths as a search does: by name, folders after files."""
    folder, _, name = partial.relative.rpartition(os.sep)
    if folder not in folders:
        parts = Path(folder).parts
        folders[folder] = [(True, natural_key(part), part) for part in parts]
    return partial.number, [*folders[folder], (False, natural_key(name), name)]


def digest_of(partials: Sequence[Partial]) -> str:
    """Return the SHA-256, in hex, of what the partials hold and of their inputs' names."""
    digest = hashlib.sha256()
    for number, root, relative, _, sha256 in partials:
        told = f"{number}\0{root}\0{relative}\0{sha256}\0"
        digest.update(os.fsencode(told))
    return digest.hexdigest()


def shown_names(partials: Sequence[Partial]) -> list[str]:
    """Return the inputs' printable paths below the dropped folder.

    The folder's name stands in front where there are several.
    """
    has_several = len({partial.root for partial in partials}) > 1
    return [
        printable(f"{each.root.name}/{each.relative}" if has_several else each.relative)
        for each in partials
    ]
