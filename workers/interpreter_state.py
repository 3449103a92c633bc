"""What Python keeps for a worker process and user code may change: put back between tasks.

Settings that have a reader and a writer stand in one table; lists and hooks are put back as the
very objects they were. Random numbers begin anew for each task, from a seed nobody else has.
Belongs to the worker's main thread.
"""

import gc
import locale
import multiprocessing
import os
import random
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

_SEED_BYTES: Final = 16


class _Setting(NamedTuple):
    """One value: how to read it and how to write it (Any: each setting has a type of its own)."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


_SETTINGS: Final = (
    _Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    _Setting(sys.getswitchinterval, sys.setswitchinterval),
    _Setting(sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    _Setting(sys.get_asyncgen_hooks, lambda hooks: sys.set_asyncgen_hooks(*hooks)),
    _Setting(gc.isenabled, lambda is_on: gc.enable() if is_on else gc.disable()),
    _Setting(gc.get_threshold, lambda threshold: gc.set_threshold(*threshold)),
    _Setting(gc.get_debug, gc.set_debug),
    _Setting(socket.getdefaulttimeout, socket.setdefaulttimeout),
    _Setting(
        lambda: multiprocessing.get_start_method(allow_none=True),
        lambda method: multiprocessing.set_start_method(method, force=True),
    ),
    _Setting(
        lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)
    ),
)
_HOOKS: Final = (
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (sys, "displayhook"),
    (sys, "breakpointhook"),
    (threading, "excepthook"),
    (warnings, "showwarning"),
)


class InterpreterState:
    """How Python was when this was made."""

    def __init__(self) -> None:
        """Look at everything, and begin with fresh random numbers."""
        self._values = [setting.read() for setting in _SETTINGS]
        self._hooks = [getattr(module, name) for module, name in _HOOKS]
        self._trace, self._profile = sys.gettrace(), sys.getprofile()
        self._path, self._path_parts = sys.path, list(sys.path)
        self._argv, self._argv_parts = sys.argv, list(sys.argv)
        self._filters, self._filter_parts = warnings.filters, list(warnings.filters)
        self._log = _Log.now() or _UNTOUCHED_LOG
        _seed()

    def calm(self) -> None:
        """End what would call user code from inside: its trace and profile functions."""
        if sys.gettrace() is not self._trace:
            sys.settrace(self._trace)
        if sys.getprofile() is not self._profile:
            sys.setprofile(self._profile)

    def put_back(self) -> None:
        """Put everything back."""
        for setting, value in zip(_SETTINGS, self._values, strict=True):
            if setting.read() != value:
                setting.write(value)
        for (module, name), hook in zip(_HOOKS, self._hooks, strict=True):
            if getattr(module, name) is not hook:
                setattr(module, name, hook)
        self._put_lists_back()
        if "logging" in sys.modules and (log := _Log.now()) != self._log and log is not None:
            self._log.put_back()
        _seed()

    def _put_lists_back(self) -> None:
        sys.path, sys.argv = self._path, self._argv
        if sys.path != self._path_parts:
            sys.path[:] = self._path_parts
        if sys.argv != self._argv_parts:
            sys.argv[:] = self._argv_parts
        # Resetting also makes Python forget which warnings it has shown already.
        warnings.filters = self._filters
        warnings.resetwarnings()
        cast("list[Any]", self._filters)[:] = self._filter_parts  # C code holds this very list


class _Log(NamedTuple):
    """The settings of the root logger."""

    level: int
    disabled: int
    handlers: tuple[Any, ...]  # logging.Handler, which is not loaded by every worker

    @classmethod
    def now(cls) -> "_Log | None":
        """Return how it is; None while nobody has loaded the module."""
        logging = sys.modules.get("logging")
        if logging is None:
            return None
        root = logging.root
        return cls(root.level, root.manager.disable, tuple(root.handlers))

    def put_back(self) -> None:
        import logging

        root = logging.root
        root.setLevel(self.level)
        logging.disable(self.disabled)
        for handler in tuple(root.handlers):
            if handler not in self.handlers:
                root.removeHandler(handler)
                handler.close()
        for handler in self.handlers:
            root.addHandler(handler)  # does nothing for one that is there


_UNTOUCHED_LOG: Final = _Log(30, 0, ())  # logging.WARNING


def _seed() -> None:
    """Let random numbers begin from a seed that no other task or worker has."""
    seed = os.urandom(_SEED_BYTES)
    random.seed(int.from_bytes(seed))
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None and hasattr(numpy_random, "seed"):  # it may be loading still
        numpy_random.seed(list(memoryview(seed).cast("I")))
