"""What can be done from the menus and the keyboard: the actions, their keys, when they make sense.

Keys are written out: Quit and Preferences have none by default on a bare Linux desktop.
"""

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from gui_app.output_choices import OutputChoices
from workers import JobSnapshot, JobState

_UNDER_WAY = (JobState.RUNNING, JobState.PAUSED, JobState.STOPPED)


class WindowActions:
    """The actions of the main window, each once."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._is_watch_wanted = False
        self._snapshot = JobSnapshot(sequence=0)
        self.add_files = self._action("Add &files…", "Ctrl+O")
        self.add_folder = self._action("Add f&older…", "Ctrl+Shift+O")
        self.new_sweep = self._action("S&weep over numbers…", "Ctrl+Shift+N")
        self.new_job = self._action("&New job", "Ctrl+N")
        self.open_output = self._action("Open output fol&der", "Ctrl+Shift+E")
        self.quit = self._action("&Quit", "Ctrl+Q")
        self.start = self._action("&Start", "Ctrl+Return", "Ctrl+Enter")
        self.pause = self._action("&Pause", "Ctrl+P")
        self.resume = self._action("C&ontinue", "Ctrl+P")
        self.cancel = self._action("&Cancel", "Ctrl+.")
        self.stop_watching = self._action("Stop &watching")
        self.retry = self._action("&Retry problems", "Ctrl+R")
        self.run_again = self._action("Run a&gain", "Ctrl+Shift+R")
        self.jobs = self._action("&Jobs…", "Ctrl+J")
        self.settings = self._action("Se&ttings…", "Ctrl+,")
        self.show_pipeline = self._toggle("&Pipeline panel", "Ctrl+1")
        self.show_workers = self._toggle("&Workers panel", "Ctrl+2")
        self.show_preview = self._toggle("P&review", "Ctrl+3")
        self.about = self._action("&About Everycore")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.about.setMenuRole(QAction.MenuRole.AboutRole)

    def fill(self, bar: QMenuBar) -> None:
        """Put the actions into menus."""
        groups: dict[str, tuple[QAction | None, ...]] = {
            "&File": (
                self.add_files,
                self.add_folder,
                self.new_sweep,
                None,
                self.open_output,
                None,
                self.quit,
            ),
            "&Job": (
                self.start,
                self.pause,
                self.resume,
                self.cancel,
                self.stop_watching,
                None,
                self.retry,
                self.run_again,
                None,
                self.new_job,
                self.jobs,
            ),
            "&View": (
                self.show_pipeline,
                self.show_workers,
                self.show_preview,
                None,
                self.settings,
            ),
            "&Help": (self.about,),
        }
        for title, actions in groups.items():
            _fill_menu(bar.addMenu(title), actions)

    def apply(self, snapshot: JobSnapshot) -> None:
        """Offer what makes sense in that state of the job."""
        self._snapshot = snapshot
        state, counts = snapshot.state, snapshot.counts
        is_running = state is JobState.RUNNING
        self.new_sweep.setEnabled(state is JobState.EMPTY or state.is_ended)
        has_work = counts.total > 0 or self._is_watch_wanted
        self.start.setEnabled(state is JobState.DRAFT and has_work)
        # One key, two actions: only the shown one may own it.
        self.pause.setVisible(state not in (JobState.PAUSED, JobState.STOPPED))
        self.pause.setEnabled(is_running)
        self.resume.setVisible(not self.pause.isVisible())
        self.resume.setEnabled(self.resume.isVisible())
        self.cancel.setEnabled(state in _UNDER_WAY)
        self.stop_watching.setEnabled(snapshot.is_watching)
        self.retry.setEnabled(state.is_ended and counts.failed + counts.cancelled > 0)
        # A sweep has no pipeline, and would be the same again.
        self.run_again.setEnabled(state.is_ended and snapshot.pipeline is not None)
        self.new_job.setEnabled(state not in (JobState.EMPTY, JobState.RUNNING, JobState.PAUSED))
        self.open_output.setEnabled(snapshot.output is not None)

    def apply_choices(self, choices: OutputChoices) -> None:
        """Offer to start without a file when the job is to watch for some."""
        self._is_watch_wanted = choices.is_watching
        self.apply(self._snapshot)

    def _action(self, text: str, *keys: str) -> QAction:
        action = QAction(text, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        self._window.addAction(action)
        return action

    def _toggle(self, text: str, key: str) -> QAction:
        action = self._action(text, key)
        action.setCheckable(True)
        action.setChecked(True)
        return action


def _fill_menu(menu: QMenu, actions: tuple[QAction | None, ...]) -> None:
    for action in actions:
        if action is None:
            menu.addSeparator()
        else:
            menu.addAction(action)
