"""`everycore run`: a pipeline over files and folders, resumed where it was left unfinished."""

from pathlib import Path

from msgspec.structs import replace

from workers.command_line.exit_status import ExitStatus
from workers.command_line.following import Undertaking, follow
from workers.command_line.options import Following, Limits, RunOptions
from workers.command_line.terminal import say_error
from workers.command_line.trusting import trusted_digests
from workers.command_line.unfinished import Unfinished, Wanted, find_unfinished
from workers.commands import AddInputs, Command, ContinueJob, OpenJob, StartJob
from workers.errors import UsageError
from workers.job import JobSpec
from workers.output_names import default_output, folder_in_place
from workers.pipeline import load_pipeline, own_code
from workers.report import check_report_target
from workers.sandbox import offered
from workers.wording import printable


def run(options: RunOptions) -> ExitStatus:
    """Run or resume the job; blocks.

    Raises UsageError and PipelineError for what is asked wrongly, JobRefused with the engine's
    sentence, as for own code that cannot run.
    """
    pipeline = load_pipeline(options.pipeline)
    _check_inputs(options.inputs)
    if options.output is not None:
        _check_output(options.output)
    if options.following.report is not None:
        check_report_target(options.following.report)
    trusted = trusted_digests(own_code(pipeline), is_trusting=options.is_trusting)
    folder = folder_in_place(options.inputs) if options.is_in_place else None
    spec = JobSpec(
        output=folder or options.output or default_output(options.inputs),
        pipeline=pipeline,
        on_existing=options.on_existing,
        timeout_s=options.limits.timeout_s,
        retries=options.limits.retries,
        trusted=trusted,
        sandboxed=options.limits.sandboxed,
        redo=options.is_redone,
        manifest=options.has_manifest,
        names=options.names,
        keeps_dates=options.keeps_dates,
        is_in_place=options.is_in_place,
        only_smaller=options.only_smaller,
        by_content=options.by_content,
        is_watching=options.is_watching,
    )
    warn_if_unprotected(options.limits)
    if not options.is_fresh:
        wanted = Wanted(spec, options.inputs, options.filter, options.output is not None)
        unfinished = find_unfinished(wanted)
        if unfinished is not None:
            return resume_unfinished(unfinished, options.following, is_watching=options.is_watching)
    commands = (AddInputs(options.inputs, options.filter), StartJob(spec))
    return follow(Undertaking(commands), options.following)


def resume_unfinished(
    unfinished: Unfinished,
    following: Following,
    unit: str = "file",
    *,
    is_watching: bool = False,
) -> ExitStatus:
    """Go on with the job that the command line means, and say so; it watches if that is wanted."""
    entry = unfinished.entry
    if not following.is_quiet:
        counts = entry.counts
        say_error(
            f"Going on with job {entry.job} at {counts.ended:,} of {counts.total:,}; "
            "--fresh starts anew."
        )
        if unfinished.has_other_options:
            say_error(
                "It keeps the timeout, retries, sandbox, manifest and rules for what is there "
                "already that it began with."
            )
    go_on: Command = ContinueJob()
    if unfinished.spec.is_watching != is_watching:
        go_on = StartJob(replace(unfinished.spec, is_watching=is_watching))
    return follow(Undertaking((OpenJob(entry.job), go_on), unit), following)


def warn_if_unprotected(limits: Limits) -> None:
    """Say so when the sandbox that was asked for cannot keep workers from other files."""
    if limits.sandboxed and not offered().protects_files:
        say_error("This computer has no sandbox for files; `everycore doctor` says what it has.")


def _check_inputs(inputs: tuple[Path, ...]) -> None:
    for path in inputs:
        try:
            path.stat()
        except FileNotFoundError:
            raise UsageError(f"There is no file or folder {printable(path)}.") from None
        except OSError as error:
            raise UsageError(f"Cannot look at {printable(path)}: {error.strerror}.") from error


def _check_output(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output takes a folder; {printable(output)} is a file.")
