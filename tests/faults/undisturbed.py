"""A folder of pictures, a job over them, and what that job makes when nobody disturbs it."""

import shutil
from pathlib import Path
from typing import Final

from PIL import Image

from tests.end_to_end.everycore_program import Everycore, digests

FILES: Final = 160
WORKERS: Final = 2
PRESET_NAME: Final = "Small"
_PRESET: Final = """
format = 1
name = "{name}"
[[steps]]
operation = "user.process"
file = "{own_code}"
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
_OWN_CODE: Final = """
import os, pathlib, time
BEGAN = pathlib.Path(__file__).with_name("began")
def process(path, output):
    with BEGAN.open("ab", buffering=0) as began:
        began.write(path.name.encode() + b"\\n")
    time.sleep(0.008)
    output.write_bytes(path.read_bytes())
"""
# What ran at a kill, and what had just ended and was not recorded yet.
IN_FLIGHT: Final = WORKERS * 4


class Undisturbed:
    """The originals, the preset, and the outputs of a run that nobody disturbed."""

    def __init__(self, program: Everycore, preset: Path) -> None:
        """Make pictures and own code in the program's folder; run the preset over them once."""
        self._program = program
        self._preset = preset
        self.pictures: Final = program.folder / "pictures"
        self.output: Final = program.folder / "out"
        own_code = program.folder / "own.py"
        self._told = write_own_code(own_code)
        preset.write_text(_PRESET.format(name=PRESET_NAME, own_code=own_code), encoding="utf-8")
        make_pictures(self.pictures)
        self._originals = digests(self.pictures)
        ended = program.run(*self.line("undisturbed"))
        assert ended.returncode == 0, ended.stderr
        self._wanted = digests(program.folder / "undisturbed")
        assert len(self._wanted) == FILES
        self.take_began()

    def prepare(self) -> None:
        """Let the next job begin without outputs."""
        shutil.rmtree(self.output, ignore_errors=True)

    def line(self, output: str = "out") -> tuple[str, ...]:
        """Return the arguments with which the terminal's program runs the job."""
        line = ("run", str(self._preset), "pictures", "--output", output, "--trust", "--json")
        return (*line, "--workers", str(WORKERS))

    def check_originals(self) -> None:
        """Raise AssertionError unless each input is what it was, byte for byte."""
        assert digests(self.pictures) == self._originals

    def check(self, kills: int) -> int:
        """Check what a job left that was killed so often; return how many inputs it did again.

        Each input began; in the output folder stands what the undisturbed run made and no more.
        """
        self.check_originals()
        assert digests(self.output) == self._wanted
        assert {str(path.relative_to(self.output)) for path in self.output.rglob("*")} == set(
            self._wanted
        )
        began = self.take_began()
        assert set(began) == set(self._originals)
        redone = len(began) - FILES
        assert redone <= kills * IN_FLIGHT, (redone, kills)
        return redone

    def take_began(self) -> list[str]:
        """Return the names of the inputs that began since the last look, each as often."""
        if not self._told.exists():
            return []
        names = self._told.read_text(encoding="utf-8").split()
        self._told.unlink()
        return names


def write_own_code(file: Path) -> Path:
    """Write own code that takes a while; return the file where it tells which inputs began."""
    file.write_text(_OWN_CODE, encoding="utf-8")
    return file.with_name("began")


def make_pictures(folder: Path) -> None:
    """Make a folder of pictures, each different."""
    folder.mkdir()
    for number in range(FILES):
        picture = Image.new("RGB", (320, 240), (number, 255 - number, number // 2))
        picture.putpixel((number, number % 240), (255, 255, 255))
        picture.save(folder / f"{number:03}.jpg")
