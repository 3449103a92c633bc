"""How smooth the window stays while two workers end a thousand files a second.

    python benchmarks/window.py [--quick] [--json] [--seconds N]

Opens the real window with table, plot, core bars and lanes on a job of many tiny files, each with
half a millisecond of own code. A timer on the window's thread beats every 5 ms; measured are the
gaps between its beats. Without a screen it starts Xvfb for itself.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

ROOT: Final = Path(__file__).resolve().parent.parent
BEAT_MS: Final = 5
P99_GOAL_MS: Final = 16.0
MAX_GOAL_MS: Final = 50.0
WORKERS: Final = 2
WARM_UP_S: Final = 3.0
SECONDS: Final = 25.0
QUICK_SECONDS: Final = 5.0
# Enough that the job outlasts the measuring at twice the speed aimed at.
FILES_A_SECOND: Final = 2000
# From the start of the window to the first ended file; a slow disk finds files slowly.
START_LIMIT_S: Final = 60.0

OWN_CODE: Final = """
import time

def process(path, output):
    end = time.thread_time() + 0.0005
    while time.thread_time() < end:
        pass
    output.write_bytes(path.read_bytes() + b" seen")
"""


@dataclass(slots=True)
class Measured:
    """What one run of the window came to; gaps in milliseconds."""

    ended: int = 0
    seconds: float = 0.0
    frames: int = 0
    snapshots: int = 0
    gaps: list[float] = field(default_factory=list)
    problem: str = ""


class WindowRun(QObject):
    """Starts the job when all files are found, warms up, measures, closes. Window's thread."""

    def __init__(self, place: Path, files: int, seconds: float) -> None:
        """Build the application's window around a job on that folder."""
        super().__init__()
        from gui_app.app import build

        self._place = place
        self._files = files
        self._seconds = seconds
        self.measured = Measured()
        self._application = QApplication(["everycore"])
        self._running = build(self._application)
        self._is_started = False
        self._ended = self._ended_at_start = 0
        self._last_beat = self._started_at = 0.0
        self._beat = QTimer(self, interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._note_beat)
        self._warm_up = QTimer(self, singleShot=True, interval=round(_warm_up_s(seconds) * 1000))
        self._warm_up.timeout.connect(self._begin)
        self._measuring = QTimer(self, singleShot=True, interval=round(seconds * 1000))
        self._measuring.timeout.connect(self._end)
        self._limit = QTimer(self, singleShot=True, interval=round(START_LIMIT_S * 1000))
        self._limit.timeout.connect(self._give_up)
        self._running.bridge.snapshot_ready.connect(self._take_snapshot)

    def run(self) -> Measured:
        """Serve the window until the measuring is over."""
        self._running.window.show()
        self._running.load_the_rest_soon()
        self._limit.start()
        self._running.controller.choose_output(self._place / "output")
        self._running.controller.add_paths((self._place / "files",))
        self._application.exec()
        return self.measured

    # Run as a script, this file cannot import our `override` yet.
    def eventFilter(  # type: ignore[explicit-override]  # noqa: N802
        self, watched: QObject, event: QEvent
    ) -> bool:
        """Count the frames of the window."""
        if event.type() == QEvent.Type.UpdateRequest:
            self.measured.frames += 1
        return False

    def _take_snapshot(self, snapshot: object) -> None:
        from workers import JobSnapshot, JobState

        if not isinstance(snapshot, JobSnapshot):
            return
        self._ended = snapshot.counts.ended
        self.measured.snapshots += self._beat.isActive()
        if snapshot.refusal:
            self.measured.problem = snapshot.refusal
        if snapshot.state is JobState.DRAFT and not self._is_started:
            self._start_when_found(snapshot.counts.waiting)
        elif snapshot.state is JobState.RUNNING and self._ended and self._limit.isActive():
            self._limit.stop()
            self._warm_up.start()
        elif snapshot.state.is_ended and self._is_started:
            self.measured.problem = "The job ended before the measuring did."
            self._end()

    def _start_when_found(self, waiting: int) -> None:
        from workers import Pipeline, Step
        from workers.trust import trust

        if waiting < self._files:
            return
        self._is_started = True
        code = self._place / "own_code.py"
        trust(hashlib.sha256(code.read_bytes()).hexdigest(), code)
        controller = self._running.controller
        controller.choose_pipeline(Pipeline("Own code", (Step("user.process", file=code),)))
        controller.resize(WORKERS)
        controller.start()

    def _begin(self) -> None:
        self._running.window.installEventFilter(self)
        self._ended_at_start = self._ended
        self._started_at = self._last_beat = time.perf_counter()
        self._beat.start()
        self._measuring.start()

    def _note_beat(self) -> None:
        now = time.perf_counter()
        self.measured.gaps.append((now - self._last_beat) * 1000)
        self._last_beat = now

    def _give_up(self) -> None:
        self.measured.problem = self.measured.problem or "No file ended within the time limit."
        self._end()

    def _end(self) -> None:
        if self._beat.isActive():
            self._beat.stop()
            self.measured.seconds = time.perf_counter() - self._started_at
            self.measured.ended = self._ended - self._ended_at_start
        self._is_started = False
        self._running.leaving.leave()  # a person who closes the window would be asked


