"""Runs a measurement in a process of its own and ends everything it started.

The program runs in a process group of its own with a time limit. It says its figures with `say`;
the last word counts, so that one that hangs has still told how far it came. All that it starts
inherits a mark in the environment, by which it is found again even when it left the group.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import psutil

ROOT: Final = Path(__file__).resolve().parent.parent
MARK: Final = "EVERYCORE_MEASUREMENT"
WORD: Final = "measured "
# Resource trackers and lifelines notice within milliseconds that their parent has gone.
GRACE_S: Final = 3.0
STATUS: Final = Path("/proc/self/status")
CLEAR_PEAK: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program came to its end: what it said last, and what was wrong (empty: nothing)."""

    said: Any
    problem: str
    is_hung: bool
    left_behind: int


def heed_termination() -> None:
    """Let SIGTERM end this program like Ctrl-C does: with what it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def say(figures: object) -> None:
    """Tell the figures to the process that measures; may be called again as they grow."""
    print(f"\n{WORD}{json.dumps(figures)}", flush=True)


def run_apart(code: str, limit_s: float) -> Ended:
    """Run Python code in a process group of its own, ended at the limit; leave no process.

    The code's functions are imported from `benchmarks`: it is no file that a spawned worker would
    import again. Whoever is still there some seconds after the program was left behind by it.
    """
    mark = uuid4().hex
    with TemporaryDirectory(prefix="ec-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        out, err = place / "out.txt", place / "err.txt"
        # Files, not pipes: a process left behind would hold a pipe open.
        with out.open("wb") as out_file, err.open("wb") as err_file:
            child = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                cwd=place,
                env=_environment(place, mark),
                start_new_session=True,
            )
            try:
                is_hung = _waited_too_long(child, limit_s)
                left_behind = len(_remaining(mark))
            finally:
                _end_all(child, mark)
        said = _last_word(out.read_text(encoding="utf-8", errors="replace"))
        complaint = err.read_text(encoding="utf-8", errors="replace")
    return Ended(said, _problem(child.returncode, complaint, is_hung), is_hung, left_behind)


def _environment(place: Path, mark: str) -> dict[str, str]:
    return {
        # Compiled modules are kept beside their sources, as those of installed packages are.
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        MARK: mark,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(place),
        "EVERYCORE_HOME": str(place / "home"),
        # One thread a worker: two cores with a dozen BLAS threads measure the scheduler of the OS.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _waited_too_long(child: subprocess.Popen[bytes], limit_s: float) -> bool:
    try:
        child.wait(limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return True
    return False


def _remaining(mark: str) -> list[psutil.Process]:
    """Return the marked processes that do not end by themselves within the grace."""
    _gone, alive = psutil.wait_procs(list(_marked(mark)), timeout=GRACE_S)
    return alive


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                yield process
        except psutil.Error:  # ended meanwhile, or somebody else's
            continue


def _end_all(child: subprocess.Popen[bytes], mark: str) -> None:
    if os.name != "nt":
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody of the group is left
    while marked := list(_marked(mark)):  # again: one may have started another meanwhile
        for process in marked:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        psutil.wait_procs(marked, timeout=GRACE_S)
    child.wait()


def _last_word(output: str) -> Any:  # noqa: ANN401 - what json.loads gives
    lines = [line for line in output.splitlines() if line.startswith(WORD)]
    return json.loads(lines[-1].removeprefix(WORD)) if lines else None


def _problem(status: int, complaint: str, is_hung: bool) -> str:
    if is_hung:
        return "hung, ended at the limit"
    if status == 0:
        return ""
    lines = [line for line in complaint.splitlines() if line.strip()]
    return lines[-1].strip() if lines and status > 0 else f"ended with status {status}"


def forget_peak() -> int:
    """Let the peak of this process's memory begin now; return the bytes it holds."""
    held: int = psutil.Process().memory_info().rss
    if CLEAR_PEAK.exists():
        CLEAR_PEAK.write_text("5", encoding="ascii")
    return held


def peak_bytes() -> int:
    """Return the most memory this process held: since `forget_peak` on Linux, else ever."""
    if CLEAR_PEAK.exists():
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        peak: int = psutil.Process().memory_info().peak_wset
        return peak
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
