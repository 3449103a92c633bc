"""The face of `multiprocessing.Pool` over our worker pool; `drop_in` says what it promises."""

import itertools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures._base import LOGGER
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from multiprocessing.pool import (  # type: ignore[attr-defined]  # typeshed knows neither
    RemoteTraceback,
)
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Final

from workers.call_items import Star, call, maybe_encoding_error
from workers.call_results import Feed, Results, ResultTimeout, StreamLimits, caused
from workers.call_stream import CallStream
from workers.calling import WorkerPid, chosen_context, packed, preparation, start_supervisor
from workers.supervisor import PoolOptions, Supervisor
from workers.typed import override

_RUN: Final = "RUN"
_CLOSE: Final = "CLOSE"
_TERMINATE: Final = "TERMINATE"
_numbers: Final = itertools.count(1_000_000_000)

Callback = Callable[[Any], object] | None


class AsyncResult:
    """The result of a call, or of all calls of a map, as `multiprocessing.pool` has it."""

    def __init__(self, pool: "Pool", callback: Callback, error_callback: Callback) -> None:
        """Wait for `settle`; the pool lives at least as long as a result is awaited."""
        self._future: Future[Any] = Future()
        self._pool: Pool | None = pool
        self._callback = callback
        self._error_callback = error_callback

    def ready(self) -> bool:
        """Say whether it has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Say whether it ended without an error; raises ValueError while it has not ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._future.exception() is None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most `timeout` seconds."""
        try:
            self._future.exception(timeout)
        except TimeoutError:
            return

    def get(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # the function's own
        """Return the result or raise the error; multiprocessing.TimeoutError when it is late."""
        try:
            return self._future.result(timeout)
        except TimeoutError:
            if self._future.done():
                raise  # it is what the function raised
            raise ResultTimeout from None

    def settle(self, result: Any, error: BaseException | None) -> None:  # noqa: ANN401
        """End it and call back; the supervisor's thread."""
        if error is None:
            _call_back(self._callback, result)
            self._future.set_result(result)
        else:
            _call_back(self._error_callback, error)
            self._future.set_exception(error)
        self._pool = self._callback = self._error_callback = None


ApplyResult = AsyncResult


class Pool:
    """`multiprocessing.Pool` that survives its workers."""

    _state = _TERMINATE  # until it has begun: __del__ may see one that was refused

    def __init__(  # noqa: PLR0913  # the standard library's own arguments, and two more
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        maxtasksperchild: int | None = None,
        context: BaseContext | None = None,
        *,
        timeout: float | None = None,
        retries: int = 1,
    ) -> None:
        """Take the standard arguments; the workers start at once, forked ones before it returns."""
        self._processes = _checked_processes(processes)
        if maxtasksperchild is not None and not _is_positive(maxtasksperchild):
            raise ValueError("maxtasksperchild must be a positive int or None")
        self._timeout_s = timeout
        self._retries = retries
        self._most_leases = maxtasksperchild
        self._supervisor = start_supervisor(
            PoolOptions(
                self._processes,
                chosen_context(context),
                preparation(initializer, initargs, maybe_encoding_error),
                maxtasksperchild,
                is_eager=True,
                is_daemonic=True,
            )
        )
        self._iterators: weakref.WeakSet[Results] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._state = _RUN
        self._kill = weakref.finalize(self, Supervisor.kill, self._supervisor)
        self._kill.atexit = False  # the program's end is told to the supervisor itself

    # ---- one call

    def apply(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # the function's own result
        """Return `func(*args, **kwds)`, called in a worker."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Call a function in a worker; the callbacks run in the pool's thread."""
        result = AsyncResult(self, callback, error_callback)
        item = (func, tuple(args), dict(kwds or {}))
        self._run_all(packed(call), [item], 1, lambda values: values[0], result)
        return result

    # ---- many calls, their results together

    def map(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int | None = None
    ) -> list[Any]:
        """Return the results of all items, in order."""
        result: list[Any] = self.map_async(func, iterable, chunksize).get()
        return result

    def starmap(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
    ) -> list[Any]:
        """Return the results of all items, each unpacked into arguments, in order."""
        result: list[Any] = self.starmap_async(func, iterable, chunksize).get()
        return result

    def map_async(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Call a function on all items; the result is the list, or the first error."""
        self._check_running()
        result = AsyncResult(self, callback, error_callback)
        try:
            items = iterable if isinstance(iterable, range) else list(iterable)
            function = packed(func)
        except Exception as error:  # noqa: BLE001  # the caller's own: its result tells
            result.settle(None, error)
            return result
        self._run_all(function, items, chunksize, list, result)
        return result

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Call a function on all items, each unpacked into arguments."""
        return self.map_async(Star(func), iterable, chunksize, callback, error_callback)

    def _run_all(
        self,
        function: bytes,
        items: "list[Any] | range",
        chunksize: int | None,
        shape: Callable[[list[Any]], Any],
        result: AsyncResult,
    ) -> None:
        self._check_running()
        if not items:
            result.settle([], None)
            return
        _Together(self, function, items, self._chunk(chunksize), shape, result)

    def _chunk(self, chunksize: int | None) -> int | None:
        """Return the fixed size of a lease; None lets the pool find out what is best."""
        if chunksize is not None and chunksize > 1:
            return chunksize
        return 1 if self._most_leases is not None else None

    # ---- many calls, their results one by one

    def imap(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1
    ) -> Results:
        """Return an iterator over the results, in order; the items are read as needed."""
        return self._results(func, iterable, chunksize, is_ordered=True)

    def imap_unordered(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1
    ) -> Results:
        """Return an iterator over the results as they come; the items are read as needed."""
        return self._results(func, iterable, chunksize, is_ordered=False)

    def _results(
        self,
        function: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int,
        *,
        is_ordered: bool,
    ) -> Results:
        self._check_running()
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")
        limits = StreamLimits(
            chunk=self._chunk(chunksize), timeout_s=self._timeout_s, retries=self._retries
        )
        results = Results(
            self._supervisor,
            packed(function),
            iterable,
            is_ordered=is_ordered,
            cause=RemoteTraceback,
            limits=limits,
        )
        self._iterators.add(results)
        return results

    # ---- its end

    def close(self) -> None:
        """Take no more calls; those taken are run."""
        if self._state == _RUN:
            self._state = _CLOSE
            for results in tuple(self._iterators):
                results.pull_everything()
            self._supervisor.close()

    def terminate(self) -> None:
        """End the workers now; results that are awaited raise BrokenProcessPool."""
        self._state = _TERMINATE
        self._supervisor.kill()
        if threading.current_thread() is not self._supervisor:
            self._supervisor.join()

    def join(self) -> None:
        """Wait for the end; raises ValueError unless `close` or `terminate` was called."""
        if self._state == _RUN:
            raise ValueError("Pool is still running")
        self._supervisor.join()

    def resize(self, processes: int) -> None:
        """Run on so many workers from now on; a surplus one ends what it has first."""
        self._processes = _checked_processes(processes)
        self._supervisor.resize(self._processes)

    def workers(self) -> list[WorkerPid]:
        """Return the process ids of the workers there are now."""
        return [WorkerPid(pid) for pid in self._supervisor.processes()]

    def __enter__(self) -> "Pool":
        self._check_running()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.terminate()

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _run: str = _RUN) -> None:
        if self._state == _run:
            _warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self)

    @override
    def __repr__(self) -> str:
        name = type(self)
        return (
            f"<{name.__module__}.{name.__qualname__} "
            f"state={self._state} pool_size={self._processes}>"
        )

    @override
    def __reduce__(self) -> str:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def _check_running(self) -> None:
        if self._state != _RUN:
            raise ValueError("Pool not running")
        if self._supervisor.broken:
            raise BrokenProcessPool(self._supervisor.broken)

    # ---- names of the standard pool that programs look at

    @property
    def _pool(self) -> list[BaseProcess]:
        return list(self._supervisor.processes().values())

    def _repopulate_pool(self) -> None:
        """Do nothing: lost workers are replaced without being asked for."""


class _Together:
    """A stream whose results are wanted as one list."""

    def __init__(
        self,
        pool: Pool,
        function: bytes,
        items: "list[Any] | range",
        chunk: int | None,
        shape: Callable[[list[Any]], Any],
        result: AsyncResult,
    ) -> None:
        self._parts: dict[int, Sequence[Any]] = {}
        self._first_error: tuple[int, BaseException] | None = None
        self._shape = shape
        self._result = result
        feed = Feed(items, chunk)
        stream = CallStream(
            next(_numbers),
            function,
            feed.take,
            self._take,
            self._finish,
            feed.backlog,
            chunk=chunk,
            timeout_s=pool._timeout_s,
            retries=pool._retries,
            is_closed=True,
        )
        pool._supervisor.add(stream)

    def _take(
        self,
        first: int,
        values: Sequence[Any],
        errors: dict[int, tuple[BaseException, str]],
    ) -> None:
        self._parts[first] = values
        for index, (error, lines) in errors.items():
            position = first + index
            if self._first_error is None or position < self._first_error[0]:
                self._first_error = position, caused(error, lines, RemoteTraceback)

    def _finish(self, error: BaseException | None) -> None:
        parts, self._parts = self._parts, {}
        if error is None and self._first_error is not None:
            error = self._first_error[1]
        if error is not None:
            self._result.settle(None, error)
            return
        values = list(itertools.chain.from_iterable(parts[first] for first in sorted(parts)))
        self._result.settle(self._shape(values), None)


def _call_back(function: Callback, value: Any) -> None:  # noqa: ANN401  # the function's own
    if function is None:
        return
    try:
        function(value)
    except Exception:  # noqa: BLE001  # the caller's own code must not end the pool's thread
        LOGGER.exception("exception calling callback for %r", function)


def _is_positive(number: object) -> bool:
    return isinstance(number, int) and number > 0


def _checked_processes(processes: int | None) -> int:
    if processes is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if processes < 1:
        raise ValueError("Number of processes must be at least 1")
    return processes
