"""The results of a lease on their way back: together at its end, and earlier when it takes long.

Results that are there must not wait for a call behind them that takes for ever. So, while a
lease of several items runs, a second thread of the worker sends what has been computed, every
100 ms. One lock guards the results and the channel.
"""

from __future__ import annotations

import threading
import time

from workers.channel import NO_LEASE, WorkerChannel
from workers.pickling import dump, portable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    # What stands for a result that cannot be pickled: called with the error and the result.
    Unsendable = Callable[[BaseException, object], BaseException]
    Errors = dict[int, tuple[BaseException, str]]

FLUSH_EVERY_S: Final = 0.1


class Answers:
    """What one worker has computed of its lease and not sent yet.

    An answer is a tuple: the offset of its first item, the values, the errors by index, the
    seconds since the lease began. Values None: the lease could not be read.
    """

    def __init__(self, channel: WorkerChannel, unsendable: Unsendable | None) -> None:
        """Send by the worker's channel."""
        self._channel = channel
        self._unsendable = unsendable
        self._lock = threading.Lock()
        self._is_shared = threading.Event()
        self._never = threading.Event()
        self._thread: threading.Thread | None = None
        self._lease = NO_LEASE
        self._offset = 0
        self._values: list[Any] = []
        self._errors: Errors = {}
        self._begun = self._sent = 0.0

    def begin(self, lease: int, *, is_shared: bool) -> None:
        """Collect the results of a lease; a shared one is watched by the second thread."""
        with self._lock:
            self._lease, self._offset = lease, 0
            self._begun = self._sent = time.perf_counter()
        if is_shared:
            self._is_shared.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="answers", daemon=True)
                self._thread.start()

    def add(self, value: Any) -> None:  # noqa: ANN401  # the function's own result
        """Keep the result of the next item."""
        with self._lock:
            self._values.append(value)

    def add_all(self, values: Iterable[Any]) -> None:
        """Keep the results of the next items."""
        with self._lock:
            self._values.extend(values)

    def add_error(self, error: BaseException) -> None:
        """Keep what the next item raised."""
        told = portable(error)
        with self._lock:
            self._errors[len(self._values)] = told
            self._values.append(None)

    def flush_if_late(self) -> None:
        """Send what is there when the last time was long ago."""
        if time.perf_counter() - self._sent > FLUSH_EVERY_S:
            with self._lock:
                self._send(is_last=False)

    def end(self) -> None:
        """Send the rest: the lease has ended."""
        self._is_shared.clear()
        with self._lock:
            self._send(is_last=True)
            self._lease = NO_LEASE

    def refuse(self, lease: int, error: BaseException) -> None:
        """Say that a lease could not be read."""
        answer = (0, None, {0: portable(error)}, 0.0)
        with self._lock:
            self._channel.send(lease, *dump(answer))

    def _watch(self) -> None:
        while self._is_shared.wait():
            self._never.wait(FLUSH_EVERY_S)
            is_late = time.perf_counter() - self._sent > FLUSH_EVERY_S
            if is_late and self._values:
                with self._lock:
                    if self._lease != NO_LEASE and self._values:
                        self._send(is_last=False)

    def _send(self, *, is_last: bool) -> None:
        seconds = time.perf_counter() - self._begun
        try:
            packed = dump((self._offset, self._values, self._errors, seconds))
        except BaseException:  # noqa: BLE001  # some result cannot be pickled: find out which
            self._replace_unsendable()
            packed = dump((self._offset, self._values, self._errors, seconds))
        self._offset += len(self._values)
        self._values, self._errors = [], {}
        self._channel.send(self._lease, *packed, is_last=is_last)
        self._sent = time.perf_counter()

    def _replace_unsendable(self) -> None:
        """Put an error in the place of each result that cannot be pickled."""
        for position, value in enumerate(self._values):
            try:
                dump(value)
            except BaseException as error:  # noqa: BLE001  # the result's own class
                told = self._unsendable(error, value) if self._unsendable else error
                self._errors[position], self._values[position] = portable(told), None
