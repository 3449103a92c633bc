"""An error of the window's own: a sentence for the person, the trace for the log.

The job is not touched by it: it goes on in the engine's process.
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

LOG_NAME: Final = "window.log"
# One place may fail at each of thirty snapshots a second, and the log is a person's disk.
PLACES_MOST: Final = 100
_SENTENCE: Final = (
    "The window met an error of its own; the job goes on. What it was stands in {file}."
)
_log: Final = logging.getLogger(__name__)


class ErrorReport:
    """Takes the errors that nobody caught; each place in the code is told of once."""

    def __init__(self, logs: Path, show: Callable[[str], None]) -> None:
        """Log into the folder `logs` and tell the person by `show`."""
        self._file = logs / LOG_NAME
        self._show = show
        self._places: set[tuple[str, int]] = set()

    def install(self) -> None:
        """Take all errors from now on."""
        try:
            logging.basicConfig(filename=self._file, level=logging.WARNING)
        except OSError:
            logging.basicConfig(level=logging.WARNING)  # no folder to write to: standard error
        sys.excepthook = self.take

    def take(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Tell of one error, unless the same place has failed before."""
        place = _place(trace)
        if place in self._places or len(self._places) >= PLACES_MOST:
            return
        self._places.add(place)
        _log.error("an error in the window", exc_info=(kind, error, trace))
        self._show(_SENTENCE.format(file=self._file))


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """Return the file and line where the error was raised."""
    place = ("", 0)
    while trace is not None:
        place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return place
