"""A folder of what is no file, and of files with odd names: each one accounted for."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.everycore_program import Everycore, everycore_in
from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import outputs_of
from workers.job import TaskState

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="makes what Linux has")

LINK = "A link; links are not followed."
NOT_REGULAR = "Not a regular file."
TABLE = b"a,b\n1,2\n"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return a folder with one of everything."""
    odd = tmp_path / "odd"
    (odd / "folder").mkdir(parents=True)
    for name in (b"good.csv", b"line\nbreak.csv", b"caf\xe9.csv", b"-x [1] %d.csv", b"\x1b[2J.csv"):
        (odd / os.fsdecode(name)).write_bytes(TABLE)
    (odd / "empty.csv").touch()
    (odd / "closed.csv").write_bytes(TABLE)
    (odd / "closed.csv").chmod(0)
    os.mkfifo(odd / "fifo.csv")
    (odd / "loop").symlink_to(odd)
    (odd / "folder" / "up.csv").symlink_to("../folder")
    (odd / "dangling.csv").symlink_to("nowhere.csv")
    (odd / "zero.csv").symlink_to("/dev/zero")
    place = os.open(odd, os.O_RDONLY)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{place}/socket.csv")
    os.close(place)
    return odd


def told(program: Everycore, odd: Path) -> dict[bytes, dict[str, object]]:
    """Run a job as somebody who may not read everything; return each input's last words."""
    command = [sys.executable, "-m", "workers", "run", "csv-to-parquet", str(odd)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything here")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    ended = subprocess.run(
        [*command, "--output", "out", "--json"],
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events[-1]["event"] == "job_finished", ended.stderr
    assert events[-1]["seconds"] < 30, "a search that waited for a pipe or a socket"
    return {exact_name(event): event for event in events[:-1]}


def exact_name(event: dict[str, object]) -> bytes:
    if "input_base64" in event:
        return base64.b64decode(str(event["input_base64"])).rpartition(b"/")[2]
    return os.fsencode(str(event["input"])).rpartition(b"/")[2]


def test_each_odd_file_is_accounted_for_with_its_reason(tmp_path: Path, odd: Path) -> None:
    with everycore_in(tmp_path) as program:
        fates = {name: (e["state"], e["message"]) for name, e in told(program, odd).items()}
    done = ("succeeded", "")
    assert fates == {
        b"good.csv": done,
        b"line\nbreak.csv": done,
        b"caf\xe9.csv": done,
        b"-x [1] %d.csv": done,
        b"\x1b[2J.csv": done,
        b"empty.csv": ("failed", "The file is empty."),
        b"closed.csv": ("skipped", "No permission to read this file."),
        b"fifo.csv": ("skipped", NOT_REGULAR),
        b"socket.csv": ("skipped", NOT_REGULAR),
        b"loop": ("skipped", LINK),
        b"up.csv": ("skipped", LINK),
        b"dangling.csv": ("skipped", LINK),
        b"zero.csv": ("skipped", LINK),
    }
    made = {os.fsencode(file.name) for file in (tmp_path / "out").rglob("*.parquet")}
    assert made == {
        name.replace(b".csv", b".parquet") for name, fate in fates.items() if fate == done
    }


def test_device_is_skipped_unopened(running: Running, folder: Path, tmp_path: Path) -> None:
    try:
        os.mknod(folder / "device", 0o020600, os.makedev(1, 5))  # as /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices, and not in every container")
    (folder / "file.txt").write_text("file.txt")
    copy = "def process(path, output):\n    output.write_bytes(path.read_bytes())\n"
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, copy)))
    running.until_ended()
    assert {row.name: (row.state, row.message) for row in running.ended} == {
        "device": (TaskState.SKIPPED, NOT_REGULAR),
        "file.txt": (TaskState.SUCCEEDED, ""),
    }


SAVED_WHILE_READ = """
def process(path, output):
    content = path.read_bytes()
    if content == b"first":
        path.write_bytes(b"second")
    output.write_bytes(content)
"""


def test_file_saved_while_it_is_read_is_read_once_more(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_bytes(b"first")
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, SAVED_WHILE_READ)))
    end = running.until_ended()
    assert (end.counts.succeeded, end.counts.failed) == (1, 0)
    assert outputs_of(tmp_path / "out") == {"a.txt": "second"}


def test_file_that_changes_all_the_time_fails_and_says_so(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_bytes(b"first")
    source = SAVED_WHILE_READ.replace('if content == b"first"', "if True").replace(
        'b"second"', 'content + b"."'
    )
    running.post(*job_of(folder, tmp_path / "out", own_code(tmp_path, source)))
    running.until_ended()
    (row,) = running.ended
    assert row.message == "The file changed while it was being read."
    assert outputs_of(tmp_path / "out") == {}
