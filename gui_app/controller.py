"""Every decision that the person's gestures cause; no widgets.

Lives in the window's thread. It knows the pipeline being edited, where outputs go and the last
snapshot, and turns gestures into commands for the bridge.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from gui_app.bridge import EngineBridge
from gui_app.output_choices import OutputChoices
from gui_app.preset_shelf import are_presets
from resources import samples_path, sweeps_path
from workers import JobId, JobSnapshot, JobSpec, JobState, OnExisting, Pipeline, Sweep, TaskId
from workers.commands import (
    AddInputs,
    CancelJob,
    ClearInputs,
    ContinueJob,
    DiscardJob,
    OpenJob,
    PauseJob,
    ResizeWorkers,
    RetryTasks,
    RunAgain,
    SetResponsive,
    StartJob,
    StopWatching,
    UndoJob,
)
from workers.errors import UsageError
from workers.load import usable_cores
from workers.name_template import NameTemplate
from workers.operations.user_function import digest
from workers.output_names import default_output, folder_in_place
from workers.pipeline import load_pipeline, own_code
from workers.trust import is_trusted, trust

_SAMPLES_PRESET: Final = "samples-tour"
_SAMPLES_OUTPUT: Final = "Everycore samples"
_UNDER_WAY: Final = (JobState.RUNNING, JobState.PAUSED)


def auto_workers(cores: int) -> int:
    """Return how many workers leave the computer usable: all cores but one above four."""
    return cores if cores <= 4 else cores - 1


class _Asked(Struct, frozen=True):
    """What waits for leave to replace originals: a command, None for the start of a draft."""

    job: JobId | None
    command: RunAgain | RetryTasks | None


class Controller(QObject):
    """What the window does when something is pressed, dropped or moved."""

    # own code that must be allowed first: (file, digest)
    trust_needed = Signal(object, str)
    # a file or folder to show with the system's own program
    open_wanted = Signal(object)
    # a sentence for the amber line
    said = Signal(str)
    pipeline_offered = Signal(object)
    # pipeline files, which are no inputs
    presets_dropped = Signal(object)
    # the folder that was chosen, and the one beside the input that is meant while none is
    output_changed = Signal(object)
    beside_changed = Signal(object)
    outputs_changed = Signal(object)
    # a job would replace its originals, and whether it is to watch: the person must agree first
    replacing_asked = Signal(object, bool)

    def __init__(self, bridge: EngineBridge, pipeline: Pipeline, *, parent: QObject) -> None:
        """Begin with nothing dropped and this pipeline."""
        super().__init__(parent)
        self._bridge = bridge
        self._pipeline = pipeline
        self._inputs: tuple[Path, ...] = ()
        self._chosen_output: Path | None = None
        self._on_existing = OnExisting.SKIP
        self._outputs = OutputChoices()
        self._asked: _Asked | None = None
        self._asked_sweep: tuple[Sweep, Path] | None = None
        self._snapshot = JobSnapshot(sequence=0)

    def take_snapshot(self, snapshot: JobSnapshot) -> None:
        """Remember what the engine last told."""
        if snapshot.state is JobState.EMPTY and self._snapshot.state is not JobState.EMPTY:
            self._forget_inputs()
        if snapshot.job != self._snapshot.job and snapshot.pipeline not in (None, self._pipeline):
            self._pipeline = snapshot.pipeline
            self.pipeline_offered.emit(snapshot.pipeline)
        self._snapshot = snapshot

    # ---- inputs

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Put files and folders into the job; a running one takes them along."""
        if not paths:
            return
        if are_presets(paths) and self._snapshot.state not in (*_UNDER_WAY, JobState.STOPPED):
            self.presets_dropped.emit(paths)
            return
        if self._snapshot.state is JobState.STOPPED:
            self.said.emit("Continue or close the stopped job before you add files.")
            return
        if self._snapshot.state.is_ended:
            self._forget_inputs()
        self._inputs = (*self._inputs, *paths)
        self._bridge.send(AddInputs(tuple(paths)))
        self.beside_changed.emit(default_output(self._inputs))

    def add_samples(self) -> None:
        """Put the bundled samples into the job, with a pipeline that has a step for each."""
        self._pipeline = load_pipeline(_SAMPLES_PRESET)
        self.pipeline_offered.emit(self._pipeline)
        # The samples may lie in a folder of the system where nobody may write.
        self.choose_output(Path.home() / _SAMPLES_OUTPUT)
        self.add_paths((samples_path(),))

    def close_job(self) -> None:
        """Go back to the empty window; the job stays in the history."""
        self._forget_inputs()
        self._bridge.send(ClearInputs())
        self.choose_output(None)

    def _forget_inputs(self) -> None:
        """Leave the shown job; who replaced its originals is asked anew for those of the next."""
        self._inputs = ()
        self._asked = None
        self.beside_changed.emit(None)
        if self._outputs.is_in_place:
            self.choose_outputs(replace(self._outputs, is_in_place=False))

    # ---- the job's course

    def start(self) -> None:
        """Start the job, or ask first for leave to replace originals or to run own code."""
        if self._snapshot.state is not JobState.DRAFT:
            return
        if self._outputs.is_in_place:
            self._ask_replacing(None, is_watching=self._outputs.is_watching)
        else:
            self._start()

    def replace_originals(self) -> None:
        """Do what the person agreed to; own code is asked about all the same."""
        asked, self._asked = self._asked, None
        if asked is None or asked.job != self._snapshot.job:
            return
        if asked.command is not None:
            self._bridge.send(asked.command)
        elif self._snapshot.state is JobState.DRAFT:
            self._start()

    def _ask_replacing(
        self, command: RunAgain | RetryTasks | None, *, is_watching: bool = False
    ) -> None:
        self._asked = _Asked(self._snapshot.job, command)
        self.replacing_asked.emit(self._snapshot, is_watching)

    def _start(self) -> None:
        output = self._output()
        if output is None:
            return
        try:
            NameTemplate(self._names or "{name}")
        except UsageError as error:
            self.said.emit(str(error))
            return
        digests = self._allowed_code()
        if digests is None:
            return
        is_in_place = self._outputs.is_in_place
        spec = JobSpec(
            output,
            self._pipeline,
            on_existing=OnExisting.SKIP if is_in_place else self._on_existing,
            trusted=digests,
            names=self._names,
            keeps_dates=self._outputs.keeps_dates,
            is_watching=self._outputs.is_watching,
            is_in_place=is_in_place,
            only_smaller=self._outputs.only_smaller,
        )
        self._bridge.send(StartJob(spec))

    @property
    def _names(self) -> str:
        return "" if self._outputs.is_in_place else self._outputs.names

    def _allowed_code(self) -> tuple[str, ...] | None:
        """Return the digests of the pipeline's own code; None, and ask, where some may not run."""
        digests: list[str] = []
        for file in own_code(self._pipeline):
            try:
                found = digest(file)
            except OSError as error:
                self.said.emit(f"{file.name} cannot be read: {error.strerror}.")
                return None
            if not is_trusted(found):
                self.trust_needed.emit(file, found)
                return None
            digests.append(found)
        return tuple(digests)

    def allow(self, file: Path, found: str) -> None:
        """Remember that the person lets this file's content run, and start."""
        trust(found, file)
        asked, self._asked_sweep = self._asked_sweep, None
        if asked is not None and asked[0].file == file:
            self.start_sweep(*asked)
        else:
            self._start()

    def start_sweep(self, sweep: Sweep, output: Path) -> None:
        """Start a sweep, or ask first whether its own code may run; ours may.

        Results that are there already are kept.
        """
        try:
            found = digest(sweep.file)
        except OSError as error:
            self.said.emit(f"{sweep.file.name} cannot be read: {error.strerror}.")
            return
        if sweep.file.parent != sweeps_path() and not is_trusted(found):
            self._asked_sweep = sweep, output
            self.trust_needed.emit(sweep.file, found)
            return
        self._bridge.send(
            StartJob(JobSpec(output, sweep=sweep, on_existing=OnExisting.RENAME, trusted=(found,)))
        )

    def pause(self) -> None:
        """Hand out no more tasks."""
        self._bridge.send(PauseJob())

    def resume(self) -> None:
        """Go on with the paused or stopped job."""
        self._bridge.send(ContinueJob())

    def cancel(self) -> None:
        """End the job now; what is done stays."""
        if self._snapshot.state in (*_UNDER_WAY, JobState.STOPPED):
            self._bridge.send(CancelJob())

    def stop_watching(self) -> None:
        """Let a job that watches end with what it has."""
        if self._snapshot.is_watching:
            self._bridge.send(StopWatching())

    def retry_all(self) -> None:
        """Run all that failed again, or ask first for leave to replace originals."""
        self._do_again(RetryTasks())

    def run_again(self) -> None:
        """Look at the inputs again; run what is new or has changed, and what failed.

        A sweep has no pipeline, and would be the same again.
        """
        if self._snapshot.state.is_ended and self._snapshot.pipeline is not None:
            self._do_again(RunAgain())

    def _do_again(self, command: RunAgain | RetryTasks) -> None:
        if self._snapshot.is_in_place:
            self._ask_replacing(command)
        else:
            self._bridge.send(command)

    def retry(self, task: TaskId) -> None:
        """Run one failed task again."""
        self._bridge.send(RetryTasks((task,)))

    # ---- workers

    def resize(self, count: int) -> None:
        """Run on so many workers from now on."""
        self._bridge.send(ResizeWorkers(count))

    def choose_auto_workers(self) -> None:
        """Run on as many workers as suit this computer."""
        self.resize(auto_workers(usable_cores()))

    def choose_responsive(self, is_responsive: bool) -> None:
        """Run workers at low or normal priority."""
        self._bridge.send(SetResponsive(is_responsive))

    # ---- pipeline and output

    def choose_pipeline(self, pipeline: Pipeline) -> None:
        """Use this pipeline for the next start."""
        self._pipeline = pipeline

    def offer_pipeline(self, pipeline: Pipeline) -> None:
        """Use this pipeline and show it."""
        self._pipeline = pipeline
        self.pipeline_offered.emit(pipeline)

    def choose_output(self, folder: Path | None) -> None:
        """Write outputs there; None means beside the dropped folder."""
        self._chosen_output = folder
        self.output_changed.emit(folder)

    def choose_on_existing(self, choice: OnExisting) -> None:
        """Say what happens when an output's name is taken."""
        self._on_existing = choice

    def choose_outputs(self, choices: OutputChoices) -> None:
        """Name and make outputs like this."""
        self._outputs = choices
        self.outputs_changed.emit(choices)

    def _output(self) -> Path | None:
        if self._outputs.is_in_place:
            return folder_in_place(self._inputs) if self._inputs else None
        if self._chosen_output is not None or not self._inputs:
            return self._chosen_output
        return default_output(self._inputs)

    # ---- results and history

    def open_output(self) -> None:
        """Show the output folder in the system's file manager."""
        if self._snapshot.output is not None:
            self._open(self._snapshot.output)

    def open_file(self, path: Path) -> None:
        """Open a file with the system's program for it."""
        self._open(path)

    def show_in_folder(self, path: Path) -> None:
        """Open the folder that a file lies in."""
        self._open(path.parent)

    def _open(self, path: Path) -> None:
        if path.exists():
            self.open_wanted.emit(path)
        else:
            self.said.emit(f"{path.name} is no longer there.")

    def show_job(self, job: JobId) -> None:
        """Open a journalled job and show what it did."""
        self._forget_inputs()
        self._bridge.send(OpenJob(job))

    def continue_job(self, job: JobId) -> None:
        """Open a stopped job and go on with it."""
        self.show_job(job)
        self._bridge.send(ContinueJob())

    def undo_job(self, job: JobId) -> None:
        """Show a job that is over and take back what it did."""
        self._forget_inputs()
        self._bridge.send(UndoJob(job))
        self._bridge.request_history()

    def discard_job(self, job: JobId) -> None:
        """Forget a journalled job; its outputs stay."""
        self._bridge.send(DiscardJob(job))
        self._bridge.request_history()
