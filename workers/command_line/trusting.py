"""Asks before own code of a pipeline runs: once for each content of each .py file."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from workers.command_line.terminal import say_error
from workers.errors import UsageError
from workers.wording import printable


def trusted_digests(files: Sequence[Path], *, is_trusting: bool) -> tuple[str, ...]:
    """Return the digests of the files, all of them allowed; raise UsageError when one is not.

    Asks on a terminal; elsewhere only `--trust` allows a file that is not trusted yet.
    """
    from workers.trust import is_trusted, trust

    digests = []
    for file in files:
        digest = file_digest(file)
        if not is_trusted(digest):
            if not (is_trusting or _may_run(file, digest)):
                raise UsageError(
                    f"The pipeline runs code of its own, {printable(file)} (sha256 {digest}). "
                    "Read it; if you trust it, say so with --trust."
                )
            trust(digest, file)
        digests.append(digest)
    return tuple(digests)


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file in hex; raise UsageError when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"Cannot read {printable(file)}: {error.strerror}.") from error


def _may_run(file: Path, digest: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    say_error(f"The pipeline runs code of its own: {printable(file)}")
    say_error(f"sha256 {digest}")
    print("Allow it to run? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
