"""The results of a stream of calls, as the caller iterates over them.

The caller's own thread pulls its iterable, as far as a window allows, and takes the results; the
supervisor's thread reads what was pulled and puts the results. Queues and counters that have one
writer each are all they share.
"""

import itertools
import multiprocessing
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Final

from workers.call_stream import MOST_ITEMS, WINDOW_BYTES, WINDOW_S, CallStream
from workers.supervisor import Supervisor
from workers.typed import override

_FIRST_PULL: Final = 64
_PULL_MOST: Final = 4096
_numbers: Final = itertools.count(1)

Batch = tuple[int, Sequence[Any], dict[int, tuple[BaseException, str]]]


class ResultTimeout(multiprocessing.TimeoutError, TimeoutError):
    """No result came in time: the error of both standard interfaces."""


class Feed:
    """An iterable on its way into a stream: sliced where it can be, else pulled bit by bit."""

    def __init__(self, iterable: Iterable[Any], chunk: int | None) -> None:
        """Take the iterable; nothing is pulled yet."""
        self._sliced = iterable if isinstance(iterable, (range, tuple, list)) else None
        self._iterator = None if self._sliced is not None else iter(iterable)
        self._chunk = chunk
        self._pulled: deque[list[Any]] = deque()
        self._put = 0
        self._got = 0
        self.error: BaseException | None = None

    @property
    def is_dry(self) -> bool:
        """Say whether the iterable has been pulled to its end."""
        return self._iterator is None

    def backlog(self) -> int:
        """Return how many items are ready for the stream."""
        if self._sliced is not None:
            return len(self._sliced) - self._got
        return self._put - self._got

    def pull(self, count: int) -> None:
        """Pull so many items more; the caller's thread."""
        while self._iterator is not None and count > 0:
            step = min(count, _PULL_MOST)
            items: list[Any] = []
            try:
                for item in itertools.islice(self._iterator, step):
                    items.append(item)  # noqa: PERF402  # what came before an error is kept
            except Exception as error:  # noqa: BLE001  # the caller's iterable: raised to the caller
                self.error, self._iterator = error, None
                if self._chunk:  # as the standard pool: an unfinished chunk is not begun
                    items = items[: len(items) // self._chunk * self._chunk]
            else:
                if len(items) < step:
                    self._iterator = None
            if items:
                self._pulled.append(items)
                self._put += len(items)
            count -= step

    def stop(self) -> None:
        """Pull nothing more; the caller's thread."""
        self._iterator = None

    def take(self, count: int) -> Sequence[Any]:
        """Return at most so many items; the supervisor's thread."""
        if self._sliced is not None:
            items: Sequence[Any] = self._sliced[self._got : self._got + count]
            self._got += len(items)
            return items
        taken: list[Any] = []
        while self._pulled and len(taken) < count:
            part = self._pulled.popleft()
            room = count - len(taken)
            if len(part) > room:
                self._pulled.appendleft(part[room:])
                part = part[:room]
            taken += part
        self._got += len(taken)
        return taken


class Results(Iterator[Any]):
    """An iterator over the results; an error is raised in its result's place."""

    def __init__(
        self,
        supervisor: Supervisor,
        function: bytes,
        iterable: Iterable[Any],
        *,
        is_ordered: bool,
        cause: Callable[[str], BaseException],
        limits: "StreamLimits",
    ) -> None:
        """Begin at once; `cause` makes the `__cause__` of an error from its traceback text."""
        self._supervisor = supervisor
        self._cause = cause
        self._is_ordered = is_ordered
        self._arrived: queue.SimpleQueue[Batch | BaseException | None] = queue.SimpleQueue()
        self._early: dict[int, Batch] = {}
        self._position = 0
        self._deadline = limits.deadline
        self._ahead = limits.ahead
        self._is_over = False
        self._is_abandoned = False
        self._feed = Feed(iterable, limits.chunk)
        self._stream = CallStream(
            next(_numbers),
            function,
            self._feed.take,
            lambda *batch: self._arrived.put(batch),
            self._arrived.put,
            self._feed.backlog,
            chunk=limits.chunk,
            timeout_s=limits.timeout_s,
            retries=limits.retries,
            window_s=None if limits.is_eager else WINDOW_S * supervisor.options.workers,
            window_bytes=WINDOW_BYTES,
        )
        self._values: Iterator[Any] = iter(())
        self._is_told_dry = False
        self._top_up(min(_FIRST_PULL, limits.ahead or _FIRST_PULL))
        supervisor.add(self._stream)

    # ---- the caller's thread

    @override
    def __next__(self) -> Any:  # the function's own result
        return self.next()

    def next(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # see above
        """Return the next result; raises TimeoutError when none came in time."""
        deadline = self._deadline if timeout is None else time.monotonic() + timeout
        while True:
            for value in self._values:
                return value
            self._values = self._next_values(deadline)

    @override
    def __iter__(self) -> Generator[Any, None, None]:
        """Yield the results; quicker than `next`, and they may be mixed."""
        while True:
            yield from self._values
            try:
                self._values = self._next_values(self._deadline)
            except StopIteration:
                return

    def pull_everything(self) -> None:
        """Pull the whole iterable: the pool is closing and nobody may come for results.

        Of one that is read so far ahead only, what was read is run.
        """
        if self._is_over or self._is_abandoned:
            return
        if self._ahead is not None:
            self._feed.stop()
        while not self._feed.is_dry:
            self._feed.pull(MOST_ITEMS)
        self._top_up(0)

    def abandon(self, error: BaseException) -> None:
        """Let nothing more of this stream begin."""
        if not self._is_over:
            self._is_abandoned = True
            self._feed.stop()
            self._supervisor.abandon(self._stream, error)

    def _top_up(self, count: int) -> None:
        """Pull so much that the workers need not wait for us."""
        if self._is_told_dry:
            return
        self._feed.pull(count)
        if self._feed.is_dry:
            self._is_told_dry = True
            self._supervisor.call(self._close_stream)
        else:
            self._supervisor.wake()

    def _close_stream(self) -> None:
        self._stream.is_closed = True

    def _wanted(self) -> int:
        cost = self._stream.cost_s
        if self._ahead is not None:
            return self._ahead - (self._stream.cut - self._stream.taken) - self._feed.backlog()
        if cost is None:
            return _FIRST_PULL - self._feed.backlog()
        window_s = WINDOW_S * self._supervisor.options.workers
        most = max(_FIRST_PULL, min(int(window_s / cost), 4 * MOST_ITEMS))
        pending = self._stream.cut - self._stream.taken
        return min(most - pending, most // 2) - self._feed.backlog()

    def _next_values(self, deadline: float | None) -> Iterator[Any]:
        """Return the values that come next; raises StopIteration at the end."""
        batch = self._next_batch(deadline)
        _, values, errors = batch
        self._position += len(values)
        was_held_up = self._stream.is_held_up
        self._stream.taken += len(values)
        if was_held_up:
            self._supervisor.wake()
        if errors:
            return self._raising(list(values), errors)
        if len(values) == 1 or self._stream.result_bytes > _PULL_MOST:
            return _popped(list(reversed(values)))
        return iter(values)

    def _next_batch(self, deadline: float | None) -> Batch:
        while True:
            if self._is_ordered and self._position in self._early:
                return self._early.pop(self._position)
            if self._is_over:
                raise StopIteration
            if (wanted := self._wanted()) > 0:
                self._top_up(wanted)
            arrived = self._wait(deadline)
            if arrived is None or isinstance(arrived, BaseException):
                self._is_over = True
                if error := arrived or self._feed.error:
                    raise error
                continue
            if not self._is_ordered or arrived[0] == self._position:
                return arrived
            self._early[arrived[0]] = arrived

    def _wait(self, deadline: float | None) -> Batch | BaseException | None:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            return self._arrived.get(timeout=timeout)
        except queue.Empty:
            raise ResultTimeout from None

    def _raising(
        self, values: list[Any], errors: dict[int, tuple[BaseException, str]]
    ) -> Iterator[Any]:
        return _Raising(values, errors, self._cause)


class StreamLimits:
    """How a stream runs; `deadline` (monotonic) is the caller's own for all its results."""

    __slots__ = ("ahead", "chunk", "deadline", "is_eager", "retries", "timeout_s")

    def __init__(
        self,
        *,
        chunk: int | None = None,
        timeout_s: float | None = None,
        retries: int = 1,
        is_eager: bool = False,
        ahead: int | None = None,
        deadline: float | None = None,
    ) -> None:
        """An eager stream is computed whether its results are taken or not.

        Another is computed `ahead` items before what was taken, or as far as seems good.
        """
        self.ahead = ahead
        self.chunk = chunk
        self.timeout_s = timeout_s
        self.retries = retries
        self.is_eager = is_eager
        self.deadline = deadline


class _Raising(Iterator[Any]):
    """Values with errors among them; it goes on after it raised."""

    def __init__(
        self,
        values: list[Any],
        errors: dict[int, tuple[BaseException, str]],
        cause: Callable[[str], BaseException],
    ) -> None:
        self._values = values
        self._errors = errors
        self._cause = cause
        self._at = 0

    @override
    def __next__(self) -> Any:  # the function's own result
        if self._at == len(self._values):
            raise StopIteration
        at, self._at = self._at, self._at + 1
        if at in self._errors:
            raise caused(*self._errors.pop(at), self._cause)
        value, self._values[at] = self._values[at], None
        return value


def _popped(values: list[Any]) -> Generator[Any, None, None]:
    """Yield from the end, keeping hold of nothing that was yielded."""
    while values:
        yield values.pop()


def caused(
    error: BaseException, lines: str, cause: Callable[[str], BaseException]
) -> BaseException:
    """Return the error with the worker's traceback as its cause."""
    if lines:
        error.__cause__ = cause(lines)
    return error
