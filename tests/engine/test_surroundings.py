"""A worker after a task is as it was before: each change is made in a process of its own."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import PATIENCE_S
from workers.leftovers import Left

CHILD = """
import ctypes, decimal, gc, locale, logging, multiprocessing, os, random, signal, socket
import subprocess, sys, threading, time, warnings
from workers.surroundings import Surroundings

def look():
    return {look}

def change():
{change}

surroundings = Surroundings(has_own_code=True)
before = look()
change()
changed = look()
settled = surroundings.settle()
print(repr((changed != before, look() == before, settled.is_spent, settled.words)))
"""

EVERYWHERE = {
    "folder": ("os.mkdir('x'); os.chdir('x')", "os.getcwd()"),
    "variable added": ("os.environ['NEW_NAME'] = '1'", "dict(os.environ)"),
    "variable changed": ("os.environ['PATH'] = 'x'", "dict(os.environ)"),
    "variable removed": ("del os.environ['PATH']", "dict(os.environ)"),
    "environment replaced": ("os.environ = {}", "dict(os.environ)"),
    "signal handler": ("signal.signal(signal.SIGTERM, print)", "signal.getsignal(signal.SIGTERM)"),
    "path grown": ("sys.path.insert(0, 'x')", "list(sys.path)"),
    "path replaced": ("sys.path = ['x']", "(id(sys.path), list(sys.path))"),
    "arguments": ("sys.argv.append('x')", "list(sys.argv)"),
    "warning filters": ("warnings.simplefilter('error')", "list(warnings.filters)"),
    "warning hook": ("warnings.showwarning = print", "warnings.showwarning"),
    "trace function": ("sys.settrace(lambda *_: None)", "sys.gettrace()"),
    "profile function": ("sys.setprofile(lambda *_: None)", "sys.getprofile()"),
    "recursion limit": ("sys.setrecursionlimit(10**9)", "sys.getrecursionlimit()"),
    "switch interval": ("sys.setswitchinterval(1)", "sys.getswitchinterval()"),
    "exception hook": ("sys.excepthook = print", "sys.excepthook"),
    "collector": ("gc.disable(); gc.set_threshold(1)", "(gc.isenabled(), gc.get_threshold())"),
    "socket timeout": ("socket.setdefaulttimeout(0.1)", "socket.getdefaulttimeout()"),
    "start method": (
        "multiprocessing.set_start_method('spawn', force=True)",
        "multiprocessing.get_start_method(allow_none=True)",
    ),
    "log": (
        "logging.basicConfig(level=1, filename='log'); logging.disable(50)",
        "(logging.root.level, list(logging.root.handlers), logging.root.manager.disable)",
    ),
}

ON_POSIX = {
    "mask": ("os.umask(0o777)", "(lambda mask: (os.umask(mask), mask)[1])(os.umask(0))"),
    "variable in C": (
        "os.environ['NEW_NAME'] = '1'",
        "ctypes.cast(ctypes.CDLL(None).getenv(b'NEW_NAME'), ctypes.c_void_p).value",
    ),
    "time zone": ("os.environ['TZ'] = 'XYZ+7:13'; time.tzset()", "time.localtime(0).tm_min"),
    "blocked signals": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 20))",
        "signal.pthread_sigmask(signal.SIG_BLOCK, ())",
    ),
    "signal that waits": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, [14]); os.kill(os.getpid(), signal.SIGALRM)",
        "signal.sigpending()",
    ),
    "alarm": ("signal.alarm(1000)", "signal.getitimer(signal.ITIMER_REAL)[0] > 0"),
    "timer of processor time": (
        "signal.setitimer(signal.ITIMER_PROF, 1000)",
        "signal.getitimer(signal.ITIMER_PROF)[0] > 0",
    ),
    "soft limit": (
        "import resource as r; r.setrlimit(r.RLIMIT_CORE, (1, r.getrlimit(r.RLIMIT_CORE)[1]))",
        "__import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)",
    ),
}
IS_WINDOWS = sys.platform == "win32"
CASES = {**EVERYWHERE, **({} if IS_WINDOWS else ON_POSIX)}


def settled_after(change: str, folder: Path, look: str = "0") -> tuple[bool, bool, bool, str]:
    """Return (something changed, all is as before, the worker is spent, words)."""
    lines = "\n".join(f"    {line}" for line in change.splitlines())
    answer = subprocess.run(
        [sys.executable, "-c", CHILD.format(change=lines, look=look)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    is_changed, is_as_before, is_spent, words = ast.literal_eval(answer.stdout.splitlines()[-1])
    return is_changed, is_as_before, is_spent, words


@pytest.mark.parametrize("name", CASES)
def test_what_a_task_changes_is_put_back(name: str, tmp_path: Path) -> None:
    change, look = CASES[name]
    assert settled_after(change, tmp_path, look) == (True, True, False, "")


@pytest.mark.skipif(IS_WINDOWS, reason="Windows removes no folder that a process stands in")
def test_removed_folder_is_gone_back_to(tmp_path: Path) -> None:
    change = "os.rmdir(os.getcwd()); os.chdir('/')"
    folder = tmp_path / "removed"
    folder.mkdir()
    assert settled_after(change, folder, "os.stat('.').st_ino") == (True, True, False, "")


def test_locale_is_put_back(tmp_path: Path) -> None:
    change = """
