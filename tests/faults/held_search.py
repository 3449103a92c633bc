"""The search program, held in front of a folder until the test lets it in.

The environment variable `HELD` names the folder, then, after a colon, the file that opens it.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from workers import search, search_program
from workers.discovery import discover
from workers.found_files import FoundFiles

HELD: Final = "EVERYCORE_TEST_HELD_SEARCH"


def hold(monkeypatch: pytest.MonkeyPatch, folder: Path, opener: Path) -> None:
    """Let every search of the folder wait until the file is there."""
    monkeypatch.setenv(HELD, f"{folder}:{opener}")
    monkeypatch.setattr(search, "PROGRAM", __name__)


def main() -> None:
    """Be the search program."""
    setattr(search_program, "discover", _held)  # noqa: B010  # mypy takes no other function
    search_program.main()


def _held(
    paths: Sequence[Path],
    *given: Any,
    **more: Any,
) -> Iterator[FoundFiles]:
    folder, _, opener = os.environ[HELD].partition(":")
    while Path(folder) in paths and not Path(opener).exists():
        yield FoundFiles.of(())
        time.sleep(0.005)
    yield from discover(paths, *given, **more)
