"""Copies of own code as it was allowed to run: a job goes on with them when the file is edited.

A worker that starts later would otherwise find other bytes than the first one ran. A copy is
used only when its digest is among those the job trusts, so it needs no trust of its own.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from workers.folders import config_folder

# No job is left unfinished for so long and then continued without a look at its code.
_KEPT_S: Final = 60 * 24 * 3600.0


def keep(file: Path, source: bytes, digest: str) -> None:
    """Keep the bytes of a file under its path and digest; without room, nothing is kept."""
    with suppress(OSError):
        place = _place(file, digest)
        if place.exists():
            os.utime(place)
            return
        _drop_old(place.parent)
        descriptor, fresh = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(source)
            Path(fresh).replace(place)
        finally:
            Path(fresh).unlink(missing_ok=True)


def kept(file: Path, trusted: Collection[str]) -> tuple[bytes, str] | None:
    """Return (bytes, digest) of a trusted version of the file, if one was kept."""
    for digest in trusted:
        with suppress(OSError):
            source = _place(file, digest).read_bytes()
            if hashlib.sha256(source).hexdigest() == digest:
                return source, digest
    return None


def kept_folder() -> Path:
    """Return the folder of the copies, made when it is missing."""
    folder = config_folder() / "own_code"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _place(file: Path, digest: str) -> Path:
    whose = hashlib.sha256(os.fsencode(file)).hexdigest()[:16]
    return kept_folder() / f"{whose}-{digest}.py"


def _drop_old(folder: Path) -> None:
    for place in folder.iterdir():
        if time.time() - place.stat().st_mtime > _KEPT_S:
            place.unlink(missing_ok=True)
