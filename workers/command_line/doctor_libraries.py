"""Python, Qt and the libraries that decode and compute; Qt is never loaded for it."""

import importlib
import importlib.metadata
import importlib.util
import re
import sys
from typing import Final

from workers.command_line.diagnosis import Diagnosis

_OLDEST_PYTHON: Final = (3, 11)
# PySide6 6.12 on Python 3.11 gives up a reference to None with each void call and aborts.
_STEALING_QT: Final = (6, 12)
_SAFE_PYTHON: Final = (3, 12)


def diagnoses() -> list[Diagnosis]:
    """Return what was found of Python and the libraries."""
    return [
        _python(),
        qt(_version("PySide6-Essentials", "PySide6"), sys.version_info[:2]),
        _vips(),
        _library("Pillow", "PIL", "the second decoder for pictures", is_needed=True),
        _library("NumPy", "numpy", "arrays and .npy results", is_needed=True),
        _library("watchfiles", "watchfiles", "hearing at once of new files in watched folders"),
        _library("polars", "polars", "tables; pip install 'everycore[data]'"),
        _library("SciPy", "scipy", "filters and spectra; pip install 'everycore[science]'"),
        _library("h5py", "h5py", "HDF5 files; pip install 'everycore[science]'"),
    ]


def qt(version: str | None, python: tuple[int, ...]) -> Diagnosis:
    """Return the diagnosis of a Qt version under a Python version."""
    if version is None:
        return Diagnosis(
            "Qt", False, "PySide6 is not installed.", "There is no window; the terminal works."
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers >= _STEALING_QT and python < _SAFE_PYTHON:
        return Diagnosis(
            "Qt",
            False,
            f"PySide6 {version} aborts on Python {python[0]}.{python[1]}.",
            "pip install 'PySide6-Essentials<6.12', or take Python 3.12.",
        )
    return Diagnosis("Qt", True, f"PySide6 {version}")


def _python() -> Diagnosis:
    words = ".".join(str(part) for part in sys.version_info[:3])
    is_ok = sys.version_info[:2] >= _OLDEST_PYTHON
    advice = "" if is_ok else "Everycore needs 3.11 or later."
    return Diagnosis("Python", is_ok, words, advice, is_needed=True)


def _version(*distributions: str) -> str | None:
    """Return the version of the first distribution that is installed."""
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _library(subject: str, module: str, use: str, *, is_needed: bool = False) -> Diagnosis:
    try:
        version = getattr(importlib.import_module(module), "__version__", "of unknown version")
    except (ImportError, OSError) as error:
        return Diagnosis(subject, False, f"{error}.", f"It is for {use}.", is_needed=is_needed)
    return Diagnosis(subject, True, str(version), is_needed=is_needed)


def _vips() -> Diagnosis:
    try:
        import pyvips
    except (ImportError, OSError) as error:
        first_line = str(error).splitlines()[0]
        return Diagnosis(
            "libvips", False, f"{first_line}.", "pip install pyvips-binary, or install libvips42."
        )
    version = ".".join(str(pyvips.version(part)) for part in range(3))
    return Diagnosis("libvips", True, version)
