"""What is remembered from one start to the next, and the dialogs. Lives in the window's thread."""

import logging
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from gui_app.bridge import EngineBridge
from gui_app.collector import Collector
from gui_app.controller import Controller, auto_workers
from gui_app.dialogs.about import AboutDialog
from gui_app.dialogs.jobs import JobsDialog
from gui_app.dialogs.preset_name import PresetNameDialog
from gui_app.dialogs.replacing import ReplacingDialog
from gui_app.dialogs.settings import SettingsDialog
from gui_app.dialogs.trust import TrustDialog
from gui_app.main_window import MainWindow, WindowViews
from gui_app.models.baseline import Baseline
from gui_app.models.sweep_values import SweepValues
from gui_app.models.task_table_model import TaskTableModel
from gui_app.name_words import names_sentence
from gui_app.output_choices import OutputChoices
from gui_app.preset_shelf import PresetShelf
from gui_app.preview_bridge import PreviewBridge
from gui_app.previewing import Previewing
from gui_app.sampling import Sampling
from gui_app.settings import Choices, save_choices
from gui_app.theme import Theme
from workers import JobState, OnExisting, Pipeline
from workers.load import usable_cores
from workers.pipeline import preset_pipelines
from workers.presets import offered_name
from workers.snapshot import JobEntry, JobSnapshot
from workers.wording import printable

_log: Final = logging.getLogger(__name__)


class Parts(Struct, frozen=True):
    """The objects of the application, each once."""

    application: QApplication
    theme: Theme
    bridge: EngineBridge
    controller: Controller
    model: TaskTableModel
    window: MainWindow
    collector: Collector
    previews: PreviewBridge
    previewing: Previewing
    values: SweepValues
    shelf: PresetShelf
    sampling: Sampling
    baseline: Baseline

    @property
    def views(self) -> WindowViews:
        """Return the views that stand in the window."""
        return self.window.views


