"""What own code can do to its worker, and what becomes of its task and of the others."""

import csv
import json
import sys
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import Running, job_of, own_code, sweep_of
from tests.engine.test_engine import busy_workers, fill, outputs_of
from workers.commands import CancelJob
from workers.job import Axis, JobState, TaskState
from workers.outcome import FailureKind
from workers.snapshot import JobSnapshot, TaskRow

IS_WINDOWS = sys.platform == "win32"
COPY = "\n    output.write_bytes(path.read_bytes())\n"
BAD = '    if path.stem == "001": '


def process(bad: str, *, prelude: str = "") -> str:
    """Return own code that copies its input, but does something bad for 001."""
    return f"{prelude}\ndef process(path, output):\n{BAD}{bad}{COPY}"


def failed_of(
    running: Running, folder: Path, tmp_path: Path, source: str, **limits: float
) -> TaskRow:
    """Run own code over four files, of which it does 001 alone badly; return the row of that."""
    names = fill(folder, 4)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source), **limits))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (3, 1)
    assert sorted(outputs_of(tmp_path / "out")) == [n for n in names if n != "001.txt"]
    (failed,) = (row for row in running.ended if row.state is TaskState.FAILED)
    assert failed.name == "001.txt"
    return failed


@pytest.mark.skipif(IS_WINDOWS, reason="Windows knows no such signals")
@pytest.mark.parametrize(
    ("crash", "name"), [("ctypes.string_at(0)", "SIGSEGV"), ("os.abort()", "SIGABRT")]
)
def test_crash_fails_its_file_with_the_stack_of_the_last_attempt(
    running: Running, folder: Path, tmp_path: Path, crash: str, name: str
) -> None:
    row = failed_of(running, folder, tmp_path, process(crash, prelude="import ctypes, os"))
    assert (row.failure, row.attempts) == (FailureKind.WORKER_LOST, 2)
    assert row.message == f"The worker process crashed twice on this file ({name})."
    assert "Fatal Python error" in row.detail
    assert "own_code.py" in row.detail


