"""The programs that benchmarks/numbers_and_tables.py compares: one function over all, by a pool.

Each computes all results in order and writes them as a CSV file, as `everycore map` does.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks import points
from benchmarks.peers import SPAWN
from benchmarks.tasks import serve_shards

# So many chunks a worker: few enough to cost nothing, many enough to end together.
CHUNKS_EACH: Final = 8
FLOOR: Final = "static shards"
POOLS: Final = ("multiprocessing.Pool", "ProcessPoolExecutor", FLOOR, "Everycore Pool")
QUICK_POOLS: Final = ("multiprocessing.Pool", FLOOR, "Everycore Pool")
OUTPUT: Final = "results.csv"

Function = Callable[[Any], int]


def mapped_by_pool(function: Function, items: Sequence[Any], workers: int) -> Iterable[int]:
    """Return the results in order, by the standard library's pool."""
    with multiprocessing.get_context(SPAWN).Pool(workers) as pool:
        return pool.map(function, items, chunk_of(items, workers))


def mapped_by_executor(function: Function, items: Sequence[Any], workers: int) -> Iterable[int]:
    """Return the results in order, by the standard library's executor."""
    library = import_module("concurrent.futures")
    context = multiprocessing.get_context(SPAWN)
    with library.ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(function, items, chunksize=chunk_of(items, workers)))


def mapped_by_ours(function: Function, items: Sequence[Any], workers: int) -> Iterable[int]:
    """Return the results in order, by our pool, which finds the batch for itself."""
    library = import_module("workers.drop_in")
    with library.Pool(workers, context=multiprocessing.get_context(SPAWN)) as pool:
        results: Iterable[int] = pool.map(function, items)
        return results


def mapped_by_shards(function: Function, items: Sequence[Any], workers: int) -> Iterable[int]:
    """Return the results in order, each process looping over every so-manieth item."""
    context = multiprocessing.get_context(SPAWN)
    channels, processes = [], []
    for number in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=serve_shards, args=(theirs,))
        process.start()
        theirs.close()
        ours.send((function, items[number::workers], False))
        channels.append(ours)
        processes.append(process)
    results = [0] * len(items)
    for number, channel in enumerate(channels):
        results[number::workers] = channel.recv()
        channel.send(None)
    for process in processes:
        process.join()
    return results


MAPPED: Final = {
    "multiprocessing.Pool": mapped_by_pool,
    "ProcessPoolExecutor": mapped_by_executor,
    FLOOR: mapped_by_shards,
    "Everycore Pool": mapped_by_ours,
}


def chunk_of(items: Sequence[Any], workers: int) -> int:
    """Return the chunk size for the standard pools."""
    return max(1, len(items) // (CHUNKS_EACH * workers))


def run_pool(pool: str, function: str, items: Sequence[Any], workers: int) -> None:
    """Be the program of a pool: compute all and write the results as CSV."""
    results = MAPPED[pool](getattr(points, function), items, workers)
    with Path(OUTPUT).open("w", encoding="utf-8") as stream:
        stream.write("n,result\n")
        stream.writelines(f"{n},{value}\n" for n, value in zip(items, results, strict=True))
