"""What crosses a process boundary, and how it is written: msgpack of frozen structs.

No pickle: what a worker answers, or another process sends, is decoded as plain data into the
types named here, so it can never run code. Paths travel as bytes (os.fsencode), since a file
name need not be text. `VERSION` stands in front of every message.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from workers.channel import Buffer
from workers.errors import EngineLost
from workers.job import JobId, OnExisting, Pipeline, Sweep, TaskId
from workers.outcome import Failure, Outcome, OutputCheck, Skip, Success
from workers.sandbox import Sandbox

VERSION: Final = 1


class Setup(Struct, frozen=True):
    """What a worker must know of a job before its first task.

    `threads` is how many the libraries of one worker may use; a worker that was given a
    `sandbox` never leaves it. Files that are not older than `since_ns` are of this job.
    """

    job: JobId
    on_existing: OnExisting
    pipeline: Pipeline | None
    sweep: Sweep | None
    trusted: tuple[str, ...]
    threads: int = 1
    sandbox: Sandbox | None = None
    keeps_dates: bool = False
    since_ns: int = 0
    is_in_place: bool = False
    only_smaller: bool = False
    by_content: bool = False


class Earlier(Struct, frozen=True):
    """What an earlier job made of the same file with the same steps.

    `size` and `mtime_ns` are those of the input then. Nothing is to be done where they are the
    same and the outputs are as they were, unless `is_outdated`: by another version, or not wanted.
    `is_own` says that this very job made them, before the file changed.
    """

    size: int
    mtime_ns: int
    outputs: tuple[Path, ...]
    checks: tuple[OutputCheck, ...]
    is_outdated: bool
    is_own: bool = False


class RunFile(Struct, frozen=True):
    """Run the job's pipeline on one file; `planned` is the final name of its output.

    `folder` is the output folder; of a job in place the dropped folder, which holds the file.
    `own_since_ns` is set when an earlier attempt of this job may have written it already.
    """

    task: TaskId
    attempt: int
    path: Path
    folder: Path
    planned: Path
    own_since_ns: int | None
    earlier: Earlier | None = None


class RunBlock(Struct, frozen=True):
    """Evaluate `points` points of the sweep from `first_point` on, but for the left-out ones."""

    task: TaskId
    first_point: int
    points: int
    left_out: dict[int, str]


class RunReduce(Struct, frozen=True):
    """Put what was made of all inputs into one output, `planned` in `folder`.

    `listed` is the list of partials (partials.py); where it could not be written, `problem` says
    why. So many inputs are `left_out`, since they failed; `left_out_names` are the first of them.
    """

    task: TaskId
    attempt: int
    folder: Path
    planned: Path
    on_existing: OnExisting
    listed: Path
    own_since_ns: int | None
    left_out: int = 0
    left_out_names: tuple[str, ...] = ()
    earlier: Earlier | None = None
    problem: Failure | None = None


class Unprepared(Struct, frozen=True):
    """The worker cannot do this job; it goes on living."""

    reason: str


class MemoryNeeded(Struct, frozen=True):
    """The task at hand will need so much memory at its peak; the worker waits for a Grant."""

    need_bytes: int


class Grant(Struct, frozen=True):
    """The task that waits for memory may go on."""


class Ended(Struct, frozen=True):
    """How a lease ended; exactly one of the three outcomes is set.

    `resident_bytes` is what the process holds afterwards; `is_spent` says that the attempt left
    something behind that only a new process is free of.
    """

    seconds: float
    resident_bytes: int = 0
    is_spent: bool = False
    success: Success | None = None
    failure: Failure | None = None
    skip: Skip | None = None

    @property
    def outcome(self) -> Outcome:
        """Return the outcome that is set."""
        outcome = self.success or self.failure or self.skip
        if outcome is None:
            raise EngineLost("A worker sent an answer without an outcome.")
        return outcome


_OF_WORKERS: Final[dict[str, type]] = {
    kind.__name__: kind
    for kind in (Setup, RunFile, RunBlock, RunReduce, Unprepared, MemoryNeeded, Grant, Ended)
}


@cache
def _of_windows() -> dict[str, type]:
    """Return what windows and engines say to each other; to load it would hold up a worker."""
    from workers import commands, preview, snapshot

    kinds = (snapshot.JobSnapshot, preview.PreviewAsked, preview.Preview)
    return {kind.__name__: kind for kind in (*kinds, *commands.Command.__args__)}


def encode(message: object) -> bytes:
    """Return the message as bytes."""
    return _ENCODER.encode((VERSION, type(message).__name__, message))


def decode(data: Buffer) -> object:
    """Return the message that the bytes hold; EngineLost when they hold none of ours."""
    try:
        version, name, body = _FRAME.decode(data)
        kind = _OF_WORKERS.get(name) or _of_windows().get(name)
        if version != VERSION or kind is None:
            raise EngineLost(f"The other process speaks version {version}, message {name!r}.")
        return msgspec.msgpack.decode(body, type=kind, dec_hook=_revive)
    except msgspec.MsgspecError as error:
        raise EngineLost(f"A message cannot be read: {error}") from error


def to_bytes(value: object) -> bytes:
    """Return one frozen value as msgpack, without a frame (for the journal)."""
    return _ENCODER.encode(value)


def _plain(value: object) -> bytes:
    if isinstance(value, Path):
        return os.fsencode(value)
    raise TypeError(f"{type(value).__name__} cannot cross a process boundary")


# msgspec hands dec_hook the wanted type and raw data: Any is the truth here.
def _revive(kind: type, raw: Any) -> Any:  # noqa: ANN401  # see above
    if issubclass(kind, Path):
        return Path(os.fsdecode(raw))
    raise TypeError(f"{kind.__name__} cannot be read")


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_plain)
_FRAME: Final = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])
