"""The arguments of `everycore`, read into frozen options.

Only the command line imports it: a worker process never loads argparse.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from workers.command_line import options as asked
from workers.errors import UsageError
from workers.job import InputFilter, OnExisting, Sweep
from workers.name_template import NameTemplate
from workers.report import SUFFIXES as REPORT_SUFFIXES
from workers.sweep_ranges import parse_axes, parse_target
from workers.typed import override
from workers.wording import finds_originals, trash_name

# More than a machine of today has cores; keeps a slip of the finger from forking for ever.
_MOST_WORKERS = 1024
_MOST_RETRIES = 100


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence and a hint, raised as UsageError."""

    @override
    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the usage and exiting."""
        sentence = message[:1].upper() + message[1:].rstrip(".")
        raise UsageError(f"{sentence}. See `{self.prog} --help`.")


def parse(arguments: Sequence[str]) -> asked.Options:
    """Return what the arguments ask for; raise UsageError.

    `--help` and `--version` print and raise SystemExit(0).
    """
    if not arguments:
        return asked.WindowOptions()
    chosen = _build().parse_args(arguments)
    match chosen.command:
        case "run":
            return _run_options(chosen)
        case "map":
            return _map_options(chosen)
        case "jobs":
            return asked.JobsOptions(chosen.json)
        case "resume":
            return asked.ResumeOptions(chosen.job, _following(chosen))
        case "retry":
            return asked.RetryOptions(chosen.job, chosen.changed, _following(chosen))
        case "discard":
            return asked.DiscardOptions(chosen.job, chosen.folder_gone)
        case "undo":
            return asked.UndoOptions(chosen.job)
        case "verify":
            return asked.VerifyOptions(_path(chosen.folder), chosen.json)
        case "operations":
            return asked.OperationsOptions(chosen.name)
        case "presets":
            return asked.PresetsOptions(chosen.name)
        case _:
            return asked.DoctorOptions()


def _build() -> _Parser:
    from workers import __version__

    parser = _Parser(
        prog="everycore",
        description="Process a folder of files, or a sweep of numbers, on all cores.",
        epilog="Without a command, `everycore` opens the window. Exit status: 0 all succeeded "
        "or were skipped, 1 some failed, 2 usage or pipeline error, 3 the job could not run, "
        "130 interrupted (`everycore resume` goes on).",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"everycore {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(_command(commands, "run", "run a pipeline over files and folders"))
    _add_map(_command(commands, "map", "run a Python function over ranges of numbers"))
    _add_json(_command(commands, "jobs", "list the journalled jobs, newest first"))
    for name, sentence in (
        ("resume", "go on with an unfinished job (default: the newest)"),
        ("retry", "run again what failed or was cancelled in a job"),
        ("undo", "move a job's outputs to the trash, put back what they replaced"),
        ("discard", "forget a job that does not run; its outputs stay"),
    ):
        command = _command(commands, name, sentence)
        _add_job(command, is_optional=name == "resume")
        if name not in ("discard", "undo"):
            _add_following(command)
        if name == "retry":
            _add_changed(command)
        if name == "discard":
            _add_folder_gone(command)
    verify = _command(
        commands, "verify", "read the outputs in a folder again: are they as they were made?"
    )
    verify.add_argument("folder", metavar="OUTPUT_DIR", help="an output folder")
    _add_json(verify)
    for name, sentence in (
        (
            "operations",
            "list the operations, or one, or those of a .py file, with parameters",
        ),
        ("presets", "list the presets, or one with its steps"),
    ):
        _command(commands, name, sentence).add_argument(
            "name", nargs="?", default="", metavar="NAME"
        )
    _command(commands, "doctor", "say what this computer offers and lacks")
    return parser


def _command(
    commands: "argparse._SubParsersAction[_Parser]", name: str, sentence: str
) -> argparse.ArgumentParser:
    description = sentence[0].upper() + sentence[1:] + "."
    return commands.add_parser(name, help=sentence, description=description, allow_abbrev=False)


def _add_changed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--changed",
        action="store_true",
        help="look at the inputs again, and also run what is new or has changed",
    )


def _add_folder_gone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder-gone",
        action="store_true",
        help="also where a folder of an unfinished job in place is gone for good",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pipeline", metavar="PIPELINE", help="a preset's name or a .toml file")
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="a file or a folder")
    parser.add_argument(
        "--output", metavar="DIR", help="output folder (default: a new one beside the input)"
    )
    _add_on_existing(parser, "when an output's name is taken (default: skip)")
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look into folders below folders (default: yes)",
    )
    for name, sentence in (("include", "only files"), ("exclude", "no files")):
        parser.add_argument(
            f"--{name}",
            metavar="GLOB",
            action="append",
            default=[],
            help=f"take {sentence} that match, e.g. '*.jpg'; may be given again",
        )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="allow the pipeline's own .py files, as they are now, to run",
    )
    _add_outputs(parser)
    _add_limits(parser)
    _add_following(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    """Say which outputs are made, what they are called and whose places they take."""
    parser.add_argument(
        "--name",
        metavar="TEMPLATE",
        default="",
        help="names of outputs, from {name} {ext} {parent} {index:04} {date:%%Y-%%m} {width} "
        "{height} {hash:8}; with a slash the path below the output folder (default: the tree "
        "and the names of the inputs)",
    )
    parser.add_argument(
        "--keep-dates", action="store_true", help="give each output the time of its input"
    )
    parser.add_argument(
        "--in-place",
        action="store_true",
        help=f"put each output in the place of its input, which goes to the {trash_name()}; "
        f"takes no --output, --name, --manifest or --on-existing{_undo_words()}",
    )
    parser.add_argument(
        "--only-smaller",
        action="store_true",
        help="keep the original where the output would not be smaller",
    )
    parser.add_argument(
        "--by-content",
        action="store_true",
        help="tell inputs that have not changed by their content, not by their time",
    )
    parser.add_argument(
        "--manifest",
        action="store_true",
        help="leave a list of outputs, their checksums and inputs in the folder, so that "
        "`everycore verify` can check it on another computer",
    )
    parser.add_argument(
        "--redo",
        action="store_true",
        help="make outputs again also where nothing has changed since they were made",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="stay, and take files that come or change, once they are written to their end; "
        "Ctrl-C stops, `everycore resume` watches on",
    )


def _undo_words() -> str:
    return " (`everycore undo` puts originals back)" if finds_originals() else ""


def _add_map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="FILE.py:FUNCTION", help="called once per point, by parameter name"
    )
    parser.add_argument(
        "--over",
        metavar="NAME=RANGE",
        action="append",
        required=True,
        help="a parameter's values: START:STOP[:STEP], STOP left out; VALUE,VALUE,...; or "
        "START:STOP:random:COUNT[:SEED]; given again: all combinations, the last one fastest; "
        "whole numbers stay whole, one float makes all floats",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="results as .csv, .parquet or .npy (default: FUNCTION.csv in the current folder)",
    )
    _add_on_existing(parser, "when the output's name is taken (default: skip, which refuses)")
    _add_limits(parser)
    _add_following(parser)


def _add_on_existing(parser: argparse.ArgumentParser, sentence: str) -> None:
    words = [choice.value for choice in OnExisting]
    parser.add_argument("--on-existing", choices=words, default="skip", help=sentence)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_timeout,
        help="seconds an attempt may take, 0: any (default: 20 times what similar ones take)",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=_retries,
        default=1,
        help="further attempts after a worker was lost (default: 1)",
    )
    parser.add_argument(
        "--sandbox",
        action=argparse.BooleanOptionalAction,
        help="keep workers from other files, the network and programs, where the system can "
        "(default: yes, but for own code)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="start anew, also where an unfinished job would resume"
    )


def _add_following(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", metavar="N", type=_workers, help="worker processes (default: one per core)"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="write every input's fate as .csv, .json or .html"
    )
    _add_json(parser)
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _add_job(parser: argparse.ArgumentParser, *, is_optional: bool) -> None:
    sentence = "a job as `everycore jobs` lists it, or the beginning of its name there"
    if is_optional:
        parser.add_argument("job", metavar="JOB", nargs="?", default="", help=sentence)
    else:
        parser.add_argument("job", metavar="JOB", help=sentence)


def _whole(text: str, low: int, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{number} is not between {low} and {high}")
    return number


def _workers(text: str) -> int:
    return _whole(text, 1, _MOST_WORKERS)


def _retries(text: str) -> int:
    return _whole(text, 0, _MOST_RETRIES)


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not 0 or more")
    return seconds or math.inf


def _run_options(chosen: argparse.Namespace) -> asked.RunOptions:
    if chosen.in_place:
        _check_in_place(chosen)
    return asked.RunOptions(
        pipeline=chosen.pipeline,
        inputs=tuple(_path(text) for text in chosen.inputs),
        output=None if chosen.output is None else _path(chosen.output),
        on_existing=OnExisting(chosen.on_existing),
        filter=InputFilter(chosen.recursive, tuple(chosen.include), tuple(chosen.exclude)),
        limits=asked.Limits(chosen.timeout, chosen.retries, chosen.sandbox),
        is_fresh=chosen.fresh,
        is_redone=chosen.redo,
        has_manifest=chosen.manifest,
        names=NameTemplate(chosen.name).text if chosen.name else "",
        keeps_dates=chosen.keep_dates,
        is_in_place=chosen.in_place,
        only_smaller=chosen.only_smaller,
        by_content=chosen.by_content,
        is_watching=chosen.watch,
        is_trusting=chosen.trust,
        following=_following(chosen),
    )


def _check_in_place(chosen: argparse.Namespace) -> None:
    """Raise UsageError for what makes no sense where outputs take the place of their inputs."""
    others = {
        "--output": chosen.output is not None,
        "--name": bool(chosen.name),
        "--manifest": chosen.manifest,
        "--on-existing": chosen.on_existing != OnExisting.SKIP.value,
    }
    for option, is_given in others.items():
        if is_given:
            raise UsageError(f"--in-place takes no {option}: outputs have their inputs' places.")


def _map_options(chosen: argparse.Namespace) -> asked.MapOptions:
    from workers.sweep_results import OUTPUT_SUFFIXES

    file, function = parse_target(chosen.target)
    output = None
    if chosen.output is not None:
        output = _with_suffix(chosen.output, "--output", OUTPUT_SUFFIXES)
    return asked.MapOptions(
        sweep=Sweep(_path(str(file)), function, parse_axes(chosen.over)),
        output=output,
        on_existing=OnExisting(chosen.on_existing),
        limits=asked.Limits(chosen.timeout, chosen.retries, chosen.sandbox),
        is_fresh=chosen.fresh,
        following=_following(chosen),
    )


def _following(chosen: argparse.Namespace) -> asked.Following:
    report = None
    if chosen.report is not None:
        report = _with_suffix(chosen.report, "--report", REPORT_SUFFIXES)
    return asked.Following(chosen.workers, report, chosen.json, chosen.quiet)


def _with_suffix(text: str, option: str, suffixes: tuple[str, ...]) -> Path:
    path = _path(text)
    if path.suffix.lower() not in suffixes:
        words = ", ".join(suffixes[:-1]) + " or " + suffixes[-1]
        raise UsageError(f"{option} takes a file that ends in {words}; {text!r} does not.")
    return path


def _path(text: str) -> Path:
    """Return the path made absolute, links kept where no `..` follows; raise UsageError."""
    if not text or "\0" in text:
        raise UsageError(f"{text!r} is not a path.")
    path = Path(text)
    return path.resolve() if ".." in path.parts else path.absolute()
