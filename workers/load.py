"""What the computer has and how busy it is: cores, their load, free memory."""

import math
import os
from pathlib import Path
from typing import Final

_SAMPLE_S: Final = 0.25
_GROUPS: Final = Path("/sys/fs/cgroup")
_UNLIMITED: Final = "max"


class LoadMeter:
    """Load per core, sampled at most four times a second; one thread uses it."""

    def __init__(self) -> None:
        self._loads: tuple[float, ...] = ()
        self._sampled_at: float | None = None

    def sample(self, now: float) -> tuple[float, ...]:
        """Return percent per core since the last sample; zeros at first."""
        if self._sampled_at is not None and now - self._sampled_at < _SAMPLE_S:
            return self._loads
        import psutil

        try:
            self._loads = tuple(psutil.cpu_percent(interval=None, percpu=True))
        except (OSError, psutil.Error):
            self._loads = ()
        self._sampled_at = now
        return self._loads

    def memory_free(self) -> int:
        """Return the bytes that may be used without swapping, within the control group."""
        import psutil

        available = int(psutil.virtual_memory().available)
        return min([available, *(left for group in _own_groups() if (left := _left(group)) >= 0)])


def usable_cores() -> int:
    """Return how many cores this process may keep busy: affinity and quota, at least 1."""
    quota = min((limit for group in _own_groups() if (limit := _quota(group))), default=math.inf)
    return int(max(1, min(_affinity(), math.ceil(quota) if quota < math.inf else quota)))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _own_groups() -> list[Path]:
    """Return this process's control groups, innermost first; each of them limits it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    groups: list[Path] = []
    for line in lines:
        _, controllers, inside = line.split(":", 2)
        if controllers and not {"cpu", "memory"} & set(controllers.split(",")):
            continue
        top = _GROUPS / controllers if controllers else _GROUPS
        group = top / inside.lstrip("/")
        groups += [group, *(parent for parent in group.parents if parent.is_relative_to(top))]
    return groups


def _quota(group: Path) -> float | None:
    """Return the cores that a group may use at a time, None without a limit."""
    words = _words(group / "cpu.max")
    if not words:
        words = _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
    if len(words) < 2 or words[0] == _UNLIMITED or int(words[0]) <= 0:
        return None
    return int(words[0]) / int(words[1])


def _left(group: Path) -> int:
    """Return the bytes that a group may still take, -1 without a limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        words = _words(group / limit) + _words(group / used)
        if len(words) == 2 and words[0] != _UNLIMITED:
            return max(0, int(words[0]) - int(words[1]) + _reclaimable(group))
    return -1


def _reclaimable(group: Path) -> int:
    """Return the bytes of cached files, which the system gives up when asked."""
    words = _words(group / "memory.stat")
    sizes = dict(zip(words[::2], words[1::2], strict=False))
    return int(sizes.get("inactive_file", 0))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
