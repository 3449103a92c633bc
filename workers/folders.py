"""Where Everycore keeps its own files; `EVERYCORE_HOME` moves them all below one folder."""

import os
import sys
from pathlib import Path

_NAME = "everycore"


def journals_folder() -> Path:
    """Return the folder of the job journals, made when it is missing."""
    return _made(_own("jobs") or _platform("user_data_path") / "jobs")


def config_folder() -> Path:
    """Return the folder of settings and trusted digests, made when it is missing."""
    return _made(_own("config") or _platform("user_config_path"))


def presets_folder() -> Path:
    """Return the folder of the person's own presets, made when it is missing."""
    return _made(config_folder() / "presets")


def logs_folder() -> Path:
    """Return the folder of log and crash files, made when it is missing."""
    return _made(_own("logs") or _platform("user_log_path"))


def runtime_folder() -> Path:
    """Return the folder of sockets and lock files (mode 0700), made when it is missing."""
    if sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR"):
        # No session made one (a bare X server, a container): /tmp is no place for a socket.
        return _made(_own("run") or _platform("user_state_path") / "run")
    return _made(_own("run") or _platform("user_runtime_path"))


def _own(name: str) -> Path | None:
    home = os.environ.get("EVERYCORE_HOME")
    return Path(home) / name if home else None


def _platform(name: str) -> Path:
    import platformdirs

    folder: Path = getattr(platformdirs, name)(_NAME, appauthor=False)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
