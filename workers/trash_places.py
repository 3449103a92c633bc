"""Where replaced files go: the trash folders of a volume, and the lock in front of them.

send2trash finds the same folders for itself; a worker in a sandbox must be allowed them first.
What lies under another name than the one it had goes there by `put`: send2trash would note where
it lay last. The format is that of the freedesktop.org trash specification, version 1.0.
"""

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes

from workers.folders import runtime_folder
from workers.output_names import fitted

INFO: Final = ".trashinfo"
_OF_HOME: Final = "Trash"
_SHARED: Final = ".Trash"


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


def put(kept: Path, was: Path) -> None:
    """Move a file to the trash of its volume, noted under the path it had; raises OSError.

    The note is made first, and under a name that nobody has: so the name there is ours.
    """
    places = trash_places(kept.parent)
    if not places:
        raise FileNotFoundError(errno.ENOENT, "no trash", str(kept))
    files, info, _ = places
    note = _noted(info, files, was)
    try:
        kept.rename(files / note.name.removesuffix(INFO))
    except OSError:
        note.unlink(missing_ok=True)
        raise


def _noted(info: Path, files: Path, was: Path) -> Path:
    """Write where the file was and when it left, under the first free name; return the note."""
    shown = was.relative_to(paths_begin_at(info.parent))
    when = time.strftime("%Y-%m-%dT%H:%M:%S")
    path = quote_from_bytes(os.fsencode(shown if info.parent.name != _OF_HOME else was))
    number, between = 1, ""
    while True:
        note = info / fitted(was.stem, f"{between}{was.suffix}{INFO}")
        number += 1
        between = f" ({number})"
        if os.path.lexists(files / note.name.removesuffix(INFO)):
            continue
        with suppress(FileExistsError), note.open("x", encoding="ascii") as file:
            file.write(f"[Trash Info]\nPath={path}\nDeletionDate={when}\n")
            return note


def paths_begin_at(trash: Path) -> Path:
    """Return where the paths begin that a trash folder notes: at the top of its volume.

    The person's own is "/home/ada/.local/share/Trash", that of another volume "/disk/.Trash-1000"
    or "/disk/.Trash/1000".
    """
    if trash.name == _OF_HOME:
        return Path(trash.anchor)
    return trash.parent.parent if trash.parent.name == _SHARED else trash.parent


def _trash_of(output: Path) -> Path:
    """Return the home's trash on the home's volume, else the person's own on the output's."""
    if output.stat().st_dev == Path.home().resolve().stat().st_dev:
        share = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(share) / _OF_HOME
    top = output
    while not top.is_mount():
        top = top.parent
    shared = top / _SHARED
    with suppress(OSError):
        mode = shared.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
            return shared / str(os.getuid())
    return top / f".Trash-{os.getuid()}"


@contextmanager
def trashing_alone() -> Iterator[None]:
    """Let one process at a time use the trash.

    send2trash looks for a free name in the trash and then renames over it: two workers that
    replace files of the same name at once would lose one of the originals.
    """
    if sys.platform != "linux":
        yield
        return
    import fcntl

    with trash_lock().open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
