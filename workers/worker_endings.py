"""The death of a worker process in words a person can act on; pure."""

import signal

from workers.outcome import Failure, FailureKind


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
    verb = "crashed" if exit_code < 0 else "was ended by the function"
    return Failure(
        FailureKind.WORKER_LOST, f"The worker process {verb}{times} on this file ({words}).", detail
    )


def ending_words(exit_code: int) -> str:
    """Return 'SIGSEGV' or 'exit 3' for a process's exit code."""
    if exit_code >= 0:
        return f"exit {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
