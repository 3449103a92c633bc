"""The sandbox of a worker: what it may read and write, told by the engine, entered by the worker.

A decoder that a hostile picture takes over finds itself with the job's inputs, the output folder
and what Python needs; no other file, no network, no program to start, nobody to signal. Linux
only: Landlock for files, TCP and signals, seccomp for the rest, each as far as the kernel goes.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from workers import landlock, seccomp
from workers.landlock import Allowance

# Shared libraries, fonts, time zones, names of file types; /nix/store holds all of them there.
_SYSTEM: Final = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
    *("/usr/share", "/usr/local/share", "/nix/store", "/gnu/store", "/var/cache/fontconfig"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/fonts", "/etc/mime.types"),
    # What there is of cores and memory, for us and for libraries.
    *("/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm", "/dev/urandom", "/dev/zero"),
)
# The kernel makes these anew when nobody has them open, and what was allowed went with the old.
_HELD_OPEN: Final = (
    *("/proc/self", "/proc/meminfo", "/proc/vmstat", "/proc/cpuinfo", "/proc/stat"),
    "/proc/sys/vm/overcommit_memory",
)
_PEAK_MEMORY: Final = "/proc/self/clear_refs"
_NOTHING: Final = "/dev/null"
_STDOUT: Final = 1
_held: Final[list[int]] = []


class Sandbox(Struct, frozen=True):
    """What a worker may reach besides what Python and its libraries need.

    `temporary` is the folder of temporary files, made when it is missing. In folders of
    `growing` (the trash) files may be added, none read or removed.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    temporary: Path
    growing: tuple[Path, ...] = ()
    has_own_code: bool = False


class Offer(NamedTuple):
    """What the kernel offers to confine a worker; a `landlock` of 0 is none."""

    landlock: int
    has_seccomp: bool

    @property
    def protects_files(self) -> bool:
        """Say whether workers can be kept from other files and still write their outputs."""
        return self.landlock >= landlock.OLDEST_ABI


def offered() -> Offer:
    """Return what this kernel offers."""
    if sys.platform != "linux":
        return Offer(0, has_seccomp=False)
    return Offer(landlock.abi(), seccomp.is_offered())


def enter(sandbox: Sandbox, offer: Offer | None = None) -> Offer:
    """Confine this process for ever, as far as the kernel offers; return what it did.

    Threads that run already keep their rights to files before Landlock 8.
    """
    offer = offered() if offer is None else offer
    _use_temporary(sandbox.temporary)
    is_restricted = offer.protects_files and landlock.restrict(_allowances(sandbox), offer.landlock)
    is_filtered = offer.has_seccomp and seccomp.restrict(may_change_modes=sandbox.has_own_code)
    return Offer(offer.landlock if is_restricted else 0, is_filtered)


def _use_temporary(folder: Path) -> None:
    with suppress(OSError):  # the output drive is gone: the task will tell
        folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(folder)
    if "tempfile" in sys.modules:  # it may have asked before; unloaded, it costs 3 ms
        import tempfile

        tempfile.tempdir = None


def _allowances(sandbox: Sandbox) -> Iterator[Allowance]:
    for descriptor in _hold_open(_HELD_OPEN):
        yield Allowance(descriptor, landlock.READ)
    for descriptor in _hold_open((_PEAK_MEMORY,)):
        yield Allowance(descriptor, landlock.WRITE_FILE | landlock.TRUNCATE)
    for folder in dict.fromkeys((*_SYSTEM, *python_places())):
        yield Allowance(folder, landlock.READ)
    yield from _own_places()
    for path in sandbox.readable:
        yield Allowance(str(path), landlock.READ)
    # A link in the output folder is made only where one that is there may have to give way.
    links = landlock.MAKE_SYM if sandbox.growing else 0
    for path in (*sandbox.writable, sandbox.temporary):
        yield Allowance(str(path), landlock.WRITE | links)
    for path in sandbox.growing:
        yield Allowance(str(path), landlock.ADD | links)
    for written in (_NOTHING, _STDOUT):
        yield Allowance(written, landlock.READ_FILE | landlock.WRITE_FILE | landlock.TRUNCATE)


def _hold_open(places: Iterable[str]) -> list[int]:
    """Open what must stay open as long as the process."""
    opened = []
    for place in places:
        with suppress(OSError):
            opened.append(os.open(place, os.O_PATH | os.O_CLOEXEC))
    _held.extend(opened)
    return opened


def python_places() -> list[str]:
    """Return the folders from which Python imports, but for those as wide as the home folder.

    Nor the current folder, which `python -m` puts on the search path: it holds anything.
    """
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    here, home = os.path.realpath(os.curdir), _home()
    searched = (place for place in (*sys.path, *libraries) if place.startswith(os.sep))
    places = [place for place in map(os.path.realpath, searched) if place != here]
    found = dict.fromkeys((*map(os.path.realpath, prefixes), *places))
    return [place for place in found if not home.is_relative_to(place)]


def _own_places() -> Iterator[Allowance]:
    """Yield where this program's packages are; imports list the folder around them."""
    package = Path(__file__).resolve().parent
    yield Allowance(str(package.parent), landlock.READ_DIR)
    for folder in (package, package.with_name("resources")):
        yield Allowance(str(folder), landlock.READ)


def _home() -> Path:
    try:
        return Path.home().resolve()
    except RuntimeError:  # the person has none
        return Path(os.sep)
