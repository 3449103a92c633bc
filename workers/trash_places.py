"""The trash of a volume on Linux: its folders, and how a file goes there.

A worker in a sandbox must be allowed these folders first. What lies under another name than the
one it had is noted under that one, so that whoever restores it finds it there. The format is that
of the freedesktop.org trash specification, version 1.0.
"""

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes

from workers import no_clobber
from workers.output_names import fitted

INFO: Final = ".trashinfo"
_OF_HOME: Final = "Trash"
_SHARED: Final = ".Trash"


def trash_places(output: Path) -> tuple[Path, ...]:
    """Return where a trashed file of the output folder is moved and noted.

    Both are made where they are missing; none where that is refused. Linux only.
    """
    with suppress(OSError, RuntimeError):  # RuntimeError: the person has no home
        trash = _trash_of(output.resolve())
        folders = (trash / "files", trash / "info")
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folders
    return ()


def put(kept: Path, was: Path) -> None:
    """Move a file to the trash of its volume, noted under the path it had; raises OSError.

    The note is made first, and under a name that nobody has: so the name there is ours.
    """
    places = trash_places(kept.parent)
    if not places:
        raise FileNotFoundError(errno.ENOENT, "there is no trash", str(kept))
    files, info = places
    number, between = 1, ""
    while True:
        note = info / fitted(was.stem, f"{between}{was.suffix}{INFO}")
        if _is_noted(note, was) and _is_moved(kept, files / note.name.removesuffix(INFO), note):
            return
        number += 1
        between = f" ({number})"


def _is_noted(note: Path, was: Path) -> bool:
    """Write where the file was and when it left; False where that name is taken."""
    path = _as_noted(was, note.parent.parent)
    when = time.strftime("%Y-%m-%dT%H:%M:%S")
    text = f"[Trash Info]\nPath={quote_from_bytes(os.fsencode(path))}\nDeletionDate={when}\n"
    try:
        with note.open("x", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError:
        with suppress(OSError):
            note.unlink()
        raise
    return True


def _as_noted(was: Path, trash: Path) -> Path:
    """Return a path as that trash notes it; a volume's own notes it from the volume's top."""
    if trash.name == _OF_HOME:
        return was
    top = paths_begin_at(trash).resolve()
    if not (path := real(was)).is_relative_to(top):
        raise OSError(errno.EXDEV, "it lies on another volume", str(was))
    return path.relative_to(top)


def real(path: Path) -> Path:
    """Return the path through no link; a link that it is itself stays."""
    return path.parent.resolve() / path.name


def _is_moved(kept: Path, place: Path, note: Path) -> bool:
    """Move the file to its place in the trash; False, and no note, where that is taken."""
    is_moved = False
    try:
        is_moved = no_clobber.move_if_free(kept, place)
    finally:
        if not is_moved:
            with suppress(OSError):  # a worker in a sandbox may remove nothing there
                note.unlink()
    return is_moved


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