class Session(QObject):
    """The dialogs, and what is remembered from one start to the next."""

    def __init__(self, parts: Parts, choices: Choices) -> None:
        """Begin with the kept choices."""
        super().__init__(parts.window)
        self._parts = parts
        self._choices = choices
        self._state = JobState.EMPTY
        self._jobs: JobsDialog | None = None
        self._history: tuple[JobEntry, ...] = ()
        self._pipeline = Pipeline("", ())

    def restore(self, pipeline: Pipeline) -> None:
        """Show the kept choices."""
        views, controller = self._parts.views, self._parts.controller
        views.pipeline_panel.apply_presets(preset_pipelines())
        views.pipeline_panel.show_pipeline(pipeline)
        views.output_panel.apply_on_existing(self._choices.on_existing)
        controller.choose_on_existing(self._choices.on_existing)
        controller.choose_outputs(self._choices.outputs)
        controller.choose_output(self._choices.output)
        if not self._choices.is_responsive:
            controller.choose_responsive(False)
        self.show_names(pipeline)

    # ---- what is remembered

    def take_pipeline(self, pipeline: Pipeline) -> None:
        """Remember the preset."""
        self.show_names(pipeline)
        if pipeline.id:
            self._keep(replace(self._choices, preset=pipeline.id))

    def take_on_existing(self, choice: OnExisting) -> None:
        """Remember the choice."""
        self._keep(replace(self._choices, on_existing=choice))

    def take_outputs(self, choices: OutputChoices) -> None:
        """Remember how outputs are made, if their names are sound, and show what those come to."""
        is_wrong = self._show_names(choices)
        names = "" if is_wrong else choices.names
        self._keep(replace(self._choices, outputs=replace(choices, names=names)))

    def take_workers(self, count: int) -> None:
        """Remember the number."""
        self._keep(replace(self._choices, workers=count))

    def take_auto_workers(self) -> None:
        """Remember that the number is ours to choose."""
        self._keep(replace(self._choices, workers=None))

    def take_responsive(self, is_responsive: bool) -> None:
        """Remember the choice."""
        self._keep(replace(self._choices, is_responsive=is_responsive))

    def take_choices(self, choices: Choices) -> None:
        """Carry out what was changed in the settings, at once."""
        before = self._choices
        self._keep(choices)
        controller, views = self._parts.controller, self._parts.views
        self._parts.theme.choose(choices.theme)
        views.output_panel.apply_on_existing(choices.on_existing)
        controller.choose_on_existing(choices.on_existing)
        if choices.workers != before.workers:
            controller.resize(choices.workers or auto_workers(usable_cores()))
        if choices.is_responsive != before.is_responsive:
            controller.choose_responsive(choices.is_responsive)

    def _keep(self, choices: Choices) -> None:
        self._choices = choices
        try:
            save_choices(choices)
        except OSError as error:
            _log.warning("choices cannot be kept: %s", error)
            self._parts.views.notice_bar.show_sentence(
                f"Your choices cannot be kept ({error.strerror})."
            )

    def show_names(self, pipeline: Pipeline) -> None:
        """Say how outputs are named with that pipeline."""
        self._pipeline = pipeline
        self._show_names(self._parts.views.output_panel.choices)

    def show_outputs(self, choices: OutputChoices) -> None:
        """Say how outputs are named with those choices, whoever made them."""
        self._show_names(choices)

    def _show_names(self, choices: OutputChoices) -> bool:
        """Say how outputs are named; answer whether the template is wrong."""
        template = "" if choices.is_in_place else choices.names
        sentence, is_wrong = names_sentence(self._pipeline, template)
        self._parts.views.output_panel.apply_names(sentence, is_wrong=is_wrong)
        return is_wrong

    # ---- history and dialogs

    def take_history(self, entries: tuple[JobEntry, ...]) -> None:
        """Offer the newest stopped job on the empty page."""
        self._history = tuple(entry for entry in entries if entry.state is not JobState.DRAFT)
        stopped = [entry for entry in self._history if entry.state is JobState.STOPPED]
        self._parts.views.drop_area.apply_unfinished(stopped[0] if stopped else None)
        if self._jobs is not None:
            self._jobs.apply(self._history)

    def take_snapshot(self, snapshot: JobSnapshot) -> None:
        """Ask for the history anew when the empty page is shown: it offers a stopped job."""
        if snapshot.state is not self._state:
            self._state = snapshot.state
            if snapshot.state is JobState.EMPTY:
                self._parts.bridge.request_history()

    def show_history(self) -> None:
        """Open the list of jobs."""
        controller = self._parts.controller
        dialog = JobsDialog(self._history, self._parts.window)
        dialog.results_wanted.connect(controller.show_job)
        dialog.continue_wanted.connect(controller.continue_job)
        dialog.discard_wanted.connect(controller.discard_job)
        dialog.undo_wanted.connect(controller.undo_job)
        dialog.finished.connect(self._forget_jobs_dialog)
        self._jobs = dialog
        dialog.open()
        self._parts.bridge.request_history()

    def _forget_jobs_dialog(self) -> None:
        if self._jobs is not None:
            self._jobs.deleteLater()
            self._jobs = None

    def show_settings(self) -> None:
        """Open the settings."""
        maximum = self._parts.views.worker_slider.maximum
        auto = auto_workers(usable_cores())
        dialog = SettingsDialog(self._choices, maximum, auto, self._parts.window)
        dialog.choices_changed.connect(self.take_choices)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def show_about(self) -> None:
        """Open the box about Everycore."""
        dialog = AboutDialog(self._parts.window)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_replacing(self, snapshot: JobSnapshot, is_watching: bool) -> None:
        """Ask whether originals may be replaced."""
        dialog = ReplacingDialog(snapshot, is_watching=is_watching, parent=self._parts.window)
        dialog.accepted.connect(self._parts.controller.replace_originals)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_preset_name(self, pipeline: Pipeline) -> None:
        """Ask under which name the pipeline is kept."""
        dialog = PresetNameDialog(offered_name(pipeline), self._parts.window)
        dialog.name_chosen.connect(self._parts.shelf.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_trust(self, file: Path, digest: str) -> None:
        """Ask whether own code may run."""
        try:
            source = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            self._parts.views.notice_bar.show_sentence(
                f"The file with your code cannot be read ({error.strerror})."
            )
            return
        dialog = TrustDialog(file, digest, source, self._parts.window)
        dialog.accepted.connect(self._allow_asked)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _allow_asked(self) -> None:
        dialog = self.sender()
        if isinstance(dialog, TrustDialog):
            self._parts.controller.allow(dialog.file, dialog.digest)

    def open_path(self, path: Path) -> None:
        """Show a file or folder with the system's own program."""
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._parts.views.notice_bar.show_sentence(
                f"No program was found that opens {printable(path.name)}."
            )
