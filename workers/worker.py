"""The main loop of a worker process: one message in, one answer out.

Imports only the light standard library at the top; operations import what they need. What user
code prints goes to the worker's own capture file and cannot reach the channel. The shared mark
says which lease, and which point of it, runs: the engine reads it after a death.
"""

import signal
import socket
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workers import limits
from workers.channel import NO_LEASE, Frame, WorkerChannel
from workers.mark import Mark
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.streams import Streams

if TYPE_CHECKING:
    from workers.attempt import Preparation
    from workers.messages import Ended, RunBlock, RunFile, Setup


def main(end: socket.socket, words: object, capture: str, nice: int) -> None:
    """Serve leases until told to leave or until the channel closes; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.single_library_threads()
    limits.lower_priority(nice)
    limits.first_for_the_oom_killer()
    limits.end_with_parent()
    work = _Work(WorkerChannel(end), Mark(words), Streams(Path(capture)))
    try:
        work.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the engine is gone; there is nobody to tell


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
        from workers.messages import RunBlock, RunFile, Setup, decode, encode

        self._channel.send(NO_LEASE, b"")
        while (frame := self._next_frame()).body:
            match decode(frame.body):
                case Setup() as setup:
                    self._prepare(setup)
                case (RunFile() | RunBlock()) as request if self._preparation is not None:
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
        from workers.messages import Unprepared, encode

        try:
            self._preparation = prepare(setup)
        except BaseException as error:  # noqa: BLE001  # own code, while imported
            self._channel.send(NO_LEASE, encode(Unprepared(_first_line(error))))

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
    request: "RunFile | RunBlock",
    mark: Mark,
    streams: Streams,
    ask: Callable[[int], None],
) -> "Ended":
    """Run one lease; whatever the code raises becomes a Failure, so that the worker lives on."""
    from workers.messages import Ended, RunFile

    started = time.perf_counter()
    streams.put_back()
    outcome: Outcome
    try:
        if isinstance(request, RunFile):
            outcome = preparation.run_file(request)
        else:
            outcome = preparation.run_block(request, mark)
    except BaseException as error:  # noqa: BLE001  # the task loop: it fails its task alone
        outcome = failure_of(error)
    seconds = time.perf_counter() - started
    match outcome:
        case Success():
            return Ended(seconds, success=outcome)
        case Failure(kind, message, detail):
            printed = streams.printed()
            detail = f"{detail}\nPrinted:\n{printed}" if printed else detail
            return Ended(seconds, failure=Failure(kind, message, detail))
        case Skip():
            return Ended(seconds, skip=outcome)


def failure_of(error: BaseException) -> Failure:
    """Turn what an operation raised into a Failure with the traceback as its detail."""
    detail = _sendable("".join(traceback.format_exception(error)))
    match error:
        case MemoryError():
            return Failure(
                FailureKind.OUT_OF_MEMORY, "Needs more memory than this computer has free.", detail
            )
        case SystemExit():
            return Failure(
                FailureKind.OPERATION_FAILED, f"The function called exit ({error.code}).", detail
            )
        case _:
            return Failure(FailureKind.OPERATION_FAILED, _first_line(error), detail)


def _first_line(error: BaseException) -> str:
    """Return 'ValueError: reason', with the line of the file it came from where known."""
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001  # its own __str__ may fail; the type still tells
        text = ""
    line = text.splitlines()[0] if text else ""
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({Path(error.filename).name}, line {error.lineno})"
        line = error.msg
    return _sendable(f"{type(error).__name__}: {line}{where}" if line else type(error).__name__)


def _sendable(text: str) -> str:
    """Return the text without lone surrogates, which no message can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
