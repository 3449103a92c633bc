"""A program: jobs of the terminal, killed at random moments and gone on with, until they end.

    python -m tests.faults.kills FOLDER KILLS

After each job: every input ended once, the originals are as before, nothing partial stands in the
output folder, and the outputs are those of a run that nobody disturbed. Prints how many kills and
jobs that took, as JSON; stops at the first thing that is wrong.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from PIL import Image

from tests.end_to_end.everycore_program import Everycore, digests, everycore_in

FILES: Final = 160
PRESET: Final = """
format = 1
name = "Small"
[[steps]]
operation = "user.process"
file = "own.py"
[[steps]]
operation = "images.resize"
mode = "fit"
width = 200
height = 200
[[steps]]
operation = "images.convert"
format = "webp"
"""
# Tells which input began, then takes a while.
OWN_CODE: Final = """
import os, pathlib, time
BEGAN = pathlib.Path(__file__).with_name("began")
def process(path, output):
    with BEGAN.open("ab", buffering=0) as began:
        began.write(path.name.encode() + b"\\n")
    time.sleep(0.008)
    output.write_bytes(path.read_bytes())
"""
# From the start of the interpreter to after the end of a job that nobody kills.
SOONEST_S, LATEST_S = 0.15, 1.6
WORKERS: Final = 2


class Disturbed:
    """Runs jobs over one folder of pictures and kills them."""

    def __init__(self, program: Everycore, seed: int) -> None:
        self._program = program
        self._folder = program.folder
        self._random = random.Random(seed)
        self.kills = self.jobs = self.redone = 0
        (self._folder / "own.py").write_text(OWN_CODE, encoding="utf-8")
        (self._folder / "small.toml").write_text(PRESET, encoding="utf-8")
        _make_pictures(self._folder / "pictures")
        self._originals = digests(self._folder / "pictures")
        ended = program.run(*self._line("undisturbed"))
        assert ended.returncode == 0, ended.stderr
        self._wanted = digests(self._folder / "undisturbed")
        assert len(self._wanted) == FILES
        self._began()

    def run_job(self, kills: int) -> None:
        """Run one job to its end, killed at most so many times; check what it left."""
        killed, told = 0, ""
        shutil.rmtree(self._folder / "out", ignore_errors=True)
        while killed < kills and not (told := self._told_unless_killed()):
            killed += 1
        if not told:
            ended = self._program.run(*self._line("out"))
            assert ended.returncode == 0, ended.stderr
            told = ended.stdout
        self._check(_last(told), killed)
        self.kills += killed
        self.jobs += 1

    def _told_unless_killed(self) -> str:
        process = self._program.start(*self._line("out"), stderr=subprocess.DEVNULL)
        try:
            told, _ = process.communicate(timeout=self._random.uniform(SOONEST_S, LATEST_S))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return ""
        assert process.returncode == 0
        return told

    def _check(self, summary: dict[str, Any], killed: int) -> None:
        assert summary["event"] == "job_finished"
        # All skipped: the kill came when the job had ended, but not yet the program.
        ended = [summary[word] for word in ("succeeded", "skipped", "failed", "cancelled")]
        assert ended in ([FILES, 0, 0, 0], [0, FILES, 0, 0]), summary
        assert digests(self._folder / "pictures") == self._originals
        assert digests(self._folder / "out") == self._wanted
        began = self._began()
        assert set(began) == {Path(name).name for name in self._originals}
        redone = len(began) - FILES
        # What ran, and what had just ended and was not recorded yet.
        assert redone <= killed * WORKERS * 4, (redone, killed)
        self.redone += redone

    def _began(self) -> list[str]:
        file = self._folder / "began"
        names = file.read_text(encoding="utf-8").split()
        file.unlink()
        return names

    @staticmethod
    def _line(output: str) -> tuple[str, ...]:
        line = ("run", "small.toml", "pictures", "--output", output, "--trust", "--json")
        return (*line, "--workers", str(WORKERS))


def _make_pictures(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILES):
        picture = Image.new("RGB", (320, 240), (number, 255 - number, number // 2))
        picture.putpixel((number, number % 240), (255, 255, 255))
        picture.save(folder / f"{number:03}.jpg")


def _last(output: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(output.splitlines()[-1])
    return summary


def main() -> None:
    """Kill until so many kills have been survived."""
    folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
    started = time.monotonic()
    with everycore_in(folder) as program:
        disturbed = Disturbed(program, seed=wanted)
        while disturbed.kills < wanted:
            disturbed.run_job(min(10, wanted - disturbed.kills))
    seconds = time.monotonic() - started
    counts = (disturbed.kills, disturbed.jobs, disturbed.redone)
    print(json.dumps([*counts, round(seconds)]))


if __name__ == "__main__":
    main()
