"""What the system tells of changes below folders; the watch's process only.

It is a hint, never the truth: a share on a network tells nothing, a queue may overflow, and the
system may have too few places for a large tree. Then nothing is told, and a rescan finds it.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watchfiles.main import FileChange

_MODIFIED: Final = 2
# Changes are gathered until none comes for so long, at most the other long.
_STEP_MS: Final = 100
_GATHERED_MS: Final = 800


class FolderEvents:
    """Tells which paths changed, while `is_open`; else it only waits."""

    def __init__(self, *, is_recursive: bool, is_wanted: bool = True) -> None:
        """Begin closed; what is not wanted never opens."""
        self._is_recursive = is_recursive
        self._is_wanted = is_wanted
        self._changes: Iterator[set[FileChange]] | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the system tells of changes."""
        return self._changes is not None

    def open(self, folders: Sequence[Path], wait_s: float) -> None:
        """Let the system tell of these folders from the next wait on, which takes about so long."""
        self.close()
        if not folders or not self._is_wanted:
            return
        try:
            from watchfiles import watch
        except ImportError:
            return
        self._changes = iter(
            watch(
                *folders,
                watch_filter=None,
                debounce=_GATHERED_MS,
                step=_STEP_MS,
                rust_timeout=int(wait_s * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                force_polling=False,  # the rescan is ours
                recursive=self._is_recursive,
                ignore_permission_denied=True,
            )
        )

    def close(self) -> None:
        """Listen no longer."""
        self._changes = None

    def wait(self, seconds: float) -> set[str]:
        """Wait for changes, about so long; return the paths that changed, also folders."""
        if self._changes is None:
            time.sleep(seconds)
            return set()
        try:
            return {path for change, path in next(self._changes) if _is_telling(change, path)}
        # Too few watches (OSError), a folder that went, a name that is no text: all of its own.
        except (OSError, RuntimeError, StopIteration):
            self._changes = None
            return set()


def _is_telling(change: int, path: str) -> bool:
    """Say whether a change is not just that something in a folder changed, which is told too."""
    return change != _MODIFIED or not os.path.isdir(path)  # noqa: PTH112  # thousands at once
