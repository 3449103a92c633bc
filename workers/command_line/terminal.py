"""The streams of the process: which is a terminal, and sentences that cannot drive it."""

import os
import sys
from pathlib import Path
from typing import Final, TextIO

from workers.wording import printable

_LAST_STREAM: Final = 2


def is_terminal(stream: TextIO) -> bool:
    """Say whether the stream is a terminal that understands control sequences."""
    if stream.closed or not stream.isatty():
        return False
    return os.name == "nt" or os.environ.get("TERM", "") not in ("", "dumb")


def say_error(sentence: str) -> None:
    """Print a sentence to stderr."""
    print(f"everycore: {printable(sentence)}", file=sys.stderr, flush=True)


def prepare_streams() -> None:
    """Open streams that the caller had closed; let them escape what their encoding lacks."""
    # A journal that took the number of a closed stream would be written over by a stray print.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
