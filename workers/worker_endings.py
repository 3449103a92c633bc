"""The end of a worker process in words a person can act on; pure."""

import signal
from typing import Final

from workers.outcome import Failure, FailureKind
from workers.wording import size_words, time_words

# A task that has used less of its core than this was not computing, but waiting.
_BUSY_SHARE: Final = 0.05


def lost_failure(exit_code: int, attempts: int, detail: str) -> Failure:
    """Say that a task's worker died under it `attempts` times, the last with `exit_code`."""
    times = {1: "", 2: " twice"}.get(attempts, f" {attempts} times")
    words = ending_words(exit_code)
    if exit_code == -9:
        return Failure(
            FailureKind.WORKER_LOST,
            f"The worker process was killed{times} on this file ({words}), "
            "perhaps for want of memory.",
            detail,
        )
    if words == "SIGBUS":  # the system's word for a mapped file that has become shorter
        return Failure(FailureKind.BAD_INPUT, "The file changed while it was being read.", detail)
    verb = "crashed" if exit_code < 0 else "was ended by the function"
    return Failure(
        FailureKind.WORKER_LOST, f"The worker process {verb}{times} on this file ({words}).", detail
    )


def killed_by_system() -> Failure:
    """Say that the system's own guard of memory chose a worker."""
    return Failure(
        FailureKind.OUT_OF_MEMORY, "The system ended the worker because memory had run out."
    )


def too_large(taken_bytes: int) -> Failure:
    """Say that a task took more memory than one worker may."""
    return Failure(
        FailureKind.OUT_OF_MEMORY,
        f"Needs more memory than one worker may take: it had {size_words(taken_bytes)}.",
    )


def timed_out(limit_s: float, cpu_share: float) -> Failure:
    """Say that a task took longer than its limit, and whether it computed or waited."""
    waited = " It was waiting for something, not computing." if 0 <= cpu_share < _BUSY_SHARE else ""
    return Failure(FailureKind.TIMED_OUT, f"Took longer than {time_words(limit_s)}.{waited}")


def ending_words(exit_code: int) -> str:
    """Return 'SIGSEGV' or 'exit 3' for a process's exit code."""
    if exit_code >= 0:
        return f"exit {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
