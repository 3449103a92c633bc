"""Carries out one command line, and turns every expected error into a sentence and a status."""

import os
import sys
from collections.abc import Sequence
from typing import Final

from workers.command_line import options as asked
from workers.command_line.exit_status import ExitStatus
from workers.command_line.parser import parse
from workers.command_line.terminal import prepare_streams, say_error
from workers.errors import EverycoreError, PipelineError, UsageError

_NAMES: Final = (str, bytes)


def perform(arguments: Sequence[str]) -> ExitStatus:
    """Do what the arguments ask for; return the exit status, never a traceback."""
    prepare_streams()
    try:
        return _carry_out(parse(arguments))
    except SystemExit:  # --help and --version have printed
        return ExitStatus.DONE
    except (UsageError, PipelineError) as error:
        say_error(str(error))
        return ExitStatus.USAGE
    except BrokenPipeError:
        # The reader of our output has gone; the interpreter must not flush into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.PIPE_CLOSED
    except EverycoreError as error:
        say_error(str(error))
        return ExitStatus.COULD_NOT_RUN
    except OSError as error:
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, _NAMES) else "."
        say_error(f"{error.strerror or error}{place}")
        return ExitStatus.COULD_NOT_RUN
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _carry_out(options: asked.Options) -> ExitStatus:
    match options:
        case asked.RunOptions():
            from workers.command_line.run import run

            return run(options)
        case asked.MapOptions():
            from workers.command_line.sweeping import map_function

            return map_function(options)
        case asked.WindowOptions():
            from workers.command_line.window import open_window

            return open_window()
        case asked.DoctorOptions():
            from workers.command_line.doctor import doctor

            return doctor()
        case asked.VerifyOptions():
            from workers.command_line.verifying import verify_folder

            return verify_folder(options)
        case asked.OperationsOptions() | asked.PresetsOptions():
            return _look_up(options)
        case _:
            return _go_back(options)


def _look_up(options: asked.OperationsOptions | asked.PresetsOptions) -> ExitStatus:
    from workers.command_line import catalogue

    if isinstance(options, asked.OperationsOptions):
        return catalogue.operations(options)
    return catalogue.presets(options)


def _go_back(
    options: asked.JobsOptions
    | asked.ResumeOptions
    | asked.RetryOptions
    | asked.DiscardOptions
    | asked.UndoOptions,
) -> ExitStatus:
    from workers.command_line import history

    match options:
        case asked.JobsOptions():
            return history.jobs(options)
        case asked.ResumeOptions():
            return history.resume(options)
        case asked.RetryOptions():
            return history.retry(options)
        case asked.DiscardOptions():
            return history.discard(options)
        case asked.UndoOptions():
            from workers.command_line.undoing import undo_job

            return undo_job(options)
