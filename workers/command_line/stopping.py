"""Turns Ctrl-C and its kin into a wish to stop, which the main thread carries out in its loop."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from workers.command_line.exit_status import ExitStatus


@dataclass(slots=True)
class StopWish:
    """Whether somebody asked the job to stop, and the exit status that tells how."""

    status: ExitStatus | None = None


def _signals() -> dict[signal.Signals, ExitStatus]:
    statuses = {
        "SIGINT": ExitStatus.INTERRUPTED,
        "SIGBREAK": ExitStatus.INTERRUPTED,
        "SIGTERM": ExitStatus.TERMINATED,
        "SIGHUP": ExitStatus.HUNG_UP,
    }
    return {
        getattr(signal, name): status for name, status in statuses.items() if hasattr(signal, name)
    }


@contextlib.contextmanager
def stop_wishes() -> Iterator[StopWish]:
    """Give a wish that a signal fulfils; a second signal ends the process at once.

    Workers then end by their lifelines, and the journal keeps the job resumable. Main thread
    only. A signal that was ignored at the start (nohup, a background job) stays ignored.
    """
    wish = StopWish()
    statuses = _signals()

    def stop(number: int, _frame: FrameType | None) -> None:
        wish.status = statuses[signal.Signals(number)]
        signal.signal(number, signal.SIG_DFL)

    before = {
        number: signal.signal(number, stop)
        for number in statuses
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
