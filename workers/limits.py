"""What a worker process sets for itself before its first task: threads, priority, lifelines.

Runs in the worker, but for `end_descendants`, `adopt_orphans` and `is_frozen`, which run in the
engine.
"""

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
    """End this process, however its parent ends.

    The thread covers every system; on Linux the kernel's signal also reaches a worker that is
    deep in C code and holds the interpreter lock.
    """
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None:
        return
    threading.Thread(
        target=_wait_and_end, args=(parent.sentinel,), name="lifeline", daemon=True
    ).start()
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def _wait_and_end(sentinel: int) -> None:
    from multiprocessing.connection import wait

    wait([sentinel])
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
