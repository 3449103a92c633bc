"""`everycore run --watch` as a real program: what it prints, and that it goes on after its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.end_to_end.everycore_program import Everycore, everycore_in, read_events

CRASHING = """
import os, signal
def process(path, output):
    if path.read_text() == "crash": os.kill(os.getpid(), signal.SIGKILL)
    output.write_bytes(path.read_bytes())
"""
CRASHING_PIPELINE = """
format = 1
name = "Crash"
[[steps]]
operation = "user.process"
file = "crash.py"
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        yield program


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with two pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    add_picture(folder, "0.jpg")
    add_picture(folder, "1.jpg")
    return folder


def add_picture(folder: Path, name: str, width: int = 40) -> None:
    Image.effect_noise((width, 30), 50).convert("RGB").save(folder / name)


def watch_line(pictures: Path) -> tuple[str | Path, ...]:
    output = pictures.parent / "out"
    return "run", "shrink-for-sharing", pictures, "--output", output, "--watch", "--json"


def told(process: "subprocess.Popen[str]", count: int) -> tuple[int, set[str]]:
    """Read so many events; return how often it said that it watches, and which files ended."""
    events = read_events(process, count)
    names = [event["event"] for event in events]
    ended = {Path(str(event["input"])).name for event in events if "input" in event}
    assert len(ended) == names.count("task_finished")
    return names.count("watching"), ended


def test_files_that_come_are_told_of_at_once_and_ctrl_c_leaves_a_job_that_watches_on(
    everycore: Everycore, pictures: Path
) -> None:
    process = everycore.start(*watch_line(pictures))
    assert told(process, 3) == (1, {"0.jpg", "1.jpg"})
    add_picture(pictures, "new.jpg")
    assert told(process, 1) == (0, {"new.jpg"})
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["event"] == "job_stopped"
    assert "everycore resume" in err
    add_picture(pictures, "while-away.jpg")
    add_picture(pictures, "1.jpg", width=50)
    again = everycore.start("resume", "--json")
    assert told(again, 3) == (1, {"while-away.jpg", "1.jpg"})
    add_picture(pictures, "last.jpg")
    assert told(again, 1) == (0, {"last.jpg"})
    with Image.open(pictures.parent / "out" / "1.jpg") as output:
        assert output.width == 50


def test_a_watch_that_was_killed_goes_on_without_loss(everycore: Everycore, pictures: Path) -> None:
    process = everycore.start(*watch_line(pictures))
    assert told(process, 3) == (1, {"0.jpg", "1.jpg"})
    process.kill()
    process.communicate()
    (pictures / "0.jpg").unlink()
    add_picture(pictures, "new.jpg")
    again = everycore.start("resume", "--json")
    assert told(again, 2) == (1, {"new.jpg"})
    outputs = {file.name for file in (pictures.parent / "out").glob("*.jpg")}
    assert outputs == {"0.jpg", "1.jpg", "new.jpg"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's reaper of orphans")
def test_workers_that_die_do_not_take_the_watch_with_them(
    everycore: Everycore, tmp_path: Path
) -> None:
    (tmp_path / "crash.py").write_text(CRASHING)
    (tmp_path / "crash.toml").write_text(CRASHING_PIPELINE)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "good.txt").write_text("good")
    line = ("run", "crash.toml", inbox, "--output", tmp_path / "out", "--watch", "--json")
    process = everycore.start(*line, "--trust", "--retries", "0")
    assert told(process, 2) == (1, {"good.txt"})
    before = watches(process.pid)
    for number in range(4):
        (inbox / f"{number}.txt").write_text("crash")
    assert told(process, 4) == (0, {f"{number}.txt" for number in range(4)})
    (inbox / "last.txt").write_text("last")
    assert told(process, 1) == (0, {"last.txt"})
    assert watches(process.pid) == before
    assert len(before) == 1


def watches(engine: int) -> list[int]:
    """Return the ids of the processes that search for an engine."""
    children = psutil.Process(engine).children()
    return [child.pid for child in children if "search_program" in " ".join(child.cmdline())]


def test_the_same_line_watches_on_and_without_watch_it_ends_the_job(
    everycore: Everycore, pictures: Path
) -> None:
    line = watch_line(pictures)
    process = everycore.start(*line)
    assert told(process, 3)[0] == 1
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    again = everycore.start(*line)
    assert told(again, 1) == (1, set())
    again.send_signal(signal.SIGTERM)
    _, err = again.communicate(timeout=20)
    assert "Going on with job" in err
    add_picture(pictures, "new.jpg")
    ended = everycore.run(*(word for word in line if word != "--watch"))
    assert ended.returncode == 0, ended.stderr
    assert "Going on with job" in ended.stderr
    last = json.loads(ended.stdout.splitlines()[-1])
    assert (last["event"], last["succeeded"]) == ("job_finished", 3)


def test_a_terminal_says_what_is_watched(everycore: Everycore, pictures: Path) -> None:
    master, slave = os.openpty()
    *line, _json = watch_line(pictures)
    process = everycore.start(*line, stderr=slave)
    os.close(slave)
    said = b""
    while b"Watching pictures for new files, 2 done so far" not in said:
        said += os.read(master, 65536)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    os.close(master)
    assert process.returncode == 130
    assert b"Ctrl-C stops; `everycore resume` watches on." in said
