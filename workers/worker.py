"""The main loop of a worker process: one message in, one answer out.

Imports only the light standard library at the top; operations import what they need. What user
code prints goes to the worker's own capture file and cannot reach the channel. The shared mark
says which lease, and which point of it, runs: the engine reads it after a death.
"""

import os
import signal
import time
import traceback
from collections.abc import MutableSequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers import limits
from workers.outcome import Failure, FailureKind, Outcome, Skip, Success
from workers.streams import Streams

if TYPE_CHECKING:
    from workers.attempt import Preparation
    from workers.messages import Ended, RunBlock, RunFile

NO_LEASE: Final = 0


def main(channel: Connection, mark: MutableSequence[int], capture: str, nice: int) -> None:
    """Serve leases until told to leave or until the channel closes; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.single_library_threads()
    limits.lower_priority(nice)
    limits.first_for_the_oom_killer()
    limits.end_with_parent()
    streams = Streams(Path(capture))
    try:
        _serve(channel, mark, streams)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the engine is gone; there is nobody to tell


def _serve(channel: Connection, mark: MutableSequence[int], streams: Streams) -> None:
    from workers.messages import Leave, Ready, RunBlock, RunFile, Setup, Unprepared, decode, encode

    channel.send_bytes(encode(Ready(os.getpid())))
    preparation: Preparation | None = None
    while True:
        match decode(channel.recv_bytes()):
            case Setup() as setup:
                from workers.attempt import prepare

                try:
                    preparation = prepare(setup)
                except BaseException as error:  # noqa: BLE001  # own code, while imported
                    channel.send_bytes(encode(Unprepared(_first_line(error))))
            case (RunFile() | RunBlock()) as request if preparation is not None:
                channel.send_bytes(encode(_run(preparation, request, mark, streams)))
            case Leave():
                return


def _run(
    preparation: "Preparation",
    request: "RunFile | RunBlock",
    mark: MutableSequence[int],
    streams: Streams,
) -> "Ended":
    """Run one lease; whatever the code raises becomes a Failure, so that the worker lives on."""
    from workers.messages import Ended, RunFile

    mark[1], mark[0] = 0, request.lease
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
    mark[0] = NO_LEASE
    match outcome:
        case Success():
            return Ended(request.lease, seconds, success=outcome)
        case Failure(kind, message, detail):
            printed = streams.printed()
            detail = f"{detail}\nPrinted:\n{printed}" if printed else detail
            return Ended(request.lease, seconds, failure=Failure(kind, message, detail))
        case Skip():
            return Ended(request.lease, seconds, skip=outcome)


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
