"""The keeper: a small process that ends what a killed engine leaves behind (Linux).

A process that gets SIGKILL cannot end its workers, and what tasks had started, in a session of
its own or by a double fork, passes to the system's first process. So whoever drives an engine
starts a keeper: it waits for the end of a pipe that only its owner holds, then kills every
process that has the family's mark in its environment, and all that stand below those. Workers
have the mark from their start, and end after what they have started: see `limits`.

`main` is the keeper's own program; it imports next to nothing, so that it costs next to nothing.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FAMILY: Final = "EVERYCORE_FAMILY"
# What cannot be killed in this time hangs in a broken device; nobody can end it.
GIVE_UP_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.05
# An owner that ends in order has left nothing: the keeper sees that and ends in milliseconds.
_END_WITHIN_S: Final = 2.0


# ---- in the owner


@contextlib.contextmanager
def kept() -> Iterator[frozenset[int]]:
    """Have a keeper watch over this process and all that it starts from now on.

    Gives the process ids that a sweep of our own must spare: the keeper's.
    """
    if sys.platform != "linux":
        yield frozenset()
        return
    import subprocess

    from workers import programs

    mark = os.urandom(16).hex()
    try:
        keeper = subprocess.Popen(
            programs.command(programs.KEEPER, mark),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # no room for one more process: workers then end by the kernel's signal
        yield frozenset()
        return
    before = os.environ.get(FAMILY)
    os.environ[FAMILY] = mark
    try:
        yield frozenset({keeper.pid})
    finally:
        if before is None:
            del os.environ[FAMILY]
        else:
            os.environ[FAMILY] = before
        assert keeper.stdin is not None
        keeper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            keeper.wait(_END_WITHIN_S)


def has_keeper() -> bool:
    """Say whether a keeper watches over this process."""
    return FAMILY in os.environ


# ---- in the keeper


def main() -> None:
    """Wait for the owner's end, then end its family; runs in the keeper."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    mark = f"{FAMILY}={sys.argv[1]}".encode()
    while os.read(0, 1):
        pass  # nobody writes; the read ends when the owner does
    give_up = time.monotonic() + GIVE_UP_S
    while (left := _family(mark)) and time.monotonic() < give_up:
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            _wait_for_end(pid)


def _family(mark: bytes) -> list[int]:
    """Return the ids of living processes that have the mark, and of those below them."""
    below: dict[int, list[int]] = {}
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            status = (place / "stat").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        state, parent = status[status.rindex(b")") + 2 :].split(maxsplit=2)[:2]
        if state not in (b"Z", b"X"):
            below.setdefault(int(parent), []).append(int(place.name))
            if _has_mark(place, mark):
                found.append(int(place.name))
    for pid in found:  # grows while it is read
        found += [child for child in below.get(pid, []) if child not in found]
    return found


def _has_mark(place: Path, mark: bytes) -> bool:
    try:
        return mark in (place / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # somebody else's


def _wait_for_end(pid: int) -> None:
    """Wait until a killed process is gone, at most until it is worth looking again."""
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # gone already, or a kernel before 5.3
            return
        select.select([descriptor], [], [], _LOOK_AGAIN_S)
        os.close(descriptor)
