"""`everycore map`: a function over ranges of numbers, its results in one file."""

from pathlib import Path

from workers.command_line.exit_status import ExitStatus
from workers.command_line.following import Undertaking, follow
from workers.command_line.options import MapOptions
from workers.command_line.run import resume_unfinished, warn_if_unprotected
from workers.command_line.trusting import file_digest
from workers.command_line.unfinished import Wanted, find_unfinished
from workers.commands import StartJob
from workers.errors import UsageError
from workers.job import JobSpec, OnExisting
from workers.report import check_report_target
from workers.wording import printable


def map_function(options: MapOptions) -> ExitStatus:
    """Run or resume the sweep; blocks.

    Naming the file on the command line is the consent to run it. Raises UsageError and
    JobRefused.
    """
    sweep = options.sweep
    if options.following.report is not None:
        check_report_target(options.following.report)
    digest = file_digest(sweep.file)
    spec = JobSpec(
        output=options.output or Path.cwd() / f"{sweep.function}.csv",
        sweep=sweep,
        on_existing=options.on_existing,
        timeout_s=options.limits.timeout_s,
        retries=options.limits.retries,
        trusted=(digest,),
        sandboxed=options.limits.sandboxed,
    )
    warn_if_unprotected(options.limits)
    if not spec.output.parent.is_dir():
        raise UsageError(f"--output: there is no folder {printable(spec.output.parent)}.")
    if not options.is_fresh:
        unfinished = find_unfinished(Wanted(spec))
        if unfinished is not None:
            return resume_unfinished(unfinished, options.following, unit="point")
    if spec.on_existing is OnExisting.SKIP and spec.output.exists():
        raise UsageError(
            f"{printable(spec.output)} exists; name another --output, or add --on-existing rename "
            "or replace."
        )
    return follow(Undertaking((StartJob(spec),), unit="point"), options.following)
