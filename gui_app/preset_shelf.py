"""What happens with presets when something is pressed or dropped; no widgets.

Lives in the window's thread.
"""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workers import Pipeline
from workers.errors import PipelineError
from workers.pipeline import preset_pipelines
from workers.presets import (
    SUFFIX,
    export_preset,
    forget_preset,
    import_preset,
    is_own,
    save_preset,
)
from workers.wording import printable


class PresetShelf(QObject):
    """Keeps, takes in, hands out and forgets presets of the pipeline being edited."""

    presets_changed = Signal(object)
    # a preset that is to be used from now on
    preset_offered = Signal(object)
    said = Signal(str)

    def __init__(self, pipeline: Pipeline, parent: QObject) -> None:
        """Begin with the pipeline that is shown."""
        super().__init__(parent)
        self._pipeline = pipeline

    def take_pipeline(self, pipeline: Pipeline) -> None:
        """Remember what is edited."""
        self._pipeline = pipeline

    def save(self, name: str) -> None:
        """Keep the pipeline as a preset of that name."""
        try:
            preset = save_preset(self._pipeline, name)
        except PipelineError as error:
            self.said.emit(str(error))
            return
        self._use(preset)
        self.said.emit(f"'{printable(preset.name)}' is kept.")

    def take_in(self, files: Sequence[Path]) -> None:
        """Take pipeline files in among the presets, and use the last one."""
        preset: Pipeline | None = None
        for file in files:
            try:
                preset = import_preset(file)
            except PipelineError as error:
                self.said.emit(str(error))
        if preset is not None:
            self._use(preset)
            self.said.emit(f"'{printable(preset.name)}' is one of your presets now.")

    def import_file(self, file: str) -> None:
        """Take one file in."""
        self.take_in((Path(file),))

    def export_file(self, file: str) -> None:
        """Write the pipeline to a file."""
        try:
            export_preset(self._pipeline, Path(file))
        except PipelineError as error:
            self.said.emit(str(error))
        else:
            self.said.emit(f"Written to {printable(Path(file).name)}.")

    def forget(self) -> None:
        """Delete the preset that is shown; its steps stay in the window."""
        if not is_own(self._pipeline):
            return
        try:
            forget_preset(self._pipeline)
        except PipelineError as error:
            self.said.emit(str(error))
            return
        self.presets_changed.emit(preset_pipelines())
        self.said.emit(
            f"'{printable(self._pipeline.name)}' is forgotten; its steps are still here."
        )

    def _use(self, preset: Pipeline) -> None:
        self.presets_changed.emit(preset_pipelines())
        self.preset_offered.emit(preset)


def are_presets(paths: Sequence[Path]) -> bool:
    """Say whether what was dropped is pipeline files alone, and no folder of inputs."""
    return bool(paths) and all(path.suffix.lower() == SUFFIX and path.is_file() for path in paths)