def run_window(place: Path, files: int, seconds: float) -> None:
    """Run the window in this process and print what was measured as one line of JSON."""
    print(json.dumps(asdict(WindowRun(place, files, seconds).run())), flush=True)


def _warm_up_s(seconds: float) -> float:
    """Return how long the window runs before it is measured for so many seconds."""
    return min(WARM_UP_S, seconds)


def measure(seconds: float) -> Measured:
    """Run the window in a process group of its own, whose every process is ended with it."""
    files = round((seconds + _warm_up_s(seconds)) * FILES_A_SECOND)
    with TemporaryDirectory(prefix="everycore-window-") as folder, _screen() as screen:
        place = Path(folder)
        _fill(place, files)
        call = f"run_window(Path({folder!r}), {files}, {seconds})"
        # Not as a script: engine and workers would import it again, and Qt with it.
        code = f"from pathlib import Path; from benchmarks.window import run_window; {call}"
        home = {"EVERYCORE_HOME": str(place / "home"), "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **screen, **home},
            start_new_session=True,
        ) as child:
            try:
                output, _ = child.communicate(timeout=seconds + WARM_UP_S + 2 * START_LIMIT_S)
            except subprocess.TimeoutExpired:
                _end_group(child.pid)
                output, _ = child.communicate()
    lines = output.splitlines()
    if child.returncode or not lines:
        return Measured(problem=f"The window ended with status {child.returncode}.")
    return Measured(**json.loads(lines[-1]))


def _fill(place: Path, files: int) -> None:
    """Write the tiny files, a thousand to a folder, and the own code."""
    (place / "own_code.py").write_text(OWN_CODE, encoding="utf-8")
    for number in range(files):
        folder = place / "files" / f"{number // 1000:03}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:06}.txt").write_text(f"file {number}", encoding="utf-8")


@contextmanager
def _screen() -> Iterator[dict[str, str]]:
    """Yield the environment of a screen: the person's own, else one nobody sees."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        yield {}
        return
    if shutil.which("Xvfb") is None:
        print("Without a screen and without Xvfb: nothing is really drawn.")
        yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=(writing,), stderr=subprocess.DEVNULL
    ) as server:
        os.close(writing)
        try:
            with os.fdopen(reading) as answer:
                number = answer.readline().strip()  # empty when Xvfb ended without a screen
            yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
        finally:
            server.terminate()


def _end_group(process: int) -> None:
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process)], check=False)
    else:
        os.killpg(process, signal.SIGKILL)


def main() -> int:
    """Print the figures and, on wish, the last line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--seconds", type=float, help="measure for so long")
    chosen = parser.parse_args()
    measured = measure(chosen.seconds or (QUICK_SECONDS if chosen.quick else SECONDS))
    if measured.problem:
        print(measured.problem)
    if not measured.gaps or not measured.seconds:
        return 1
    gaps, seconds = sorted(measured.gaps), measured.seconds
    p50, p99 = gaps[len(gaps) // 2], gaps[min(int(len(gaps) * 0.99), len(gaps) - 1)]
    print(f"{WORKERS} workers, {measured.ended / seconds:,.0f} results a second, ", end="")
    print(f"{measured.frames / seconds:.1f} frames, {measured.snapshots / seconds:.1f} snapshots")
    print(f"gaps of {len(gaps):,} beats of {BEAT_MS} ms in {seconds:.1f} s:")
    figures = {
        "window.heartbeat_p99": _figure(p99, P99_GOAL_MS),
        "window.heartbeat_max": _figure(gaps[-1], MAX_GOAL_MS),
    }
    print(f"  p50 {p50:6.1f} ms")
    for name, figure in figures.items():
        word = "held" if figure["held"] else "missed"
        row = f"{figure['value']:6.1f} ms   goal {figure['goal']:.0f} ms   {word}"
        print(f"  {name.rpartition('_')[2]} {row}")
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


def _figure(value: float, goal: float) -> dict[str, float | str | bool]:
    return {"value": round(value, 1), "unit": "ms", "goal": goal, "held": value <= goal}


if __name__ == "__main__":
    sys.exit(main())
