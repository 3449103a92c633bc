"""The program that searches dropped folders for files; search.py is its other end.

It reads one request from its standard input and writes news to its standard output, each with
its length in front, also when there is none, so that it meets a closed pipe soon after whoever
asked has gone. A search that is to watch never ends by itself. All of it is msgpack; paths are
bytes, since a file name need not be text.
"""

import gc
import os
import signal
import struct
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, Final

import msgspec

from workers.discovery import FoundFile, discover
from workers.job import InputFilter, Kind
from workers.watching import News, Pace, Watch

Request = tuple[list[bytes], tuple[bool, list[str], list[str]], list[bytes], Pace | None]
"""Paths, then recursive, include and exclude, then the folders left out, then how to watch."""
Row = tuple[bytes, int, int, str, str, int, int]
"""Relative path, size, mtime in nanoseconds, kind, problem, device, number."""
Batch = list[tuple[bytes, list[Row]]]
"""Rows by their root."""
Told = tuple[Batch, bool, list[bytes] | None]
"""Files, whether all that was there has been told of, then the dropped paths that are missing."""

LENGTH: Final = struct.Struct(">I")
_HALF: Final = 2**64 - 1
_WORDS: Final = {kind: kind.value for kind in Kind}
_root: Final = attrgetter("root")


def main() -> None:
    """Answer one request, then end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the engine
    gc.disable()  # millions of small tuples, none in a cycle
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    try:
        write(_news(*asked), sys.stdout.buffer)
    except OSError:  # nobody listens any more
        os._exit(1)


def _news(
    paths: list[bytes],
    chosen: tuple[bool, list[str], list[str]],
    left_out: list[bytes],
    pace: Pace | None,
) -> Iterator[News]:
    is_recursive, include, exclude = chosen
    kept = InputFilter(is_recursive, tuple(include), tuple(exclude))
    if pace is None:
        return map(News, discover(_paths(paths), kept, left_out=_paths(left_out)))
    return Watch(_paths(paths), kept, left_out=_paths(left_out), pace=pace).news()


def write(news: Iterable[News], answers: IO[bytes]) -> None:
    """Write all news as they come, and something without a word after the last."""
    encode = msgspec.msgpack.Encoder().encode
    for each in news:
        by_root: Batch = [
            (os.fsencode(root), list(map(_row, files)))
            for root, files in groupby(each.files, _root)
        ]
        missing = None if each.missing is None else list(map(os.fsencode, each.missing))
        told: Told = by_root, each.is_all_told, missing
        _send(answers, encode(told))
        if each.is_all_told:
            gc.enable()  # from now on for days, with little to do
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
