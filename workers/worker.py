"""The main loop of a worker process: one message in, one answer out.

Imports only the light standard library at the top; operations import what they need. What user
code prints goes to the worker's own capture file and cannot reach the channel. The shared mark
says which lease, and which point of it, runs: the engine reads it after a death.
"""

import contextvars
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workers import limits
from workers.channel import NO_LEASE, Frame, WorkerChannel
from workers.error_words import first_line, shown, traceback_text
from workers.mark import Mark
from workers.memory import resident_bytes
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.room import NO_ROOM_EXIT, lacks_room
from workers.shared_words import SharedWords
from workers.streams import Streams

if TYPE_CHECKING:
    from workers.attempt import Preparation
    from workers.messages import Ended, RunBlock, RunFile, RunReduce, Setup
    from workers.surroundings import Settled, Surroundings


def main(end: socket.socket, words: SharedWords, capture: str, nice: int) -> None:
    """Serve leases until told to leave or until the channel closes; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.library_threads(1)
    limits.lower_priority(nice)
    limits.first_for_the_oom_killer()
    try:
        limits.end_with_parent()
        work = _Work(WorkerChannel(end), Mark(words), Streams(Path(capture)))
        work.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the engine is gone; there is nobody to tell
    except (OSError, RuntimeError, MemoryError) as error:
        _leave_for_want_of_room(error)
        raise


def _leave_for_want_of_room(error: BaseException) -> None:
    if lacks_room(error):
        os._exit(NO_ROOM_EXIT)  # at once: an orderly end may want memory, too


class _Work:
    """What a worker holds while it serves."""

    def __init__(self, channel: WorkerChannel, mark: Mark, streams: Streams) -> None:
        self._channel = channel
        self._mark = mark
        self._streams = streams
        self._preparation: Preparation | None = None
        self._unread: deque[Frame] = deque()

    def serve(self) -> None:
        """Say that the worker is up, then answer frame by frame until the empty one."""
        from workers.messages import RunBlock, RunFile, RunReduce, Setup, decode, encode

        self._channel.send(NO_LEASE, b"")
        while (frame := self._next_frame()).body:
            match decode(frame.body):
                case Setup() as setup:
                    self._prepare(setup)
                case (RunFile() | RunBlock() | RunReduce()) as request if self._preparation:
                    answer = b""  # passed over: it was taken back
                    if self._mark.begin(frame.lease):
                        ask = self._memory_ask(frame.lease)
                        answer = encode(
                            _run(self._preparation, request, self._mark, self._streams, ask)
                        )
                    self._mark.end()
                    self._channel.send(frame.lease, answer)

    def _next_frame(self) -> Frame:
        return self._unread.popleft() if self._unread else self._channel.receive()

    def _prepare(self, setup: "Setup") -> None:
        from workers.attempt import prepare
        from workers.errors import JobRefused
        from workers.messages import Unprepared, encode

        try:
            limits.library_threads(setup.threads)
            self._preparation = prepare(setup)
            self._streams.watch()
        except JobRefused as error:  # a sentence of ours
            self._channel.send(NO_LEASE, encode(Unprepared(str(error))))
        except BaseException as error:  # noqa: BLE001  # own code, while imported
            _leave_for_want_of_room(error)
            self._channel.send(NO_LEASE, encode(Unprepared(first_line(error))))

    def _memory_ask(self, lease: int) -> Callable[[int], None]:
        """Return what a task calls before it takes so much memory: it returns once granted."""

        def ask(need_bytes: int) -> None:
            from workers.messages import Grant, MemoryNeeded, decode, encode

            self._channel.send(lease, encode(MemoryNeeded(need_bytes)), is_last=False)
            while not isinstance(decode((frame := self._channel.receive()).body), Grant):
                self._unread.append(frame)  # a lease that waits behind this one
            self._mark.reach(0)  # the time limit counts from here

        return ask


def _run(
    preparation: "Preparation",
    request: "RunFile | RunBlock | RunReduce",
    mark: Mark,
    streams: Streams,
    ask: Callable[[int], None],
) -> "Ended":
    """Run one lease; whatever the code raises becomes a Failure, so that the worker lives on."""
    from workers.messages import Ended
    from workers.surroundings import surroundings_of

    surroundings = surroundings_of(preparation)
    started = time.perf_counter()
    streams.put_back()
    outcome = _outcome(preparation, request, mark, ask)
    seconds = time.perf_counter() - started
    left = _settled(surroundings)
    printed = streams.printed() if isinstance(outcome, Failure) else ""
    streams.rest()
    ended = Ended(seconds, resident_bytes(), left.is_spent)
    match outcome:
        case Success(warning=warning):
            if left.words:
                words = f"{warning} {left.words}".strip()
                outcome = msgspec.structs.replace(outcome, warning=words)
            return msgspec.structs.replace(ended, success=outcome)
        case Failure(detail=detail):
            printed = f"Printed:\n{printed}" if printed else ""
            detail = "\n".join(filter(None, (detail, left.words, printed)))
            return msgspec.structs.replace(
                ended, failure=msgspec.structs.replace(outcome, detail=detail)
            )
        case Skip():
            return msgspec.structs.replace(ended, skip=outcome)


def _outcome(
    preparation: "Preparation",
    request: "RunFile | RunBlock | RunReduce",
    mark: Mark,
    ask: Callable[[int], None],
) -> Outcome:
    """Run one lease in a context of its own: decimal's and NumPy's settings end with it."""
    from workers.messages import RunBlock, RunFile

    run = contextvars.copy_context().run
    try:
        if isinstance(request, RunFile):
            return run(preparation.run_file, request, ask)
        if isinstance(request, RunBlock):
            return run(preparation.run_block, request, mark)
        return run(preparation.run_reduce, request, ask)
    except BaseException as error:  # noqa: BLE001  # the task loop: it fails its task alone
        return failure_of(error)


def _settled(surroundings: "Surroundings") -> "Settled":
    """Put the worker back as it was; own code that hinders it costs the worker, not the task."""
    from workers.surroundings import Settled

    try:
        return surroundings.settle()
    except BaseException:  # noqa: BLE001  # signal handlers, log handlers of the task run here
        return Settled(is_spent=True)


def failure_of(error: BaseException) -> Failure:
    """Turn what an operation raised into a Failure with the traceback as its detail."""
    detail = traceback_text(error)
    match error:
        case MemoryError():
            return Failure(
                FailureKind.OUT_OF_MEMORY, "Needs more memory than this computer has free.", detail
            )
        case SystemExit():
            return Failure(
                FailureKind.OPERATION_FAILED,
                f"The function called exit ({shown(error.code)}).",
                detail,
            )
        case _:
            return Failure(FailureKind.OPERATION_FAILED, first_line(error), detail)
