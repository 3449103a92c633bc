"""Cores, memory, folders and what the kernel offers for keeping workers in bounds."""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from workers.command_line.diagnosis import Diagnosis
from workers.command_line.window import has_display
from workers.folders import journals_folder
from workers.load import usable_cores
from workers.sandbox import Offer, offered
from workers.wording import count_words, size_words

# What Landlock keeps workers from, by the version that began it.
_LANDLOCK_KEEPS: Final = ((2, "files"), (4, "TCP"), (5, "devices"), (6, "signals"))
# SQLite's write-ahead log needs shared memory, which file systems across a network lack.
_NETWORK_FILE_SYSTEMS: Final = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "webdav")
)
_LEAST_MEMORY: Final = 500_000_000
_LEAST_OPEN_FILES: Final = 256
_LEAST_SHARED_MEMORY: Final = 16_000_000


def diagnoses() -> list[Diagnosis]:
    """Return what was found of the system."""
    found = [_cores(), _memory(), _start_method(), *_journals(), _display()]
    if os.name == "posix":
        found.append(_open_files())
    if sys.platform == "linux":
        found += [_shared_memory(), sandbox(offered())]
    return found


def sandbox(offer: Offer) -> Diagnosis:
    """Return the diagnosis of what the kernel offers to confine workers."""
    filtered = "seccomp: yes" if offer.has_seccomp else "seccomp: no"
    if not offer.landlock:
        finding = f"No Landlock in this kernel; {filtered}."
    else:
        kept = ", ".join(words for abi, words in _LANDLOCK_KEEPS if offer.landlock >= abi)
        finding = f"Landlock ABI {offer.landlock}: {kept or 'too old'}; {filtered}."
    if offer.protects_files:
        beyond = ", no network and no programs" if offer.has_seccomp else ""
        finding += f" Built-in operations reach their job's files only{beyond}."
        return Diagnosis("Sandbox", True, finding)
    advice = "Linux 5.19 or newer with Landlock on keeps workers from other files."
    if offer.has_seccomp:
        advice = f"Workers reach no network and no programs, but every file. {advice}"
    return Diagnosis("Sandbox", False, finding, advice)


def file_system_of(folder: Path) -> str:
    """Return the type of the file system that holds the folder, "" where it cannot be told."""
    import psutil

    best, kind = 0, ""
    resolved = folder.resolve()
    for partition in psutil.disk_partitions(all=True):
        mount = Path(partition.mountpoint)
        if resolved.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), partition.fstype
    return kind


def _cores() -> Diagnosis:
    usable, total = usable_cores(), os.cpu_count() or 1
    words = f"{usable} of {total} usable" if usable < total else f"{total} usable"
    return Diagnosis("Cores", True, words)


def _memory() -> Diagnosis:
    import psutil

    memory = psutil.virtual_memory()
    words = f"{size_words(memory.available)} of {size_words(memory.total)} available"
    is_ok = memory.available >= _LEAST_MEMORY
    return Diagnosis(
        "Memory", is_ok, words, "" if is_ok else "Close something, or use --workers 1."
    )


def _start_method() -> Diagnosis:
    is_ok = "spawn" in multiprocessing.get_all_start_methods()
    return Diagnosis("Worker start", is_ok, "spawn", is_needed=True)


def _journals() -> list[Diagnosis]:
    advice = "Point EVERYCORE_HOME to a folder on a local disk that you may write."
    try:
        folder = journals_folder()
        with tempfile.TemporaryFile(dir=folder):
            free = size_words(_free_bytes(folder))
    except OSError as error:
        words = f"Cannot be written: {error.strerror}."
        return [Diagnosis("Journals", False, words, advice, is_needed=True)]
    kind = file_system_of(folder)
    is_local = kind.lower() not in _NETWORK_FILE_SYSTEMS
    return [
        Diagnosis("Journals", True, f"{folder}, {free} free", is_needed=True),
        Diagnosis(
            "Journals' disk",
            is_local,
            kind or "of unknown kind",
            "" if is_local else f"Journals are not safe across a network. {advice}",
            is_needed=True,
        ),
    ]


def _free_bytes(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


def _open_files() -> Diagnosis:
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_endless = limit == resource.RLIM_INFINITY
    is_ok = is_endless or limit >= _LEAST_OPEN_FILES
    words = "no limit" if is_endless else f"at most {count_words(limit, 'file')}"
    return Diagnosis("Open files", is_ok, words, "" if is_ok else "Raise it: ulimit -n 1024")


def _shared_memory() -> Diagnosis:
    folder = Path("/dev/shm")
    try:
        free = _free_bytes(folder)
        is_ok = os.access(folder, os.W_OK) and free >= _LEAST_SHARED_MEMORY
        words = f"{size_words(free)} free"
    except OSError as error:
        is_ok, words = False, f"{error.strerror}."
    advice = "" if is_ok else "In a container: --shm-size=64m"
    return Diagnosis("/dev/shm", is_ok, words, advice)


def _display() -> Diagnosis:
    if has_display(os.environ, sys.platform):
        words = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "yes"
        return Diagnosis("Display", True, words)
    return Diagnosis("Display", False, "None here.", "The terminal works without one.")
