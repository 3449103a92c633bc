"""The standard library's process pools over ours: change one import line of a program.

    from workers.drop_in import ProcessPoolExecutor    # concurrent.futures
    from workers.drop_in import Pool                   # multiprocessing

Both behave as the standard library documents them, and go on where its own stop: a worker that
is killed or crashes costs the call it was running, which is tried again, and then fails alone
with `WorkerDied`; the other calls and the pool are not touched. Beyond the standard arguments
both take `timeout` (seconds a single call may run; then `CallTimeout`) and `retries` (further
tries after a death; 0 for functions that must not run twice). Beyond the standard verbs both
have `resize(n)`, which takes effect while calls run, and `workers()`.

The start method is the program's own (`mp_context`, `context`, `set_start_method`).
"""

import itertools
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Final

from workers.call_errors import (
    CallTimeout as CallTimeout,
    CallUnreadable as CallUnreadable,
    RemoteTraceback,
    WorkerDied as WorkerDied,
)
from workers.call_items import Star, call
from workers.call_pool import AsyncResult as AsyncResult, Pool as Pool
from workers.call_results import Results, StreamLimits, caused
from workers.call_stream import CallStream
from workers.calling import WorkerPid, chosen_context, packed, preparation, start_supervisor
from workers.supervisor import PoolOptions, Supervisor
from workers.typed import override

# As the standard executor: Windows cannot wait for more handles at once.
_MOST_WORKERS_ON_WINDOWS: Final = 61
_numbers: Final = itertools.count(1)


class ProcessPoolExecutor(Executor):
    """`concurrent.futures.ProcessPoolExecutor` that survives its workers."""

    def __init__(  # noqa: PLR0913  # the standard library's own arguments, and two more
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        timeout: float | None = None,
        retries: int = 1,
    ) -> None:
        """Take the standard arguments; workers start as calls need them."""
        self._max_workers = _checked_workers(max_workers)
        if mp_context is None and max_tasks_per_child is not None:
            mp_context = get_context("spawn")  # as the standard one: a fork could not be renewed
        self._mp_context = chosen_context(mp_context)
        _check_most_tasks(max_tasks_per_child, self._mp_context)
        self._timeout_s = timeout
        self._retries = retries
        self._is_shut_down = False
        self._lock = threading.Lock()
        self._maps: weakref.WeakSet[Results] = weakref.WeakSet()
        self._supervisor = start_supervisor(
            PoolOptions(
                self._max_workers,
                self._mp_context,
                preparation(initializer, initargs),
                max_tasks_per_child,
                is_eager=False,
                is_daemonic=False,
            )
        )
        self._submitted = _Submitted(timeout, retries)
        self._supervisor.add(self._submitted.stream)
        self._end = weakref.finalize(self, self._supervisor.close)
        self._end.atexit = False  # the program's end is told to the supervisor itself

    @override
    def submit(
        self,
        fn: Callable[..., Any],
        /,
        *args: Any,
        **kwargs: Any,  # the caller's
    ) -> Future[Any]:
        """Run a call; the future has its result, or its error with the worker's traceback."""
        with self._lock:
            self._check_open()
            future = self._submitted.put(fn, args, kwargs)
        self._supervisor.wake()
        return future

    @override
    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Generator[Any, None, None]:
        """Return an iterator of `fn(*items)` in order; the calls begin at once.

        `chunksize` fixes how many items travel together; at 1 the pool finds out by itself.
        `buffersize` lets it run so far ahead of the consumer only, and read the iterables lazily.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        deadline = None if timeout is None else timeout + time.monotonic()
        with self._lock:
            self._check_open()
            results = Results(
                self._supervisor,
                packed(fn if len(iterables) == 1 else Star(fn)),
                _items(iterables, is_lazy=buffersize is not None),
                is_ordered=True,
                cause=RemoteTraceback,
                limits=StreamLimits(
                    chunk=self._chunk(chunksize),
                    timeout_s=self._timeout_s,
                    retries=self._retries,
                    is_eager=buffersize is None,
                    ahead=buffersize,
                    deadline=deadline,
                ),
            )
            self._maps.add(results)
        return _in_order(results)

    def _chunk(self, chunksize: int) -> int | None:
        is_counted = self._supervisor.options.most_leases is not None
        return chunksize if chunksize > 1 or is_counted else None

    def _check_open(self) -> None:
        if self._supervisor.broken:
            raise BrokenProcessPool(self._supervisor.broken)
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._supervisor.is_closing:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those taken are run, or cancelled where they have not begun."""
        with self._lock:
            self._is_shut_down = True
        if cancel_futures:
            self._supervisor.processes()  # what could begin has begun
            self._submitted.cancel()
            for results in tuple(self._maps):
                results.abandon(CancelledError())
        else:
            for results in tuple(self._maps):
                results.pull_everything()
        self._end()
        if wait:
            self._supervisor.join()

    def terminate_workers(self) -> None:
        """End all workers now; calls that have not ended fail with BrokenProcessPool."""
        self.kill_workers()

    def kill_workers(self) -> None:
        """End all workers now; calls that have not ended fail with BrokenProcessPool."""
        self._is_shut_down = True
        self._supervisor.kill()
        self._supervisor.join()

    def resize(self, workers: int) -> None:
        """Run on so many workers from now on; a surplus one ends what it has first."""
        self._max_workers = _checked_workers(workers)
        self._supervisor.resize(self._max_workers)

    def workers(self) -> list[WorkerPid]:
        """Return the process ids of the workers there are now."""
        return [WorkerPid(pid) for pid in self._supervisor.processes()]

    # ---- names of the standard executor that programs look at

    @property
    def _processes(self) -> dict[int, BaseProcess]:
        return self._supervisor.processes()

    @property
    def _broken(self) -> str | bool:
        return self._supervisor.broken or False

    @property
    def _executor_manager_thread(self) -> Supervisor:
        return self._supervisor


