"""Functions that the tests of the library faces run in workers; importable there by name."""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

from workers.typed import override

_state = {"greeting": "none"}


def square(number: int) -> int:
    return number * number


def add(first: int, second: int = 0) -> int:
    return first + second


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is refused")  # some comment
    return number


def stop_at_two(number: int) -> int:
    if number == 2:
        raise StopIteration
    return number


def pid_of(_: object) -> int:
    return os.getpid()


def greet_with(word: str) -> None:
    _state["greeting"] = word


def greeting(_: object) -> str:
    return _state["greeting"]


def refuse() -> None:
    raise RuntimeError("no worker today")


def large(_: object) -> bytearray:
    return bytearray(1_000_000)


def ramp(count: int) -> Any:
    import numpy as np

    return np.arange(float(count))


def lock_of(_: object) -> Any:
    import threading

    return threading.Lock()


def die_at_five(number: int) -> int:
    """Crash on one input, and leave a note of each that ran to its end."""
    if number == 5:
        ctypes.string_at(0)
    return number


def exit_at_five(number: int) -> int:
    if number == 5:
        os._exit(3)
    return number


def loop_at_five(number: int) -> int:
    while number == 5:
        pass
    return number


def die_once(note: str) -> str:
    """Kill the worker the first time; the note remembers."""
    path = Path(note)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def wait_for(file: str) -> int:
    """Return once the file is there (a test makes it), or after a minute."""
    give_up = time.monotonic() + 60
    while not Path(file).exists() and time.monotonic() < give_up:
        time.sleep(0.005)
    return os.getpid()


def note_and_wait(paths: tuple[str, str]) -> int:
    """Say that it runs, then wait."""
    began, go = paths
    Path(began).touch()
    return wait_for(go)


def wait_if_named(paths: tuple[str, str]) -> str:
    """Wait for a file where one is named; else note at once that it ran."""
    go, note = paths
    if go:
        wait_for(go)
    else:
        Path(note).touch()
    return note


def busy(seconds: float) -> float:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return seconds


class Odd(Exception):
    """An exception that cannot be put together again from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"odd {one} {two}")


def raise_odd(_: object) -> None:
    raise Odd(1, 2)


class Hostile:
    """An argument whose unpickling kills the worker."""

    @override
    def __reduce__(self) -> Any:
        return os._exit, (7,)


class Unwilling:
    """An argument whose unpickling fails."""

    @override
    def __reduce__(self) -> Any:
        return int, ("not a number",)


def same(value: Any) -> Any:
    return value


def give(kind: str) -> Any:
    """Return something that cannot be put together again."""
    return {"fails": Unwilling}[kind]()
