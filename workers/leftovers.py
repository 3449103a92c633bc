"""What a task leaves running or open in its worker: processes, threads, descriptors.

Processes are ended; on Linux the worker adopts those whose parent has ended, so none is missed.
Threads cannot be ended, and descriptors must not be closed behind the back of an object that
still holds them (the number would soon be another file's): a worker with such leftovers is
spent, and its owner replaces it. Belongs to the worker's main thread.
"""

import gc
import os
import sys
import threading
import time
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple

from workers import limits
from workers.error_words import OWN_CODE

if TYPE_CHECKING:
    import psutil

# A killed process is gone in milliseconds, unless it waits for a broken device.
_END_PATIENCE_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.02
# A thread that is about to end when the function returns does so within a few switches.
_THREAD_PATIENCE_S: Final = 0.05
# Far more than caches and logs keep open, far less than the least limit (256 on macOS).
_DESCRIPTORS_MOST: Final = 100
_WAITID_ON_MACOS: Final = 0x04 | 0x01 | 0x20  # WEXITED | WNOHANG | WNOWAIT


class Left(NamedTuple):
    """What a task left behind; a spent worker must not run another."""

    processes: int = 0
    threads: int = 0
    is_spent: bool = False

    @property
    def words(self) -> str:
        """Return 'Left 2 processes; ended.', or nothing when nothing was left."""
        found = []
        if self.processes:
            found.append(f"Left {_counted(self.processes, 'process', 'processes')}; ended.")
        if self.threads:
            found.append(f"Left {_counted(self.threads, 'thread', 'threads')} running.")
        return " ".join(found)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


class Leftovers:
    """What ran and was open when this was made: it belongs to the worker, or to its code."""

    def __init__(self, *, has_own_code: bool) -> None:
        """Look at everything; from now on this process adopts orphans below it (Linux)."""
        limits.adopt_orphans()
        # Where every look costs milliseconds, only tasks that may start processes pay for it.
        self._is_looking = has_own_code or sys.platform != "win32"
        self._processes = frozenset(_children()) if _has_children() else frozenset()
        self._threads = {thread.ident for thread in threading.enumerate()}
        self._probe = os.open(os.devnull, os.O_RDONLY)
        weakref.finalize(self, os.close, self._probe)
        self._free_at_first = self._free_descriptor()

    def collect(self) -> Left:
        """End what can be ended; costs two microseconds when nothing was left."""
        processes = self._end_processes() if self._is_looking and _has_children() else 0
        threads = self._count_threads()
        is_spent = threads > 0 or self._leaks_descriptors()
        return Left(processes, threads, is_spent)

    def _end_processes(self) -> int:
        """Kill and reap until nothing is left; return how many still ran."""
        import psutil

        ended: set[psutil.Process] = set()
        give_up = time.monotonic() + _END_PATIENCE_S
        while (left := self._left_processes()) and time.monotonic() < give_up:
            for process in left:
                if not _is_zombie(process):
                    ended.add(process)
                    _kill(process)
            _reap_known({process.pid for process in left})
            psutil.wait_procs(left, timeout=_LOOK_EVERY_S)
        return len(ended)

    def _left_processes(self) -> "list[psutil.Process]":
        return [
            process
            for process in _children()
            if process not in self._processes and not limits.is_tracker(process)
        ]

    def _count_threads(self) -> int:
        """Return how many threads run on that will not end by themselves."""
        left = [thread for thread in threading.enumerate() if thread.ident not in self._threads]
        if not left:
            return 0
        give_up = time.monotonic() + _THREAD_PATIENCE_S
        count = 0
        for thread in left:
            if not _is_harmless(thread):
                thread.join(max(0.0, give_up - time.monotonic()))
                count += thread.is_alive() and not _is_harmless(thread)
        return count

    def _leaks_descriptors(self) -> bool:
        if self._free_descriptor() - self._free_at_first < _DESCRIPTORS_MOST:
            return False
        gc.collect()  # files in cycles of objects that nobody refers to
        return self._free_descriptor() - self._free_at_first >= _DESCRIPTORS_MOST

    def _free_descriptor(self) -> int:
        """Return the least number a new descriptor gets: it rises with those left open."""
        try:
            descriptor = os.dup(self._probe)
        except OSError:
            return sys.maxsize  # the limit is reached, or user code closed what is not its own
        os.close(descriptor)
        return descriptor


def _has_children() -> bool:
    """Say whether there are child processes, dead ones included; costs a microsecond.

    Windows has no such question: there the answer is always that there may be some.
    """
    if sys.platform == "win32":
        return True
    if not hasattr(os, "waitid"):  # Python offers it on macOS from 3.13 on, C always
        return _waitid_in_c()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _waitid_in_c() -> bool:
    import ctypes

    words = ctypes.create_string_buffer(256)  # more than any siginfo_t
    return bool(ctypes.CDLL(None).waitid(0, 0, words, _WAITID_ON_MACOS) == 0)


def _children() -> "list[psutil.Process]":
    import psutil

    return psutil.Process().children(recursive=True)


def _is_zombie(process: "psutil.Process") -> bool:
    import psutil

    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _kill(process: "psutil.Process") -> None:
    import psutil

    try:
        process.kill()
    except psutil.Error:  # it ended meanwhile, or runs as another user
        return


def _reap_known(killed: set[int]) -> None:
    """Let multiprocessing know which of its children have ended, so that it waits for none."""
    from multiprocessing import active_children

    for child in active_children():
        if child.pid in killed:
            child.join(_LOOK_EVERY_S)


def _is_harmless(thread: threading.Thread) -> bool:
    """Say whether a thread runs no user code: it waits in a pool for work, or is a library's."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return not thread.is_alive()
    if _is_idle_in_pool(frame):
        return True
    return thread.daemon and not _runs_own_code(frame)


def _is_idle_in_pool(frame: FrameType) -> bool:
    """Say whether it is a concurrent.futures thread between two calls."""
    module = frame.f_globals.get("__name__")
    return module == "concurrent.futures.thread" and frame.f_code.co_name == "_worker"


def _runs_own_code(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(OWN_CODE):
            return True
        frame = frame.f_back
    return False
