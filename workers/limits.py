"""What a worker process sets for itself before its first task: threads, priority, lifelines.

Runs in the worker, but for `end_descendants`, `adopt_orphans`, `end_adopted` and `is_frozen`,
which run in the engine.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers.keeper import has_keeper

if TYPE_CHECKING:
    import psutil

# Each worker has a core of its own; library threads on top of that only queue for it.
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "VIPS_CONCURRENCY",
)
_threads_set: Final[set[str]] = set()
RESPONSIVE_NICE: Final = 10
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_SIGKILL: Final = 9
_ORPHANED: Final = 17
_NO_BELL: Final = -1
# A killed process is gone in milliseconds, unless it waits for a broken device.
_ADOPTED_PATIENCE_S: Final = 1.0
# In /proc/<pid>/stat, counted from behind the name: state, parent, and the start in clock ticks.
_PARENT: Final = 1
_START: Final = 19
# Since when this process adopts orphans, on the clock by which /proc counts; empty: it does not.
_adopting_since: Final[list[float]] = []
# Programs of ours that this process started; by their parent alone they look adopted.
_own_programs: Final[set[int]] = set()
# The thread that waits for the parent's end, and where it hears that another takes its place.
_lifelines: Final[list[tuple[threading.Thread, int]]] = []


def library_threads(count: int) -> None:
    """Let numeric libraries use so many threads; what the person has set in the shell wins.

    Must run before they are imported; of those already loaded, only libvips changes its mind.
    """
    for name in _THREAD_VARIABLES:
        if name not in os.environ or name in _threads_set:
            os.environ[name] = str(count)
            _threads_set.add(name)
    pyvips = sys.modules.get("pyvips")
    if pyvips is not None and "VIPS_CONCURRENCY" in _threads_set:
        pyvips.concurrency_set(count)


def lower_priority(nice: int) -> None:
    """Run this process at the given niceness where the system knows it."""
    if nice and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    elif nice and sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)


def first_for_the_oom_killer() -> None:
    """Make the system end this worker before the engine or the window when memory runs out."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
        except OSError:
            return  # not offered in some containers; only the order of kills changes


def end_with_parent() -> None:
    """End this process and what it has started, however its parent ends.

    A worker that is deep in C code and holds the interpreter lock cannot see that end. A keeper
    ends it where there is one; else the kernel does (Linux), at once, and what it has started
    lives on. So the kernel's signal is asked for only without a keeper.
    """
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None:
        return
    _tie_lifeline(parent.sentinel)
    if not has_keeper():
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def end_with_starter() -> None:
    """End this process, started as a program, at once when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def renew_lifeline() -> None:
    """Let a new thread take the lifeline's place: in a sandbox, the old one has rights of before.

    Does nothing where there is no sandbox (no Linux), or no lifeline.
    """
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None or not _lifelines or sys.platform != "linux":
        return
    old, bell = _lifelines.pop()
    os.eventfd_write(bell, 1)
    old.join()
    os.close(bell)
    _tie_lifeline(parent.sentinel)


def _tie_lifeline(sentinel: int) -> None:
    bell = os.eventfd(0) if sys.platform == "linux" else _NO_BELL
    lifeline = threading.Thread(
        target=_wait_and_end, args=(sentinel, bell), name="lifeline", daemon=True
    )
    lifeline.start()
    _lifelines.append((lifeline, bell))


def _wait_and_end(sentinel: int, bell: int) -> None:
    from multiprocessing.connection import wait

    if sentinel not in wait([sentinel] if bell == _NO_BELL else [sentinel, bell]):
        return  # another took its place
    try:
        end_descendants()
    finally:
        os._exit(_ORPHANED)


def is_frozen(pid: int) -> bool:
    """Say whether somebody stopped a process (SIGSTOP) and nobody let it go on."""
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def adopt_orphans() -> None:
    """Become the parent of what tasks leave behind, so that `end_descendants` finds it (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if sys.platform == "linux" and not _adopting_since:
        _adopting_since.append(time.clock_gettime(time.CLOCK_BOOTTIME))


def end_adopted() -> None:
    """Kill and reap what a dead worker's tasks had started, now that it is ours (Linux).

    Spares whatever this process started itself by multiprocessing, the keeper, and the programs of
    which it was told. Call it from
    the thread that starts workers: one that is just being started looks like an orphan. Costs a
    look at each process of the system; blocks until they are gone, at most a second. Does nothing
    before `adopt_orphans`, nor in a worker, where a task's own child processes are its affair.
    """
    from multiprocessing import parent_process

    if sys.platform != "linux" or not _adopting_since or parent_process() is not None:
        return
    give_up = time.monotonic() + _ADOPTED_PATIENCE_S
    # Again, since a killed one's own children become ours.
    while (adopted := _adopted()) and time.monotonic() < give_up:
        for pid in adopted:
            _kill_and_reap(pid, give_up)


def note_program(pid: int) -> None:
    """Let `end_adopted` spare a program that this process has just started."""
    _own_programs.add(pid)


def forget_program(pid: int) -> None:
    """Forget a program that has ended and was reaped."""
    _own_programs.discard(pid)


def _adopted() -> list[int]:
    """Return the ids of our child processes that we did not start."""
    from multiprocessing import active_children

    names = os.listdir("/proc")  # noqa: PTH208  # no Path for each of hundreds
    found = [int(name) for name in names if name.isdigit() and _is_foundling(name)]
    if not found:
        return []
    ours = _own_programs.union(child.pid for child in active_children() if child.pid)
    return [pid for pid in found if pid not in ours and not _is_attendant(pid)]


def _is_foundling(name: str) -> bool:
    """Say whether a process is our child, of any kind, and younger than our wish to adopt."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123  # one of hundreds
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return False  # it has ended meanwhile
    if int(fields[_PARENT]) != os.getpid():
        return False
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return int(fields[_START]) * tick_s >= _adopting_since[0] - tick_s


def _is_attendant(pid: int) -> bool:
    """Say whether it is multiprocessing's tracker or our keeper: both end by themselves."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"resource_tracker" in line or b"workers.keeper" in line


def _kill_and_reap(pid: int, give_up: float) -> None:
    """Kill a child process of ours and wait until it is gone, or until it is no use to wait."""
    import select

    try:
        os.kill(pid, _SIGKILL)
        descriptor = os.pidfd_open(pid)
    except OSError:  # somebody else has reaped it, or a kernel before 5.3
        descriptor = -1
    if descriptor >= 0:
        select.select([descriptor], [], [], max(0.0, give_up - time.monotonic()))
        os.close(descriptor)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # reaped by whoever started it


def descendants() -> frozenset[int]:
    """Return the ids of all processes below this one."""
    import psutil

    return frozenset(child.pid for child in psutil.Process().children(recursive=True))


def end_descendants(spared: frozenset[int] = frozenset()) -> None:
    """Kill every process below this one, but for those spared and for multiprocessing's tracker.

    Waits until they are gone, at most a second.
    """
    import psutil

    left = [
        child
        for child in psutil.Process().children(recursive=True)
        if child.pid not in spared and not is_tracker(child)
    ]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=1.0)


def is_tracker(process: "psutil.Process") -> bool:
    """Say whether it is the tracker of shared resources: it ends by itself with this process."""
    import psutil

    try:
        return any("resource_tracker" in part for part in process.cmdline())
    except psutil.Error:
        return False


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
