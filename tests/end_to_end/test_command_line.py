"""The command line as people and scripts use it: real processes, real files, real signals."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

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

OWN_PIPELINE = """
format = 1
name = "Own"
[[steps]]
operation = "user.process"
file = "own.py"
"""


def _is_of_window(name: str) -> bool:
    return name.endswith("DISPLAY") or name.startswith("QT_")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not _is_of_window(name)},
        "PYTHONPATH": str(ROOT),
        "EVERYCORE_HOME": str(tmp_path / "home"),
    }


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

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
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


@pytest.fixture
def everycore(tmp_path: Path, environment: dict[str, str]) -> Iterator[Everycore]:
    (tmp_path / "f.py").write_text(FUNCTIONS, encoding="utf-8")
    program = Everycore(tmp_path, environment)
    yield program
    program.end()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
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


def test_a_folder_of_pictures_ends_with_a_summary(everycore: Everycore, pictures: Path) -> None:
    before = digests(pictures)
    ended = everycore.run(
        *("run", "shrink-for-sharing", pictures, "--output", "out", "--report", "report.csv")
    )
    assert ended.returncode == 1
    assert "5 succeeded, 1 failed, 0 skipped, 0 cancelled" in ended.stdout
    assert f"{pictures / 'broken.jpg'}: Not a readable JPEG" in ended.stdout
    assert digests(pictures) == before
    outputs = [file for file in (everycore.folder / "out").rglob("*") if file.is_file()]
    assert len(outputs) == 5
    for file in outputs:
        with Image.open(file) as picture:
            picture.verify()
    report = (everycore.folder / "report.csv").read_text(encoding="utf-8")
    assert report.count(",succeeded,") == 5
    assert report.count(",bad_input,") == 1


def test_without_a_terminal_nothing_holds_a_control_character(
    everycore: Everycore, pictures: Path
) -> None:
    bad = pictures / "\x1b]0;x\x07bad\u202e.jpg"
    bad.write_bytes(b"no picture")
    ended = everycore.run("run", "shrink-for-sharing", pictures, "--output", "out")
    said = ended.stdout + ended.stderr
    assert "\\x1b]0;x\\x07bad\\u202e.jpg" in said
    assert not [c for c in said if (ord(c) < 0x20 and c != "\n") or c in "\x7f\u202e"]


def test_json_tells_each_input_once_and_the_job_last(everycore: Everycore, pictures: Path) -> None:
    ended = everycore.run("run", "shrink-for-sharing", pictures, "--output", "out", "--json")
    *tasks, job = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {task["event"] for task in tasks} == {"task_finished"}
    assert {task["input"] for task in tasks} == {str(pictures / name) for name in digests(pictures)}
    assert len(tasks) == 6
    for task in tasks:
        assert all(Path(output).is_file() for output in task["outputs"])
        assert bool(task["outputs"]) is (task["state"] == "succeeded")
    assert job["event"] == "job_finished"
    assert (job["succeeded"], job["failed"]) == (5, 1)
    assert ended.stderr == ""


def test_a_sweep_is_right_to_the_last_number(everycore: Everycore) -> None:
    ended = everycore.run("map", "f.py:square", "--over", "x=0:300000", "--output", "r.npy")
    assert ended.returncode == 0, ended.stderr
    result = np.load(everycore.folder / "r.npy")
    assert result.dtype == np.int64
    assert np.array_equal(result, np.arange(300_000, dtype=np.int64) ** 2)


def test_the_last_range_of_a_grid_runs_fastest(everycore: Everycore) -> None:
    everycore.run("map", "f.py:grid", "--over", "a=0:30:10", "--over", "b=0:1:0.25")
    lines = (everycore.folder / "grid.csv").read_text(encoding="utf-8").split()
    assert lines[:6] == [
        "a,b,grid",
        "0,0.0,0.0",
        "0,0.25,0.25",
        "0,0.5,0.5",
        "0,0.75,0.75",
        "10,0.0,10.0",
    ]
    assert len(lines) == 13


def test_failed_points_make_the_status_one(everycore: Everycore) -> None:
    ended = everycore.run("map", "f.py:odd", "--over", "x=0:6")
    assert ended.returncode == 1
    assert "3 succeeded, 3 failed" in ended.stdout
    assert "x = 5: ValueError: x is odd" in ended.stdout


def test_an_existing_result_is_kept(everycore: Everycore) -> None:
    (everycore.folder / "square.csv").write_text("mine", encoding="utf-8")
    ended = everycore.run("map", "f.py:square", "--over", "x=0:3")
    assert ended.returncode == 2
    assert "--on-existing" in ended.stderr
    assert (everycore.folder / "square.csv").read_text(encoding="utf-8") == "mine"


@POSIX_ONLY
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_job_so_that_the_same_line_goes_on(
    everycore: Everycore, number: signal.Signals, status: int
) -> None:
    line = ("map", "f.py:gated", "--over", "x=0:30", "--output", "r.npy", "--json")
    process = everycore.start(*line)
    assert len(read_events(process, 4)) == 4
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == status
    assert json.loads(out.splitlines()[-1])["event"] == "job_stopped"
    job = everycore.newest_job()
    assert f"To go on: everycore resume {job['job']}" in err
    assert (job["state"], job["succeeded"]) == ("stopped", 4)
    (everycore.folder / "gate").touch()
    again = everycore.run(*line)
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == 27
    assert f"Going on with job {job['job']} at 4 of 30" in again.stderr
    assert np.array_equal(np.load(everycore.folder / "r.npy"), np.arange(30))


@POSIX_ONLY
def test_a_killed_job_resumes_without_loss(everycore: Everycore) -> None:
    process = everycore.start("map", "f.py:gated", "--over", "x=0:30", "--output=r.npy", "--json")
    read_events(process, 4)
    process.kill()
    process.communicate()
    (everycore.folder / "gate").touch()
    ended = everycore.run("resume")
    assert ended.returncode == 0, ended.stderr
    assert "30 succeeded, 0 failed" in ended.stdout
    assert np.array_equal(np.load(everycore.folder / "r.npy"), np.arange(30))


@POSIX_ONLY
def test_a_job_that_runs_elsewhere_is_left_alone(everycore: Everycore) -> None:
    line = ("map", "f.py:gated", "--over", "x=0:30", "--output", "r.npy", "--json")
    process = everycore.start(*line)
    read_events(process, 4)
    second = everycore.run(*line)
    assert second.returncode == 3
    assert f"open already (process {process.pid})" in second.stderr
    (everycore.folder / "gate").touch()
    process.communicate(timeout=20)
    assert process.returncode == 0


@POSIX_ONLY
def test_fresh_starts_anew_over_an_unfinished_job(everycore: Everycore) -> None:
    line = ("map", "f.py:gated", "--over", "x=0:30", "--output", "r.npy", "--json")
    process = everycore.start(*line)
    read_events(process, 4)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    (everycore.folder / "gate").touch()
    ended = everycore.run(*line, "--fresh")
    assert ended.returncode == 0
    assert len(ended.stdout.splitlines()) == 31
    assert len(everycore.run("jobs", "--json").stdout.splitlines()) == 2


@POSIX_ONLY
def test_a_reader_that_leaves_stops_the_job_resumably(everycore: Everycore) -> None:
    process = everycore.start("map", "f.py:gated", "--over", "x=0:30", "--output=r.npy", "--json")
    read_events(process, 4)
    assert process.stdout is not None
    process.stdout.close()
    (everycore.folder / "gate").touch()
    assert process.wait(timeout=20) == 141
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_retry_runs_again_what_failed(everycore: Everycore, pictures: Path) -> None:
    everycore.run("run", "shrink-for-sharing", pictures, "--output", "out", "--quiet")
    (pictures / "broken.jpg").write_bytes((pictures / "1.jpg").read_bytes())
    ended = everycore.run("retry", str(everycore.newest_job()["job"]), "--json")
    assert ended.returncode == 0, ended.stderr
    task, job = [json.loads(line) for line in ended.stdout.splitlines()]
    assert task["input"] == str(pictures / "broken.jpg")
    assert (job["succeeded"], job["failed"]) == (6, 0)


def test_discard_forgets_the_job_and_keeps_its_outputs(
    everycore: Everycore, pictures: Path
) -> None:
    everycore.run("run", "shrink-for-sharing", pictures, "--output", "out")
    assert everycore.run("discard", str(everycore.newest_job()["job"])).returncode == 0
    assert everycore.run("jobs").stdout == "No jobs yet.\n"
    assert (everycore.folder / "out" / "0.jpg").is_file()


def test_own_code_runs_only_after_a_yes_to_its_content(
    everycore: Everycore, pictures: Path
) -> None:
    own = everycore.folder / "own.py"
    own.write_text(
        "def process(path, output):\n    output.write_bytes(path.read_bytes())\n", encoding="utf-8"
    )
    (everycore.folder / "own.toml").write_text(OWN_PIPELINE, encoding="utf-8")
    refused = everycore.run("run", "own.toml", pictures, "--output", "a")
    assert refused.returncode == 2
    assert str(own) in refused.stderr
    assert hashlib.sha256(own.read_bytes()).hexdigest() in refused.stderr
    assert not (everycore.folder / "a").exists()
    assert everycore.run("run", "own.toml", pictures, "--output", "a", "--trust").returncode == 0
    assert digests(everycore.folder / "a") == digests(pictures)
    assert everycore.run("run", "own.toml", pictures, "--output", "b").returncode == 0
    own.write_text(own.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    assert everycore.run("run", "own.toml", pictures, "--output", "c").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ("run no-such-preset .", 2, "There is no preset 'no-such-preset'"),
        ("run missing.toml .", 2, "There is no pipeline file"),
        ("map missing.py:f --over x=0:3", 2, "Cannot read"),
        ("map f.py:missing --over x=0:3", 3, "missing"),
        ("resume", 2, "no unfinished job"),
        ("resume nothing", 2, "There is no job 'nothing'"),
        ("operations images.resiz", 2, "Did you mean 'images.resize'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    everycore: Everycore, arguments: str, status: int, sentence: str
) -> None:
    ended = everycore.run(*arguments.split())
    assert ended.returncode == status
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_one_line_tells_of_the_terminal(everycore: Everycore) -> None:
    ended = everycore.run()
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "everycore run" in ended.stderr


@pytest.mark.parametrize("module", ["argparse", "sqlite3", "numpy", "rich", "msgspec", "psutil"])
def test_what_every_worker_imports_again_is_light(everycore: Everycore, module: str) -> None:
    code = f"import sys, workers.__main__; print({module!r} in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=everycore.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "False\n"


def test_help_loads_nothing_heavy(everycore: Everycore) -> None:
    code = (
        "import sys; from workers.__main__ import main; main(['run', '--help']);"
        "print([m for m in ('sqlite3','numpy','rich','msgspec','psutil') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=everycore.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.endswith("[]\n")
