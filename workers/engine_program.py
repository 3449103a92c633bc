"""The program of the engine process: `main` runs in it; the window's end is engine_process.py.

It is in a session of its own and holds no stream of the window's, so that neither Ctrl-C nor a
closed terminal reaches it. A snapshot is taken only when the writer is free, so that a stalled
window costs the job nothing. When the window goes without a word, however that happened, the
engine leaves the job stopped and ends its workers and what they started; the journal resumes it
later. When the window said that the engine is to go on, it does, and ends when it has nothing
left to do.
"""

import os
import signal
import sys
import threading
import time
from functools import partial
from types import FrameType
from typing import Final

from workers import keeper
from workers.attendance import Attendance
from workers.commands import Quit
from workers.engine import Engine
from workers.engine_door import Door
from workers.folders import journals_folder
from workers.limits import adopt_orphans, end_descendants

SNAPSHOT_EVERY_S: Final = 1 / 30
# Core loads move while nothing else does.
HEARTBEAT_S: Final = 0.5
# The window connects at once, unless it hangs.
CONNECT_WITHIN_S: Final = 20.0
# A journal on a hung disk must not keep the workers alive: neither behind a window that waits for
# our end, nor, when it went without a word, for the second in which all is to be gone.
END_WITHIN_S: Final = 2.5
END_ALONE_WITHIN_S: Final = 0.6


def main() -> None:
    """Serve the window that started this process, with as many workers as it says; never returns.

    Prints the socket's address and key for that window.
    """
    import faulthandler

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    faulthandler.enable()
    unreached = _fuse(CONNECT_WITHIN_S)
    is_admitted = threading.Event()
    threading.Thread(target=_end_with_stdin, args=(is_admitted,), daemon=True).start()
    door = Door()
    print(door.address, door.key.hex(), sep="\n", flush=True)
    _let_go_of_stdout()
    connection = door.admit()
    is_admitted.set()
    unreached.cancel()
    door.close()
    with keeper.kept() as spared:
        engine = Engine(journals_folder(), workers=int(sys.argv[1]))
        _end_in_order_at_sigterm(engine)
        attendance = Attendance(engine, connection, partial(_fuse, END_ALONE_WITHIN_S, spared))
        try:
            drive(engine, attendance)
        finally:
            _fuse(END_WITHIN_S, spared)
            attendance.close()
            engine.close()
            end_descendants(spared)
            os._exit(0)  # the reader and the writer may wait for a window that is gone


def drive(engine: Engine, attendance: Attendance) -> None:
    """Run the engine until it is told to quit or nobody needs it, and show what it does."""
    sent_at, has_news = 0.0, False
    while not engine.has_quit and attendance.settle(time.monotonic()):
        is_busy = engine.is_busy and not engine.is_resting
        pause_s = SNAPSHOT_EVERY_S if has_news or is_busy else HEARTBEAT_S
        # Nothing is due while the window does not read: to wait for it would be to spin.
        due_s = sent_at + pause_s - time.monotonic() if attendance.is_free else pause_s
        has_news = engine.turn(max(0.0, due_s)) or has_news
        now = time.monotonic()
        is_due = now - sent_at >= (SNAPSHOT_EVERY_S if has_news else pause_s)
        if is_due and attendance.is_free:
            sent_at, has_news = now, False
            attendance.show(engine.snapshot())


def _fuse(seconds: float, spared: frozenset[int] = frozenset()) -> threading.Timer:
    """End hard after so many seconds, whatever the engine's thread waits for."""
    fuse = threading.Timer(seconds, _end_hard, (spared,))
    fuse.daemon = True
    fuse.start()
    return fuse


def _end_with_stdin(is_admitted: threading.Event) -> None:
    """End with a window that was killed before it had come in: it holds our stdin till then."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    if not is_admitted.is_set():
        os._exit(1)


def _end_hard(spared: frozenset[int]) -> None:
    end_descendants(spared)
    os._exit(1)


def _end_in_order_at_sigterm(engine: Engine) -> None:
    """Save and end when the system shuts down, as when the window quits."""

    def end(_number: int, _frame: FrameType | None) -> None:
        engine.post(Quit())

    signal.signal(signal.SIGTERM, end)


def _let_go_of_stdout() -> None:
    """Close the pipe to the window that its answer went through."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
