"""What the command line prints: events, summaries, declarations, diagnoses."""

import io
import json
import os
import sys
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from workers.command_line import doctor, doctor_formats
from workers.command_line.catalogue import operation_lines
from workers.command_line.diagnosis import Diagnosis
from workers.command_line.doctor_libraries import qt
from workers.command_line.doctor_system import file_system_of, sandbox
from workers.command_line.events import job_line, task_line
from workers.command_line.exit_status import ExitStatus
from workers.command_line.parser import parse
from workers.command_line.screen import Lines, Screen
from workers.command_line.summary import failed_lines, stopped_sentence, summary_lines
from workers.command_line.terminal import is_terminal
from workers.command_line.window import has_display, window_command
from workers.job import JobId, JobState, Kind, TaskId, TaskState
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.kinds import ImageFormat
from workers.outcome import FailureKind
from workers.sandbox import Offer
from workers.snapshot import Counts, JobSnapshot, RowPage, RowQuery, TaskRow

JOB = JobId("20260101-000000-holiday-ab12")
NAUGHTY = "a\x1b[2J\n\u202e\x9b\x7fb.jpg"


def task_row(path: Path | None, *, state: TaskState = TaskState.SUCCEEDED) -> TaskRow:
    return TaskRow(
        task=TaskId(1),
        name="shown",
        path=path,
        kind=Kind.IMAGE,
        size=2048,
        state=state,
        attempts=1,
        seconds=0.25,
        bytes_out=512,
        outputs=(Path("/out/a.jpg"),) if state is TaskState.SUCCEEDED else (),
        message="" if state is TaskState.SUCCEEDED else "Not a readable JPEG.",
        failure=None if state is TaskState.SUCCEEDED else FailureKind.BAD_INPUT,
    )


def snapshot(state: JobState = JobState.FINISHED, **counts: int) -> JobSnapshot:
    return JobSnapshot(
        1,
        job=JOB,
        name="Holiday",
        state=state,
        counts=Counts(**counts),
        bytes_ended=5_200_000,
        bytes_out=812_000,
        elapsed_s=42.0,
        speed_up=3.72,
        output=Path("/out"),
    )


def no_control_characters(text: str) -> bool:
    bad = set(range(0x20)) - {0x0A} | {0x7F} | set(range(0x80, 0xA0)) | {0x202E}
    return not any(ord(character) in bad for character in text)


def _always(_stream: object) -> bool:
    return True


def test_a_finished_task_is_one_line_of_json() -> None:
    event = json.loads(task_line(task_row(Path("/in/a.jpg"))))
    assert event == {
        "event": "task_finished",
        "input": "/in/a.jpg",
        "outputs": ["/out/a.jpg"],
        "state": "succeeded",
        "seconds": 0.25,
        "bytes_in": 2048,
        "bytes_out": 512,
        "message": "",
        "kind": "image",
        "failure": None,
        "attempts": 1,
    }


def test_a_failed_task_carries_its_stable_code_and_sentence() -> None:
    event = json.loads(task_line(task_row(Path("/in/a.jpg"), state=TaskState.FAILED)))
    assert (event["state"], event["failure"]) == ("failed", "bad_input")
    assert event["message"] == "Not a readable JPEG."


def test_json_keeps_naughty_names_exact_on_one_ascii_line() -> None:
    line = task_line(task_row(Path("/in") / NAUGHTY))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["input"] == f"/in/{NAUGHTY}"


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_json_carries_the_bytes_of_a_name_that_is_not_utf_8() -> None:
    event = json.loads(task_line(task_row(Path(os.fsdecode(b"/in/caf\xe9.jpg")))))
    assert event["input"] == "/in/caf\\xe9.jpg"
    assert event["input_base64"] == "L2luL2NhZukuanBn"


def test_a_sweep_block_tells_its_points() -> None:
    event = json.loads(task_line(task_row(None)))
    assert (event["input"], event["points"], event["failed_points"]) == ("shown", 1, 0)


def test_the_last_line_tells_the_counts() -> None:
    event = json.loads(job_line(snapshot(succeeded=3, failed=1)))
    assert event["event"] == "job_finished"
    assert [event[name] for name in ("succeeded", "failed", "skipped", "cancelled")] == [3, 1, 0, 0]
    assert (event["bytes_in"], event["bytes_out"], event["speed_up"]) == (5_200_000, 812_000, 3.72)


def test_an_interrupted_job_does_not_call_itself_finished() -> None:
    event = json.loads(job_line(snapshot(JobState.STOPPED, succeeded=3, waiting=2)))
    assert (event["event"], event["waiting"]) == ("job_stopped", 2)


def test_the_summary_names_at_most_twenty_failures() -> None:
    rows = tuple(task_row(Path(f"/in/{n}.jpg"), state=TaskState.FAILED) for n in range(20))
    lines = failed_lines(RowPage(JOB, RowQuery(0, 20), 25, rows))
    assert lines[0] == "Failed:"
    assert lines[1] == "  /in/0.jpg: Not a readable JPEG."
    assert len(lines) == 22
    assert lines[-1] == "  and 5 more"


