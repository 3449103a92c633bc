"""What the benchmarks' workers do. Each worker imports this file, so it imports next to nothing.

Work is counted in the thread's own CPU time, never by the clock on the wall: a loop that waits for
the wall's clock does less work whenever something else has its core, so a pool that keeps the
cores busy with itself, or starts too many workers, would look faster than it is.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MEGABYTE: Final = 1_000_000

# Among the seconds to burn, these stand for a task that ends its worker or never ends.
EXITS: Final = -1.0
CRASHES: Final = -2.0
HANGS: Final = -3.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """A task that makes all workers take part; no tuple, for some peers would unpack it."""

    dwell_s: float
    module: str


def refuse_fork() -> None:
    """Raise RuntimeError in a worker that was forked."""
    if type(multiprocessing.current_process()).__name__ == "ForkProcess":
        raise RuntimeError("This worker was forked, its peers' workers are started anew.")


def double_anew(number: int) -> int:
    """Do next to nothing, in a worker that was not forked."""
    refuse_fork()
    return double(number)


def meet(meeting: Meeting) -> int:
    """Import a module and dwell; return the worker's process id.

    Raises RuntimeError in a forked worker: it would be compared with peers that start theirs anew.
    """
    refuse_fork()
    if meeting.module:
        import_module(meeting.module)
    time.sleep(meeting.dwell_s)
    return os.getpid()


def double(number: int) -> int:
    """Do next to nothing."""
    return number * 2


def burn(seconds: float) -> float:
    """Compute for so much CPU time; return how much it really was."""
    start = time.thread_time()
    end = start + seconds
    now = start
    while now < end:
        now = time.thread_time()
    return now - start


def burn_and_time(seconds: float) -> float:
    """Compute for so much CPU time; return how long it took by the clock on the wall."""
    start = time.perf_counter()
    burn(seconds)
    return time.perf_counter() - start


def burn_or_fail(seconds: float) -> float:
    """Compute for so much CPU time, or end the worker, or never end."""
    if seconds == EXITS:
        os._exit(3)
    if seconds == CRASHES:
        os.kill(os.getpid(), signal.SIGSEGV)
    if seconds == HANGS:
        threading.Event().wait()
    return burn(seconds)


def return_after(seconds: float, number: int) -> int:
    """Compute for so much CPU time; return the task's number."""
    burn(seconds)
    return number


def doze(seconds: float) -> int:
    """Wait, using no core."""
    time.sleep(seconds)
    return 1


def make_bytes(number: int) -> bytes:
    """Return a megabyte of bytes."""
    return bytes((number % 255 + 1,)) * MEGABYTE


def make_array(number: int) -> Any:  # noqa: ANN401 - naming its type would import numpy everywhere
    """Return a megabyte as a NumPy array."""
    import numpy as np

    return np.full(MEGABYTE, number % 255 + 1, np.uint8)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items as one argument; a bare list would be searched for futures, item by item."""

    items: Sequence[Any]


class InBatches:
    """A function over a batch of items, for a peer that knows no batches.

    Unlike a functools.partial it has the name that such a peer asks for.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self.__name__ = "in_batches"

    def __call__(self, batch: Batch) -> list[Any]:
        """Return the results of the batch."""
        return [self._function(item) for item in batch.items]


def serve_shards(channel: Connection) -> None:
    """Do the shares that come, each in a plain loop, until None comes; the floor's worker."""
    while (share := channel.recv()) is not None:
        function, items, is_large = share
        _do_share(channel, function, items, is_large)


def _do_share(
    channel: Connection, function: Callable[[T], R], items: Sequence[T], is_large: bool
) -> None:
    if not is_large:
        channel.send([function(item) for item in items])
        return
    for item in items:
        channel.send([function(item)])
