"""What the person chose, kept as TOML; where the window stood, kept by QSettings.

A file that cannot be read is as good as none: the defaults are shown, nothing is asked.
"""

import os
import tempfile
import tomllib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

import tomli_w
from msgspec import Struct, field
from PySide6.QtCore import QSettings

from gui_app.output_choices import OutputChoices
from gui_app.theme import ThemeChoice
from workers import OnExisting
from workers.folders import config_folder

_FILE: Final = "settings.toml"
_WINDOW_FILE: Final = "window.ini"
_MOST_WORKERS: Final = 1024
_OUTPUT_FLAGS: Final = ("keeps_dates", "only_smaller", "is_watching")

_Choice = TypeVar("_Choice", bound=Enum)


class Choices(Struct, frozen=True):
    """The person's choices; `workers` None means: as many as suit, `output` None: beside."""

    theme: ThemeChoice = ThemeChoice.SYSTEM
    is_responsive: bool = True
    workers: int | None = None
    preset: str = "shrink-for-sharing"
    on_existing: OnExisting = OnExisting.SKIP
    output: Path | None = None
    outputs: OutputChoices = field(default_factory=OutputChoices)


def load_choices(file: Path | None = None) -> Choices:
    """Return the kept choices; what is missing or wrong takes its default."""
    try:
        text = (file or config_folder() / _FILE).read_text(encoding="utf-8")
        kept = tomllib.loads(text)
    except (OSError, ValueError):  # a TOML error is a ValueError
        return Choices()
    default = Choices()
    is_responsive, preset = kept.get("is_responsive"), kept.get("preset")
    return Choices(
        theme=_enum(ThemeChoice, kept.get("theme"), default.theme),
        is_responsive=is_responsive if isinstance(is_responsive, bool) else default.is_responsive,
        workers=_workers(kept.get("workers")),
        preset=preset if isinstance(preset, str) else default.preset,
        on_existing=_enum(OnExisting, kept.get("on_existing"), default.on_existing),
        output=_path(kept.get("output")),
        outputs=_outputs(kept),
    )


def save_choices(choices: Choices, file: Path | None = None) -> None:
    """Keep the choices; raises OSError. A crash leaves the old file or the new one."""
    kept: dict[str, object] = {
        "theme": choices.theme.value,
        "is_responsive": choices.is_responsive,
        "preset": choices.preset,
        "on_existing": choices.on_existing.value,
        "names": choices.outputs.names,
        **{flag: getattr(choices.outputs, flag) for flag in _OUTPUT_FLAGS},
    }
    if choices.workers is not None:
        kept["workers"] = choices.workers
    output = "" if choices.output is None else str(choices.output)
    # TOML is UTF-8: a folder whose name is not cannot be kept.
    if output and output.isprintable():
        kept["output"] = output
    _replace(file or config_folder() / _FILE, kept)


def window_settings() -> QSettings:
    """Return where the window keeps its geometry and splitters."""
    return QSettings(str(config_folder() / _WINDOW_FILE), QSettings.Format.IniFormat)


def _outputs(kept: Mapping[str, object]) -> OutputChoices:
    names = kept.get("names")
    flags = {flag: kept.get(flag) is True for flag in _OUTPUT_FLAGS}
    return OutputChoices(names if isinstance(names, str) else "", **flags)


def _enum(kind: type[_Choice], value: object, default: _Choice) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        return default


def _workers(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, int) and is_count and 1 <= value <= _MOST_WORKERS else None


def _path(value: object) -> Path | None:
    is_path = isinstance(value, str) and value and "\0" not in value
    return Path(value) if isinstance(value, str) and is_path else None


def _replace(place: Path, kept: Mapping[str, object]) -> None:
    descriptor, fresh = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            tomli_w.dump(kept, file)
        Path(fresh).replace(place)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
