"""What memory there is, what a process holds of it, and whether the kernel killed for it.

Runs in workers and in the engine; light to import. On Linux the kernel's own files are read: one
reading takes some microseconds, and a control group (a container, a service) counts as the
computer it is to us. Elsewhere psutil is asked.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_ROOT: Final = Path("/")
_MOUNT: Final = Path("sys/fs/cgroup")
# Writing this number to clear_refs sets the peak to what is resident now (proc(5)).
_CLEAR_PEAK: Final = "5"
_STATM_BYTES: Final = 128


class _Words(NamedTuple):
    """How one version of control groups calls its files and the word in its statistics."""

    limits: tuple[str, ...]
    used: str
    reclaimable: str
    kills: str


# From memory.high on the kernel slows a group down until it gives memory back, so it is a limit.
_VERSION_2: Final = _Words(
    ("memory.max", "memory.high"), "memory.current", "inactive_file", "memory.events"
)
_VERSION_1: Final = _Words(
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
    "memory.oom_control",
)


class _Group(NamedTuple):
    folder: Path
    words: _Words


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process, of this one by default; 0 when it is gone."""
    if sys.platform != "linux":
        return _resident_by_psutil(pid)
    try:
        descriptor = os.open(f"/proc/{'self' if pid is None else pid}/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, _STATM_BYTES).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it ended between the two calls
        return 0
    finally:
        os.close(descriptor)


def peak_bytes() -> int:
    """Return the most resident memory of this process since `reset_peak`; 0 where unknown."""
    return _size_in(Path("/proc/self/status"), "VmHWM:") or 0


def reset_peak() -> bool:
    """Let `peak_bytes` begin at what is resident now; say whether the system can."""
    try:
        Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def total_bytes(root: Path = _ROOT) -> int:
    """Return the memory of this computer, or of the control group that holds this process."""
    machine = _size_in(root / "proc/meminfo", "MemTotal:")
    if machine is None:
        machine = _asked_of_psutil("total")
    return min([machine, *(limit for group in _groups(root) for limit in _limits(group))])


def available_bytes(root: Path = _ROOT) -> int:
    """Return what may be taken without swapping, within every control group around us."""
    machine = _size_in(root / "proc/meminfo", "MemAvailable:")
    if machine is None:
        machine = _asked_of_psutil("available")
    return min([machine, *(left for group in _groups(root) for left in _left(group))])


def oom_kills(root: Path = _ROOT) -> int:
    """Return how often the kernel killed for memory: a rise between two readings tells.

    Counted is our own control group where it counts, for the kernel's own counter also knows
    what other containers on the computer lost. Kills by other programs (earlyoom) do not count.
    """
    for group in _groups(root):
        counted = _number_in(group.folder / group.words.kills, "oom_kill")
        if counted is not None:
            return counted
    return _number_in(root / "proc/vmstat", "oom_kill") or 0


def _resident_by_psutil(pid: int | None) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _asked_of_psutil(field: str) -> int:
    import psutil

    return int(getattr(psutil.virtual_memory(), field))


def _groups(root: Path) -> Iterator[_Group]:
    """Yield the groups that limit this process's memory, innermost first.

    In a container the path may be the host's, of which only the mount is there: what does not
    exist has no files and limits nothing.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, inside = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        words = _VERSION_1 if controllers else _VERSION_2
        top = root / _MOUNT / controllers
        folder = top.joinpath(*(part for part in inside.split("/") if part not in ("", "..")))
        while folder != top:
            yield _Group(folder, words)
            folder = folder.parent
        yield _Group(top, words)


def _limits(group: _Group) -> Iterator[int]:
    for name in group.words.limits:
        limit = _first_number(group.folder / name)
        if limit is not None:
            yield limit


def _left(group: _Group) -> Iterator[int]:
    """Yield what is left below each limit: cached files are given up when memory is asked for."""
    used = _first_number(group.folder / group.words.used)
    limits = list(_limits(group))
    if used is None or not limits:
        return
    cached = _number_in(group.folder / "memory.stat", group.words.reclaimable) or 0
    yield max(0, min(limits) - max(0, used - cached))


def _first_number(file: Path) -> int | None:
    """Return the number a file consists of; None when it is not there or says `max`."""
    for line in _lines(file):
        return int(line) if line.isdecimal() else None
    return None


def _number_in(file: Path, word: str) -> int | None:
    """Return the number behind a word at the beginning of a line."""
    for line in _lines(file):
        found = line.split()
        if len(found) > 1 and found[0] == word:
            return int(found[1])
    return None


def _size_in(file: Path, word: str) -> int | None:
    """Return the bytes behind a word in a file that counts in kB, as /proc does."""
    number = _number_in(file, word)
    return None if number is None else number * 1024


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
