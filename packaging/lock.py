"""Write the three lock files from pyproject.toml; needs uv. `--upgrade` takes newer versions.

    python3 packaging/lock.py [--upgrade]

One lock serves Python 3.11 and later on Linux, macOS and Windows. requirements.lock is what the
app needs, requirements-dev.lock adds the tests' and checks' tools, requirements-build.lock is
what building pyvips (which has no wheel) and our own package needs before either.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMMON = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-annotate",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
]


def main() -> None:
    """Compile the locks; the later ones may not disagree with the first."""
    extras = ("data", "science", "heif", "raw", "jxl")
    app = [f"--extra={extra}" for extra in extras]
    same = ["--constraint=requirements.lock"]
    _compile("requirements.lock", app)
    _compile("requirements-dev.lock", [*app, "--group=dev", *same])
    _compile("requirements-build.lock", ["--group=build", *same], source=())


def _compile(lock: str, options: list[str], source: tuple[str, ...] = ("pyproject.toml",)) -> None:
    command = ["uv", "pip", "compile", *source, *options, *COMMON, *sys.argv[1:]]
    subprocess.run([*command, f"--output-file={lock}"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
