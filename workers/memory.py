"""Placeholder by the integrator until the real module stands here: overwrite it."""

from pathlib import Path


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]) * 4096


def oom_kills() -> int:
    """Return how often the kernel killed for memory."""
    return 0
