"""The worker program of the library faces: functions and arguments in, results out.

A lease holds some items of one stream. The mark says which block of them runs: single items,
or 256 when they cost next to nothing, since marking each would double their cost. Results go
back when the lease ends and, within a long lease, every 50 ms.
"""

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any, Final, NamedTuple, Protocol

from workers.channel import NO_LEASE, Frame, WorkerChannel
from workers.mark import UNPACKING, Mark
from workers.pickling import dump, load, portable

BEGIN: Final = b"begin"
FLUSH_EVERY_S: Final = 0.05
_ORPHANED: Final = 17

Function = Callable[[Any], Any]
# What stands for a result that cannot be pickled: called with the error and the result.
Unsendable = Callable[[BaseException, object], BaseException]
Errors = dict[int, tuple[BaseException, str]]


class Answer(NamedTuple):
    """Results of the items of a lease from `offset` on; values None: the lease was unreadable."""

    offset: int
    values: list[Any] | None
    errors: Errors
    seconds: float


class _Closable(Protocol):
    def close(self) -> None: ...


class Preparation(NamedTuple):
    """What a worker does before its first call."""

    initializer: Callable[..., object] | None
    arguments: tuple[Any, ...]
    unsendable: Unsendable | None


def main(
    end: socket.socket,
    words: object,
    preparation: Preparation,
    inherited: tuple[_Closable, ...] = (),
) -> None:
    """Serve leases until told to leave or until the other end is gone; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for held in inherited:  # a forked worker must not keep the others' channels open
        held.close()
    _end_with_parent(end, is_forked=bool(inherited))
    channel = WorkerChannel(end)
    try:
        channel.send(NO_LEASE, b"")
        if channel.receive().body == BEGIN and _is_prepared(channel, preparation):
            _Calls(channel, Mark(words), preparation.unsendable).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody is there to tell


def _is_prepared(channel: WorkerChannel, preparation: Preparation) -> bool:
    try:
        if preparation.initializer is not None:
            preparation.initializer(*preparation.arguments)
    except BaseException as error:  # noqa: BLE001  # the caller's own code: it breaks the pool
        from concurrent.futures._base import LOGGER

        LOGGER.critical("Exception in initializer:", exc_info=True)
        channel.send(NO_LEASE, *dump(portable(error)))
        return False
    channel.send(NO_LEASE, *dump(None))
    return True


class _Calls:
    """The calls of one worker."""

    def __init__(self, channel: WorkerChannel, mark: Mark, unsendable: Unsendable | None) -> None:
        self._channel = channel
        self._mark = mark
        self._unsendable = unsendable
        self._packed: dict[int, bytes] = {}
        self._functions: dict[int, Function] = {}

    def serve(self) -> None:
        """Run lease after lease until the empty frame."""
        while (frame := self._channel.receive()).body:
            if frame.lease == NO_LEASE:  # the function of a stream, ahead of its first lease
                stream, function = load(frame.body)
                self._packed[stream] = function
            elif self._mark.begin(frame.lease, UNPACKING):
                self._run(frame)
            else:
                self._channel.send(frame.lease, b"")  # passed over: it was taken back
            self._mark.end()
            del frame

    def _run(self, frame: Frame) -> None:
        lease = frame.lease
        try:
            stream, block, items = load(frame.body, frame.buffers)
            function = self._function(stream)
        except BaseException as error:  # noqa: BLE001  # the caller's classes: they fail the lease
            self._report(lease, Answer(0, None, {0: portable(error)}, 0.0), is_last=True)
            return
        frame.body, frame.buffers = b"", ()
        count, iterator = len(items), iter(items)
        del items
        self._run_items(lease, function, iterator, count, block)

    def _function(self, stream: int) -> Function:
        if stream not in self._functions:
            self._functions[stream] = load(self._packed[stream])
        return self._functions[stream]

    def _run_items(
        self, lease: int, function: Function, items: Iterator[Any], count: int, block: int
    ) -> None:
        """Call the function on each item, block by block; whatever it raises is its result."""
        clock = time.perf_counter
        begun = flushed = clock()
        offset, values = 0, list[Any]()
        errors: Errors = {}
        done, reach = 0, self._mark.reach
        while done < count and reach(done):
            goal = len(values) + min(block, count - done)
            while len(values) < goal:
                try:
                    values.extend(map(function, islice(items, goal - len(values))))
                    if len(values) < goal:
                        raise StopIteration  # from the function: `extend` took it for the end
                except BaseException as error:  # noqa: BLE001  # the task loop: it fails its item
                    errors[len(values)] = portable(error)
                    values.append(None)
            done = offset + len(values)
            if done < count and clock() - flushed > FLUSH_EVERY_S:
                self._report(lease, Answer(offset, values, errors, clock() - begun), is_last=False)
                offset, values, errors, flushed = done, [], {}, clock()
        self._report(lease, Answer(offset, values, errors, clock() - begun), is_last=True)

    def _report(self, lease: int, answer: Answer, *, is_last: bool) -> None:
        try:
            packed = dump(tuple(answer))
        except BaseException:  # noqa: BLE001  # some result cannot be pickled: find out which
            packed = dump(tuple(self._sendable(answer)))
        self._channel.send(lease, *packed, is_last=is_last)

    def _sendable(self, answer: Answer) -> Answer:
        """Put an error in the place of each result that cannot be pickled."""
        values, errors = answer.values or [], answer.errors
        for position, value in enumerate(values):
            try:
                dump(value)
            except BaseException as error:  # noqa: BLE001  # the result's own class
                told = self._unsendable(error, value) if self._unsendable else error
                errors[position], values[position] = portable(told), None
        return answer


def _end_with_parent(end: socket.socket, *, is_forked: bool) -> None:
    """End this process when its parent is gone, however it ended."""
    target = _wait_for_hang_up if is_forked else _wait_for_parent
    source = end.fileno() if is_forked else _sentinel()
    threading.Thread(target=target, args=(source,), name="lifeline", daemon=True).start()


def _sentinel() -> int:
    parent = parent_process()
    assert parent is not None, "a worker is a child"
    return parent.sentinel


def _wait_for_parent(sentinel: int) -> None:
    wait([sentinel])
    os._exit(_ORPHANED)


def _wait_for_hang_up(descriptor: int) -> None:
    """Forked brothers hold each other's sentinels open, but nobody else holds the channel."""
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))
    while not any(seen & ~select.POLLNVAL for _, seen in poll.poll()):
        pass
    os._exit(_ORPHANED)
