"""What holds between the project's files: imports, dependencies, links, versions."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ("gui_app", "workers", "resources")

HEAVY: Final = frozenset(
    {"PySide6", "numpy", "polars", "pyvips", "PIL", "psutil", "msgspec", "rich", "pyqtgraph"}
)
# Written in two parts so that this file does not break its own rule.
REGISTRY_HOSTS: Final = tuple(
    name + "." + end
    for name, end in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb.debian", "org"),
        ("registry.npmjs", "org"),
        ("proxy.golang", "org"),
    )
)


def test_no_file_names_a_package_registry() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {host}"
        for file in _tracked_files()
        for host in REGISTRY_HOSTS
        if host.encode() in file.read_bytes()
    ]
    assert found == []


def test_links_in_the_documents_lead_somewhere() -> None:
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert dead == []


@pytest.mark.parametrize(
    "module", ["workers", "workers.worker", "workers.__main__", "gui_app.__main__", "resources"]
)
def test_importing_an_entry_module_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A worker's values are msgspec's: a standard dataclass takes 40 times as long to make.
    allowed = {"msgspec"} if module == "workers.worker" else set()
    assert set(done.stdout.split()) & HEAVY <= allowed


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_project_file_and_package_agree() -> None:
    project = _project()
    import workers

    assert project["version"] == workers.__version__
    named = project["entry-points"]["everycore.operations"]
    for module in [*named.values(), *(v.partition(":")[0] for v in project["scripts"].values())]:
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), module


def test_every_dependency_is_imported_somewhere() -> None:
    project = _project()
    extras = project["optional-dependencies"]
    # The peers that benchmarks compare with are no part of the program.
    extra = [name for group in extras if group != "bench" for name in extras[group]]
    imported = set()
    for folder in PRODUCT:
        for file in (ROOT / folder).rglob("*.py"):
            imported |= set(_imported_packages(ast.parse(file.read_bytes())))
    homes = importlib.metadata.packages_distributions()
    needed = {_normal(home) for package in imported for home in homes.get(package, [package])}
    declared = {
        _normal(re.split(r"[ <>=!;\[]", line)[0]) for line in [*project["dependencies"], *extra]
    }
    # pyvips-binary is loaded by pyvips.
    assert declared - needed - {"pyvips-binary"} == set()


def _project() -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    return table["project"]


def _imported_packages(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "-z", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    folders = [ROOT / name for name in (*PRODUCT, "packaging", "tests", "docs", ".ci")]
    return [file for folder in folders for file in folder.rglob("*") if file.is_file()]