class _Submitted:
    """The submitted calls that wait, and the futures of those that run."""

    def __init__(self, timeout_s: float | None, retries: int) -> None:
        self._waiting: deque[tuple[Future[Any], object]] = deque()
        self._running: dict[int, Future[Any]] = {}
        self.stream = CallStream(
            next(_numbers) * -1,  # the other streams count upwards
            packed(call),
            self._take,
            self._deliver,
            self._finish,
            lambda: len(self._waiting),
            timeout_s=timeout_s,
            retries=retries,
            is_unlike=True,
        )

    def put(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Future[Any]:
        """Let a call wait for its turn; the caller's thread."""
        future: Future[Any] = Future()
        self._waiting.append((future, (function, arguments, keywords)))
        return future

    def cancel(self) -> None:
        """Cancel the calls that still wait; the caller's thread."""
        for future, _ in tuple(self._waiting):
            future.cancel()

    def _take(self, count: int) -> list[object]:
        items: list[object] = []
        while self._waiting and len(items) < count:
            future, item = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                self._running[self.stream.cut + len(items)] = future
                items.append(item)
        return items

    def _deliver(
        self,
        first: int,
        values: Sequence[Any],
        errors: dict[int, tuple[BaseException, str]],
    ) -> None:
        for index, value in enumerate(values):
            future = self._running.pop(first + index)
            if index in errors:
                future.set_exception(caused(*errors[index], RemoteTraceback))
            else:
                future.set_result(value)

    def _finish(self, error: BaseException | None) -> None:
        told = error or BrokenProcessPool("The pool was closed.")
        left = list(self._running.values())
        self._running.clear()
        while self._waiting:
            future, _ = self._waiting.popleft()
            left += [future] if future.set_running_or_notify_cancel() else []
        for future in left:
            future.set_exception(told)


def _items(iterables: tuple[Iterable[Any], ...], *, is_lazy: bool) -> Iterable[Any]:
    """Return the calls' items; collected at once, as the standard executor does, unless lazy."""
    if len(iterables) != 1:
        return zip(*iterables, strict=False) if is_lazy else list(zip(*iterables, strict=False))
    only = iterables[0]
    if is_lazy:
        return iter(only)
    return only if isinstance(only, range | tuple) else list(only)


def _in_order(results: Results) -> Generator[Any, None, None]:
    try:
        yield from results
    finally:
        results.abandon(CancelledError())


def _checked_workers(workers: int | None) -> int:
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        workers = workers or os.cpu_count() or 1
        if sys.platform == "win32":
            workers = min(_MOST_WORKERS_ON_WINDOWS, workers)
    if workers <= 0:
        raise ValueError("max_workers must be greater than 0")
    if sys.platform == "win32" and workers > _MOST_WORKERS_ON_WINDOWS:
        raise ValueError(f"max_workers must be <= {_MOST_WORKERS_ON_WINDOWS}")
    return workers


def _check_most_tasks(most: int | None, context: BaseContext) -> None:
    if most is None:
        return
    if not isinstance(most, int):
        raise TypeError("max_tasks_per_child must be an integer")
    if most <= 0:
        raise ValueError("max_tasks_per_child must be >= 1")
    if context.get_start_method(allow_none=False) == "fork":
        raise ValueError(
            "max_tasks_per_child is incompatible with the fork start method; "
            "name another by mp_context"
        )
