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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from workers.discovery import discover
from workers.found_files import FoundFiles
from workers.job import InputFilter, Kind
from workers.watching import News, Pace, Watch

Request = tuple[list[bytes], tuple[bool, list[str], list[str]], list[bytes], Pace | None]
"""Paths, then recursive, include and exclude, then the folders left out, then how to watch."""
LENGTH: Final = struct.Struct(">I")
_HALF: Final = 2**64 - 1


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """News on its way: the columns of `FoundFiles`, then what else there is to tell.

    `relatives` has all paths, a NUL between two. `missing` names the dropped paths that are not
    there, None when that has not changed.
    """

    roots: list[tuple[bytes, int]]
    relatives: bytes
    sizes: Sequence[int]
    mtimes_ns: Sequence[int]
    kinds: Sequence[Kind]
    problems: dict[int, str]
    devices: Sequence[int]
    numbers: Sequence[int]
    is_all_told: bool
    missing: list[bytes] | None


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
        _send(answers, encode(_told(each)))
        if each.is_all_told:
            gc.enable()  # from now on for days, with little to do
    _send(answers, b"")


def _send(answers: IO[bytes], written: bytes) -> None:
    answers.write(LENGTH.pack(len(written)) + written)
    answers.flush()


def _told(news: News) -> Told:
    files = FoundFiles.of(news.files)
    numbers = files.numbers
    if os.name == "nt":  # numbers of 128 bits, whose lower half is what differs
        numbers = [number & _HALF for number in numbers]
    return Told(
        [(os.fsencode(root), count) for root, count in files.roots],
        os.fsencode("\0".join(files.relatives)),
        files.sizes,
        files.mtimes_ns,
        files.kinds,
        files.problems,
        files.devices,
        numbers,
        news.is_all_told,
        None if news.missing is None else list(map(os.fsencode, news.missing)),
    )


def _paths(written: list[bytes]) -> list[Path]:
    return [Path(os.fsdecode(path)) for path in written]
