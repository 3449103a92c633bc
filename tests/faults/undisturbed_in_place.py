"""Jobs in place over fresh copies of a folder of pictures, and what nobody's disturbing makes."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from tests.end_to_end.everycore_program import Everycore, digests
from tests.faults.undisturbed import FILES, IN_FLIGHT, WORKERS, make_pictures, write_own_code
from workers import JobState, TaskState
from workers.journal import JournalReader, journal_path, list_jobs
from workers.snapshot import RowQuery

_PRESET: Final = """
format = 1
name = "In place"
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
format = "{format}"
"""
# Outputs that have the names of their inputs, and outputs that stand beside them first.
_FORMATS: Final = {"jpeg": ".jpg", "webp": ".webp"}


class UndisturbedInPlace:
    """The originals, a preset for each format, and the outputs of runs that nobody disturbed."""

    def __init__(self, program: Everycore) -> None:
        """Make pictures and own code; replace a copy of them once in each format.

        The program's home is its folder, so that the trash is there as well.
        """
        self._program = program
        program.environment["HOME"] = str(program.folder)
        program.environment["XDG_DATA_HOME"] = str(program.folder / "data")
        self._trash = program.folder / "data" / "Trash"
        self._jobs = program.folder / "home" / "jobs"
        self._pristine = program.folder / "pristine"
        self._pictures = program.folder / "pictures"
        self._began = write_own_code(program.folder / "own.py")
        make_pictures(self._pristine)
        self._originals = digests(self._pristine)
        self._wanted: dict[str, dict[str, str]] = {}
        self._formats = list(_FORMATS)
        for name in _FORMATS:
            preset = _PRESET.format(own_code=program.folder / "own.py", format=name)
            (program.folder / f"{name}.toml").write_text(preset, encoding="utf-8")
            self.prepare()
            ended = program.run(*self.line())
            assert ended.returncode == 0, ended.stderr
            self._wanted[name] = digests(self._pictures)
            self.check(0)

    def prepare(self) -> None:
        """Give the next job a fresh copy, an empty trash, and no jobs before it."""
        for folder in (self._pictures, self._trash, self._jobs):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._pristine, self._pictures)
        self._began.unlink(missing_ok=True)
        self._formats.append(self._formats.pop(0))

    def line(self) -> tuple[str, ...]:
        """Return the arguments with which the terminal's program runs the job."""
        line = ("run", f"{self._format}.toml", "pictures", "--in-place", "--trust", "--json")
        return (*line, "--workers", str(WORKERS))

    @property
    def _format(self) -> str:
        return self._formats[-1]

    def check(self, kills: int) -> int:
        """Check what a job left that was killed so often; return how many inputs it did again.

        In the folder stands what the undisturbed run made and nothing else, hidden or not; each
        original lies in the trash once, noted under its path; each input succeeded once.
        """
        wanted = self._wanted[self._format]
        assert sorted(wanted) == sorted(
            str(Path(name).with_suffix(_FORMATS[self._format])) for name in self._originals
        )
        assert digests(self._pictures) == wanted
        assert {str(path.relative_to(self._pictures)) for path in self._pictures.rglob("*")} == set(
            wanted
        )
        self._check_trash()
        self._check_journals()
        began = self._began.read_text(encoding="utf-8").split()
        assert set(began) == set(self._originals)
        redone = len(began) - FILES
        assert redone <= kills * IN_FLIGHT, (redone, kills)
        return redone

    def _check_trash(self) -> None:
        found = digests(self._trash / "files")
        assert sorted(found.values()) == sorted(self._originals.values())
        for name, digest in found.items():
            note = (self._trash / "info" / f"{name}.trashinfo").read_text(encoding="ascii")
            path = Path(unquote(note.splitlines()[1].removeprefix("Path=")))
            assert path.parent == self._pictures
            assert digest == self._originals[path.name]

    def _check_journals(self) -> None:
        succeeded: Counter[str] = Counter()
        for entry in list_jobs(self._jobs):
            if entry.state is JobState.EMPTY:  # killed while it was made
                continue
            assert entry.state in (JobState.FINISHED, JobState.DRAFT), entry
            reader = JournalReader(journal_path(self._jobs, entry.job))
            query = RowQuery(0, FILES, states=(TaskState.SUCCEEDED,))
            succeeded.update(row.name for row in reader.rows(query).rows)
            reader.close()
        assert succeeded == Counter(self._originals.keys())
