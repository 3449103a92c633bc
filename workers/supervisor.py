"""The thread behind the library faces: it alone touches the pool and the call scheduler.

    caller's threads                    supervisor thread                    worker processes
    submit, map, resize ── call() ───►  CallScheduler decides       ──────►  call_worker.main
    futures, iterators ◄── sinks ─────  WorkerPool acts, answers    ◄──────  results

It ends when the pool was closed and every stream has ended, or at once when it was killed.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Final

from msgspec import Struct

from workers import call_worker
from workers.call_errors import CallTimeout, CallUnreadable, WorkerDied
from workers.call_scheduler import (
    Blame,
    CallAction,
    CallScheduler,
    CutShort,
    Give,
    Retire,
    Start,
    TakeBack,
)
from workers.call_stream import CallStream, Part
from workers.channel import NO_LEASE, Frame
from workers.job import WorkerId
from workers.load import usable_cores
from workers.pickling import dump, load, portable
from workers.pool import WorkerPool
from workers.pool_events import (
    Answered,
    KillReason,
    LeaseCut,
    LeaseReturned,
    PoolEvent,
    WorkerEnded,
    WorkerUp,
)
from workers.room import NO_ROOM_EXIT
from workers.typed import override
from workers.worker_endings import ending_words

_WAIT_S: Final = 3600.0
LOOK_AGAIN_S: Final = 0.005
EARLY_DEATHS_MOST: Final = 5
_NEVER: Final = float("inf")


class PoolOptions(Struct, frozen=True):
    """How a pool of the library faces runs.

    `most_leases` replaces a worker after so many. A daemonic pool is killed when the program
    ends, another ends what it was given.
    """

    workers: int
    context: BaseContext
    preparation: call_worker.Preparation
    most_leases: int | None
    is_eager: bool
    is_daemonic: bool


class Supervisor(threading.Thread):
    """The one thread of a pool; starts itself."""

    def __init__(self, options: PoolOptions) -> None:
        """Start; of an eager pool's workers the first have been started when this returns."""
        super().__init__(name="everycore-supervisor")
        self.options = options
        method = options.context.get_start_method()
        # A fork copies what the other threads hold at that moment: so fork while the caller waits.
        is_forking = method == "fork"
        # One core stays free for what multiprocessing itself starts beside the first worker.
        first_crew = max(1, usable_cores() - 1) if method == "spawn" else None
        self._scheduler = CallScheduler(
            options.workers,
            most_leases=options.most_leases,
            is_eager=options.is_eager or is_forking,
            first_crew=first_crew,
        )
        self._pool = WorkerPool(
            options.context,
            call_worker.main,
            lambda worker: (options.preparation,),
            is_daemonic=options.is_daemonic,
            start_patience_s=_NEVER,
            borrows=True,
        )
        self._pool.keep_spares(are_wanted=method == "spawn")
        self._requests: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._ready: set[WorkerId] = set()
        self._early_deaths = 0
        self._is_closing = False
        self._is_killed = False
        self._has_ended = False
        self._crew_stands = threading.Event()
        self.broken: str = ""
        self._why_unprepared: dict[WorkerId, str] = {}
        self._awaited: list[threading.Event] = []
        self._processes: dict[int, BaseProcess] = {}
        self.start()
        if options.is_eager or is_forking:
            self._crew_stands.wait()

    # ---- from any thread

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Let the supervisor's thread call this soon."""
        self._requests.append((function, arguments))
        if self._has_ended:
            self._do_requests()
        else:
            self._pool.wake()

    def wake(self) -> None:
        """Let the supervisor look whether there is something to hand out."""
        self._pool.wake()

    def add(self, stream: CallStream) -> None:
        """Run a stream."""
        self.call(self._add, stream)

    def abandon(self, stream: CallStream, error: BaseException) -> None:
        """End a stream with an error; what of it runs goes on for nobody."""
        self.call(self._end, stream, error)

    def resize(self, workers: int) -> None:
        """Run on so many workers from now on."""
        self.call(self._resize, workers)

    def close(self) -> None:
        """End when every stream has ended."""
        self.call(self._close)

    def kill(self) -> None:
        """End now; streams that have not ended get BrokenProcessPool."""
        self._is_killed = True
        self._pool.wake()

    def processes(self) -> dict[int, BaseProcess]:
        """Return the workers' processes by id, once all that are due have been started."""
        done = threading.Event()
        self.call(self._awaited.append, done)
        while self.is_alive() and threading.current_thread() is not self and not done.wait(0.1):
            pass
        return dict(self._processes)

    @property
    def is_closing(self) -> bool:
        """Say whether no more calls are taken."""
        return self._is_closing or self._is_killed

    # ---- the thread

    @override
    def run(self) -> None:
        """Serve until closed or killed; a fault of our own ends the pool, so that nobody waits."""
        try:
            self._serve()
        except BaseException as error:
            self._is_killed = True
            self._break(f"The pool failed: {error!r}")
            raise
        finally:
            self._finish()
            self._crew_stands.set()

    def _serve(self) -> None:
        self._act()
        self._crew_stands.set()
        while not self._is_killed and not (self._is_closing and not self._scheduler.streams):
            self._hear(LOOK_AGAIN_S if self._scheduler.look_again else _WAIT_S)
            self._do_requests()
            self._act()
            while self._awaited and not self._scheduler.holds_back:
                self._awaited.pop().set()

    def _hear(self, timeout_s: float) -> None:
        """Take in what happens; holds on to nothing of it, since it may be a caller's result."""
        for event in self._pool.wait(timeout_s):
            self._take_in(event)

    def _do_requests(self) -> None:
        while self._requests:
            try:
                function, arguments = self._requests.popleft()
            except IndexError:
                return  # after our end, another caller's thread was quicker
            function(*arguments)
            del function, arguments

    def _finish(self) -> None:
        for stream in self._scheduler.streams:
            self._end(stream, BrokenProcessPool("The pool was terminated."))
        if not self._is_killed:
            self._scheduler.target = 0
            self._act()
            while self._scheduler.workers:
                self._hear(_WAIT_S)
        self._pool.close()
        self._processes = {}
        self._has_ended = True
        self._do_requests()  # what was asked for meanwhile ends at once
        for stream in self._scheduler.streams:
            self._end(stream, BrokenProcessPool("The pool was terminated."))

    # ---- requests

    def _add(self, stream: CallStream) -> None:
        if self.broken or self._has_ended:
            stream.finish(BrokenProcessPool(self.broken or "The pool was closed."))
            return
        self._scheduler.add(stream)
        self._advance(stream)

    def _resize(self, workers: int) -> None:
        self._scheduler.target = workers

    def _close(self) -> None:
        self._is_closing = True
        for stream in self._scheduler.streams:
            stream.is_closed = True
            stream.window_s = stream.window_bytes = None
            self._advance(stream)

    def _end(self, stream: CallStream, error: BaseException | None) -> None:
        if stream in self._scheduler.streams:
            self._scheduler.drop(stream)
            stream.finish(error)

    def _advance(self, stream: CallStream) -> None:
        if stream.is_over:
            self._end(stream, None)

    # ---- what to do

    def _act(self) -> None:
        has_failed = True
        while has_failed:
            has_failed = False
            may_start = not self.broken and not self._is_killed
            for action in self._scheduler.next(self._pool.reached, may_start=may_start):
                has_failed = not self._perform(action) or has_failed
            for stream in self._scheduler.streams:
                self._advance(stream)

    def _perform(self, action: CallAction) -> bool:
        match action:
            case Start():
                self._start()
            case Retire(worker):
                self._pool.retire(worker)
            case Give(worker, part):
                return self._give(worker, part)
            case TakeBack(worker, part):
                self._pool.take_back(worker, part.lease)
            case CutShort(worker, part, position):
                self._pool.cut_short(worker, part.lease, position)
            case Blame(part, ended):
                self._deliver(part, 0, [None], {0: (_death(part, ended), "")})
        return True

    def _start(self) -> None:
        try:
            worker = self._pool.start_worker()
        except OSError as error:
            self._scheduler.not_started()
            if not self._scheduler.workers:
                self._break(f"No worker can be started: {error.strerror or error}.")
            return
        self._scheduler.started(worker)
        self._pool.tell(worker, call_worker.BEGIN)
        self._note_processes()

    def _give(self, worker: WorkerId, part: Part) -> bool:
        """Send a part; answer False when its items cannot be pickled."""
        stream = part.stream
        part.lease = self._pool.next_lease()
        if not self._scheduler.knows(worker, stream):
            self._pool.tell(worker, *dump((stream.number, stream.function)))
        items = part.items if part.end == len(part.items) else part.items[: part.end]
        try:
            body, buffers = dump((stream.number, part.block, items))
        except Exception as error:  # noqa: BLE001  # the caller's own objects
            self._unreadable(worker, part, *portable(error))
            return False
        self._pool.send(worker, part.lease, body, buffers, timeout_s=stream.timeout_s)
        return True

    # ---- what happened

    def _take_in(self, event: PoolEvent) -> None:
        match event:
            case WorkerUp():
                self._scheduler.up()
                self._note_processes()
            case Answered(worker, _, frame):
                self._answered(worker, frame)
            case LeaseReturned(worker, lease):
                self._scheduler.part_returned(worker, lease)
            case LeaseCut(worker, lease, position):
                self._scheduler.part_cut(worker, lease, position)
            case WorkerEnded():
                self._lost(event)

    def _answered(self, worker: WorkerId, frame: Frame) -> None:
        if frame.lease == NO_LEASE:
            self._prepared(worker, frame)
            return
        part = self._scheduler.part_of(worker, frame.lease)
        if part is None:
            return
        if not frame.body:  # passed over, since we had asked for it back
            self._scheduler.part_returned(worker, frame.lease)
            return
        size = frame.size
        try:
            offset, values, errors, seconds = load(frame.body, frame.buffers)
        except BaseException as error:  # noqa: BLE001  # the class of a result fails here
            self._unreadable(worker, part, _unusable(error), "")
            return
        if values is None:
            raised, lines = errors[0]
            told = CallUnreadable(f"The call cannot be unpickled in the worker: {raised!r}")
            self._unreadable(worker, part, told, lines)
            return
        count = len(values)
        part.done = offset + count
        if frame.is_last:
            part.stream.learn(part.done, seconds, size * part.done // max(1, count))
            self._scheduler.part_ended(worker, part)
        self._deliver(part, offset, values, errors)

    def _prepared(self, worker: WorkerId, frame: Frame) -> None:
        failure = load(frame.body, frame.buffers)
        if failure is None:
            self._early_deaths = 0
            self._ready.add(worker)
            self._scheduler.ready(worker)
            return
        raised, lines = failure  # its process says more (a log, say) before it ends by itself
        self._why_unprepared[worker] = f"The initializer failed: {raised!r}{lines}"

    def _unreadable(self, worker: WorkerId, part: Part, error: BaseException, lines: str) -> None:
        single = self._scheduler.part_unreadable(worker, part)
        if single is not None:
            self._deliver(single, 0, [None], {0: (error, lines)})
        self._advance(part.stream)

    def _deliver(
        self,
        part: Part,
        offset: int,
        values: list[Any],
        errors: dict[int, tuple[BaseException, str]],
    ) -> None:
        stream = part.stream
        if stream in self._scheduler.streams and values:
            stream.sink(part.first + offset, values, errors)
        self._advance(stream)

    def _lost(self, ended: WorkerEnded) -> None:
        was_ready = ended.worker in self._ready
        self._ready.discard(ended.worker)
        for action in self._scheduler.lost(ended):
            self._perform(action)
        self._note_processes()
        if why := self._why_unprepared.pop(ended.worker, ""):
            self._break(why)
        # A kill from outside says nothing about the program; an exit, or a crash, does.
        if not was_ready and ended.exit_code == NO_ROOM_EXIT and self._scheduler.workers:
            self._scheduler.make_do()
        elif not was_ready and ended.exit_code > 0 and not self._is_killed:
            self._early_deaths += 1
            if self._early_deaths >= EARLY_DEATHS_MOST:
                words = ending_words(ended.exit_code)
                self._break(f"Workers end before they are ready ({words}).")

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        for stream in self._scheduler.streams:
            self._end(stream, BrokenProcessPool(self.broken))

    def _note_processes(self) -> None:
        processes = self._pool.processes().values()
        self._processes = {process.pid or 0: process for process in processes}


def _unusable(error: BaseException) -> BrokenProcessPool:
    return BrokenProcessPool(f"A result cannot be unpickled: {portable(error)[0]!r}")


def _death(part: Part, ended: WorkerEnded) -> WorkerDied:
    if ended.reason is KillReason.DEADLINE:
        return CallTimeout(f"The call took longer than {ended.limit:g} s.", ended.exit_code)
    times = f"{part.attempts} times" if part.attempts > 1 else "once"
    words = ending_words(ended.exit_code)
    return WorkerDied(
        f"The worker process died {times} under this call ({words}).", ended.exit_code
    )
