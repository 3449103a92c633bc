"""WorkerPool: supervised worker processes, one channel each, nothing shared between them.

    supervising thread                              worker process (one of several)
    ------------------                              -------------------------------
    send(worker, lease) ───── channel (duplex) ──►  runs it
    wait() ◄──────────────── channel (duplex) ────  frames: "up", answers, the last of a lease
    wait() ◄── sentinel (process ended)
    wait() reads the mark ◄── shared words ───────  lease being run, point of it, since when
    take_back() ───────────── shared words ──────►  leases not to begin, where to end one early
    wake() from any thread

No lock, queue or semaphore is shared, so a worker that dies, however it dies, holds up nobody.
The pool knows what each worker was given and, by the mark, what it was running: a death is
charged to that one point. One process more than asked for can stand ready (`keep_spares`), so
that a lost worker's successor works at once. The pool decides nothing: who runs what is its
owner's business, the scheduler's for jobs, the call scheduler's for the library faces.
All methods but `wake` belong to one thread, the one that calls `wait`.
"""

import itertools
import os
import socket
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Final, cast

from workers.awake import AwakeClock
from workers.channel import NO_LEASE, Buffer, Channel, socket_pair
from workers.job import WorkerId
from workers.mark import CUT, POSITION, RUNNING, SKIP_TO, WORDS, cut_word
from workers.pool_events import (
    Answered,
    KillReason,
    LeaseCut,
    LeaseReturned,
    PoolEvent,
    WorkerEnded,
    WorkerUp,
)
from workers.pool_members import Lease, Member, WorkerView
from workers.pool_watch import START_PATIENCE_S, PoolWatch
from workers.readiness import Readiness
from workers.shared_words import SharedWords

# After so long a wait a worker's word about what it began, if it wrote one, can be read here.
HANDSHAKE_S: Final = 0.002
# A worker that was told to leave and has nothing to run ends in milliseconds; one that does not
# is stuck in an exit handler of user code.
LEAVE_PATIENCE_S: Final = 3.0
# A pool that ends sooner than this after a start has no use for a spare process.
SPARE_AFTER_S: Final = 4.0
SPARE_DESCRIPTORS: Final = 12
_LONGEST_WAIT_S: Final = 3600.0
_NO_LANE: Final = 0

# What a worker process runs: called with the worker's end of the channel, the shared mark, and
# what `arguments` answers for the worker's number.
Program = Callable[..., None]
Arguments = Callable[[WorkerId], tuple[object, ...]]


