"""The command line as people and scripts use it: real processes, real files."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.everycore_program import Everycore, digests, everycore_in, make_pictures

OWN_PIPELINE = """
format = 1
name = "Own"
[[steps]]
operation = "user.process"
file = "own.py"
"""


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        yield program


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_pictures(tmp_path)


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
        "print([m for m in ('sqlite3','numpy','rich','psutil') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=everycore.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.endswith("[]\n")


def test_verify_reads_outputs_again_and_says_what_became_of_them(
    everycore: Everycore, pictures: Path
) -> None:
    (pictures / "broken.jpg").unlink()
    everycore.run("run", "shrink-for-sharing", pictures, "--output", "out")
    assert everycore.run("verify", "out").stdout == "5 outputs, all as made.\n"
    output = next(file for file in (everycore.folder / "out").rglob("*.jpg"))
    output.write_bytes(output.read_bytes()[:-1])
    told = everycore.run("verify", "out")
    assert told.returncode == 1
    assert "is not what was made." in told.stdout
    assert told.stdout.endswith("5 outputs: 4 as made, 1 changed.\n")
    lines = [
        json.loads(line) for line in everycore.run("verify", "out", "--json").stdout.splitlines()
    ]
    assert lines[-1] == {
        "event": "verify_finished",
        "as_made": 4,
        "missing": 0,
        "changed": 1,
        "input_changed": 0,
    }
    nothing = everycore.run("verify", pictures)
    assert nothing.returncode == 2
    assert "No job is known that made outputs in" in nothing.stderr


def test_run_again_works_on_what_has_changed_only(everycore: Everycore, pictures: Path) -> None:
    (pictures / "broken.jpg").unlink()
    again = ("run", "shrink-for-sharing", pictures, "--output", "out")
    everycore.run(*again)
    told = everycore.run(*again).stdout
    assert told.startswith("Nothing to do.\n0 succeeded, 0 failed, 5 skipped, 0 cancelled\n")
    assert "5 succeeded, 0 failed, 0 skipped" in everycore.run(*again, "--redo").stdout
    assert len(list((everycore.folder / "out").rglob("*.jpg"))) == 5