@pytest.mark.skipif(IS_WINDOWS, reason="Windows refuses to truncate a mapped file")
def test_file_truncated_while_it_is_mapped_fails_alone(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    source = """
import mmap, os
def process(path, output):
    output.write_bytes(path.read_bytes())
    if path.stem == "001":
        other = path.parent.parent / "mapped"
        other.write_bytes(bytes(100_000))
        with other.open("r+b") as stream:
            view = mmap.mmap(stream.fileno(), 0)
            os.truncate(other, 0)
            view[50_000]
"""
    row = failed_of(running, folder, tmp_path, source)
    assert row.failure is FailureKind.BAD_INPUT
    assert row.message == "The file changed while it was being read."


@pytest.mark.parametrize(
    "loop",
    ["while True: pass", 're.match(r"(a+)+$", "a" * 99 + "b")'],
    ids=["in Python", "in C, holding the interpreter lock"],
)
def test_endless_loop_is_ended_at_its_time_limit(
    running: Running, folder: Path, tmp_path: Path, loop: str
) -> None:
    source = (
        f"import re\ndef process(path, output):\n    if path.stem == '001':\n        {loop}{COPY}"
    )
    row = failed_of(running, folder, tmp_path, source, timeout_s=1.0)
    assert (row.failure, row.message) == (FailureKind.TIMED_OUT, "Took longer than 1 s.")


@pytest.mark.skipif(IS_WINDOWS, reason="Windows knows no such signals")
def test_worker_that_ignores_and_blocks_signals_is_cancelled_all_the_same(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 4)
    source = """
import signal
def process(path, output):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    (path.parent.parent / f"began-{path.stem}").touch()
    while True: pass
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    at_work = running.until(
        lambda now: busy_workers(now) == len(list(tmp_path.glob("began-*"))) == 2
    )
    running.post(CancelJob())
    end = running.until(lambda now: now.state is JobState.CANCELLED)
    assert end.counts.cancelled == 4
    workers = {lane.pid for lane in at_work.lanes}
    running.until(lambda _: not any(map(psutil.pid_exists, workers)))


@pytest.mark.parametrize(
    ("leave", "kind", "words"),
    [
        (
            "os._exit(0)",
            FailureKind.WORKER_LOST,
            "ended by the function twice on this file (exit 0)",
        ),
        ("sys.exit()", FailureKind.OPERATION_FAILED, "The function called exit (None)."),
        ("raise SystemExit(3)", FailureKind.OPERATION_FAILED, "The function called exit (3)."),
        ("raise KeyboardInterrupt", FailureKind.OPERATION_FAILED, "KeyboardInterrupt"),
    ],
)
def test_function_that_leaves_does_not_count_as_done(
    running: Running, folder: Path, tmp_path: Path, leave: str, kind: FailureKind, words: str
) -> None:
    row = failed_of(running, folder, tmp_path, process(leave, prelude="import os, sys"))
    assert row.failure is kind
    assert words in row.message


def test_recursion_without_end_fails_alone(running: Running, folder: Path, tmp_path: Path) -> None:
    prelude = """
import sys
def deeper(_):
    return list(map(deeper, [0]))
def fall():
    sys.setrecursionlimit(10**9)
    deeper(0)
"""
    row = failed_of(running, folder, tmp_path, process("fall()", prelude=prelude))
    assert row.failure in (FailureKind.WORKER_LOST, FailureKind.OPERATION_FAILED)
    assert "SIGSEGV" in row.message or "RecursionError" in row.message or IS_WINDOWS


def test_memory_that_is_not_there_is_asked_for_once_more_alone(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    row = failed_of(running, folder, tmp_path, process("bytearray(1 << 62)"))
    assert (row.failure, row.attempts) == (FailureKind.OUT_OF_MEMORY, 2)
    assert row.message == "Needs more memory than this computer has free."


@pytest.mark.parametrize(
    "flood",
    [
        "print('x' * 200_000_000); print('the end')",
        "[print('x' * 99) for _ in range(300_000)]; print('the end')",
        "os.write(2, b'x' * 100_000_000); os.write(1, b'the end')",
        "subprocess.run([sys.executable, '-c', \"print('x' * 50_000_000); print('the end')\"])",
    ],
    ids=["one line", "many lines", "below Python", "child"],
)
def test_flood_of_prints_leaves_the_last_64_kb(
    running: Running, folder: Path, tmp_path: Path, flood: str
) -> None:
    bad = f"{flood}; raise ValueError('printed')"
    row = failed_of(running, folder, tmp_path, process(bad, prelude="import os, subprocess, sys"))
    assert row.message == "ValueError: printed (own_code.py, line 3)"
    assert row.detail.endswith("the end")
    assert 60_000 < row.detail.count("x") < 70_000


@pytest.mark.parametrize(
    "write",
    ["print('x' * 999_999)", "os.write(1, piece)"],
    ids=["through Python", "below Python"],
)
def test_what_a_task_prints_stays_small_on_the_disk(
    running: Running, folder: Path, tmp_path: Path, write: str
) -> None:
    fill(folder, 1)
    source = f"""
import os, sys, time
def process(path, output):
    piece, give_up, sizes = b"x" * 1_000_000, time.monotonic() + 60, []
    while len(sizes) < 100 or (max(sizes) <= sizes[-1] and time.monotonic() < give_up):
        {write}
        status = os.fstat(1)
        sizes.append(getattr(status, "st_blocks", status.st_size // 512) * 512)
    output.write_text(str(max(sizes) > sizes[-1] or max(sizes) < 3_000_000))
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    assert outputs_of(tmp_path / "out") == {"000.txt": "True"}


@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no sessions")
def test_processes_that_a_task_leaves_are_ended_and_told(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    source = """
import os, subprocess
def process(path, output):
    left = [subprocess.Popen(["setsid", "sleep", "300"]).pid for _ in range(2)]
    output.write_text(" ".join(map(str, left)))
    if path.stem == "001": raise ValueError("one")
"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    good, bad = sorted(running.ended, key=lambda row: row.name)
    assert (good.state, good.has_warning) == (TaskState.SUCCEEDED, True)
    assert good.message == "Left 2 processes; ended."
    assert bad.message == "ValueError: one (own_code.py, line 6)"
    assert "Left 2 processes; ended." in bad.detail
    pids = (tmp_path / "out" / "000.txt").read_text().split()
    assert not any(psutil.pid_exists(int(pid)) for pid in pids)


def test_every_task_finds_the_worker_as_the_first_one_did(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 5)
    source = """
import decimal, json, locale, os, random, signal, sys, warnings
def look():
    mask = os.umask(0)
    os.umask(mask)
    return [os.getcwd(), mask, dict(os.environ), str(signal.getsignal(signal.SIGTERM)), sys.path,
            locale.setlocale(locale.LC_ALL), decimal.getcontext().prec, len(warnings.filters)]
def process(path, output):
    output.write_text(json.dumps([look(), random.random()]))
    os.chdir(path.parent)
    os.umask(0o777)
    os.environ["NEW_NAME"] = "1"
    del os.environ["PATH"]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.path.clear()
    decimal.getcontext().prec = 3
    warnings.simplefilter("error")
    random.seed(1)
"""
    running = Running(journals, workers=1)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    running.engine.close()
    found = [json.loads(text) for text in outputs_of(tmp_path / "out").values()]
    assert len(found) == len(names)
    assert all(look == found[0][0] for look, _number in found)
    assert len({number for _look, number in found}) == len(names)


ODD_EXCEPTIONS = """
class NeedsTwo(Exception):
    def __init__(self, one, two): super().__init__()
class NoText(Exception):
    def __str__(self): raise SystemExit
class NoPickle(Exception):
    def __reduce__(self): os._exit(1)
class OddText(str):
    def strip(self, *_): os._exit(1)
class GivesOddText(Exception):
    def __str__(self): return OddText("odd")
class NoNotes(Exception):
    @property
    def __notes__(self): raise MemoryError
class NoCause(Exception):
    __cause__ = property(lambda self: 1 / 0)
def chained():
    try:
        raise KeyError("first")
    except KeyError as error:
        raise error from error
def deep(n): deep(n - 1) if n else 1 / 0
"""


RAISED = [
    ("raise NeedsTwo(1, 2)", "NeedsTwo"),
    ("raise NoText", "NoText"),
    ("raise NoPickle('why')", "NoPickle: why"),
    ("raise GivesOddText", "GivesOddText: odd"),
    ("raise NoNotes('why')", "NoNotes: why"),
    ("raise NoCause('why')", "NoCause: why"),
    ("raise ValueError(lambda: 0)", "ValueError: <function "),
    ("raise ValueError('x' * 10**8)", "ValueError: xxx"),
    ("raise ValueError('\\udc80\\n\\0')", "ValueError: \\udc80"),
    ("raise ExceptionGroup('all', [ValueError(n) for n in range(999)])", "ExceptionGroup: all"),
    ("raise SyntaxError('odd', (1, 'x', object(), 2))", "SyntaxError: odd (1, line x)"),
    ("raise BaseException", "BaseException"),
    ("raise GeneratorExit", "GeneratorExit"),
    ("raise StopIteration(3)", "StopIteration: 3"),
    ("sys.exit('x' * 10**8)", "The function called exit (xxx"),
    ("sys.setrecursionlimit(20_000); deep(9_000)", "ZeroDivisionError: division by zero"),
    ("chained()", "KeyError: 'first'"),
]


def test_odd_exceptions_are_told_and_each_fails_alone(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 2 * len(RAISED))
    odd = "".join(
        f"    if path.stem == '{number:03}': {raising}\n"
        for number, (raising, _) in zip(range(1, len(names), 2), RAISED, strict=True)
    )
    source = f"import os, sys\n{ODD_EXCEPTIONS}\ndef process(path, output):\n{odd}{COPY}"
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    assert sorted(outputs_of(tmp_path / "out")) == names[::2]
    rows = sorted((row for row in running.ended if row.failure), key=lambda row: row.name)
    assert [row.name for row in rows] == names[1::2]
    for row, (raising, message) in zip(rows, RAISED, strict=True):
        assert row.failure is FailureKind.OPERATION_FAILED, raising
        assert row.message.startswith(message)
        assert len(row.message) < 1000
        assert row.detail
        assert len(row.detail) < 200_000
        assert row.attempts == 1


ODD_RESULTS = {
    "(lambda: 0)": "function is not a number, text or a list",
    "(n for n in [1])": "generator is not a number, text or a list",
    "object()": "object is not a number, text or a list",
    "{1, 2}": "set is not a number, text or a list",
    "1j": "complex is not a number, text or a list",
    "cyclic()": "it contains itself",
    "nested(100_000)": "it is nested too deeply",
    "laughs()": "it is too large: a point may return 32 MB, a block of points four times that",
    "bytes(1 << 26)": "it is too large",
    "10**5000": "a number of more than 4,200 digits",
    "numpy.zeros(10**10, 'b')[:1] * numpy.array([Odd()])": "",
    "numpy.broadcast_to(0.0, (10**6, 10**6))": "it is too large",
    "Odd()": "",
    "Listed()": "",
}
ODD_CLASSES = """
import numpy, os
class Odd:
    def __mul__(self, other): return self
    __rmul__ = __mul__
    def __reduce__(self): os._exit(1)
    def __getattr__(self, name): raise KeyboardInterrupt
class Listed(list):
    def __iter__(self):
        while True: yield 1
def cyclic():
    one = []
    two = {"one": one, "again": one}
    one.append(two)
    return one
def nested(depth):
    found = []
    for _ in range(depth): found = [found]
    return found
def laughs():
    found = ["ha"] * 10
    for _ in range(20): found = [found] * 10
    return found
"""


def test_results_that_are_no_plain_values_fail_their_points_alone(
    running: Running, tmp_path: Path
) -> None:
    rows = swept(running, tmp_path, ODD_CLASSES, list(ODD_RESULTS))
    for row, (result, words) in zip(rows, ODD_RESULTS.items(), strict=True):
        assert row["f"] == "", result
        assert words in row["error"]
        assert not words or row["error"].startswith("Result not usable: ")
        assert row["error"]


def swept(
    running: Running, tmp_path: Path, prelude: str, results: list[str]
) -> list[dict[str, str]]:
    """Run a function that returns these at every other point; return the rows of those points."""
    output, points = tmp_path / "values.csv", 2 * len(results)
    returned = "".join(
        f"    if n == {number}: return {result}\n"
        for number, result in zip(range(1, points, 2), results, strict=True)
    )
    source = f"{prelude}\ndef f(n):\n{returned}    return n\n"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, points)))
    end = running.until_ended()
    assert not end.refusal
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["f"] for row in rows[::2]] == [str(number) for number in range(0, points, 2)]
    return rows[1::2]


PLAIN_RESULTS = {
    "10**30": str(10**30),
    "-(2**63)": str(-(2**63)),
    "[2**64, float('inf')]": f"[{2**64}, inf]",
    "numpy.float32(0.5)": "0.5",
    "numpy.arange(3)": "[0, 1, 2]",
    "(1, [b'raw'])": "[1, [b'raw']]",
    "'a\\udc80'": "a\\udc80",
}


def test_plain_results_of_any_kind_reach_the_file(running: Running, tmp_path: Path) -> None:
    rows = swept(running, tmp_path, "import numpy", list(PLAIN_RESULTS))
    assert [row["f"] for row in rows] == list(PLAIN_RESULTS.values())


def test_point_whose_function_exits_fails_alone(running: Running, tmp_path: Path) -> None:
    source = "import sys\ndef f(n):\n    if n < 2: sys.exit(4)\n    return n"
    output = tmp_path / "values.csv"
    running.post(sweep_of(tmp_path, source, output, Axis("n", 0, 9000)))
    counts = running.until_ended().counts
    assert (counts.succeeded, counts.failed) == (8998, 2)


def test_code_edited_while_the_job_runs_runs_on_as_it_was_allowed(
    journals: Path, folder: Path, tmp_path: Path
) -> None:
    names = fill(folder, 4)
    source = f"""
import os
from pathlib import Path
def process(path, output):
    Path(__file__).write_text("raise ValueError('edited')")
    crashed = path.parent.parent / "crashed"
    if path.stem == "001" and not crashed.exists():
        crashed.touch()
        os._exit(1)  # the next worker loads the code anew{COPY}"""
    running = Running(journals, workers=1)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    end = running.until_ended()
    running.engine.close()
    assert end.refusal == ""
    assert outputs_of(tmp_path / "out") == {name: name for name in names}
    assert (tmp_path / "own_code.py").read_text() == "raise ValueError('edited')"


def test_code_that_starts_processes_when_imported_is_refused(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 2)
    source = (
        f"import multiprocessing\npool = multiprocessing.Pool(4)\ndef process(path, output):{COPY}"
    )
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    end = running.until_ended()
    assert "own_code.py, line 2: it starts processes when it is imported" in end.refusal
    assert not (tmp_path / "out").exists()


def test_warnings_of_a_task_stand_in_its_row(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 6)
    source = f"""
import numpy, os
def process(path, output):
    os.write(2, b"noise from C\\n")
    numpy.array([1.0]) / numpy.array([0.0]){COPY}"""
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    assert running.until_ended().counts.succeeded == 6
    assert {(row.message, row.has_warning) for row in running.ended} == {
        ("RuntimeWarning: divide by zero encountered in divide", True)
    }


def test_file_that_lacks_memory_is_tried_again_and_no_crash_is_told(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("a")
    code = own_code(tmp_path, "def process(path, output):\n    raise MemoryError\n")
    running.post(*job_of(folder, tmp_path / "out", code))
    told: list[str] = []

    def has_ended(now: JobSnapshot) -> bool:
        told.append(now.notice)
        return now.state.is_ended

    running.until(has_ended)
    (row,) = running.ended
    assert (row.failure, row.attempts) == (FailureKind.OUT_OF_MEMORY, 2)
    assert not [words for words in told if "crash" in words]
    assert "a.txt needs more memory than there is; it is tried once more, alone." in told
