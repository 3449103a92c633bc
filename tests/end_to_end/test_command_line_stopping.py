"""Stopping the command line by signals, and going on where it stopped."""

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

from tests.end_to_end.everycore_program import (
    Everycore,
    everycore_in,
    make_pictures,
    read_events,
)

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        yield program


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


# The program, ending as by kill -9 where the job's own folder already stands in the output folder.
DIES_AT_ITS_START = """
import os, signal, sys
def end(event, arguments):
    if event == "open" and str(arguments[0]).endswith("/probe"):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(end)
from workers.__main__ import main
main()
"""


@POSIX_ONLY
def test_a_job_killed_right_at_its_start_goes_on_and_leaves_no_folder(everycore: Everycore) -> None:
    pictures, output = everycore.folder / "pictures", everycore.folder / "small"
    pictures.mkdir()
    Image.new("RGB", (32, 24)).save(pictures / "a.png")
    line = ("run", "shrink-for-sharing", "pictures", "--output", "small")
    killed = subprocess.run(
        [sys.executable, "-c", DIES_AT_ITS_START, *line],
        cwd=everycore.folder,
        env=everycore.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list(output.iterdir())) == 1
    job = everycore.newest_job()
    assert job["state"] == "stopped"
    ended = everycore.run(*line)
    assert ended.returncode == 0, ended.stderr
    assert f"Going on with job {job['job']}" in ended.stderr
    assert [path.name for path in output.iterdir()] == ["a.jpg"]


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
def test_a_terminal_shows_a_bar_and_gets_its_cursor_back(everycore: Everycore) -> None:
    master, slave = os.openpty()
    process = everycore.start("map", "f.py:gated", "--over", "x=0:30", stderr=slave)
    os.close(slave)
    said = b""
    while b"4 of 30 points" not in said:
        said += os.read(master, 65536)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    said += os.read(master, 65536)
    os.close(master)
    assert process.returncode == 130
    assert said.count(b"\x1b[?25l") == said.count(b"\x1b[?25h") == 1
    assert b"To go on: everycore resume" in said
    assert "\x1b" not in out


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


def test_retry_runs_again_what_failed(everycore: Everycore, tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path)
    everycore.run("run", "shrink-for-sharing", pictures, "--output", "out", "--quiet")
    (pictures / "broken.jpg").write_bytes((pictures / "1.jpg").read_bytes())
    ended = everycore.run("retry", str(everycore.newest_job()["job"]), "--json")
    assert ended.returncode == 0, ended.stderr
    task, job = [json.loads(line) for line in ended.stdout.splitlines()]
    assert task["input"] == str(pictures / "broken.jpg")
    assert (job["succeeded"], job["failed"]) == (6, 0)
