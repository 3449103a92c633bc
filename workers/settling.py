"""When a file that came or changed may be taken: once it has settled; pure.

Nothing tells that a download or a copy has ended, so a file counts as settled when it looks the
same in two looks that lie some time apart. The time is passed in.
"""

import os
from typing import Final

from workers.found_files import FoundFile

_UNFINISHED_ENDS: Final = (".part", ".crdownload", ".download", ".tmp", ".partial")
_UNFINISHED_FRONTS: Final = ("~$", ".~lock.")
# Safari keeps what it downloads in a folder that is named like this until the end.
_UNFINISHED_FOLDER: Final = f".download{os.sep}"


def is_unfinished(relative: str) -> bool:
    """Say whether a file's name is one that programs give to what they are still writing."""
    name = relative[relative.rfind(os.sep) + 1 :]
    is_so_named = name.lower().endswith(_UNFINISHED_ENDS) or name.startswith(_UNFINISHED_FRONTS)
    return is_so_named or _UNFINISHED_FOLDER in relative.lower()


def mark_of(file: FoundFile) -> int:
    """Return a number that is another one once the file looks different."""
    return hash((file.size, file.mtime_ns, file.problem))


class Settling:
    """The files that look different than they were taken, each since when it looks as it does."""

    def __init__(self, settle_s: float) -> None:
        """Call a file settled when it has looked the same for so long."""
        self._settle_s = settle_s
        self._seen: dict[str, tuple[int, float]] = {}

    def is_settled(self, path: str, mark: int, now: float) -> bool:
        """Say whether a file has settled; it is then forgotten, else remembered as it looks."""
        before = self._seen.get(path)
        if before is None or before[0] != mark:
            self._seen[path] = mark, now
            return False
        if now - before[1] < self._settle_s:
            return False
        del self._seen[path]
        return True

    def forget(self, path: str) -> None:
        """Forget a file that looks as it was taken."""
        self._seen.pop(path, None)

    def due(self, now: float) -> list[str]:
        """Return the files to look at again: since long enough ago they looked the same."""
        return [path for path, (_, since) in self._seen.items() if now - since >= self._settle_s]

    def forget_due(self, now: float) -> None:
        """Forget those that were looked at again and are there no more."""
        for path in self.due(now):
            del self._seen[path]
