"""What every test gets: a home of its own, a screen nobody sees, and a look at what it left.

The environment is set when this file is imported, before anything imports Qt.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

# A worker may need this long to see that its parent is gone.
END_TIMEOUT_S = 2.0


def _choose_screen() -> None:
    """Send windows to pytest-xvfb's own screen, or nowhere, never to the person's."""
    if not sys.platform.startswith("linux"):
        return
    os.environ.pop("WAYLAND_DISPLAY", None)
    if shutil.which("Xvfb"):
        os.environ["QT_QPA_PLATFORM"] = "xcb"
    elif not os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


_choose_screen()


def pytest_configure(config: pytest.Config) -> None:
    """Allow the one constructor that PySide6 6.12 deprecates and 6.11 has no other for."""
    deprecated = "ignore:Function. 'QDragEnterEvent:DeprecationWarning"
    config.addinivalue_line("filterwarnings", deprecated)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def everycore_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands for this person's settings, journals and logs."""
    home = tmp_path / "home"
    monkeypatch.setenv("EVERYCORE_HOME", str(home))
    return home


@pytest.fixture
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test a trash of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "Trash"


@pytest.fixture(autouse=True, scope="session")
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep Qt's settings and the trash of this session away from the person's own."""
    folder = tmp_path_factory.mktemp("xdg")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(folder))
        yield


@pytest.fixture(autouse=True, scope="module")
def _no_process_left_behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Fail a test file that leaves a process running, and end that process."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    ours = tmp_path_factory.getbasetemp()
    left = [process for process in _running_below(ours) if process.pid not in before]
    _gone, alive = psutil.wait_procs(left, timeout=END_TIMEOUT_S)
    described = [_describe(process) for process in alive]
    for process in alive:
        process.kill()
    if described:
        pytest.fail(f"{request.node.name} left processes running: {described}", pytrace=False)


def _running_below(home: Path) -> list[psutil.Process]:
    """Return our descendants and those whose parent is gone but whose home is of this session."""
    children = psutil.Process().children(recursive=True)
    found = {child.pid: child for child in children if not _is_bystander(child)}
    for process in psutil.process_iter():
        try:
            place = process.environ().get("EVERYCORE_HOME", "")
        except (psutil.Error, OSError):
            continue
        is_ours = process.pid != os.getpid() and not _is_bystander(process)
        if place and is_ours and Path(place).is_relative_to(home):
            found.setdefault(process.pid, process)
    return list(found.values())


def _is_bystander(process: psutil.Process) -> bool:
    """Say whether a process belongs to the test run itself."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        line = " ".join(process.cmdline())
    except psutil.Error:
        return True
    return "Xvfb" in line or "resource_tracker" in line


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:120]}"
    except psutil.Error:
        return str(process.pid)
