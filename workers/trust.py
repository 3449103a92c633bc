"""Which own code the person allowed to run, by the SHA-256 of the file's content.

Kept as `trusted.toml` in the config folder. A file that cannot be read trusts nothing.
"""

import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from workers.folders import config_folder
from workers.wording import printable

_FILE: Final = "trusted.toml"
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def is_trusted(digest: str) -> bool:
    """Say whether a file of this digest may run."""
    return digest.lower() in _trusted(_place())


def trust(digest: str, file: Path) -> None:
    """Allow files of this digest to run; the file's name is kept for people to read."""
    import tomli_w

    digest = digest.lower()
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a SHA-256 digest: {digest!r}")
    place = _place()
    trusted = _trusted(place) | {digest: printable(file)}
    _write(place, tomli_w.dumps({"trusted": trusted}).encode())


def _place() -> Path:
    return config_folder() / _FILE


def _trusted(place: Path) -> dict[str, str]:
    """Return name by digest."""
    try:
        found = tomllib.loads(place.read_text(encoding="utf-8")).get("trusted")
    except (OSError, ValueError):  # a TOML error is a ValueError
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        digest: name
        for digest, name in found.items()
        if _DIGEST.fullmatch(digest) and isinstance(name, str)
    }


def _write(place: Path, content: bytes) -> None:
    """Replace the file at once, so that a crash leaves the old one or the new one."""
    descriptor, fresh = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(place)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
