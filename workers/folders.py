"""Where Everycore keeps its own files; `EVERYCORE_HOME` moves them all below one folder.

Where the person's home cannot be written (read-only, missing), a folder of the person's own in
the system's temporary one takes its place: Everycore works, and says that little will last.
"""

import os
import stat
import sys
import tempfile
from pathlib import Path

_NAME = "everycore"


def journals_folder() -> Path:
    """Return the folder of the job journals, made when it is missing."""
    return _usable("jobs", _own("jobs") or _platform("user_data_path") / "jobs")


def config_folder() -> Path:
    """Return the folder of settings and trusted digests, made when it is missing."""
    return _usable("config", _own("config") or _platform("user_config_path"))


def presets_folder() -> Path:
    """Return the folder of the person's own presets, made when it is missing."""
    return _usable("presets", config_folder() / "presets")


def logs_folder() -> Path:
    """Return the folder of log and crash files, made when it is missing."""
    return _usable("logs", _own("logs") or _platform("user_log_path"))


def runtime_folder() -> Path:
    """Return the folder of sockets and lock files (mode 0700), made when it is missing."""
    if sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR"):
        # No login made one (a bare X server, a container): /tmp is no place for a socket.
        return _usable("run", _own("run") or _platform("user_state_path") / "run")
    return _usable("run", _own("run") or _platform("user_runtime_path"))


def home_problem() -> str:
    """Return a sentence when Everycore's own files lie in a temporary place, else nothing."""
    if not config_folder().is_relative_to(_temporary()):
        return ""
    return "Your home folder cannot be written: settings and jobs last until the next restart."


def _own(name: str) -> Path | None:
    home = os.environ.get("EVERYCORE_HOME")
    return Path(home) / name if home else None


def _platform(name: str) -> Path:
    import platformdirs

    folder: Path = getattr(platformdirs, name)(_NAME, appauthor=False)
    return folder


def _usable(name: str, folder: Path) -> Path:
    """Return the folder, made and writable; its stand-in otherwise. Raises OSError without any."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return _stand_in(name)
    return folder if os.access(folder, os.W_OK) else _stand_in(name)


def _stand_in(name: str) -> Path:
    home = _temporary()
    home.mkdir(mode=0o700, exist_ok=True)
    found = home.lstat()
    is_ours = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if not (stat.S_ISDIR(found.st_mode) and is_ours):
        raise PermissionError(f"{home} belongs to somebody else.")
    folder = home / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _temporary() -> Path:
    person = os.getuid() if hasattr(os, "getuid") else "home"
    return Path(tempfile.gettempdir()) / f"{_NAME}-{person}"
