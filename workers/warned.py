"""The warnings that Python code raised during a task, as sentences for the task's row.

Each is also printed, as Python does. Belongs to the worker's main thread; code in other threads
may warn, too.
"""

import sys
import warnings
from typing import Final, TextIO

from workers.error_words import shown

# A row has one line; more than this many different ones are counted.
_SENTENCES_MOST: Final = 3


class Warned:
    """Collects warnings from `begin` on."""

    def __init__(self) -> None:
        """Collect from now on."""
        self._sentences: dict[str, None] = {}
        self._more: set[str] = set()
        warnings.showwarning = self._show

    def sentences(self) -> str:
        """Return what was warned of since the last call, like 'RuntimeWarning: divide by zero'."""
        if not self._sentences:
            return ""
        more = f" (and {len(self._more)} more)" if self._more else ""
        text = " ".join(self._sentences) + more
        self._sentences.clear()
        self._more.clear()
        return text

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Stand in for warnings.showwarning, whose arguments these are."""
        sentence = f"{category.__name__}: {shown(message)}"
        if sentence not in self._sentences and len(self._sentences) < _SENTENCES_MOST:
            self._sentences[sentence] = None
        elif sentence not in self._sentences and len(self._more) < 1000:
            self._more.add(sentence)
        stream = file if file is not None else sys.stderr
        stream.write(warnings.formatwarning(message, category, filename, lineno, line))
