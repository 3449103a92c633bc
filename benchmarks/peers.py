"""The pools that are compared, each behind the same three verbs: open, stream, close.

Each gets the verb its authors offer for a stream of results in any order, where it has one, and a
batch size that fits; ours gets the standard library's plain call. All start their workers anew:
whoever may choose is told to spawn, ours too, for a fork starts in no time and compares with none.
A peer imports its library when it is made, before any clock runs: ModuleNotFoundError says that it
is not installed.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from multiprocessing.connection import wait
from typing import Any, Final, Protocol, TypeVar

from benchmarks.tasks import Batch, InBatches, serve_shards
from workers.typed import override

T = TypeVar("T")
R = TypeVar("R")

SPAWN: Final = "spawn"
# Batch 0 leaves the choice to the pool itself.
OWN_CHOICE: Final = 0


class Peer(Protocol):
    """A way to run one function over many items."""

    def open(self, workers: int) -> None:
        """Build the pool; the import of its library was before."""

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results, `batch` items at a time crossing to a worker."""

    def close(self) -> None:
        """End the pool and its processes."""


class Serial:
    """A plain loop in this process: no pool at all."""

    def open(self, workers: int) -> None:
        """Need nothing."""

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results of a plain loop."""
        return map(function, items)

    def close(self) -> None:
        """Need nothing."""


class StaticShards:
    """The floor: processes that each do their fixed share in a plain loop."""

    def open(self, workers: int) -> None:
        """Start the processes."""
        context = multiprocessing.get_context(SPAWN)
        self._channels, self._processes = [], []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve_shards, args=(theirs,))
            process.start()
            theirs.close()
            self._channels.append(ours)
            self._processes.append(process)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results as the shares end; a `batch` of 1 sends each result as it is made."""
        assert isinstance(items, Sequence)
        count = len(self._channels)
        due = {}
        for number, channel in enumerate(self._channels):
            if share := items[number::count]:
                channel.send((function, share, batch == 1))
                due[channel] = len(share)
        while due:
            ready = wait(list(due))
            for channel in [one for one in due if one in ready]:
                results = channel.recv()
                due[channel] -= len(results)
                if not due[channel]:
                    del due[channel]
                yield from results

    def close(self) -> None:
        """Let the processes end."""
        for channel, process in zip(self._channels, self._processes, strict=True):
            channel.send(None)
            process.join()


class StockPool:
    """The standard library's multiprocessing.Pool."""

    def open(self, workers: int) -> None:
        """Start the pool."""
        self._pool = multiprocessing.get_context(SPAWN).Pool(workers)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order."""
        return self._pool.imap_unordered(function, items, chunksize=batch)

    def close(self) -> None:
        """Let the workers end."""
        self._pool.close()
        self._pool.join()


class StockExecutor:
    """The standard library's concurrent.futures.ProcessPoolExecutor."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("concurrent.futures.process")

    def open(self, workers: int) -> None:
        """Build the executor; it starts its workers with the first task."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.ProcessPoolExecutor(workers, mp_context=context)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in order: it has no verb for any order but a future for each."""
        results: Iterator[R] = self._pool.map(function, items, chunksize=batch)
        return results

    def close(self) -> None:
        """Let the workers end."""
        self._pool.shutdown()


class Loky(StockExecutor):
    """Loky's executor; its own start method is its kind of spawn."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("loky")

    @override
    def open(self, workers: int) -> None:
        """Build the executor."""
        self._pool = self._library.ProcessPoolExecutor(workers)


class Joblib:
    """Joblib's Parallel over its loky workers."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("joblib")
        self._workers_of = import_module("joblib.externals.loky").get_reusable_executor

    def open(self, workers: int) -> None:
        """Note the number: the workers start with the first tasks and stay for the next."""
        self._workers = workers

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order."""
        parallel = self._library.Parallel(
            self._workers, return_as="generator_unordered", batch_size=batch or "auto"
        )
        task = self._library.delayed(function)
        results: Iterator[R] = parallel(task(item) for item in items)
        return results

    def close(self) -> None:
        """End the workers."""
        self._workers_of().shutdown(wait=True)


class Pebble:
    """Pebble's ProcessPool."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("pebble")

    def open(self, workers: int) -> None:
        """Build the pool."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.ProcessPool(max_workers=workers, context=context)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in order, its only one."""
        results: Iterator[R] = self._pool.map(function, items, chunksize=batch).result()
        return results

    def close(self) -> None:
        """Let the workers end."""
        self._pool.close()
        self._pool.join()


