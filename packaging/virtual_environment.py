"""The project's own `.venv`: made with what this computer has, filled from a lock file.

Part of bootstrap.py; standard library only, and runs on any Python 3.8 or later.
"""

from __future__ import annotations

import collections
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

OLDEST_PYTHON: Final = (3, 11)

# The lock of the tests holds everything in the lock of the app, so it serves both.
LOCKS: Final = {"app": "requirements.lock", "tests": "requirements-dev.lock"}
BUILD_LOCK: Final = "requirements-build.lock"

# What the tests start as programs, again and again.
OWN: Final = ("gui_app", "workers", "resources", "tests", "benchmarks", "packaging")

# It takes 20 s of a core; one that is slower starts slower, but starts.
COMPILED_WITHIN_S: Final = 300.0

_CANDIDATES: Final = ("python3", "python3.13", "python3.12", "python3.11", "python3.14", "python")
# pip learnt `--python` in 22.3: with it a system's pip can fill a .venv that has none.
_PIP_WITH_PYTHON: Final = (22, 3)


class NotReady(Exception):
    """The .venv cannot be made or filled; the message is for a person."""


def find_python() -> str | None:
    """Return a Python that is new enough, this one first, or None."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for name in _CANDIDATES:
        found = shutil.which(name)
        if found and _version_of(found) >= OLDEST_PYTHON:
            return found
    return None


def can_make_venv(python: str) -> bool:
    """Say whether a .venv can be made and filled without a system package."""
    return (
        shutil.which("uv") is not None
        or _succeeds([python, "-c", "import ensurepip, venv"])
        or _system_pip(python)
    )


def venv_program(root: Path, name: str) -> Path:
    """Return where the .venv keeps a program."""
    if os.name == "nt":
        return root / ".venv" / "Scripts" / f"{name}.exe"
    return root / ".venv" / "bin" / name


def is_ready(root: Path, purpose: str) -> bool:
    """Say whether the .venv holds exactly what the lock for that purpose says."""
    stamp = _stamp(root, purpose)
    return (
        stamp.is_file()
        and stamp.read_text(encoding="utf-8") == fingerprint(root, purpose)
        and venv_program(root, "python").exists()
    )


def fingerprint(root: Path, purpose: str) -> str:
    """Return a digest of everything that decides what the .venv must hold."""
    digest = hashlib.sha256()
    for name in (BUILD_LOCK, LOCKS[purpose], "pyproject.toml"):
        digest.update((root / name).read_bytes())
    # A moved folder breaks the scripts of its .venv: their first line holds a full path. So does
    # a newer Python under the same name: the packages are those of the version before.
    digest.update(os.fsencode(root))
    digest.update(repr(_version_of(str(venv_program(root, "python")))).encode())
    return digest.hexdigest()


def locked_names(lock: Path) -> set[str]:
    """Return the names of the packages in a lock file."""
    text = lock.read_text(encoding="utf-8")
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE))


def make_ready(root: Path, purpose: str, python: str) -> None:
    """Make and fill the .venv; raises NotReady. A stamp makes the next start quick."""
    uv = shutil.which("uv")
    count = len(locked_names(root / BUILD_LOCK) | locked_names(root / LOCKS[purpose]))
    print(f"Installing {count} locked packages into .venv (once; some 180 MB).", flush=True)
    try:
        _fill(root, purpose, python, uv)
    except NotReady as problem:
        if uv is None:
            raise
        # uv does not read pip's configuration, which may be what names the way to the packages.
        print(f"{problem}\nThat was uv; now trying pip.", flush=True)
        _fill(root, purpose, python, None)
    for covered in LOCKS if purpose == "tests" else (purpose,):
        _stamp(root, covered).write_text(fingerprint(root, covered), encoding="utf-8")


def compile_own(root: Path) -> None:
    """Compile our own modules, which no installer does and PYTHONDONTWRITEBYTECODE forbids.

    A worker takes 0.17 s of a core to start then, else 0.24 s. What cannot be compiled or written
    is left to whoever imports it.
    """
    _compile(root, [root / name for name in OWN])


def compile_packages(root: Path) -> None:
    """Compile the packages of the .venv by all cores; pip would take one."""
    venv = root / ".venv"
    places = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    _compile(root, list(venv.glob(places)))


def _compile(root: Path, folders: list[Path]) -> None:
    command = [str(venv_program(root, "python")), "-m", "compileall", "-q", "-j", "0"]
    _succeeds([*command, *map(str, folders)], timeout_s=COMPILED_WITHIN_S)


def _fill(root: Path, purpose: str, python: str, uv: str | None) -> None:
    own = str(venv_program(root, "python"))
    if not _succeeds([own, "-c", "import sys"]):
        _make(root, python, uv)
    install = _installer(own, python, uv)
    # pyvips alone has no wheel; it is built with what the first lock brings, nothing else.
    hashed = ["--require-hashes", "--no-build-isolation", "--only-binary", ":all:"]
    _watched([*install, *hashed, "-r", str(root / BUILD_LOCK)])
    _watched([*install, *hashed, "--no-binary", "pyvips", "-r", str(root / LOCKS[purpose])])
    _watched([*install, "--no-deps", "--no-build-isolation", "-e", str(root)])
    compile_packages(root)


def _make(root: Path, python: str, uv: str | None) -> None:
    folder = str(root / ".venv")
    if uv:
        command = [uv, "venv", "--quiet", "--clear", "--python", python, folder]
    else:
        command = [python, "-m", "venv", "--clear", folder]
        if not _succeeds([python, "-c", "import ensurepip"]):
            command.insert(-1, "--without-pip")
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise NotReady(f"{done.stdout}\nThe folder .venv could not be made.")


def _installer(own: str, python: str, uv: str | None) -> list[str]:
    if uv:
        return [uv, "pip", "install", "--compile-bytecode", "--python", own]
    # pip compiles on one core; `compile_packages` does it afterwards on all.
    words = ["install", "--no-compile", "--disable-pip-version-check"]
    if _succeeds([own, "-m", "pip", "--version"]) or _succeeds([own, "-m", "ensurepip"]):
        return [own, "-m", "pip", *words]
    return [python, "-m", "pip", "--python", own, *words]


def _watched(command: list[str]) -> None:
    """Run an installer, showing on a terminal where it is; raises NotReady with its last words."""
    last: collections.deque[str] = collections.deque(maxlen=12)
    is_terminal = sys.stdout.isatty()
    # uv brings certificates of its own; the computer's are right where a company has its own too.
    environment = {"UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1", **os.environ}
    environment["PYTHONUNBUFFERED"] = "1"
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            last.append(line.rstrip())
            if is_terminal:
                print(f"\r\033[K  {line.strip()[:72]}", end="", flush=True)
    if is_terminal:
        print("\r\033[K", end="", flush=True)
    if child.returncode:
        words = "\n".join(last)
        raise NotReady(
            f"{words}\nThe packages could not be installed. If the network was away, try again; "
            "what is already downloaded is kept."
        )


def _stamp(root: Path, purpose: str) -> Path:
    return root / ".venv" / f"everycore-{purpose}.stamp"


def _version_of(python: str) -> tuple[int, ...]:
    code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ()
    return _numbers(done.stdout)


def _system_pip(python: str) -> bool:
    done = subprocess.run(
        [python, "-m", "pip", "--version"], capture_output=True, text=True, check=False
    )
    found = re.match(r"pip ([0-9.]+)", done.stdout)
    return found is not None and _numbers(found.group(1)) >= _PIP_WITH_PYTHON


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", text)[:2])


def _succeeds(command: list[str], timeout_s: float = 60.0) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout_s
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
