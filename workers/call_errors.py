"""What the library faces raise beside the standard library's own errors."""

from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback
from typing import cast

# The standard executor's own class: programs look for it by name in tracebacks.
RemoteTraceback = cast("type[_Remote]", _RemoteTraceback)


class _Remote(Exception):
    """How typeshed should describe the class: an error made of the traceback's text."""

    def __init__(self, tb: str) -> None: ...


class CallUnreadable(BrokenProcessPool):
    """A worker could not unpickle the function or its arguments; the cause tells why."""


class WorkerDied(BrokenProcessPool):
    """The worker process died under this very call, again and again; others are not touched.

    `exitcode` is negative for a signal, as in `multiprocessing.Process.exitcode`.
    """

    def __init__(self, message: str, exitcode: int = 0) -> None:
        """Say what happened."""
        super().__init__(message)
        self.exitcode = exitcode


class CallTimeout(WorkerDied, FutureTimeoutError):
    """This call ran longer than its time limit, and its worker was ended."""
