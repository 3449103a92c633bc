"""The system libraries that a bare Linux lacks: finds them, installs them where it may.

Part of bootstrap.py; standard library only, and runs on any Python 3.8 or later.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from typing import Final

# Debian and Ubuntu package -> the library that tells whether it is there. Looking for the library
# and not for the package also finds it where the package has another name (libglib2.0-0t64).
WINDOW_LIBRARIES: Final = {
    "libgl1": "libGL.so.1",
    "libegl1": "libEGL.so.1",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libdbus-1-3": "libdbus-1.so.3",
    "libfontconfig1": "libfontconfig.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libwayland-cursor0": "libwayland-cursor.so.0",
    "libwayland-egl1": "libwayland-egl.so.1",
}
TEST_PROGRAMS: Final = {"xvfb": "Xvfb", "xauth": "xauth"}

# Unattended upgrades hold dpkg's lock for some minutes after a computer's first start.
_DPKG_LOCK_TIMEOUT_S: Final = 180


class SystemPackagesMissing(Exception):
    """System packages are missing and may not be installed; the message holds the exact line."""


def missing_packages(*, window: bool, tests: bool, venv: bool) -> list[str]:
    """Return the Debian names of what is missing for a window, for tests, for making a .venv."""
    if not sys.platform.startswith("linux"):
        return []
    missing = ["python3-venv"] if venv else []
    if window or tests:
        missing += [name for name, library in WINDOW_LIBRARIES.items() if not _loads(library)]
    if tests:
        missing += [name for name, program in TEST_PROGRAMS.items() if not shutil.which(program)]
    return missing


def install_line(packages: list[str]) -> str:
    """Return the line a person can paste to install the packages."""
    names = " ".join(packages)
    return f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"


def install(packages: list[str]) -> None:
    """Install Debian packages; raises SystemPackagesMissing where that is not allowed or fails.

    Where there is no apt-get, says what seems to be missing and lets the caller go on.
    """
    if not shutil.which("apt-get"):
        print(f"Some system libraries seem to be missing, by Debian's names: {' '.join(packages)}")
        print("If what follows fails, install them with this system's own package tool.")
        return
    prefix = _root_prefix()
    if prefix is None:
        raise SystemPackagesMissing(
            f"Some system packages are missing. Please run:\n  {install_line(packages)}"
        )
    print(f"Installing system packages: {' '.join(packages)}", flush=True)
    _apt_get(prefix, "update")
    output = _apt_get(prefix, "install", "-y", "--no-install-recommends", *packages)
    if output is not None:
        raise SystemPackagesMissing(
            f"{output}\nThe system packages could not be installed. Please run:\n"
            f"  {install_line(packages)}"
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _root_prefix() -> list[str] | None:
    """Return how to run a command as root without a password, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def _apt_get(prefix: list[str], *arguments: str) -> str | None:
    """Run apt-get; return None, or the end of its output where it failed."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    lock = f"DPkg::Lock::Timeout={_DPKG_LOCK_TIMEOUT_S}"
    command = [*prefix, "env", f"PATH={path}", "DEBIAN_FRONTEND=noninteractive"]
    done = subprocess.run(
        [*command, "apt-get", "-q", "-o", lock, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return None if done.returncode == 0 else "\n".join(done.stdout.splitlines()[-15:])
