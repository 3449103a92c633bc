"""What both library faces share: the supervisor's options, its end, calls as items.

Every supervisor that lives when the program ends is ended before the interpreter waits for its
thread: an executor's finishes what it was given, as the standard one does, a pool's is killed.
"""

import multiprocessing
import threading
import weakref
from collections.abc import Callable
from multiprocessing.context import BaseContext
from typing import Any, Final

from workers.call_worker import Preparation
from workers.pickling import dump
from workers.supervisor import PoolOptions, Supervisor

_living: Final[weakref.WeakSet[Supervisor]] = weakref.WeakSet()


class WorkerPid(int):
    """The process id of a worker."""

    @property
    def pid(self) -> int:
        """Return it as a plain number."""
        return int(self)


def packed(function: Callable[..., Any]) -> bytes:
    """Return the function as bytes, for every worker once; raises what pickling raises."""
    body, large = dump(function)
    if large:  # a function over a large array: it has to travel in one piece
        from multiprocessing.reduction import ForkingPickler

        return bytes(ForkingPickler.dumps(function, 5))
    return bytes(body)


def start_supervisor(options: PoolOptions) -> Supervisor:
    """Start a supervisor that is ended when the program ends before it."""
    supervisor = Supervisor(options)
    _living.add(supervisor)
    return supervisor


def _end_all() -> None:
    living = list(_living)
    for supervisor in living:
        if supervisor.options.is_daemonic:
            supervisor.kill()
        else:
            supervisor.close()
    for supervisor in living:
        supervisor.join()


# The hook that concurrent.futures itself uses: it runs before the interpreter joins threads, when
# atexit would be too late.
threading._register_atexit(_end_all)  # type: ignore[attr-defined]


def chosen_context(context: BaseContext | None) -> BaseContext:
    """Return the context to use: the program's default one unless it names another."""
    return context if context is not None else multiprocessing.get_context()


def preparation(
    initializer: Callable[..., object] | None,
    arguments: tuple[Any, ...],
    unsendable: Callable[[BaseException, object], BaseException] | None = None,
) -> Preparation:
    """Return what workers do first; raises TypeError when the initializer cannot be called."""
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    return Preparation(initializer, tuple(arguments), unsendable)