class WorkerPool:
    """Processes that run leases."""

    def __init__(
        self,
        context: BaseContext,
        program: Program,
        arguments: Arguments,
        *,
        is_daemonic: bool = False,
        start_patience_s: float = START_PATIENCE_S,
        borrows: bool = False,
    ) -> None:
        """Start with no worker; those that come are processes of `context` that run `program`.

        A worker that is not up, or has not begun a lease, after `start_patience_s` is ended.
        A borrowing pool takes large results as memory that its workers lend.
        """
        self._context = context
        self._method = context.get_start_method()
        self._program = program
        self._arguments = arguments
        self._is_daemonic = is_daemonic
        self._borrows = borrows
        self._members: dict[WorkerId, Member] = {}
        self._spares: list[Member] = []
        self._wants_spare = False
        self._started_at = 0.0
        self._ids = itertools.count(1)
        self._leases = itertools.count(NO_LEASE + 1)
        self._taking_back: list[tuple[float, WorkerId, int]] = []
        self._cutting: list[tuple[float, WorkerId, LeaseCut]] = []
        self._returned: dict[int, WorkerId] = {}
        self._news: deque[PoolEvent] = deque()
        self._clock = AwakeClock()
        self._watch = PoolWatch(self._clock, start_patience_s)
        self._readiness = Readiness()
        self._bell, self._button = socket_pair()
        self._bell.setblocking(False)
        self._is_rung = False
        self._readiness.add(self._bell, None)

    # ---- workers come and go

    def start_worker(self) -> WorkerId:
        """Start one worker process, or take a spare one; WorkerUp tells when it is there.

        Raises OSError when the system has no room for one more.
        """
        member = self._taken_spare() or self._launch()
        if member.is_up:
            self._news.append(WorkerUp(member.worker))
        member.lane = self._free_lane()
        self._members[member.worker] = member
        return member.worker

    def keep_spares(self, *, are_wanted: bool, ahead: int = 0) -> None:
        """Keep one process ready beside the workers from now on, or end those that are.

        `ahead` are started at once, for workers that are about to be asked for.
        """
        self._wants_spare = are_wanted
        while not are_wanted and self._spares:
            self._discard(self._spares.pop())
        with suppress(OSError):  # no room: whoever asks for a worker is told
            while len(self._members) + len(self._spares) < ahead:
                self._spares.append(self._launch())

    def _taken_spare(self) -> Member | None:
        while self._spares:
            member = self._spares.pop(0)
            if member.process.is_alive():
                return member
            self._discard(member)
        return None

    def retire(self, worker: WorkerId) -> None:
        """Let a worker end what it has been given, then leave."""
        member = self._members.get(worker)
        if member is not None and member.leave_by is None:
            member.leave_by = float("inf")
            if not member.leases:
                self._dismiss(member)

    def kill(self, worker: WorkerId, reason: KillReason = KillReason.ASKED) -> None:
        """End a worker process now; WorkerEnded follows with the reason."""
        member = self._members.get(worker)
        if member is not None:
            member.reason = member.reason or reason
            member.process.kill()

    def kill_all(self) -> None:
        """End all worker processes now; a WorkerEnded follows for each."""
        for worker in self._members:
            self.kill(worker)

    def processes(self) -> dict[WorkerId, BaseProcess]:
        """Return the processes of the workers, not the spare ones."""
        return {worker: member.process for worker, member in self._members.items()}

    def views(self) -> tuple[WorkerView, ...]:
        """Return what each worker does now."""
        now = self._clock.now()
        return tuple(member.view(now) for member in self._members.values())

    # ---- leases

    def next_lease(self) -> int:
        """Return a number no lease had before."""
        return next(self._leases)

    def send(
        self,
        worker: WorkerId,
        lease: int,
        body: Buffer,
        buffers: Sequence[Buffer] = (),
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Give a worker a lease; the time limit holds for each of its points.

        Its number must come from `next_lease`. A worker runs its leases in the order given.
        """
        member = self._members.get(worker)
        if member is None:
            return  # it died a moment ago, and WorkerEnded hands the lease back with the others
        member.leases.append(Lease(lease, timeout_s, self._clock.now(), self._clock.lost_s))
        self._transmit(member, lease, body, buffers)

    def tell(self, worker: WorkerId, body: Buffer, buffers: Sequence[Buffer] = ()) -> None:
        """Send a worker a word that belongs to no lease."""
        member = self._members.get(worker)
        if member is not None:
            self._transmit(member, NO_LEASE, body, buffers)

    def take_back(self, worker: WorkerId, lease: int) -> None:
        """Ask for a lease that a worker has not begun; LeaseReturned follows if it still has not.

        The worker marks a lease as begun before it looks whether it may begin; we forbid it,
        wait, then look at the mark. So either we see that it began, or it sees that it may not.
        """
        member = self._members.get(worker)
        if member is not None:
            member.mark[SKIP_TO] = lease
            self._taking_back.append((self._clock.now() + HANDSHAKE_S, worker, lease))

    def cut_short(self, worker: WorkerId, lease: int, position: int) -> None:
        """Ask a worker to end its running lease before `position`; LeaseCut follows.

        It does not when the worker had come there already: its last frame tells how far it came.
        """
        member = self._members.get(worker)
        if member is not None:
            member.mark[CUT] = cut_word(lease, position)
            due = self._clock.now() + HANDSHAKE_S
            self._cutting.append((due, worker, LeaseCut(worker, lease, position)))

    def reached(self, worker: WorkerId, lease: int) -> tuple[int, float] | None:
        """Return which position of a lease a worker has come to, and for how many seconds.

        None when it does not run the lease.
        """
        member = self._members.get(worker)
        if member is None or member.mark[RUNNING] != lease:
            return None
        seconds = member.point_seconds(self._clock.now(), self._clock.lost_s)
        return member.mark[POSITION], seconds

    def hold_limit(self, worker: WorkerId, *, is_held: bool) -> None:
        """Let no time limit run while a worker waits for us, or let it run again."""
        member = self._members.get(worker)
        if member is not None:
            member.is_held = is_held

    # ---- the loop

    def wake(self) -> None:
        """Let a blocked `wait` return; any thread may call it."""
        if not self._is_rung:  # one ring is enough, and many could fill the pipe
            self._is_rung = True
            try:
                self._button.send(b"!")
            except OSError:
                return  # closed: nobody waits any more

    def wait(self, timeout_s: float) -> list[PoolEvent]:
        """Return what happened; waits for it at most `timeout_s` seconds."""
        timeout_s = 0.0 if self._news else min(timeout_s, self._next_due(), _LONGEST_WAIT_S)
        self._clock.tick()
        ready = self._readiness.wait(max(0.0, timeout_s))
        self._clock.tick(timeout_s)
        events = list(self._news)
        self._news.clear()
        for key in ready:
            if key is None:
                self._drain_bell()
            else:
                events += self._hear(*cast("tuple[Member, bool]", key))  # as we registered it
        events += self._settle_returns() + self._settle_cuts()
        for member in self._watch.dead(self._members.values()):
            events += self._bury(member)
        self._watch.enforce(self._members.values())
        self._replace_spare()
        return events

    def set_memory_cap(self, cap_bytes: int | None) -> None:
        """End each worker that takes more resident memory than this, or adds the most to more."""
        self._watch.memory_cap = cap_bytes

    def close(self) -> None:
        """End all workers now and release what the pool holds."""
        self.keep_spares(are_wanted=False)
        self._readiness.close()
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            self._release(member)
        self._members.clear()
        self._bell.close()
        self._button.close()

    # ---- processes

    def _launch(self) -> Member:
        worker = WorkerId(next(self._ids))
        self._keep_descriptors_free()
        mark = SharedWords(WORDS)
        ours, theirs = socket_pair()
        arguments = (theirs, mark, *self._arguments(worker), *self._inherited(ours))
        # typeshed gives BaseContext no Process; each context has one.
        process = cast("Any", self._context).Process(
            target=self._program,
            args=arguments,
            daemon=self._is_daemonic,
        )
        if self._is_daemonic:  # as multiprocessing.Pool calls its own
            process.name = process.name.replace("Process", "PoolWorker")
        try:
            with warnings.catch_warnings():
                # A forked worker runs our loop at once; to fork at all is the caller's choice.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            mark.close_file()
        self._started_at = now = self._clock.now()
        member = Member(
            worker, _NO_LANE, process, Channel(ours, borrows=self._borrows), mark.view(), now
        )
        self._readiness.add(member.channel, (member, False))
        self._readiness.add(process.sentinel, (member, True))
        return member

    def _inherited(self, ours: socket.socket) -> tuple[object, ...]:
        """Return what a forked worker must close, so that the others' channels can end."""
        if self._method != "fork":
            return ()
        channels = [member.channel for member in (*self._members.values(), *self._spares)]
        return ((*channels, ours, self._bell, self._button),)

    def _keep_descriptors_free(self) -> None:
        """Raise OSError unless some descriptors are left for the journal and the outputs."""
        spare: list[int] = []
        try:
            spare += (os.dup(0) for _ in range(SPARE_DESCRIPTORS))
        finally:
            for descriptor in spare:
                os.close(descriptor)

    def _free_lane(self) -> int:
        taken = {member.lane for member in self._members.values()}
        return next(lane for lane in itertools.count(1) if lane not in taken)

    def _dismiss(self, member: Member) -> None:
        member.leave_by = self._clock.now() + LEAVE_PATIENCE_S
        self._transmit(member, NO_LEASE, b"")

    def _replace_spare(self) -> None:
        """Start the spare process once the pool has lived a while and nothing else starts."""
        is_due = self._wants_spare and self._clock.now() - self._started_at >= SPARE_AFTER_S
        if not is_due or self._spares or not self._members:
            return
        if all(member.is_up for member in self._members.values()):
            try:
                self._spares.append(self._launch())
            except OSError:
                self._started_at = self._clock.now()  # no room now: try again later

    def _discard(self, member: Member) -> None:
        self._readiness.remove(member.channel)
        self._readiness.remove(member.process.sentinel)
        member.process.kill()
        self._release(member)

    def _release(self, member: Member) -> None:
        member.process.join()  # not closed: a caller of the library faces may hold it
        member.channel.close()

    # ---- channels

    def _transmit(
        self, member: Member, lease: int, body: Buffer, buffers: Sequence[Buffer] = ()
    ) -> None:
        member.channel.send(lease, body, buffers)
        self._readiness.watch_writing(member.channel, is_stuffed=member.channel.is_stuffed)

    def _drain_bell(self) -> None:
        self._is_rung = False
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            return

    def _hear(self, member: Member, has_died: bool) -> list[PoolEvent]:
        """Take what a worker sent; at the end of its channel or process, bury it."""
        if member not in self._spares and member.worker not in self._members:
            return []  # buried in this very turn
        if has_died:
            return self._bury(member)
        if member.channel.is_stuffed:
            self._transmit_rest(member)
        events: list[PoolEvent] = []
        if not self._take_frames(member, events):  # it closed its channel: it is on its way out
            member.process.join(LEAVE_PATIENCE_S)
            member.process.kill()
            events += self._bury(member)
        return events

    def _transmit_rest(self, member: Member) -> None:
        member.channel.flush()
        self._readiness.watch_writing(member.channel, is_stuffed=member.channel.is_stuffed)

    def _take_frames(self, member: Member, events: list[PoolEvent]) -> bool:
        """Add what a worker has sent to the events; answer False at the end of its channel."""
        while True:
            try:
                frame = member.channel.receive()
            except EOFError:
                return False
            if frame is None:
                return True
            if not member.is_up:
                member.is_up = True
                events += [] if member in self._spares else [WorkerUp(member.worker)]
            if frame.lease != NO_LEASE and frame.is_last:
                if self._returned.pop(frame.lease, None) is not None:
                    continue  # the worker's word that it has passed over what we took back
                self._lease_ended(member, frame.lease)
            if frame.lease != NO_LEASE or frame.body:
                events.append(Answered(member.worker, member.lane, frame))

    def _lease_ended(self, member: Member, number: int) -> None:
        self._drop_lease(member, number)
        if member.leases:
            member.leases[0].given_at = self._clock.now()
            member.leases[0].lost_s = self._clock.lost_s

    def _drop_lease(self, member: Member, number: int) -> None:
        member.leases = deque(lease for lease in member.leases if lease.number != number)
        if not member.leases and member.leave_by is not None:
            self._dismiss(member)

    def _settle_returns(self) -> list[PoolEvent]:
        events: list[PoolEvent] = []
        now = self._clock.now()
        while self._taking_back and self._taking_back[0][0] <= now:
            _, worker, number = self._taking_back.pop(0)
            member = self._members.get(worker)
            if member is None or member.mark[RUNNING] == number:
                continue
            if any(lease.number == number for lease in member.leases):
                self._returned[number] = worker
                self._drop_lease(member, number)
                events.append(LeaseReturned(worker, number))
        return events

    def _settle_cuts(self) -> list[PoolEvent]:
        events: list[PoolEvent] = []
        now = self._clock.now()
        while self._cutting and self._cutting[0][0] <= now:
            _, worker, cut = self._cutting.pop(0)
            reached = self.reached(worker, cut.lease)
            if reached is not None and reached[0] < cut.position:
                events.append(cut)
        return events

    # ---- deaths

    def _next_due(self) -> float:
        now = self._clock.now()
        due = self._watch.next_due(self._members.values())
        for asked in (self._taking_back, self._cutting):
            due = min(due, asked[0][0]) if asked else due
        if self._wants_spare and not self._spares and self._members:
            due = min(due, max(self._started_at + SPARE_AFTER_S, now + 0.05))
        return due - now

    def _bury(self, member: Member) -> list[PoolEvent]:
        if member in self._spares:
            self._discard(member)
            self._spares.remove(member)
            self._started_at = self._clock.now()
            return []
        events: list[PoolEvent] = []
        self._take_frames(member, events)
        member.process.join()
        events.append(self._ending(member))
        self._returned = {n: w for n, w in self._returned.items() if w != member.worker}
        del self._members[member.worker]
        self._discard(member)
        return events

    def _ending(self, member: Member) -> WorkerEnded:
        running = member.running if member.has_begun else None
        seconds = member.point_seconds(self._clock.now(), self._clock.lost_s) if running else 0.0
        if member.reason is KillReason.DEADLINE and seconds < member.limit / 2:
            running = None  # the point that was late had just ended; the next one is not to blame
        waiting = list(member.leases)[1:] if running else list(member.leases)
        return WorkerEnded(
            member.worker,
            member.lane,
            member.process.exitcode or 0,
            member.is_up,
            member.reason,
            running=running.number if running else None,
            position=member.mark[POSITION] if running else 0,
            seconds=seconds if running else 0.0,
            waiting=tuple(lease.number for lease in waiting),
            limit=member.limit,
            cpu_share=member.cpu_share,
        )
