"""WorkerPool: supervised worker processes, one channel each, nothing shared between them.

    engine's thread                                     worker process (one of several)
    ---------------                                     ------------------------------
    send(worker, request) ──── channel (duplex) ─────►  runs it
    wait() ◄─────────────────── channel (duplex) ─────  Ready, Ended, Unprepared
    wait() ◄── sentinel (process ended)
    wait() reads the mark ◄──── shared words ─────────  lease being run, point of it
    wake() from any thread

No lock, queue or semaphore is shared, so a worker that dies, however it dies, holds up nobody.
The pool knows what each worker was given and, by the mark, what it was running: a death is
charged to that one task. The pool decides nothing; who runs what is the scheduler's.
All methods but `wake` belong to one thread, the one that calls `wait`.
"""

import itertools
import os
import shutil
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import RawArray
from typing import Final

from workers import limits, worker as worker_program
from workers.errors import EngineLost
from workers.events import AttemptEnded, Event, SetupRefused, WorkerLost, WorkerReady
from workers.job import WorkerId
from workers.messages import (
    Ended,
    Leave,
    Ready,
    RunBlock,
    RunFile,
    Setup,
    Unprepared,
    decode,
    encode,
)
from workers.outcome import Failure, FailureKind
from workers.pool_members import Lease, Member, WorkerView
from workers.streams import capture_folder, tail
from workers.wording import time_words

# A worker that was told to leave and has nothing to run ends in milliseconds; one that does not
# is stuck in an exit handler of user code.
LEAVE_PATIENCE_S: Final = 3.0
# Loading libraries on a busy machine takes seconds, not more.
START_PATIENCE_S: Final = 20.0
# A look at all workers costs microseconds each; one that was stopped (SIGSTOP) so often in a row
# will not go on by itself.
LOOK_EVERY_S: Final = 1.0
FROZEN_LOOKS: Final = 10
SPARE_DESCRIPTORS: Final = 12


