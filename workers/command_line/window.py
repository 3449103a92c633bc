"""A bare `everycore`: the window, as a program of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.command_line.exit_status import ExitStatus
from workers.errors import UsageError

_NO_DISPLAY: Final = (
    "There is no display for the window; `everycore run PIPELINE INPUT... --output DIR` works "
    "without one, `everycore --help` tells more."
)
_NEED_DISPLAY: Final = ("xcb", "wayland", "wayland-egl")


def open_window() -> ExitStatus:
    """Become the window's program, or start it and wait where a program cannot be replaced.

    Raises UsageError without a display or without the window's program.
    """
    if not has_display(os.environ, sys.platform):
        raise UsageError(_NO_DISPLAY)
    command = window_command()
    environment = _environment()
    if os.name == "posix":
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.execve(command[0], command, environment)
    status = subprocess.run(command, env=environment, check=False).returncode
    return ExitStatus.DONE if status == 0 else ExitStatus.COULD_NOT_RUN


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Say whether a window can be shown, on a display or on what Qt was told to use instead."""
    if platform in ("win32", "darwin"):
        return True
    chosen = environment.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if chosen and chosen not in _NEED_DISPLAY:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def window_command() -> list[str]:
    """Return the command that starts the window; raise UsageError when it is not installed."""
    suffix = ".exe" if os.name == "nt" else ""
    if getattr(sys, "frozen", False):
        program = Path(sys.executable).with_name(f"everycore-gui{suffix}")
        if not program.is_file():
            raise UsageError(f"The window's program is missing: {program}.")
        return [str(program)]
    if not (_own_root() / "gui_app" / "__main__.py").is_file():
        raise UsageError("The window is not installed; `everycore --help` tells what is.")
    # -P: a folder in which somebody types `everycore` must not lend it modules.
    return [sys.executable, "-P", "-m", "gui_app"]


def _own_root() -> Path:
    """Return the folder that holds our packages: site-packages, or a checkout."""
    return Path(__file__).resolve().parents[2]


def _environment() -> dict[str, str]:
    """Return our environment; a checkout's folder is named to the child, which drops the cwd."""
    environment = dict(os.environ)
    root = _own_root()
    if not getattr(sys, "frozen", False) and root.name != "site-packages":
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{before}" if before else str(root)
    return environment
