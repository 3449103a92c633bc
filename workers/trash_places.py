"""Where replaced files go: the trash folders of a volume, and the lock in front of them.

send2trash finds the same folders for itself; a worker in a sandbox must be allowed them first.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from workers.folders import runtime_folder


def trash_lock() -> Path:
    """Return the file that is locked while one worker uses the trash."""
    return runtime_folder() / "trash.lock"


def trash_places(output: Path) -> tuple[Path, ...]:
    """Return where a trashed file of the output folder is moved and noted, and the lock.

    All are made where they are missing; none where that is refused. Linux only.
    """
    with suppress(OSError, RuntimeError):  # RuntimeError: the person has no home
        trash = _trash_of(output.resolve())
        folders = (trash / "files", trash / "info")
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = trash_lock()
        lock.touch()
        return (*folders, lock)
    return ()


def _trash_of(output: Path) -> Path:
    """Return the home's trash on the home's volume, else the person's own on the output's."""
    if output.stat().st_dev == Path.home().resolve().stat().st_dev:
        share = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(share) / "Trash"
    top = output
    while not top.is_mount():
        top = top.parent
    shared = top / ".Trash"
    with suppress(OSError):
        mode = shared.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
            return shared / str(os.getuid())
    return top / f".Trash-{os.getuid()}"
