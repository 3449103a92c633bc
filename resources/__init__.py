"""Where the files that ship with Everycore lie: icons, presets, samples. Light; any process.

We ship unpacked (source, wheel, bundle), so every resource is a real file.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

PRESETS: Final = (
    "shrink-for-sharing",
    "web-gallery-2048",
    "thumbnails-320",
    "fit-under-500-kb",
    "heic-to-jpeg",
    "raw-to-jpeg",
    "png-to-webp",
    "archive-webp-lossless",
    "avif-small",
    "remove-location",
    "contact-sheet",
    "find-alike-pictures",
    "csv-to-parquet",
    "csv-for-spreadsheets",
    "table-summary",
    "merge-tables",
    "array-statistics",
    "checksum-list",
    "samples-tour",
)
"""The ids of the bundled presets, in the order they are shown."""


def presets_path() -> Path:
    """Return the folder of the bundled presets."""
    return _root() / "presets"


def sweeps_path() -> Path:
    """Return the folder of the bundled functions to sweep over."""
    return _root() / "sweeps"


def samples_path() -> Path:
    """Return the folder of the samples: pictures, tables, arrays and damaged files."""
    return _root() / "samples"


def probes_path() -> Path:
    """Return the folder of a small picture in each format, picture.jpg and so on."""
    return _root() / "probes"


def icon_path(name: str) -> Path:
    """Return the file of an icon; without a suffix it is an .svg."""
    file = _root() / "icons" / name
    return file if file.suffix else file.with_suffix(".svg")


def text(name: str) -> str:
    """Return the text of a resource, named by its path below this folder."""
    return (_root() / name).read_text(encoding="utf-8")


def _root() -> Path:
    return Path(str(files("resources")))
