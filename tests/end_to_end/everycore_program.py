"""The program `everycore` as a real process in a folder of its own, and what to give it."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]

# `gated` waits at points from 4 on until somebody makes the file `gate`.
FUNCTIONS = """
import pathlib, time

def square(x):
    return x * x

def grid(a, b):
    return a + b

def odd(x):
    if x % 2:
        raise ValueError("x is odd")
    return x

def gated(x):
    gate = pathlib.Path(__file__).with_name("gate")
    while x >= 4 and not gate.exists():
        time.sleep(0.01)
    return x
"""


def _is_of_window(name: str) -> bool:
    return name.endswith("DISPLAY") or name.startswith("QT_")


class Everycore:
    """Runs the program in a folder of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self._started: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def newest_job(self) -> dict[str, object]:
        job: dict[str, object] = json.loads(self.run("jobs", "--json").stdout.splitlines()[0])
        return job

    @staticmethod
    def _command(arguments: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "workers", *map(str, arguments)]


@contextlib.contextmanager
def everycore_in(folder: Path) -> Iterator[Everycore]:
    """Give the program with `f.py` in its folder; end what it still runs."""
    (folder / "f.py").write_text(FUNCTIONS, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not _is_of_window(name)},
        "PYTHONPATH": str(ROOT),
        "EVERYCORE_HOME": str(folder / "home"),
        "TERM": "xterm",
    }
    program = Everycore(folder, environment)
    try:
        yield program
    finally:
        program.end()


def make_pictures(tmp_path: Path) -> Path:
    """Return a folder with four pictures, one with a naughty name, and a broken one."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number in range(4):
        Image.effect_noise((160, 120), 50).convert("RGB").save(folder / f"{number}.jpg")
    Image.effect_noise((160, 120), 50).save(folder / "deep" / "tab\t\x1b[2Jname.png")
    whole = (folder / "0.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[: len(whole) // 3])
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def read_events(process: subprocess.Popen[str], count: int) -> list[dict[str, object]]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]
