"""The program that searches dropped folders for files; search.py is its other end.

It reads one request from its standard input and writes batches to its standard output, each with
its length in front, also empty ones, so that it meets a closed pipe soon after whoever asked has
gone. All of it is msgpack; paths are bytes, since a file name need not be text.
"""

import gc
import os
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, Final

import msgspec

from workers.discovery import FoundFile, discover
from workers.job import InputFilter, Kind

Request = tuple[list[bytes], tuple[bool, list[str], list[str]], list[bytes]]
"""Paths, then recursive, include and exclude, then the folders left out."""
Row = tuple[bytes, int, int, str, str, int, int]
"""Relative path, size, mtime in nanoseconds, kind, problem, device, number."""
Batch = list[tuple[bytes, list[Row]]]
"""Rows by their root."""

LENGTH: Final = struct.Struct(">I")
_HALF: Final = 2**64 - 1
_WORDS: Final = {kind: kind.value for kind in Kind}
_root: Final = attrgetter("root")


def main() -> None:
    """Answer one request, then end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the engine
    gc.disable()  # millions of small tuples, none in a cycle
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    paths, (is_recursive, include, exclude), left_out = asked
    batches = discover(
        _paths(paths),
        InputFilter(is_recursive, tuple(include), tuple(exclude)),
        left_out=_paths(left_out),
    )
    try:
        write(batches, sys.stdout.buffer)
    except OSError:  # nobody listens any more
        os._exit(1)


def write(batches: Iterable[Sequence[FoundFile]], answers: IO[bytes]) -> None:
    """Write each batch as it comes, and one without a word after the last."""
    encode = msgspec.msgpack.Encoder().encode
    for batch in batches:
        by_root: Batch = [
            (os.fsencode(root), list(map(_row, files))) for root, files in groupby(batch, _root)
        ]
        _send(answers, encode(by_root))
    _send(answers, b"")


def _send(answers: IO[bytes], written: bytes) -> None:
    answers.write(LENGTH.pack(len(written)) + written)
    answers.flush()


def _row(file: FoundFile) -> Row:
    _, relative, size, mtime_ns, kind, problem, device, number = file
    # Windows has numbers of 128 bits, whose lower half is what differs.
    number &= _HALF
    return os.fsencode(relative), size, mtime_ns, _WORDS[kind], problem, device, number


def _paths(written: list[bytes]) -> list[Path]:
    return [Path(os.fsdecode(path)) for path in written]
