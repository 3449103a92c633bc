"""What the pool watches its workers for: time limits, frozen and silent ones, memory.

Everything is seen from outside, by the worker's mark and by what the system tells of its
process: a worker deep in C code, or one that holds the interpreter lock, can hide nothing.
Belongs to the pool's thread.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from workers.awake import AwakeClock
from workers.pool_events import KillReason
from workers.pool_members import Member

# Loading libraries on a busy machine takes seconds, not more.
START_PATIENCE_S: Final = 20.0
# A look at all workers costs microseconds each; one that was stopped (SIGSTOP) so often in a row
# will not go on by itself.
LOOK_EVERY_S: Final = 1.0
FROZEN_LOOKS: Final = 10
# How often memory is looked at where it has a cap: a process fills about 1 GB a second.
MEMORY_LOOK_EVERY_S: Final = 0.1
# A worker with less than this has no large task: its libraries alone can be half of it.
LARGE: Final = 256 << 20
_NEVER: Final = float("inf")


class PoolWatch:
    """The limits of one pool's workers."""

    def __init__(self, clock: AwakeClock, start_patience_s: float) -> None:
        """Watch by the pool's clock; without a cap on memory."""
        self.memory_cap: int | None = None
        """The most resident bytes for one worker, and for all of them together."""
        self._start_patience_s = start_patience_s
        self._clock = clock
        self._looked_at = clock.now()
        self._weighed_at = clock.now()

    def next_due(self, members: Iterable[Member]) -> float:
        """Return the (awake) time at which `enforce` or `dead` has something to do next."""
        due = _NEVER
        has_members = False
        for member in members:
            has_members = True
            due = min(due, self._due(member))
        if not has_members:
            return _NEVER
        if self.memory_cap is not None:
            due = min(due, self._weighed_at + MEMORY_LOOK_EVERY_S)
        return min(due, self._looked_at + LOOK_EVERY_S)

    def enforce(self, members: Iterable[Member]) -> None:
        """End the workers that have exceeded a limit; each sentinel then tells."""
        now = self._clock.now()
        is_weighing = self.memory_cap is not None and now - self._weighed_at >= MEMORY_LOOK_EVERY_S
        if is_weighing:
            self._weighed_at = now
        if is_weighing:
            self._weigh(members)
        for member in members:
            if self._due(member) <= now:
                self._end_overdue(member)

    def dead(self, members: Iterable[Member]) -> Iterator[Member]:
        """Yield those that died without a word; once a second, and end frozen ones.

        A process that a task forked holds the channel and the sentinel open after its death.
        """
        now = self._clock.now()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        seconds, self._looked_at = now - self._looked_at, now
        for member in tuple(members):
            if not member.process.is_alive():
                yield member
            elif member.leases:
                self._look(member, seconds)

    def _look(self, member: Member, seconds: float) -> None:
        seen = _glance(member.process.pid or 0)
        # Counted, not timed: when the whole tree was stopped, all go on together.
        member.frozen_looks = member.frozen_looks + 1 if seen.is_stopped else 0
        if member.frozen_looks >= FROZEN_LOOKS:
            _end(member, KillReason.FROZEN, FROZEN_LOOKS * LOOK_EVERY_S)
        if member.cpu_s >= 0 and seen.cpu_s >= 0:
            member.cpu_share = min(1.0, max(0.0, seen.cpu_s - member.cpu_s) / seconds)
        member.cpu_s = seen.cpu_s

    def _weigh(self, members: Iterable[Member]) -> None:
        """End who holds more than one may; the largest where all together do.

        A join can outgrow what was predicted for it, and so can several side by side. The task is
        tried again alone.
        """
        assert self.memory_cap is not None
        from workers.memory import resident_bytes

        together, largest, most = 0, None, 0
        for member in members:
            resident = resident_bytes(member.process.pid or 0)
            if resident > self.memory_cap:
                _end(member, KillReason.MEMORY, resident)
                continue
            together += resident
            if resident > most:
                largest, most = member, resident
        if largest is not None and together > self.memory_cap and most > LARGE:
            _end(largest, KillReason.MEMORY, most)

    def _due(self, member: Member) -> float:
        """Return when the worker has to be looked at for its time limits."""
        if member.reason is not None:
            return _NEVER
        if not member.is_up:
            return member.born_at + self._start_patience_s
        lease = member.running
        if lease is None:
            return member.leave_by if member.leave_by is not None else _NEVER
        if not member.has_begun:  # it prepares: loads libraries, own code
            return lease.given_at + self._start_patience_s
        if lease.timeout_s is None or member.is_held:
            return _NEVER
        now, lost_s = self._clock.now(), self._clock.lost_s
        return now + lease.timeout_s - member.point_seconds(now, lost_s)

    def _end_overdue(self, member: Member) -> None:
        lease = member.running
        if lease is None and member.is_up:
            _end(member, KillReason.ASKED, 0.0)
        elif lease is None or not member.has_begun:
            _end(member, KillReason.NOT_READY, self._start_patience_s)
        else:
            _end(member, KillReason.DEADLINE, lease.timeout_s or 0.0)


def _end(member: Member, reason: KillReason, limit: float) -> None:
    if member.reason is None:
        member.reason, member.limit = reason, limit
        member.process.kill()


class _Glance(NamedTuple):
    is_stopped: bool
    cpu_s: float  # negative when unknown


_UNKNOWN: Final = _Glance(is_stopped=False, cpu_s=-1.0)


def _glance(pid: int) -> _Glance:
    """Say whether somebody stopped a process (SIGSTOP), and how long it has computed."""
    if sys.platform != "linux":
        return _glance_anywhere(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return _UNKNOWN
    # The name before the last parenthesis may hold anything; then come state, ids, times (proc(5)).
    fields = stat[stat.rfind(b")") + 2 :].split()
    ticks = int(fields[11]) + int(fields[12])
    return _Glance(fields[0] in b"Tt", ticks / os.sysconf("SC_CLK_TCK"))


def _glance_anywhere(pid: int) -> _Glance:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return _Glance(process.status() == psutil.STATUS_STOPPED, times.user + times.system)
    except psutil.Error:
        return _UNKNOWN
