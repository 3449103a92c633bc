"""Start Everycore or its tests from a fresh clone, on a computer that has nothing but Python.

    python3 packaging/bootstrap.py run|test|check|format|bench [ARGUMENT...]

Finds missing system libraries, makes `.venv`, fills it from the lock file, then does what was
asked. Standard library only, and readable by any Python 3.8 or later, so that one that is too
old is told so in a sentence.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import system_packages
import virtual_environment
from virtual_environment import venv_program

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLES: Final = ROOT / "resources" / "samples"
SAMPLES_OUTPUT: Final = ROOT / "everycore-samples-output"

# How the app says "some files failed"; the samples hold broken files on purpose.
SOME_FAILED: Final = 1

MOST_TEST_PROCESSES: Final = 8

USAGE: Final = """\
usage: python3 packaging/bootstrap.py COMMAND [ARGUMENT...]

  run      start the window; without a display, process the samples in the terminal
  test     run all tests (arguments go to pytest)
  check    linters, types and import rules, changing nothing
  format   format the code and mend what the linter can
  bench    run the benchmarks one after another (arguments go to each, such as --quick)"""


def main(arguments: Sequence[str]) -> int:
    """Do what the first argument says; return the exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if arguments else 2
    command, *rest = arguments
    todo = {"run": _run, "test": _test, "check": _check, "format": _format, "bench": _bench}
    if command not in todo:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        _prepare(command)
    except (system_packages.SystemPackagesMissing, virtual_environment.NotReady) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 3
    return todo[command](rest)


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Say whether a window can be shown."""
    if platform == "win32":
        return True
    if platform == "darwin":
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _prepare(command: str) -> None:
    purpose = "app" if command == "run" else "tests"
    is_ready = virtual_environment.is_ready(ROOT, purpose)
    python = sys.executable if is_ready else virtual_environment.find_python()
    if python is None:
        oldest = ".".join(map(str, virtual_environment.OLDEST_PYTHON))
        raise virtual_environment.NotReady(
            f"Everycore needs Python {oldest} or later; this is {sys.version.split()[0]} and no "
            "newer one was found."
        )
    missing = system_packages.missing_packages(
        window=command == "run" and has_display(os.environ, sys.platform),
        tests=command == "test",
        venv=not is_ready and not virtual_environment.can_make_venv(python),
    )
    if missing:
        system_packages.install(missing)
    if not is_ready:
        virtual_environment.make_ready(ROOT, purpose, python)


def _run(arguments: Sequence[str]) -> int:
    if has_display(os.environ, sys.platform):
        print("Starting Everycore with its samples.", flush=True)
        return _attend([_program("everycore-gui"), *(arguments or ["--samples"])])
    print("No display here, so the samples are processed in the terminal.", flush=True)
    if SAMPLES_OUTPUT.exists():
        kept = "is there from an earlier time; its files are kept, not made again."
        print(f"{SAMPLES_OUTPUT.name} {kept}", flush=True)
    output = ["--output", str(SAMPLES_OUTPUT)]
    status = _attend([_program("everycore"), "run", "samples-tour", str(SAMPLES), *output])
    if status not in (0, SOME_FAILED):
        return status
    print(f"The outputs are in {SAMPLES_OUTPUT}")
    if status == SOME_FAILED:
        print(
            "Some samples are broken on purpose, to show that a bad file costs nothing but itself."
        )
    return 0


def processes_for(cores: int) -> int:
    """Return how many processes share the tests; a test waits for nearly half of its time."""
    return min(MOST_TEST_PROCESSES, cores + (cores + 1) // 2)


def _test(arguments: Sequence[str]) -> int:
    virtual_environment.compile_own(ROOT)
    # Not many tests at a time: they last from a millisecond to a minute.
    parallel = ["-n", str(processes_for(_cores())), "--maxschedchunk", "16"]
    return _attend([_program("python"), "-m", "pytest", *parallel, *arguments])


def _check(_arguments: Sequence[str]) -> int:
    steps = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-logo"],
    )
    failed = [" ".join(step) for step in steps if _attend([_program(step[0]), *step[1:]])]
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


def _format(_arguments: Sequence[str]) -> int:
    status = _attend([_program("ruff"), "check", "--fix", "."])
    return _attend([_program("ruff"), "format", "."]) or status


def _bench(arguments: Sequence[str]) -> int:
    virtual_environment.compile_own(ROOT)
    statuses = []
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        print(f"\n{script.name}", flush=True)
        statuses.append(_attend([_program("python"), str(script), *arguments]))
    return max(statuses, default=0)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _program(name: str) -> str:
    return str(venv_program(ROOT, name))


def _attend(command: Sequence[str]) -> int:
    """Run a program to its end; Ctrl-C is the program's to answer, not ours."""
    with subprocess.Popen(command, cwd=ROOT) as child:
        while True:
            try:
                status = child.wait()
            except KeyboardInterrupt:
                continue
            return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
