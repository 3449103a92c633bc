"""A process that enters a sandbox, tries things and prints a JSON object of how each ended.

Run by test_sandbox.py as a program of its own, for there is no way out of a sandbox. Arguments:
a folder with `in`, `out` and what must stay out of reach, the port of a TCP server, and the
version of Landlock to act as (0: whatever there is, with seccomp).
"""

import ctypes
import errno
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from workers import landlock, limits
from workers.operations.input_file import open_input
from workers.outcome import Failure
from workers.sandbox import Offer, Sandbox, enter


def refused_things(place: Path, port: int) -> dict[str, Callable[[], object]]:
    """Return what no worker may do, by a name for each."""
    secret = place / "secret" / "key"
    parent = os.getppid()
    return {
        "read a file of the person's": secret.read_text,
        "list the home folder": lambda: list(Path.home().iterdir()),
        "read the list of users": Path("/etc/passwd").read_text,
        "read an input's neighbour": (place / "in-and-more").read_text,
        "leave the inputs by a link": (place / "in" / "link").read_text,
        "read another process's environment": Path(f"/proc/{parent}/environ").read_bytes,
        "write beside the output": lambda: (place / "new").write_text("x"),
        "write in the common temporary folder": lambda: Path("/tmp/x-everycore").write_text("x"),
        "change an input": lambda: (place / "in" / "a.txt").write_text("x"),
        "delete an input": (place / "in" / "a.txt").unlink,
        "move an input away": lambda: (place / "in" / "a.txt").rename(place / "out" / "b.txt"),
        "move an output away": lambda: moved_away(place),
        "start a program": lambda: subprocess.run(["/bin/true"], check=False),
        "become a program": lambda: os.execv("/bin/true", ["true"]),
        "connect by TCP": lambda: connected(port),
        "end its parent": lambda: os.kill(parent, 0),
        "open the person's disk": lambda: os.open("/", os.O_RDONLY | os.O_DIRECTORY),
    }


def filtered_things(place: Path) -> dict[str, Callable[[], object]]:
    """Return what only the filter of system calls refuses."""
    return {
        "send by UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "connect to a local socket": lambda: socket.socket(socket.AF_UNIX),
        "start a process": forked,
        "end every process": lambda: os.kill(-1, 0),
        "change another process's limits": lambda: limited(os.getppid()),
        "look into a process": lambda: called("ptrace", 16, os.getppid(), None, None),
        "take a view of its own": lambda: called("unshare", 0x10000000),
        "change a file's mode": lambda: (place / "secret" / "key").chmod(0o777),
        "change a file's owner": lambda: os.chown(place / "secret" / "key", 0, 0),
    }


def allowed_things(place: Path) -> dict[str, Callable[[], object]]:
    """Return what operations need, and what Python and its libraries do."""
    out = place / "out"
    return {
        "read an input": (place / "in" / "a.txt").read_text,
        "list the inputs": lambda: list((place / "in").iterdir()),
        "read an input by its descriptor": lambda: read_by_descriptor(place / "in" / "a.txt"),
        "write, rename and delete outputs": lambda: write_about(out),
        "use temporary files": lambda: temporary(out),
        "import what is not loaded yet": import_late,
        "know the time zones": zones,
        "ask for memory and cores": look_around,
        "reset its peak of memory": lambda: Path("/proc/self/clear_refs").write_text("5"),
        "discard output": lambda: Path(os.devnull).write_text("x"),
        "take randomness": lambda: Path("/dev/urandom").open("rb").read(4),
        "start threads": start_threads,
        "signal itself": lambda: os.kill(os.getpid(), 0),
        "tell a refused input from an unreadable one": lambda: refusal(place / "secret" / "key"),
    }


def moved_away(place: Path) -> None:
    staged = place / "out" / "staged"
    staged.write_text("x")
    staged.rename(place / "taken")


def connected(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=60).close()


def forked() -> None:
    if os.fork() == 0:
        os._exit(0)


def limited(pid: int) -> None:
    import resource

    resource.prlimit(pid, resource.RLIMIT_CORE)


def called(name: str, *arguments: int | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def read_by_descriptor(path: Path) -> None:
    with path.open("rb") as file:
        Path(f"/proc/self/fd/{file.fileno()}").read_bytes()


def write_about(out: Path) -> None:
    deep = out / "deep" / "er"
    deep.mkdir(parents=True)
    (out / "x").write_text("x")
    (out / "x").rename(deep / "y")
    os.link(deep / "y", out / "z")
    os.truncate(os.open(out / "z", os.O_RDWR), 0)
    (out / "z").replace(deep / "y")
    (deep / "y").unlink()
    deep.rmdir()


def temporary(out: Path) -> None:
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).is_relative_to(out)


def import_late() -> None:
    import numpy as np
    import polars as pl
    import pyvips
    from PIL import Image

    assert Image.new("L", (2, 2)).size == np.zeros((2, 2)).shape
    assert pyvips.Image.black(2, 2).width == pl.DataFrame({"a": [1, 2]}).height


def zones() -> None:
    from zoneinfo import ZoneInfo, available_timezones

    assert not available_timezones() or ZoneInfo("Europe/Berlin").key


def look_around() -> None:
    from workers.memory import available_bytes, oom_kills, peak_bytes, resident_bytes

    assert available_bytes() > 0
    assert resident_bytes() > 0
    assert peak_bytes() > 0
    assert oom_kills() >= 0
    assert os.cpu_count()


def start_threads() -> None:
    thread = threading.Thread(target=list)
    thread.start()
    thread.join()


def refusal(path: Path) -> None:
    answer = open_input(path)
    assert isinstance(answer, Failure)
    assert "refused" in answer.message


def list_privileges(place: Path, answer: Connection) -> None:
    """Enter a sandbox of files alone; tell which threads are in: those that gave up privileges."""
    limits.end_with_parent()
    enter(Sandbox((), (place,), place / "temporary"), Offer(landlock.abi(), has_seccomp=False))
    limits.renew_lifeline()
    threads = Path("/proc/self/task").iterdir()
    answer.send_bytes(json.dumps([_gave_up(thread) for thread in threads]).encode())


def _gave_up(thread: Path) -> bool:
    return "NoNewPrivs:\t1" in (thread / "status").read_text()


def ended(thing: Callable[[], object]) -> str:
    """Do it; say "done", the name of the error's number, or what else went wrong."""
    try:
        thing()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    except Exception as error:  # noqa: BLE001  # the test shows it
        return repr(error)
    return "done"


def main() -> None:
    """Enter the sandbox and try."""
    place, port, version = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chosen = Sandbox((place / "in",), (place / "out",), place / "out" / "temporary")
    enter(chosen, Offer(version, has_seccomp=False) if version else None)
    things = refused_things(place, port) | filtered_things(place) | allowed_things(place)
    print(json.dumps({name: ended(thing) for name, thing in things.items()}))


if __name__ == "__main__":
    main()
