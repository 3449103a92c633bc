"""What memory there is and what is held: real processes, and files as the kernel writes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workers import memory

MB = 2**20
# Only a hang reaches it; a shared machine may be slow.
PATIENCE_S = 60
PEAKS = """
from workers.memory import peak_bytes, reset_peak

assert reset_peak()
before = peak_bytes()
held = bytearray(b"1") * (300 * 2**20)
peak = peak_bytes()
del held
assert reset_peak()
print([before, peak, peak_bytes()])
"""
MACHINE = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"
UNLIMITED_VERSION_1 = "9223372036854771712\n"


def tree(root: Path, groups: str = "", files: dict[str, str] | None = None) -> Path:
    """Write what the kernel says to a process in `groups`; `files` stand below their mount."""
    below = {f"sys/fs/cgroup/{name}": content for name, content in (files or {}).items()}
    said = {
        "proc/meminfo": MACHINE,
        "proc/vmstat": "nr_free_pages 5\noom_kill 7\n",
        "proc/self/cgroup": groups,
    }
    for name, content in (said | below).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="ascii")
    return root


def test_own_resident_memory_is_what_psutil_says() -> None:
    said = psutil.Process().memory_info().rss

    assert memory.resident_bytes() == pytest.approx(said, rel=0.2)


def test_resident_memory_of_another_process_grows_with_it() -> None:
    code = "import sys; held = bytearray(b'1') * (200 * 2**20); print('held', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline().strip() == b"held"

        assert 200 * MB < memory.resident_bytes(child.pid) < 400 * MB

        child.stdin.close()
    assert child.returncode in (0, 1)
    assert memory.resident_bytes(child.pid) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_a_peak_is_remembered_until_it_is_reset() -> None:
    # In a process of its own: here, libraries that other tests loaded give memory back meanwhile.
    ended = subprocess.run(
        [sys.executable, "-c", PEAKS], stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True
    )
    before, peak, after = json.loads(ended.stdout)

    assert peak - before > 250 * MB
    assert after < peak - 250 * MB


@pytest.mark.skipif(sys.platform == "linux", reason="Linux knows")
def test_an_unknown_peak_is_zero() -> None:
    assert not memory.reset_peak()
    assert memory.peak_bytes() == 0


def test_this_computer_has_memory_and_some_of_it_is_free() -> None:
    assert 0 < memory.available_bytes() < memory.total_bytes()
    assert memory.total_bytes() <= psutil.virtual_memory().total
    assert memory.oom_kills() >= 0


def test_without_a_control_group_the_machine_counts(tmp_path: Path) -> None:
    root = tree(tmp_path)

    assert memory.total_bytes(root) == 16_000_000 * 1024
    assert memory.available_bytes(root) == 8_000_000 * 1024
    assert memory.oom_kills(root) == 7


def test_every_group_around_the_process_limits_it(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "0::/app.slice/our.service\n",
        {
            "app.slice/memory.max": f"{900 * MB}\n",
            "app.slice/memory.current": f"{700 * MB}\n",
            "app.slice/memory.stat": f"anon 5\ninactive_file {100 * MB}\nactive_file 3\n",
            "app.slice/our.service/memory.max": "max\n",
            "app.slice/our.service/memory.current": f"{10 * MB}\n",
            "app.slice/our.service/memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
        },
    )

    assert memory.total_bytes(root) == 900 * MB
    assert memory.available_bytes(root) == 300 * MB
    assert memory.oom_kills(root) == 2


def test_what_slows_a_group_down_is_a_limit(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "0::/\n",
        {
            "memory.max": f"{900 * MB}\n",
            "memory.high": f"{500 * MB}\n",
            "memory.current": f"{600 * MB}\n",
        },
    )

    assert memory.total_bytes(root) == 500 * MB
    assert memory.available_bytes(root) == 0


def test_a_group_of_version_1_limits_and_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "9:cpu,cpuacct:/other\n4:memory:/ours\n0::/\n",
        {
            "memory/memory.limit_in_bytes": UNLIMITED_VERSION_1,
            "memory/memory.usage_in_bytes": "1\n",
            "memory/ours/memory.limit_in_bytes": f"{800 * MB}\n",
            "memory/ours/memory.usage_in_bytes": f"{600 * MB}\n",
            "memory/ours/memory.stat": f"total_inactive_file {50 * MB}\n",
            "memory/ours/memory.oom_control": "oom_kill_disable 0\noom_kill 4\n",
        },
    )

    assert memory.total_bytes(root) == 800 * MB
    assert memory.available_bytes(root) == 250 * MB
    assert memory.oom_kills(root) == 4


def test_in_a_container_the_mounted_group_is_ours(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "4:memory:/docker/0123\n",
        {
            "memory/memory.limit_in_bytes": f"{800 * MB}\n",
            "memory/memory.usage_in_bytes": f"{600 * MB}\n",
            "memory/memory.oom_control": "oom_kill 1\n",
        },
    )

    assert memory.total_bytes(root) == 800 * MB
    assert memory.available_bytes(root) == 200 * MB
    assert memory.oom_kills(root) == 1


def test_a_path_out_of_its_namespace_stays_inside_the_mount(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/../../elsewhere\n", {"../elsewhere/memory.max": "1\n"})

    assert memory.total_bytes(root) == 16_000_000 * 1024


def test_a_process_that_never_was_holds_nothing() -> None:
    assert memory.resident_bytes(2**22 + os.getpid()) == 0
