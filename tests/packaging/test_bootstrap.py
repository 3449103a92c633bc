"""packaging/bootstrap.py and its neighbours: the parts that change nothing on the computer."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "packaging"
FIRST_ON_A_FRESH_COMPUTER = ("bootstrap", "system_packages", "virtual_environment")


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _loaded("bootstrap", monkeypatch)


@pytest.fixture
def virtual_environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _loaded("virtual_environment", monkeypatch)


@pytest.fixture
def system_packages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _loaded("system_packages", monkeypatch)


def _loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script of packaging/ as Python does when it is started by its path."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _clone(folder: Path) -> Path:
    """Return a folder with the files that decide what a .venv must hold."""
    folder.mkdir()
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-build.lock"):
        (folder / name).write_text("rich==15.0.0\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "win32", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
    ],
)
def test_window_opens_only_where_there_is_a_display(
    bootstrap: ModuleType, environment: dict[str, str], platform: str, expected: bool
) -> None:
    assert bootstrap.has_display(environment, platform) is expected


def test_unknown_command_is_a_usage_error(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main(["fly"]) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_every_make_target_is_listed_and_known(bootstrap: ModuleType) -> None:
    listed = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    targets = [line.split()[1] for line in listed.splitlines()]
    assert targets == ["run", "test", "check", "format", "bench"]
    assert all(f"\n  {target} " in bootstrap.USAGE for target in targets)


def test_venv_is_ready_only_with_a_fresh_stamp(
    virtual_environment: ModuleType, tmp_path: Path
) -> None:
    clone = _clone(tmp_path / "clone")
    assert not virtual_environment.is_ready(clone, "app")

    program = virtual_environment.venv_program(clone, "python")
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    stamp = clone / ".venv" / "everycore-app.stamp"
    stamp.write_text(virtual_environment.fingerprint(clone, "app"), encoding="utf-8")
    assert virtual_environment.is_ready(clone, "app")
    assert not virtual_environment.is_ready(clone, "tests")

    (clone / "requirements.lock").write_text("rich==15.0.1\n", encoding="utf-8")
    assert not virtual_environment.is_ready(clone, "app")


@pytest.mark.parametrize(("cores", "expected"), [(1, 2), (2, 3), (4, 6), (64, 8)])
def test_tests_are_shared_by_more_processes_than_cores_up_to_a_bound(
    bootstrap: ModuleType, cores: int, expected: int
) -> None:
    assert bootstrap.processes_for(cores) == expected


def test_modules_are_compiled_even_where_python_is_told_not_to(
    virtual_environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = virtual_environment.venv_program(tmp_path, "python")
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    packages = "Lib/site-packages" if os.name == "nt" else "lib/python3.11/site-packages"
    for name in ("workers", "tests", f".venv/{packages}"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "module.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)

    def compiled() -> set[str]:
        return {file.parent.parent.name for file in tmp_path.rglob("module.*.pyc")}

    virtual_environment.compile_own(tmp_path)
    assert compiled() == {"workers", "tests"}
    virtual_environment.compile_packages(tmp_path)
    assert compiled() == {"workers", "tests", "site-packages"}


def test_moved_clone_needs_a_new_venv(virtual_environment: ModuleType, tmp_path: Path) -> None:
    first = virtual_environment.fingerprint(_clone(tmp_path / "here"), "app")
    assert virtual_environment.fingerprint(_clone(tmp_path / "there"), "app") != first


def test_test_lock_holds_the_very_versions_of_the_app_lock() -> None:
    app, tests = (
        {
            line.partition(" ")[0]  # what only one of them needs on some Python has a condition
            for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
            if "==" in line and not line.startswith(" ")
        }
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert app - tests == set()


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("*.lock")))
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = text.replace(" \\\n", " ").splitlines()
    assert all("--hash=sha256:" in line for line in packages if line)
    assert "://" not in text


def test_missing_library_is_named_by_its_package(
    system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("system libraries are looked for on Linux only")
    monkeypatch.setattr(system_packages, "WINDOW_LIBRARIES", {"libnowhere1": "libnowhere.so.1"})
    found = system_packages.missing_packages(window=True, tests=False, venv=True)
    assert found == ["python3-venv", "libnowhere1"]
    assert system_packages.missing_packages(window=False, tests=False, venv=False) == []


def test_line_to_paste_installs_exactly_the_missing_packages(system_packages: ModuleType) -> None:
    line = system_packages.install_line(["xvfb", "xauth"])
    assert line.endswith("apt-get install -y --no-install-recommends xvfb xauth")


@pytest.mark.parametrize("script", FIRST_ON_A_FRESH_COMPUTER)
def test_scripts_can_be_read_by_a_python_too_old_to_run_the_app(script: str) -> None:
    source = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= {*sys.stdlib_module_names, *FIRST_ON_A_FRESH_COMPUTER}
