"""The worker program of the library faces: functions and arguments in, results out.

A lease holds some items of one stream. The mark says which block of them runs: single items,
or 256 when they cost next to nothing, since marking each would double their cost. Results go
back when the lease ends and, within a long lease, every 100 ms (call_answers.py).
"""

from __future__ import annotations

import os
import signal
import threading
from itertools import islice
from multiprocessing import parent_process

from workers.call_answers import Answers
from workers.channel import NO_LEASE, Frame, WorkerChannel
from workers.mark import UNPACKING, Mark
from workers.pickling import dump, load, portable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from typing import Any, Final, Protocol

    from workers.call_answers import Unsendable
    from workers.shared_words import SharedWords

    Function = Callable[[Any], Any]

    class _Closable(Protocol):
        def close(self) -> None: ...


BEGIN: Final = b"begin"
_ORPHANED: Final = 17


class Preparation:
    """What a worker does before its first call."""

    def __init__(
        self,
        initializer: Callable[..., object] | None,
        arguments: tuple[Any, ...],
        unsendable: Unsendable | None,
    ) -> None:
        """Hold the initializer with its arguments, and what replaces unsendable results."""
        self.initializer = initializer
        self.arguments = arguments
        self.unsendable = unsendable


def main(
    end: socket.socket,
    words: SharedWords,
    preparation: Preparation,
    inherited: tuple[_Closable, ...] = (),
) -> None:
    """Serve leases until told to leave or until the other end is gone; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for held in inherited:  # a forked worker must not keep the others' channels open
        held.close()
    channel = WorkerChannel(end, lends=True)
    try:
        _end_with_parent(end, is_forked=bool(inherited))
        channel.send(NO_LEASE, b"")
        if channel.receive().body == BEGIN and _is_prepared(channel, preparation):
            _Calls(channel, Mark(words), preparation.unsendable).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody is there to tell
    except (OSError, RuntimeError, MemoryError) as error:
        from workers.room import NO_ROOM_EXIT, lacks_room

        if not lacks_room(error):
            raise
        os._exit(NO_ROOM_EXIT)  # at once: an orderly end may want memory, too


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
        self._answers = Answers(channel, unsendable)
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
        try:
            stream, block, items = load(frame.body, frame.buffers)
            function = self._function(stream)
        except BaseException as error:  # noqa: BLE001  # the caller's classes: they fail the lease
            self._answers.refuse(frame.lease, error)
            return
        frame.body, frame.buffers = b"", ()
        self._answers.begin(frame.lease, is_shared=block == 1 and len(items) > 1)
        if block == 1:
            self._run_singly(function, iter(items))
        else:
            self._run_blocks(function, iter(items), len(items), block)
        del items
        self._answers.end()

    def _function(self, stream: int) -> Function:
        if stream not in self._functions:
            self._functions[stream] = load(self._packed[stream])
        return self._functions[stream]

    def _run_singly(self, function: Function, items: Iterator[Any]) -> None:
        """Call the function on each item; whatever it raises is its result."""
        reach, answers = self._mark.reach, self._answers
        for position, item in enumerate(items):
            if not reach(position):
                return  # the rest was taken back
            try:
                value = function(item)
            except BaseException as error:  # noqa: BLE001  # the task loop: it fails its item
                answers.add_error(error)
            else:
                answers.add(value)
                del value
            del item

    def _run_blocks(self, function: Function, items: Iterator[Any], count: int, block: int) -> None:
        """Call the function on cheap items, block by block, at the speed of `map`."""
        answers = self._answers
        values: list[Any] = []
        done = 0
        while done < count and self._mark.reach(done):
            goal = min(block, count - done)
            while len(values) < goal:
                try:
                    values.extend(map(function, islice(items, goal - len(values))))
                    if len(values) < goal:
                        raise StopIteration  # from the function: `extend` took it for the end
                except BaseException as error:  # noqa: BLE001  # the task loop: it fails its item
                    answers.add_all(values)
                    answers.add_error(error)
                    goal -= len(values) + 1
                    done += len(values) + 1
                    values.clear()
            answers.add_all(values)
            done += len(values)
            values.clear()
            answers.flush_if_late()


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
    import select

    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sentinel, select.POLLIN)
        poll.poll()
    else:  # Windows: the sentinel is a handle
        from multiprocessing.connection import wait

        wait([sentinel])
    os._exit(_ORPHANED)


def _wait_for_hang_up(descriptor: int) -> None:
    """Forked brothers hold each other's sentinels open, but nobody else holds the channel."""
    import select

    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))
    while not any(seen & ~select.POLLNVAL for _, seen in poll.poll()):
        pass
    os._exit(_ORPHANED)