class WorkerPool:
    """Processes that run attempts."""

    def __init__(self, *, nice: int = limits.RESPONSIVE_NICE) -> None:
        """Start with no worker; those that come run at niceness `nice`."""
        self._context = get_context("spawn")
        self._nice = nice
        self._members: dict[WorkerId, Member] = {}
        self._ids = itertools.count(1)
        self._leases = itertools.count(worker_program.NO_LEASE + 1)
        self._setup: Setup | None = None
        self._bell, self._button = self._context.Pipe(duplex=False)
        self._is_rung = False
        self._looked_at = 0.0
        self._captures = capture_folder()

    # ---- what the engine asks

    def prepare(self, setup: Setup) -> None:
        """Let each worker, now or later, know of the job before its first task of it."""
        self._setup = setup
        for member in self._members.values():
            member.is_prepared = False

    def start_worker(self) -> WorkerId:
        """Start one worker process; WorkerReady tells when it is up.

        Raises OSError when the system has no room for one more.
        """
        worker = WorkerId(next(self._ids))
        mark = RawArray("Q", 2)
        self._keep_descriptors_free()
        ours, theirs = self._context.Pipe()
        capture = self._captures / f"{worker}.log"
        process = self._context.Process(
            target=worker_program.main,
            args=(theirs, mark, str(capture), self._nice),
            name=f"everycore-worker-{worker}",
        )
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._members[worker] = Member(worker, self._free_lane(), process, ours, mark, capture)
        return worker

    def send(self, worker: WorkerId, request: RunFile | RunBlock, timeout_s: float | None) -> None:
        """Give a worker a lease; the time limit holds for the file, or for each point of a block.

        Its number must come from `next_lease`.
        """
        member = self._members.get(worker)
        if member is None:
            return  # it died a moment ago: the WorkerLost that follows hands the task back
        if not member.is_prepared and self._setup is not None:
            self._tell(member, self._setup)
            member.is_prepared = True
        lease = Lease(request.lease, request.task, timeout_s)
        if not member.leases:
            lease.begun = lease.since = time.monotonic()
        member.leases.append(lease)
        self._tell(member, request)

    def next_lease(self) -> int:
        """Return a number no lease had before."""
        return next(self._leases)

    def retire(self, worker: WorkerId) -> None:
        """Let a worker end what it has been given, then leave."""
        member = self._members.get(worker)
        if member is not None and member.leave_by is None:
            is_idle = not member.leases
            member.leave_by = time.monotonic() + LEAVE_PATIENCE_S if is_idle else float("inf")
            self._tell(member, Leave())

    def kill(self, worker: WorkerId, cause: Failure | None = None) -> None:
        """End a worker process now; WorkerLost follows with the cause."""
        member = self._members.get(worker)
        if member is not None:
            member.cause = cause
            member.process.kill()

    def kill_all(self) -> None:
        """End all worker processes now; a WorkerLost follows for each."""
        for worker in self._members:
            self.kill(worker)

    def set_nice(self, nice: int) -> None:
        """Run workers at another niceness from now on, living ones too where the system allows."""
        self._nice = nice
        if not hasattr(os, "setpriority"):
            return
        for member in self._members.values():
            try:
                os.setpriority(os.PRIO_PROCESS, member.process.pid or 0, nice)
            except (PermissionError, ProcessLookupError):
                continue  # raising priority needs a privilege; its successor will have it

    def views(self) -> tuple[WorkerView, ...]:
        """Return what each worker does now."""
        now = time.monotonic()
        return tuple(member.view(now) for member in self._members.values())

    def wake(self) -> None:
        """Let a blocked `wait` return; any thread may call it."""
        if not self._is_rung:  # one ring is enough, and many could fill the pipe
            self._is_rung = True
            self._button.send_bytes(b"!")

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened; waits for it at most `timeout_s` seconds."""
        sources: list[Connection | int] = [self._bell]
        for member in self._members.values():
            sources += (member.channel, member.process.sentinel)
        ready = wait(sources, min(timeout_s, self._next_deadline()))
        events: list[Event] = []
        if self._bell in ready:
            self._drain_bell()
        has_time_to_look = self._has_time_to_look()
        for member in tuple(self._members.values()):
            if member.process.sentinel in ready:
                events += self._bury(member)
            elif member.channel in ready:
                events += self._receive(member)
            elif has_time_to_look and self._has_died_or_frozen(member):
                events += self._bury(member)
        self._enforce_deadlines()
        return events

    def close(self) -> None:
        """End all workers now and release what the pool holds."""
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            member.process.join()
            member.process.close()
            member.channel.close()
        self._members.clear()
        self._bell.close()
        self._button.close()
        shutil.rmtree(self._captures, ignore_errors=True)

    def _keep_descriptors_free(self) -> None:
        """Raise OSError unless some descriptors are left for the journal and the outputs."""
        spare: list[int] = []
        try:
            spare += (os.dup(self._bell.fileno()) for _ in range(SPARE_DESCRIPTORS))
        finally:
            for descriptor in spare:
                os.close(descriptor)

    def _free_lane(self) -> int:
        taken = {member.lane for member in self._members.values()}
        return next(lane for lane in itertools.count(1) if lane not in taken)

    # ---- channels

    def _tell(self, member: Member, message: object) -> None:
        try:
            member.channel.send_bytes(encode(message))
        except OSError:
            return  # it is dead; its sentinel tells what becomes of its tasks

    def _receive(self, member: Member) -> list[Event]:
        """Take one message; at the end of the channel the sentinel has the last word."""
        try:
            message = decode(member.channel.recv_bytes())
        except (EOFError, OSError, EngineLost):
            member.process.join(LEAVE_PATIENCE_S)  # it closed its channel: it is on its way out
            if member.process.is_alive():
                member.process.kill()
            return self._bury(member)
        match message:
            case Ready():
                member.is_ready = True
                return [WorkerReady(member.worker)]
            case Unprepared(reason):
                return [SetupRefused(member.worker, reason)]
            case Ended():
                return self._lease_ended(member, message)
        return []

    def _lease_ended(self, member: Member, message: Ended) -> list[Event]:
        lease = member.leases.popleft()
        if member.leases:
            member.leases[0].begun = member.leases[0].since = time.monotonic()
        if not member.leases and member.leave_by is not None:
            member.leave_by = time.monotonic() + LEAVE_PATIENCE_S
        ended = AttemptEnded(
            member.worker, lease.task, message.outcome, message.seconds, member.lane
        )
        return [ended]

    def _drain_bell(self) -> None:
        while self._bell.poll():
            self._bell.recv_bytes()
            self._is_rung = False

    # ---- deaths and deadlines

    def _bury(self, member: Member) -> list[Event]:
        events: list[Event] = []
        while _has_message(member.channel):
            try:
                message = decode(member.channel.recv_bytes())
            except (EOFError, OSError, EngineLost):
                break
            if isinstance(message, Ended):
                events += self._lease_ended(member, message)
        member.process.join()
        running = next((x for x in member.leases if x.number == member.mark[0]), None)
        events.append(
            WorkerLost(
                member.worker,
                member.process.exitcode or 0,
                running.task if running else None,
                member.is_ready,
                member.cause,
                time.monotonic() - running.since if running else 0.0,
                position=member.mark[1],
                detail=tail(member.capture),
                lane=member.lane,
            )
        )
        del self._members[member.worker]
        member.channel.close()
        member.process.close()
        member.capture.unlink(missing_ok=True)
        return events

    def _has_time_to_look(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return False
        self._looked_at = now
        return True

    def _has_died_or_frozen(self, member: Member) -> bool:
        """Say whether it died without a word; end a frozen one, whose sentinel then tells.

        A process that a task forked holds the channel and the sentinel open after its death.
        """
        if not member.process.is_alive():
            return True
        # Counted, not timed: when the whole tree was stopped, all go on together.
        is_frozen = bool(member.leases) and limits.is_frozen(member.process.pid or 0)
        member.frozen_looks = member.frozen_looks + 1 if is_frozen else 0
        if member.frozen_looks >= FROZEN_LOOKS:
            member.process.kill()
        return False

    def _next_deadline(self) -> float:
        now = time.monotonic()
        due = [self._due(member) for member in self._members.values()]
        return max(0.0, min(due, default=float("inf")) - now)

    def _due(self, member: Member) -> float:
        if member.cause is not None:
            return float("inf")
        leave_by = member.leave_by if member.leave_by is not None else float("inf")
        lease = member.leases[0] if member.leases else None
        if lease is None or lease.timeout_s is None:
            return leave_by
        return min(leave_by, lease.since + lease.timeout_s)

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for member in self._members.values():
            if self._due(member) > now:
                continue
            lease = member.leases[0] if member.leases else None
            if lease is None or lease.timeout_s is None:
                member.process.kill()
                member.leave_by = float("inf")
            elif not self._is_overdue(member, lease, now):
                continue
            else:
                words = time_words(lease.timeout_s)
                self.kill(
                    member.worker, Failure(FailureKind.TIMED_OUT, f"Took longer than {words}.")
                )

    def _is_overdue(self, member: Member, lease: Lease, now: float) -> bool:
        """Say whether one and the same file or point has run for the whole time limit."""
        assert lease.timeout_s is not None
        if member.mark[0] != lease.number:  # it prepares: loads libraries, own code
            if now - lease.begun < START_PATIENCE_S:
                lease.since = now
                return False
        elif lease.position != member.mark[1]:
            lease.position, lease.since = member.mark[1], now  # another point runs since
            return False
        return True


def _has_message(channel: Connection) -> bool:
    try:
        return channel.poll()
    except (OSError, EOFError):
        return False
