"""What the system keeps for a worker process and user code may change: put back between tasks.

The current folder, the file mode mask, the environment, signal handlers, the signal mask and
timers, the locale's time zone, the soft resource limits. Everything is compared first; writing
costs only where something differs. Belongs to the worker's main thread.
"""

import os
import signal
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_ALL_LIMITS: Final = "RLIMIT_"


class ProcessState:
    """How the process was when this was made."""

    def __init__(self) -> None:
        """Look at everything; holds a descriptor of the current folder."""
        self._folder = _Folder()
        self._mask = os.umask(0o077)
        os.umask(self._mask)
        self._environment = _Environment()
        self._signals = _Signals()
        self._limits = _soft_limits()

    def calm(self) -> None:
        """End what would call user code from outside: timers that have not fired yet."""
        self._signals.end_timers()

    def put_back(self) -> bool:
        """Put everything back; say whether all could be."""
        self._signals.put_back()
        os.umask(self._mask)
        self._environment.put_back()
        is_whole = self._folder.put_back()
        if (limits := _soft_limits()) != self._limits:
            is_whole &= _raise_limits(limits, self._limits)
        return is_whole


class _Folder:
    """The current folder, held by a descriptor where the system can: it may be removed."""

    def __init__(self) -> None:
        self._path = ""
        self._held: int | None = None
        with suppress(OSError):  # removed already: there is nothing to go back to
            self._path = str(Path.cwd())
            if os.chdir in os.supports_fd:
                self._held = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
                weakref.finalize(self, os.close, self._held)

    def put_back(self) -> bool:
        try:
            if self._held is not None:
                os.chdir(self._held)
            elif self._path:
                os.chdir(self._path)
        except OSError:
            return False
        return True


class _Environment:
    """The variables as Python and C see them."""

    def __init__(self) -> None:
        self._mapping = os.environ
        self._texts = os.environ.copy()
        self._raw = dict(_raw(os.environ))
        self._zone = _zone()

    def put_back(self) -> None:
        os.environ = self._mapping  # noqa: B003  # own code may have put another in its place
        if _raw(os.environ) != self._raw:
            for name in os.environ.keys() - self._texts.keys():
                del os.environ[name]
            os.environ.update(self._texts)  # which tells C, too
        if hasattr(time, "tzset") and _zone() != self._zone:
            time.tzset()


def _raw(environment: "os._Environ[str]") -> Mapping[Any, object]:
    """Return what the mapping holds: through itself, a comparison decodes all (25 us, not 0.3)."""
    found: Mapping[Any, object] | None = getattr(environment, "_data", None)
    return environment.copy() if found is None else found


def _zone() -> tuple[object, ...]:
    return time.tzname, time.timezone, time.altzone, time.daylight


class _Signals:
    """Python's handlers, the main thread's mask; timers are ended, not put back."""

    def __init__(self) -> None:
        self._numbers = [int(number) for number in sorted(signal.valid_signals())]
        self._handlers = _handlers(self._numbers)
        self._blocked = _blocked()

    def end_timers(self) -> None:
        if sys.platform != "win32":
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)

    def put_back(self) -> None:
        self.end_timers()
        if sys.platform != "win32" and _blocked() != self._blocked:
            self._drop_pending()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        if (handlers := _handlers(self._numbers)) != self._handlers:
            for number, now, before in zip(self._numbers, handlers, self._handlers, strict=True):
                if now != before and before is not None:  # None: it was set in C, not by Python
                    signal.signal(number, before)  # type: ignore[arg-type]  # as getsignal gave it

    def _drop_pending(self) -> None:
        """Forget signals that waited while they were blocked: let through, they would end us."""
        if sys.platform != "win32":
            for number in signal.sigpending():
                signal.signal(number, signal.SIG_IGN)


def _handlers(numbers: list[int]) -> list[object]:
    # signal.getsignal makes an enum member of each: 31 us for all signals instead of 2.
    from _signal import getsignal  # type: ignore[import-not-found]  # typeshed leaves it out

    return list(map(getsignal, numbers))


def _blocked() -> set[int]:
    if sys.platform == "win32":
        return set()
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _soft_limits() -> dict[int, int]:
    if sys.platform == "win32":
        return {}
    import resource

    return {kind: resource.getrlimit(kind)[0] for kind in _limit_kinds()}


_kinds: list[int] = []


def _limit_kinds() -> list[int]:
    if not _kinds and sys.platform != "win32":
        import resource

        names = [name for name in dir(resource) if name.startswith(_ALL_LIMITS)]
        _kinds.extend({getattr(resource, name) for name in names})
    return _kinds


def _raise_limits(limits: dict[int, int], wanted: dict[int, int]) -> bool:
    """Set the soft limits that differ; say whether the hard ones still allow it."""
    if sys.platform == "win32":
        return True
    import resource

    for kind, soft in wanted.items():
        if limits[kind] != soft:
            try:
                resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))
            except (OSError, ValueError):
                return False
    return True