def test_a_point_that_failed_is_named_once() -> None:
    row = replace(task_row(None), name="x = 3", message="x = 3: ZeroDivisionError: no")
    assert failed_lines(RowPage(JOB, RowQuery(0, 20), 1, (row,)))[1:] == [
        "  x = 3: ZeroDivisionError: no"
    ]


def test_the_summary_says_what_it_cost() -> None:
    lines = summary_lines(snapshot(succeeded=1280, failed=3, skipped=1), None)
    assert lines == [
        "1,280 succeeded, 3 failed, 1 skipped, 0 cancelled",
        "Read 5.2 MB, wrote 812 kB in 42 s, 3.7 times one core",
        "Output: /out",
    ]


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("linux", f"In place; to put the originals back: everycore undo {JOB}"),
        ("win32", "In place; the originals lie in the recycle bin."),
        ("darwin", "In place; the originals lie in the trash."),
    ],
)
def test_summary_in_place_promises_what_the_system_can_keep(
    monkeypatch: pytest.MonkeyPatch, platform: str, line: str
) -> None:
    ended = replace(snapshot(succeeded=1), job=JOB, is_in_place=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        lines = summary_lines(ended, None)
    assert lines[-1] == line


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_help_on_in_place_promises_undo_on_linux_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        with pytest.raises(SystemExit):
            parse(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert ("puts originals back" in said) is (platform == "linux")
    assert ("goes to the recycle bin;" in said) is (platform == "win32")


def test_no_name_can_drive_the_terminal() -> None:
    row = task_row(Path("/in") / NAUGHTY, state=TaskState.FAILED)
    lines = failed_lines(RowPage(JOB, RowQuery(0, 20), 1, (row,)))
    assert no_control_characters("\n".join(lines))
    assert "\\x1b" in lines[1]


def test_a_stopped_job_says_how_to_go_on() -> None:
    sentence = stopped_sentence(snapshot(JobState.STOPPED, succeeded=812, waiting=472))
    assert sentence == f"Stopped at 812 of 1,284. To go on: everycore resume {JOB}"


def test_a_job_that_paused_itself_says_why() -> None:
    paused = snapshot(JobState.PAUSED, succeeded=1, waiting=1)
    sentence = stopped_sentence(
        JobSnapshot(
            1,
            job=JOB,
            state=JobState.PAUSED,
            counts=paused.counts,
            pause_reason="Disk full: 0 B left on /out.",
        )
    )
    assert sentence == (
        f"Paused at 1 of 2: Disk full: 0 B left on /out. To go on: everycore resume {JOB}"
    )


def test_plain_lines_come_now_and_then_without_control_characters() -> None:
    now = 0.0

    def clock() -> float:
        return now

    stream = io.StringIO()
    lines = Lines("file", stream, clock)
    for tenth in range(250):
        now = tenth / 10
        lines.show(snapshot(JobState.RUNNING, succeeded=tenth, waiting=250 - tenth))
    assert stream.getvalue() == "100 of 250 files\n200 of 250 files\n"


def test_job_that_only_watches_says_so_once_and_no_line_after_line() -> None:
    stream = io.StringIO()
    now = 0.0

    def clock() -> float:
        return now

    screen = Screen(Lines("file", stream, clock))
    resting = replace(snapshot(JobState.RUNNING, succeeded=3), name="Inbox", is_watching=True)
    screen.show(replace(resting, is_discovering=True), [])
    assert stream.getvalue() == ""
    for second in range(1000):
        now = float(second)
        screen.show(resting, [])
    assert stream.getvalue().splitlines() == [
        "Watching Inbox for new files. Ctrl-C stops; `everycore resume` watches on.",
        "Watching Inbox for new files, 3 done so far",
    ]
    screen.show(replace(resting, counts=Counts(waiting=1, succeeded=3)), [])
    assert stream.getvalue().splitlines()[2] == "3 of 4 files"


def test_scripts_are_told_once_when_a_job_begins_to_watch() -> None:
    events = io.StringIO()
    screen = Screen(events=events)
    resting = replace(snapshot(JobState.RUNNING, succeeded=1), is_watching=True)
    screen.show(replace(resting, is_discovering=True), [task_row(Path("/in/a.jpg"))])
    screen.show(resting, [])
    screen.show(resting, [task_row(Path("/in/b.jpg"))])
    assert [json.loads(line)["event"] for line in events.getvalue().splitlines()] == [
        "task_finished",
        "watching",
        "task_finished",
    ]


def test_sentences_of_json_mode_stay_out_of_the_events() -> None:
    events, sentences = io.StringIO(), io.StringIO()
    screen = Screen(events=events, sentences=sentences)
    screen.say("Memory is low.")
    screen.show(snapshot(JobState.RUNNING, succeeded=1), [task_row(Path("/in/a.jpg"))])
    assert sentences.getvalue() == "Memory is low.\n"
    assert [json.loads(line)["event"] for line in events.getvalue().splitlines()] == [
        "task_finished"
    ]


def test_a_file_and_a_dumb_terminal_get_no_control_sequences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tty(io.StringIO):
        isatty = _always

    monkeypatch.setenv("TERM", "xterm")
    assert not is_terminal(io.StringIO())
    assert is_terminal(Tty())
    monkeypatch.setenv("TERM", "dumb")
    assert is_terminal(Tty()) is (os.name == "nt")


def test_an_operation_is_described_from_its_declaration() -> None:
    def summarize(values: object) -> str:
        return ""

    operation = Operation(
        "images.resize",
        "Resize",
        "Fits a picture.",
        Kind.IMAGE,
        (
            Parameter(
                *("mode", ParameterKind.CHOICE, "Mode", "How it fits.", "fit"),
                choices=("fit", "fill"),
            ),
            Parameter(
                *("width", ParameterKind.INTEGER, "Width", "The widest.", 1024),
                unit="px",
                minimum=1,
                maximum=100_000,
                shown_when=("mode", ("fit",)),
            ),
        ),
        summarize,
    )
    assert operation_lines(operation) == [
        "images.resize: Resize",
        "Fits a picture.",
        "Reads: image",
        "",
        "Parameters:",
        '  mode = "fit"',
        "      How it fits.",
        '      One of: "fit", "fill"',
        "  width = 1024",
        "      The widest.",
        "      Whole number from 1 to 100,000, in px",
        '      Matters when mode is "fit".',
    ]


@pytest.mark.parametrize(
    ("version", "python", "is_ok"),
    [
        ("6.11.3", (3, 11), True),
        ("6.12.0", (3, 11), False),
        ("6.12.0", (3, 12), True),
        ("6.13.1", (3, 11), False),
        (None, (3, 12), False),
    ],
)
def test_doctor_knows_the_qt_that_aborts(
    version: str | None, python: tuple[int, int], is_ok: bool
) -> None:
    diagnosis = qt(version, python)
    assert diagnosis.is_ok is is_ok
    assert bool(diagnosis.advice) is not is_ok


@pytest.mark.parametrize(
    ("offer", "finding", "is_ok"),
    [
        (Offer(7, True), "Landlock ABI 7: files, TCP, devices, signals; seccomp: yes.", True),
        (Offer(3, False), "Landlock ABI 3: files; seccomp: no.", True),
        # The first version forbids to move a file to another folder, so outputs could not be.
        (Offer(1, True), "Landlock ABI 1: too old; seccomp: yes.", False),
        (Offer(0, False), "No Landlock in this kernel; seccomp: no.", False),
    ],
)
def test_doctor_tells_what_the_kernel_keeps_workers_from(
    offer: Offer, finding: str, is_ok: bool
) -> None:
    diagnosis = sandbox(offer)
    assert diagnosis.finding.startswith(finding)
    assert diagnosis.is_ok is is_ok
    assert bool(diagnosis.advice) is not is_ok


def test_doctor_finds_the_file_system_of_a_folder(tmp_path: Path) -> None:
    listed = psutil.disk_partitions(all=True)
    holders = [p.fstype for p in listed if tmp_path.resolve().is_relative_to(p.mountpoint)]
    # In a bare chroot the system lists no mount that holds the folder.
    assert file_system_of(tmp_path) in (holders or [""])


def test_doctor_prints_one_line_each() -> None:
    lines = doctor.diagnosis_lines(
        [Diagnosis("Python", True, "3.12.1"), Diagnosis("Qt", False, "None.", "Install it.")]
    )
    assert lines == ["ok     Python  3.12.1", "lacks  Qt      None. Install it."]


def test_doctor_finds_what_this_computer_needs(
    everycore_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.doctor() is ExitStatus.DONE
    said = capsys.readouterr().out
    assert str(everycore_home) in said
    assert no_control_characters(said)


def test_doctor_tells_which_formats_it_read_and_wrote() -> None:
    found = {diagnosis.subject: diagnosis for diagnosis in doctor_formats.diagnoses()}
    assert list(found) == [known.value for known in ImageFormat]
    assert all(diagnosis.is_ok for diagnosis in found.values())
    assert found["JPEG XL"].finding == "Is read and written."
    assert found["HEIC"].finding == found["RAW"].finding == "Is read."


def test_doctor_names_the_extra_that_a_format_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pi_heif", "imagecodecs", "rawpy"):
        monkeypatch.setitem(sys.modules, module, None)
    found = {diagnosis.subject: diagnosis for diagnosis in doctor_formats.diagnoses()}
    lacking = [subject for subject, diagnosis in found.items() if not diagnosis.is_ok]
    assert lacking == ["HEIC", "JPEG XL", "RAW"]
    for subject, extra in (("HEIC", "heif"), ("JPEG XL", "jxl"), ("RAW", "raw")):
        assert found[subject].finding == "Is not read."
        assert f"pip install 'everycore[{extra}]'" in found[subject].advice


def test_a_display_is_what_qt_could_use() -> None:
    assert not has_display({}, "linux")
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert has_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    assert not has_display({"QT_QPA_PLATFORM": "xcb"}, "linux")
    assert has_display({}, "win32")


def test_the_window_never_takes_modules_from_the_current_folder() -> None:
    assert window_command()[1:] == ["-P", "-m", "gui_app"]
