"""What the computer has and how busy it is: cores, their load, free memory."""

import math
import os
from pathlib import Path
from typing import Final, NamedTuple

from workers.memory import available_bytes

READ_EVERY_S: Final = 0.25
_GROUPS: Final = Path("/sys/fs/cgroup")
_UNLIMITED: Final = "max"


class Load(NamedTuple):
    """Percent per core since the reading before, zeros at first; free bytes; cores we may use."""

    per_core: tuple[float, ...]
    memory_free: int
    usable_cores: int


class LoadMeter:
    """Reads the computer at most four times a second; one thread uses it."""

    def __init__(self) -> None:
        self._load: Load | None = None
        self._read_at = 0.0

    def read(self, now: float) -> Load:
        """Return what was read last, anew when that was a while ago (`now` in seconds)."""
        if self._load is None or now - self._read_at >= READ_EVERY_S:
            self._load = Load(_load_per_core(), available_bytes(), usable_cores())
            self._read_at = now
        return self._load


def _load_per_core() -> tuple[float, ...]:
    import psutil

    try:
        return tuple(psutil.cpu_percent(interval=None, percpu=True))
    except (OSError, psutil.Error):
        return ()


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
        if controllers and "cpu" not in controllers.split(","):
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


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
