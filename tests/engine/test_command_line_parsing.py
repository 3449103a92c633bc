"""What each command line means, and which sentence a wrong one gets."""

import os
from pathlib import Path

import pytest

from workers.command_line import options as asked
from workers.command_line.dispatch import perform
from workers.command_line.exit_status import ExitStatus
from workers.command_line.parser import parse
from workers.errors import UsageError
from workers.job import Axis, InputFilter, OnExisting
from workers.sweep_ranges import parse_axis, range_words


def parsed_run(*arguments: str) -> asked.RunOptions:
    options = parse(["run", *arguments])
    assert isinstance(options, asked.RunOptions)
    return options


def parsed_map(*arguments: str) -> asked.MapOptions:
    options = parse(["map", *arguments])
    assert isinstance(options, asked.MapOptions)
    return options


def test_no_argument_opens_the_window() -> None:
    assert parse([]) == asked.WindowOptions()


def test_run_has_careful_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = parsed_run("shrink", "photos")
    assert options == asked.RunOptions(pipeline="shrink", inputs=(tmp_path / "photos",))
    assert options.on_existing is OnExisting.SKIP


def test_run_takes_every_option(tmp_path: Path) -> None:
    folder, out, report = tmp_path / "a", tmp_path / "out", tmp_path / "r.html"
    options = parsed_run(
        *("shrink.toml", str(folder), str(tmp_path), "--output", str(out), "--workers", "3"),
        *("--on-existing", "rename", "--timeout", "2.5", "--retries", "0", "--no-recursive"),
        *("--include", "*.jpg", "--include", "*.png", "--exclude", "old/*", "--fresh", "--trust"),
        *("--report", str(report), "--json", "--quiet"),
    )
    assert options == asked.RunOptions(
        pipeline="shrink.toml",
        inputs=(folder, tmp_path),
        output=out,
        on_existing=OnExisting.RENAME,
        filter=InputFilter(False, ("*.jpg", "*.png"), ("old/*",)),
        limits=asked.Limits(2.5, 0),
        is_fresh=True,
        is_trusting=True,
        following=asked.Following(3, report, True, True),
    )


def test_options_may_stand_between_pipeline_and_inputs(tmp_path: Path) -> None:
    options = parsed_run("shrink", "--output", str(tmp_path / "o"), str(tmp_path / "i"))
    assert options.inputs == (tmp_path / "i",)


def test_a_path_with_dots_becomes_the_folder_it_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert parsed_run("shrink", "..").inputs == (tmp_path.resolve(),)
    assert parsed_run("shrink", ".").inputs == (tmp_path / "deep",)


def test_whole_ranges_of_a_sweep_stay_whole_numbers() -> None:
    options = parsed_map("f.py:square", "--over", "n=0:1_000_000")
    (axis,) = options.sweep.axes
    assert axis == Axis("n", 0, 1_000_000, 1)
    assert all(type(number) is int for number in (axis.start, axis.stop))


def test_one_float_makes_a_whole_range_float() -> None:
    (axis,) = parsed_map("f.py:g", "--over", "x=0:1:0.25").sweep.axes
    assert axis == Axis("x", 0.0, 1.0, 0.25)
    assert all(type(number) is float for number in (axis.start, axis.stop, axis.step))


def test_several_ranges_keep_their_order() -> None:
    axes = parsed_map("f.py:g", "--over", "b=0:2", "--over", "a=5:1:-2").sweep.axes
    assert [axis.name for axis in axes] == ["b", "a"]
    assert axes[1] == Axis("a", 5, 1, -2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("run", "required"),
        ("rum x y", "invalid choice"),
        ("run shrink a --workers 0", "not between 1 and"),
        ("run shrink a --workers two", "'two' is not a whole number"),
        ("run shrink a --workers 999999", "not between 1 and"),
        ("run shrink a --timeout -1", "not 0 or more"),
        ("run shrink a --timeout nan", "not 0 or more"),
        ("run shrink a --timeout soon", "not a number of seconds"),
        ("run shrink a --retries -1", "not between 0 and"),
        ("run shrink a --on-existing maybe", "invalid choice"),
        ("run shrink a --report r.txt", ".csv, .json or .html"),
        ("run shrink a --cluster tcp://x:1", "Unrecognized arguments"),
        ("run shrink a --work 2", "Unrecognized arguments"),
        ("map f.py --over x=0:3", "FILE.py:FUNCTION"),
        ("map f.txt:g --over x=0:3", "FILE.py:FUNCTION"),
        ("map f.py:g-h --over x=0:3", "FILE.py:FUNCTION"),
        ("map f.py:g", "--over"),
        ("map f.py:g --over x", "NAME=START:STOP"),
        ("map f.py:g --over x=1", "NAME=START:STOP"),
        ("map f.py:g --over x=0:1:2:3", "NAME=START:STOP"),
        ("map f.py:g --over 2x=0:3", "cannot be a parameter's name"),
        ("map f.py:g --over x=0:three", "'three' is not a number"),
        ("map f.py:g --over x=0:inf", "has no end"),
        ("map f.py:g --over x=0:nan", "has no end"),
        ("map f.py:g --over x=0:3:0", "never ends"),
        ("map f.py:g --over x=3:0", "has no point"),
        ("map f.py:g --over x=3:3", "has no point"),
        ("map f.py:g --over x=0:1:-1", "has no point"),
        ("map f.py:g --over x=0:3 --over x=0:3", "twice"),
        ("map f.py:g --over x=0:1000000 --over y=0:1000000", "are the most"),
        ("map f.py:g --over x=0:1e308:1e-308", "are the most"),
        (f"map f.py:g --over x=0:1{'0' * 400}", "are the most"),
        ("map f.py:g --over x=0:3 --output r.xlsx", ".csv, .parquet or .npy"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(
    arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert perform(arguments.split()) is ExitStatus.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert sentence in captured.err


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a path"):
        parse(["run", "shrink", ""])


def test_a_usage_error_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    perform(["run", "shrink", "a", "--\x1b[2J\u202e"])
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize("command", ["", "run", "map", "jobs", "resume", "retry", "discard"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert perform([*command.split(), "--help"]) is ExitStatus.DONE
    assert "usage: everycore" in capsys.readouterr().out


def test_missing_inputs_are_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "no such folder"
    status = perform(["run", "shrink-for-sharing", str(missing), "--output", str(tmp_path / "o")])
    assert status is ExitStatus.USAGE
    assert f"There is no file or folder {missing}." in capsys.readouterr().err
    assert not os.path.lexists(tmp_path / "o")


@pytest.mark.parametrize(
    "text",
    [
        "n=0:100",
        "n=0:100:5",
        "x=0.5:2.0:0.25",
        "x=9:1:-2",
        "a=1, 2, 5",
        "a=7,",
        "x=0.0:1.0:random:40:7",
    ],
)
def test_range_is_written_as_it_is_read(text: str) -> None:
    axis = parse_axis(text.replace(" ", ""))
    assert range_words(axis) == text.partition("=")[2]
    assert parse_axis(f"{axis.name}={range_words(axis)}".replace(" ", "")) == axis