class Mpire:
    """Mpire's WorkerPool, which keeps its workers between calls."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("mpire")

    def open(self, workers: int) -> None:
        """Build the pool; it starts its workers with the first tasks."""
        self._pool = self._library.WorkerPool(workers, start_method=SPAWN, keep_alive=True)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order."""
        results: Iterator[R] = self._pool.imap_unordered(function, items, chunk_size=batch or None)
        return results

    def close(self) -> None:
        """Let the workers end."""
        self._pool.stop_and_join()
        self._pool.terminate()


class Dask:
    """Dask's distributed scheduler on this computer, one thread to a worker."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("distributed")

    def open(self, workers: int) -> None:
        """Start scheduler and workers and connect to them."""
        self._cluster = self._library.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        )
        self._client = self._library.Client(self._cluster)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order; it knows no batches, so a task here is a batch."""
        batches = list(_in_batches(items, batch))
        futures = self._client.map(InBatches(function), batches, pure=False)
        ended = self._library.as_completed(futures, with_results=True)
        del futures  # a result lives for as long as its future
        for _future, results in ended:
            yield from results

    def close(self) -> None:
        """End the cluster."""
        self._client.close()
        self._cluster.close()


class Ray:
    """Ray's own multiprocessing.Pool over its actors."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("ray")
        self._pool_of = import_module("ray.util.multiprocessing").Pool

    def open(self, workers: int) -> None:
        """Start Ray and the pool."""
        self._library.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
        self._pool = self._pool_of(workers)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order."""
        results: Iterator[R] = self._pool.imap_unordered(function, items, chunksize=batch)
        return results

    def close(self) -> None:
        """End the pool and Ray."""
        self._pool.terminate()
        self._library.shutdown()


class OurPool:
    """Everycore behind the words of multiprocessing.Pool, called plainly."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("workers.drop_in")

    def open(self, workers: int) -> None:
        """Start the pool."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.Pool(workers, context=context)

    def open_with(self, workers: int, *, timeout: float | None, retries: int) -> None:
        """Start the pool with a limit for each task and so many tries after a worker's death."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.Pool(workers, context=context, timeout=timeout, retries=retries)

    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in any order; the pool finds the batch for itself."""
        results: Iterator[R] = self._pool.imap_unordered(function, items)
        return results

    def close(self) -> None:
        """Let the workers end."""
        self._pool.close()
        self._pool.join()


class OurExecutor(StockExecutor):
    """Everycore behind the words of concurrent.futures, called plainly."""

    def __init__(self) -> None:
        """Import it."""
        self._library = import_module("workers.drop_in")

    @override
    def open(self, workers: int) -> None:
        """Build the executor."""
        context = multiprocessing.get_context(SPAWN)
        self._pool = self._library.ProcessPoolExecutor(workers, mp_context=context)

    @override
    def stream(self, function: Callable[[T], R], items: Iterable[T], batch: int) -> Iterator[R]:
        """Yield the results in order; the executor finds the batch for itself."""
        results: Iterator[R] = self._pool.map(function, items)
        return results


def _in_batches(items: Iterable[Any], size: int) -> Iterator[Batch]:
    """Cut the items into batches of at most that size."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield Batch(part)


OURS: Final[dict[str, type[Peer]]] = {
    "Everycore Pool": OurPool,
    "Everycore Executor": OurExecutor,
}
FLOORS: Final[dict[str, type[Peer]]] = {"static shards": StaticShards, "serial": Serial}
PEERS: Final[dict[str, type[Peer]]] = {
    **FLOORS,
    "multiprocessing.Pool": StockPool,
    "ProcessPoolExecutor": StockExecutor,
    "loky": Loky,
    "joblib": Joblib,
    "pebble": Pebble,
    "mpire": Mpire,
    "dask.distributed": Dask,
    "ray": Ray,
    **OURS,
}
# These choose a batch by themselves when left to it, the others must be told.
CHOOSE_THEMSELVES: Final = ("joblib", "mpire")
# These pull their input as they go, so that it may be longer than the memory.
LAZY: Final = ("multiprocessing.Pool", "joblib", "mpire", "ray", "Everycore Pool")
# These give results in the order of the input only, as Everycore's executor does.
IN_ORDER: Final = ("ProcessPoolExecutor", "loky", "pebble")
