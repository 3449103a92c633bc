"""What the computer does to a job: its clock, its language, a home that cannot be written."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.everycore_program import Everycore, everycore_in
from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, HELD, fill, outputs_of
from tests.faults.control_group import control_group
from workers.commands import AddInputs, ClearInputs
from workers.load import usable_cores

DAY_S: Final = 86_400.0
needs_posix = pytest.mark.skipif(os.name != "posix", reason="POSIX locales and modes")

HALVES = """
def halves(n):
    return n / 2
"""


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        yield program


# ---- the clock


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_date_that_jumps_by_a_day_changes_nothing(
    running: Running,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jump_s: float,
) -> None:
    names = fill(folder, 6)
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, HELD), timeout_s=60.0))
    running.until(lambda snapshot: len(list(tmp_path.glob("began-*"))) == 2)
    moment, moment_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: moment() + jump_s)
    monkeypatch.setattr(time, "time_ns", lambda: moment_ns() + int(jump_s * 1e9))
    (tmp_path / "go").touch()
    end = running.until_ended()
    assert end.counts.succeeded == 6
    assert 0.0 <= end.elapsed_s < DAY_S / 2
    assert {row.attempts for row in running.ended} == {1}
    assert outputs_of(tmp_path / "out") == {name: name for name in names}


# ---- cores


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has control groups")
def test_usable_cores_follow_the_quota_of_a_control_group() -> None:
    limits = {"cpu__cfs_period_us": 100_000, "cpu__cfs_quota_us": 100_000}
    with control_group("cpu", **limits) as group:
        asks = (
            "import os, sys, pathlib\n"
            "pathlib.Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
            "from workers.load import usable_cores\n"
            "print(usable_cores())\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", asks, str(group)], capture_output=True, text=True, check=True
        )
    assert int(told.stdout) == 1 <= usable_cores()


# ---- languages


@pytest.fixture(scope="module", params=["C", "tr_TR.UTF-8", "de_DE.UTF-8", "ar_EG.UTF-8"])
def language(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return the environment of a person of that language; made here when not installed."""
    name: str = request.param
    if "." not in name:  # the narrowest that POSIX knows: ASCII, and Python may not widen it
        return {"LC_ALL": name, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    if shutil.which("localedef") is None:
        pytest.skip("no localedef to make the language with")
    place = tmp_path_factory.mktemp("locales")
    words = ["localedef", "-i", name.split(".", maxsplit=1)[0], "-f", "UTF-8", str(place / name)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    if made.returncode > 1:  # 1: made, with warnings
        pytest.skip(f"this system has no sources of {name}")
    return {"LC_ALL": name, "LANG": name, "LOCPATH": str(place)}


@needs_posix
def test_numbers_and_names_are_the_same_in_every_language(
    everycore: Everycore, tmp_path: Path, language: dict[str, str]
) -> None:
    (tmp_path / "f.py").write_text(
        f"import locale\nlocale.setlocale(locale.LC_ALL, '')\n{HALVES}", encoding="utf-8"
    )
    everycore.environment.update(language)
    halves = everycore.run("map", "f.py:halves", "--over", "n=0:2.5:0.5", "--output", "h.csv")
    assert halves.returncode == 0, halves.stderr
    assert (tmp_path / "h.csv").read_text().split() == (
        ["n,halves", "0.0,0.0", "0.5,0.25", "1.0,0.5", "1.5,0.75", "2.0,1.0"]
    )


@needs_posix
def test_file_with_letters_of_any_language_is_processed_in_every_language(
    everycore: Everycore, tmp_path: Path, language: dict[str, str]
) -> None:
    (tmp_path / "own.py").write_text(COPY)
    preset = 'format = 1\nname = "Copy"\n[[steps]]\noperation = "user.process"\nfile = "own.py"\n'
    (tmp_path / "copy.toml").write_text(preset)
    names = {os.fsencode(name) for name in ("İI\u0131i.txt", "ä.txt", "\u0645.txt", "$1,5.txt")}
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / os.fsdecode(name)).write_text("content")
    everycore.environment.update(language)
    ended = everycore.run("run", "copy.toml", "in", "--output", "out", "--trust", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["succeeded"] == len(names)
    assert {os.fsencode(file.name) for file in (tmp_path / "out").iterdir()} == names


# ---- a home that cannot be written


@needs_posix
@pytest.mark.parametrize("home", ["/dev/null/home", "missing/below/a/file"])
def test_job_runs_without_a_home(everycore: Everycore, tmp_path: Path, home: str) -> None:
    (tmp_path / "missing").write_text("a file stands where the folder should")
    (tmp_path / "temporary").mkdir()
    everycore.environment.update(EVERYCORE_HOME=home, TMPDIR=str(tmp_path / "temporary"))
    ended = everycore.run("map", "f.py:square", "--over", "x=0:4", "--output", "s.csv")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "s.csv").read_text().split()[-1] == "3,9"
    assert "Traceback" not in ended.stderr


# ---- very many files


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_counts_of_a_great_folder_grow_while_it_is_searched(
    running: Running, folder: Path, count: int
) -> None:
    for number in range(count):
        os.close(os.open(folder / f"{number}.txt", os.O_CREAT | os.O_WRONLY))
    running.post(AddInputs((folder,)))
    early = running.until(lambda snapshot: snapshot.counts.total > 0)
    assert early.is_discovering
    assert early.counts.total < count
    found = running.until(lambda snapshot: not snapshot.is_discovering)
    assert found.counts.total == count
    assert found.changed_tasks is None or len(found.changed_tasks) <= count


def test_search_of_a_great_folder_is_ended_by_the_person(running: Running, folder: Path) -> None:
    for number in range(5_000):
        os.close(os.open(folder / f"{number}.txt", os.O_CREAT | os.O_WRONLY))
    running.post(AddInputs((folder,)))
    running.until(lambda snapshot: snapshot.counts.total > 0)
    running.post(ClearInputs())
    empty = running.until(lambda snapshot: snapshot.counts.total == 0)
    assert not empty.is_discovering


# ---- the Qt binding


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot be given away here")
def test_qt_binding_of_this_computer_keeps_the_count_of_none() -> None:
    """A binding that gives None away at each call ends the process after some thousand of them."""
    counts = (
        "import sys\n"
        "from PySide6.QtCore import QObject\n"
        "thing = QObject()\n"
        "before = sys.getrefcount(None)\n"
        "for number in range(1000): thing.setObjectName('name')\n"
        "print(before - sys.getrefcount(None))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", counts], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) < 100