for name in ("C.UTF-8", "POSIX", "en_US.UTF-8"):
    try: locale.setlocale(locale.LC_ALL, name)
    except locale.Error: continue
"""
    _, is_as_before, _, _ = settled_after(change, tmp_path, "locale.setlocale(locale.LC_ALL)")
    assert is_as_before


def test_each_task_begins_with_random_numbers_of_its_own(tmp_path: Path) -> None:
    numbers = "(random.seed(1), surroundings.settle(), random.random())[-1]"
    change = f"import numpy.random\nassert {numbers} != {numbers}"
    change += "\nnumpy.random.seed(1); surroundings.settle(); one = numpy.random.random()"
    change += "\nnumpy.random.seed(1); surroundings.settle(); assert one != numpy.random.random()"
    settled_after(change, tmp_path)


THREAD = "threading.Thread(target=threading.Event().wait, args=(60,), daemon={}).start()"
OWN_THREAD = """
import types
module = types.ModuleType("everycore_own_code_x")
exec("def run():\\n    import threading; threading.Event().wait(60)", vars(module))
threading.Thread(target=module.run, daemon=True).start()
"""
POOLED = """
from concurrent.futures import ThreadPoolExecutor
global kept
kept = ThreadPoolExecutor(2)
kept.submit({}).result()
"""
FILES = "global kept\nkept = [open(os.devnull) for _ in range({})]\n"


@pytest.mark.parametrize(
    ("change", "is_spent"),
    [
        (f"{THREAD.format(False)}\nthreading._shutdown = lambda: None", True),
        (THREAD.format(True), False),
        (OWN_THREAD, True),
        (POOLED.format("abs, 1"), False),
        ("threading.Thread(target=time.time).start()", False),
        (FILES.format(20), False),
        (FILES.format(200), True),
        ("for _ in range(200): loop = [open(os.devnull)]; loop.append(loop)", False),
    ],
    ids=[
        "thread",
        "library's thread",
        "own code's daemon",
        "idle pool",
        "thread that ends",
        "some files",
        "many files",
        "files in cycles",
    ],
)
def test_worker_is_spent_by_what_cannot_be_undone(
    change: str, is_spent: bool, tmp_path: Path
) -> None:
    assert settled_after(change, tmp_path)[2] is is_spent


@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no such limits")
def test_limit_that_cannot_be_raised_again_spends_the_worker(tmp_path: Path) -> None:
    change = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.setuid(65534) if os.getuid() == 0 else None
"""
    look = "__import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)[1] == 0"
    is_changed, _, is_spent, _ = settled_after(change, tmp_path, look)
    assert is_spent or not is_changed, "where the hard limit was 0 before, nothing changed"


@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no fork")
def test_processes_are_ended_and_reaped_wherever_they_hide(tmp_path: Path) -> None:
    change = """
subprocess.Popen(["sleep", "300"])
multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,)).start()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execvp("sleep", ["sleep", "300"])
    os._exit(0)
subprocess.Popen(["true"])
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
"""
    look = "__import__('psutil').Process().children(recursive=True)"
    left = 3 if sys.platform == "linux" else 2
    words = f"Left {left} processes; ended."
    assert settled_after(change, tmp_path, look) == (True, True, False, words)


def test_processes_of_before_live_on(tmp_path: Path) -> None:
    change = """
global surroundings
helper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
surroundings = Surroundings(has_own_code=True)
assert surroundings.settle().words == ""
assert helper.poll() is None
helper.communicate(b"\\n")
assert helper.returncode == 0
"""
    assert settled_after(change, tmp_path)[3] == ""


def test_warnings_of_own_code_are_told_each_time(tmp_path: Path) -> None:
    change = """
for _ in range(2):
    warnings.warn("a bit off"); warnings.warn("a bit off"); warnings.warn("much")
    assert surroundings.settle().words == "UserWarning: a bit off UserWarning: much"
for number in range(9): warnings.warn(f"number {number}")
"""
    words = settled_after(change, tmp_path)[3]
    assert words.endswith("UserWarning: number 2 (and 6 more)")


def test_library_threads_can_be_set_anew_but_not_over_the_persons_own(tmp_path: Path) -> None:
    change = """
from workers.limits import library_threads
os.environ.pop("OMP_NUM_THREADS", None)
os.environ["POLARS_MAX_THREADS"] = "3"
library_threads(1)
assert os.environ["OMP_NUM_THREADS"] == "1"
import pyvips
library_threads(2)
assert os.environ["OMP_NUM_THREADS"] == "2"
assert os.environ["POLARS_MAX_THREADS"] == "3"
assert pyvips.concurrency_get() == int(os.environ["VIPS_CONCURRENCY"])
"""
    settled_after(change, tmp_path)


def test_what_was_left_is_put_in_words() -> None:
    assert Left().words == ""
    assert Left(1, 2).words == "Left 1 process; ended. Left 2 threads running."
